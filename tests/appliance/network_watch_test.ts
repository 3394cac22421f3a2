import assert from "node:assert/strict";
import { NetworkWatch } from "../../appliance/network_watch.ts";
import { formatIpAddress, type IpAddress, moment, parseIpAddress } from "../../core/mod.ts";

/** A watch whose looks are taken by hand. */
class Scene {
  source: string | undefined = "192.0.2.7";
  monotonicMs = 0;
  sleptMs = 0;
  readonly heard: string[] = [];
  readonly watch = new NetworkWatch({
    source: (): IpAddress | undefined =>
      this.source === undefined ? undefined : parseIpAddress(this.source),
    clock: { now: () => moment(this.monotonicMs, this.monotonicMs + this.sleptMs) },
    changed: (address, why) => void this.heard.push(`${why} ${formatIpAddress(address)}`),
  });

  look(source: string | undefined): void {
    this.source = source;
    this.monotonicMs += 1000;
    this.watch.look();
  }
}

Deno.test("nothing is said while nothing changes", () => {
  const scene = new Scene();
  for (let i = 0; i < 5; i++) scene.look("192.0.2.7");
  assert.deepEqual(scene.heard, []);
});

Deno.test("another source address is told once", () => {
  const scene = new Scene();
  for (const source of ["192.0.2.7", "198.51.100.4", "198.51.100.4"]) scene.look(source);
  assert.deepEqual(scene.heard, ["address 198.51.100.4"]);
});

Deno.test("a network that is back is told, its absence is not", () => {
  const scene = new Scene();
  for (const source of [undefined, undefined, "192.0.2.7"]) scene.look(source);
  assert.deepEqual(scene.heard, ["back 192.0.2.7"]);
});

Deno.test("a connection that came about meanwhile makes it no news", () => {
  const scene = new Scene();
  scene.look(undefined);
  scene.source = "192.0.2.7";
  scene.watch.settle();
  scene.look("192.0.2.7");
  assert.deepEqual(scene.heard, []);
});

Deno.test("a machine that slept is told; a clock that is set by a second is not", () => {
  const scene = new Scene();
  scene.sleptMs += 1000;
  scene.look("192.0.2.7");
  scene.sleptMs += 600_000;
  scene.look("192.0.2.7");
  scene.look("192.0.2.7");
  assert.deepEqual(scene.heard, ["slept 192.0.2.7"]);
});
