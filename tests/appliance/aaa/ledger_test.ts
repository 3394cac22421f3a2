/** The ledger: what it makes of traces, pictures and counters. */
import assert from "node:assert/strict";
import type { AccountEvent } from "../../../appliance/aaa/account.ts";
import { Ledger } from "../../../appliance/aaa/ledger.ts";
import { systemClock } from "../../../appliance/clock.ts";
import type { Packets } from "../../../appliance/driver.ts";
import {
  type ChildSaSnapshot,
  type GatewaySnapshot,
  parseIpAddress,
  type SessionSnapshot,
  type Trace,
  wall,
} from "../../../core/mod.ts";
import type { ChildSaCounters, CounterName, DataplaneCounters } from "../../../dataplane/mod.ts";
import { until } from "../../support/background.ts";
import { silentLog } from "./radius/support.ts";

const noPackets: Packets = {
  transmit: () => {},
  installChildSa: () => {},
  moveChildSa: () => {},
  removeChildSa: () => {},
  filterChildSa: () => {},
};

/** A gateway and a packet path that are what the test says. */
class Scene {
  readonly told: AccountEvent[] = [];
  readonly ledger: Ledger;
  sessions: SessionSnapshot[] = [];
  carried = new Map<number, { readonly bytesIn: number; readonly bytesOut: number }>();
  readonly trace: (trace: Trace) => void;
  readonly packets: Packets;

  constructor(interimMs = 0) {
    this.ledger = new Ledger({
      snapshot: () => ({ sessions: this.sessions }) as unknown as GatewaySnapshot,
      counters: () => Promise.resolve(this.#counters()),
      clock: systemClock,
      interimMs,
      tell: (event) => void this.told.push(event),
    });
    this.trace = this.ledger.tapLog(silentLog).trace;
    this.packets = this.ledger.tapPackets({
      ...noPackets,
      removeChildSa: (spi) => void this.carried.delete(spi),
    });
  }

  happens(event: string, sessionId: number, why?: string): void {
    const facts = why === undefined ? {} : { facts: { why } };
    this.trace({ level: "info", event, sessionId, ...facts });
  }

  heard(count: number): Promise<readonly AccountEvent[]> {
    return until(
      `${count} events`,
      () => this.told.length >= count ? this.told : undefined,
      3000,
      5,
    );
  }

  #counters(): DataplaneCounters {
    const perSa = [...this.carried].map(([inboundSpi, bytes]): ChildSaCounters =>
      ({ inboundSpi, ...bytes }) as unknown as ChildSaCounters
    );
    return { totals: {} as Record<CounterName, number>, perSa };
  }
}

function session(id: number, key: string, spis: readonly number[]): SessionSnapshot {
  return {
    id,
    userName: "alice",
    method: "eap-mschapv2",
    peerType: "Other",
    state: "active",
    addresses: [parseIpAddress("10.99.0.7") ?? assert.fail()],
    firstLogin: wall(1_000),
    attributes: {},
    accounting: { id: key, class: [] },
    lastRemote: `[2001:db8::${id}]:4500`,
    childSas: spis.map((inboundSpi) => ({ inboundSpi }) as unknown as ChildSaSnapshot),
  };
}

Deno.test("a session is one account, and what removed Child SAs carried is not lost", async () => {
  const scene = new Scene();
  scene.sessions = [session(1, "key", [11])];
  scene.happens("session-started", 1);
  const [start] = await scene.heard(1);
  assert.deepEqual([start?.kind, start?.account.id, start?.account.remote], [
    "start",
    "key",
    "2001:db8::1",
  ]);
  scene.carried.set(11, { bytesIn: 100, bytesOut: 1000 });
  scene.packets.removeChildSa(11);
  assert.equal(scene.carried.size, 0);
  scene.carried.set(12, { bytesIn: 5, bytesOut: 7 });
  scene.sessions = [session(1, "key", [12])];
  scene.happens("session-reconnected", 1);
  const interim = (await scene.heard(2))[1];
  assert.ok(interim?.kind === "interim");
  assert.deepEqual(interim.usage, { octetsIn: 105, octetsOut: 1007 });
  scene.packets.removeChildSa(12);
  scene.sessions = [];
  scene.happens("session-ended", 1, "user-request");
  const stop = (await scene.heard(3))[2];
  assert.ok(stop?.kind === "stop");
  assert.deepEqual(stop.usage, { octetsIn: 105, octetsOut: 1007 });
  assert.deepEqual([stop.why, stop.account.id], ["user-request", "key"]);
  await scene.ledger.close();
  assert.equal(scene.told.length, 3);
});

Deno.test("a session of before a restart stops without a second start", async () => {
  const scene = new Scene();
  scene.sessions = [session(4, "old", [])];
  scene.ledger.adopt();
  scene.sessions = [];
  scene.happens("session-ended", 4, "reconnect-timeout");
  await scene.ledger.close();
  assert.deepEqual(scene.told.map(({ kind, account }) => [kind, account.id]), [["stop", "old"]]);
});

Deno.test("silence says nothing", async () => {
  const scene = new Scene();
  scene.sessions = [session(5, "key", [])];
  scene.happens("session-started", 5);
  await scene.heard(1);
  scene.happens("session-parked", 5);
  await scene.ledger.close();
  assert.equal(scene.told.length, 1);
});

Deno.test("reports come by the clock too, until the ledger is closed", async () => {
  const scene = new Scene(60);
  scene.sessions = [session(6, "key", [61])];
  scene.carried.set(61, { bytesIn: 1, bytesOut: 2 });
  scene.happens("session-started", 6);
  const told = await scene.heard(3);
  assert.deepEqual(told.slice(0, 3).map(({ kind }) => kind), ["start", "interim", "interim"]);
  await scene.ledger.close();
});
