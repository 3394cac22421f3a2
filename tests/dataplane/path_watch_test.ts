import assert from "node:assert/strict";
import { type ChildSa, SaCounter } from "../../dataplane/esp/child_sa.ts";
import { anyLength, type OuterPath, outerPath } from "../../dataplane/esp/outer_path.ts";
import { PathWatch } from "../../dataplane/path_watch.ts";
import { SaTable } from "../../dataplane/sa_table.ts";
import { pair, portable, windowPackets } from "./support/ends.ts";

/** A table, and paths that are as wide as the test says. */
class Scene {
  readonly table = new SaTable(portable(new Uint8Array(1024)), windowPackets);
  readonly asked: OuterPath[] = [];
  mtu: number | undefined = 1500;
  readonly watch: PathWatch;

  constructor(limitsInner = true) {
    const mtuOf = (path: OuterPath): number | undefined => {
      this.asked.push(path);
      return this.mtu;
    };
    this.watch = new PathWatch(this.table, { mtuOf }, limitsInner);
  }

  pair(inboundSpi: number): ChildSa {
    const path = outerPath(0, new Uint32Array(4), new Uint32Array(0));
    return this.table.install(pair({ inboundSpi }), path);
  }
}

Deno.test("the limits of a path follow from its MTU", () => {
  const scene = new Scene();
  const sa = scene.pair(1);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [anyLength, anyLength]);
  scene.watch.measure(sa, 1);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [1438, 1472]);
  scene.mtu = 1300;
  scene.watch.measure(sa, 2);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [1238, 1272]);
  scene.mtu = undefined; // no route for the moment
  scene.watch.measure(sa, 3);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [1238, 1272]);
});

Deno.test("where outer packets are cut, inner ones have no limit", () => {
  const scene = new Scene(false);
  const sa = scene.pair(1);
  scene.mtu = 1300;
  scene.watch.measure(sa, 1);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [anyLength, 1272]);
});

Deno.test("a path that has proved narrower is measured anew, and only it", () => {
  const scene = new Scene();
  const [first, second] = [scene.pair(1), scene.pair(2)];
  second.path.isStale = true;
  scene.watch.measureStale(5);
  scene.watch.measureStale(6);
  assert.deepEqual(scene.asked, [second.path]);
  assert.deepEqual([first.path.isStale, second.path.isStale], [false, false]);
});

Deno.test("a run that was refused is not tried again before the next look", () => {
  const scene = new Scene();
  const sa = scene.pair(1);
  scene.watch.measure(sa, 1);
  sa.path.segmentLimit = 1100;
  sa.path.isStale = true;
  scene.watch.measureStale(2);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [1438, 1100]);
  scene.watch.measure(sa, 3);
  assert.equal(sa.path.segmentLimit, 1472);
});

Deno.test("paths in use are measured now and then, a few at a time", () => {
  const scene = new Scene();
  const pairs = Array.from({ length: 100 }, (_, i) => scene.pair(i + 1));
  const used = pairs.filter((_, i) => i % 2 === 0);
  for (const sa of used) sa.countPacket(SaCounter.PACKETS_OUT, 100);
  let turns = 0;
  for (let before = -1; scene.asked.length > before; turns++) {
    before = scene.asked.length;
    for (let turn = 0; turn < 3; turn++) {
      scene.watch.tend(10_001);
      assert.ok(scene.asked.length - before <= 3 * 16);
    }
  }
  assert.deepEqual(scene.asked, used.map((sa) => sa.path));
  assert.ok(turns >= 2);
  // Nothing was carried since then.
  for (let now = 10_002; now < 30_000; now += 100) scene.watch.tend(now);
  assert.equal(scene.asked.length, used.length);
  // A path that goes on being used is asked about every two seconds.
  const [busy] = pairs;
  for (let now = 30_000; now < 40_000; now += 10) {
    busy!.countPacket(SaCounter.PACKETS_IN, 100);
    scene.watch.tend(now);
  }
  const more = scene.asked.length - used.length;
  assert.ok(more >= 4 && more <= 6, `${more}`);
});

Deno.test("without knowledge of paths, all stay as they are", () => {
  const scene = new Scene();
  const watch = new PathWatch(scene.table, undefined, true);
  const sa = scene.pair(1);
  watch.measure(sa, 1);
  sa.countPacket(SaCounter.PACKETS_IN, 100);
  watch.tend(10_000);
  assert.deepEqual([sa.path.innerLimit, sa.path.segmentLimit], [anyLength, anyLength]);
});

Deno.test("a pair that is sent another way has the limits of that", () => {
  const scene = new Scene();
  const sa = scene.pair(1);
  scene.watch.measure(sa, 1);
  scene.mtu = 1300;
  const other = outerPath(0, new Uint32Array(4), new Uint32Array(0));
  scene.watch.change(sa, other, 2);
  assert.deepEqual([sa.path === other, other.innerLimit, other.measuredAt], [true, 1238, 2]);
});

Deno.test("pairs that come and go while they are looked through do no harm", () => {
  const scene = new Scene();
  for (let i = 1; i <= 50; i++) scene.pair(i).countPacket(SaCounter.PACKETS_OUT, 100);
  scene.watch.tend(10_001);
  for (let i = 1; i <= 45; i++) scene.table.remove(i);
  const late = scene.pair(99);
  late.countPacket(SaCounter.PACKETS_OUT, 100);
  scene.watch.tend(10_002);
  assert.equal(scene.asked.length, 16 + 5 + 1);
  assert.equal(scene.asked.at(-1), late.path);
});
