import assert from "node:assert/strict";
import type { ChildSaInstall } from "../../core/gateway/output.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import type { LoopReport } from "../../dataplane/command.ts";
import { Counter, counterNames, troubles } from "../../dataplane/counters.ts";
import type { ChildSa } from "../../dataplane/esp/child_sa.ts";
import { EdgeReports } from "../../dataplane/edge_reports.ts";
import { Errno } from "../../dataplane/ffi/errno.ts";
import { address, mirrored, nowhere, pair, Tunnel } from "./support/ends.ts";
import { innerPacket } from "./support/inner_packet.ts";

/** The receiving end of a pair, and what it reports. `more` is for this end alone. */
class Scene {
  readonly #tunnel = new Tunnel();
  readonly #reports: LoopReport[] = [];
  readonly edges: EdgeReports;
  readonly counters: Float64Array;

  constructor(more: Partial<ChildSaInstall> = {}) {
    const { here, there } = this.#tunnel;
    here.table.install(pair(), nowhere);
    const { replaces } = more;
    if (replaces !== undefined) {
      there.table.install({ ...mirrored(pair()), inboundSpi: replaces }, nowhere);
    }
    there.table.install({ ...mirrored(pair()), ...more }, nowhere);
    this.counters = there.counters;
    const report = (it: LoopReport): void => void this.#reports.push(it);
    this.edges = new EdgeReports(report, there.forwarder, there.counters);
  }

  get sa(): ChildSa {
    return this.#tunnel.there.table.findInbound(0x2001)!;
  }

  /** A packet comes in. */
  pass(): void {
    this.#tunnel.open(this.#tunnel.there, this.#tunnel.seal(this.#tunnel.here, innerPacket())!);
  }

  remove(): void {
    this.#tunnel.there.table.remove(0x2001);
  }

  /** What is told at a time. */
  told(now: number): LoopReport[] {
    this.edges.tell(now);
    return this.#reports.splice(0);
  }
}

const event = (value: object): object => ({ kind: "event", event: value });
const seen = event({ kind: "traffic-seen", inboundSpis: [0x2001], carryingSpis: [0x2001] });

Deno.test("traffic is reported at once, then once a second, and waits until then", () => {
  const scene = new Scene();
  assert.equal(scene.edges.dueAt, Number.POSITIVE_INFINITY);
  scene.pass();
  assert.deepEqual(scene.told(5000), [seen]);
  assert.equal(scene.edges.dueAt, Number.POSITIVE_INFINITY);
  scene.pass();
  scene.pass();
  assert.deepEqual(scene.told(5999), []);
  assert.equal(scene.edges.dueAt, 6000);
  assert.deepEqual(scene.told(6000), [seen]);
  assert.deepEqual(scene.told(9000), []);
});

Deno.test("limits are reported once, those of a pair that is gone not at all", () => {
  const limits = { softLimitPackets: 1, hardLimitPackets: 2 };
  const scene = new Scene(limits);
  for (let i = 0; i < 4; i++) scene.pass();
  assert.deepEqual(scene.told(1).slice(1), [
    event({ kind: "soft-limit", inboundSpi: 0x2001 }),
    event({ kind: "hard-limit", inboundSpi: 0x2001 }),
    { kind: "trouble", trouble: { cause: "hard-limit" } },
  ]);
  assert.deepEqual(scene.told(2), []);
  const gone = new Scene(limits);
  for (let i = 0; i < 3; i++) gone.pass();
  gone.remove();
  assert.deepEqual(gone.told(1), [{ kind: "trouble", trouble: { cause: "hard-limit" } }]);
});

Deno.test("a peer that moved is reported with its last endpoint", () => {
  const scene = new Scene();
  const remote = (port: number): Endpoint => ({ address: address("192.0.2.9"), port });
  scene.edges.noteMoved(scene.sa, remote(1));
  scene.edges.noteMoved(scene.sa, remote(2));
  assert.deepEqual(scene.told(1), [
    event({ kind: "peer-moved", inboundSpi: 0x2001, remote: remote(2) }),
  ]);
  assert.deepEqual(scene.told(2), []);
});

Deno.test("a pair that follows its peer says which way it sends from now on", () => {
  const scene = new Scene();
  const local = { address: address("192.0.2.1"), port: 4500 };
  const remote = { address: address("192.0.2.9"), port: 1 };
  scene.edges.noteMoved(scene.sa, remote, local);
  assert.deepEqual(scene.told(1), [
    { kind: "followed", inboundSpi: 0x2001, local, remote },
    event({ kind: "peer-moved", inboundSpi: 0x2001, remote }),
  ]);
  scene.edges.noteMoved(scene.sa, remote, local);
  scene.remove();
  assert.deepEqual(scene.told(2), []);
});

Deno.test("RFC 7296 §2.8: the first packet on a pair that waits is reported once", () => {
  const scene = new Scene({ replaces: 7, outboundWaits: true });
  scene.pass();
  scene.pass();
  assert.deepEqual(scene.told(1), [{ kind: "confirmed", inboundSpi: 0x2001 }, seen]);
  assert.deepEqual(scene.told(2), []);
});

Deno.test("each cause of drops is told when it happens first, with the kernel's error", () => {
  const scene = new Scene();
  const trouble = (cause: string, detail?: string): object => ({
    kind: "trouble",
    trouble: { cause, ...(detail === undefined ? {} : { detail }) },
  });
  assert.deepEqual(scene.told(1), []);
  scene.counters[Counter.replay] = 7;
  scene.edges.noteError("send-full", Errno.ENOBUFS);
  assert.deepEqual(scene.told(2), [trouble("replay")]);
  scene.counters[Counter.replay] = 9;
  scene.counters[Counter["send-full"]] = 1;
  scene.counters[Counter["bad-icv"]] = 1;
  assert.deepEqual(scene.told(3), [trouble("bad-icv"), trouble("send-full", "ENOBUFS")]);
  for (const slot of counterNames.keys()) scene.counters[slot] = 100;
  const rest = scene.told(4).map((report) => report.kind === "trouble" ? report.trouble.cause : "");
  assert.deepEqual(
    rest,
    troubles.filter((cause) => !["replay", "bad-icv", "send-full"].includes(cause)),
  );
  assert.deepEqual(scene.told(5), []);
});
