/**
 * A flood of IKE_SA_INIT from sources that do not exist, at a gateway with users: what they have goes on,
 * what they do works, and nothing is kept of the flood.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { hexOf } from "../../core/bytes.ts";
import { limits } from "../../core/limits.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { SimPeer } from "../support/sim_peer.ts";
import { gatewayEndpoint } from "../support/sim_settings.ts";
import { describe, SimWorld } from "../support/sim_world.ts";

const SOURCES = 1_000_000;
const BURST = 2_000;
const BURST_MS = 200;
const THRESHOLD = 50;
const USERS = ["alice", "bob", "carol"] as const;

/** The datagram of a source of its own: another address, SPI and nonce each time. */
class Flood {
  readonly #template: Uint8Array;
  readonly #nonceAt: number;
  #count = 0;

  constructor(world: SimWorld) {
    const peer = new SimPeer(world, { seed: 7 });
    this.#template = peer.buildInit(peer.initPayloads());
    this.#nonceAt = hexOf(this.#template).indexOf(hexOf(peer.nonceI)) / 2;
  }

  next(): { readonly bytes: Uint8Array; readonly octets: Uint8Array } {
    const count = ++this.#count;
    const bytes = this.#template.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(0, count);
    view.setUint32(this.#nonceAt, count);
    return { bytes, octets: Uint8Array.of(20 + (count >> 24), count >> 16, count >> 8, count) };
  }
}

Deno.test(`Under a flood of IKE_SA_INIT from ${SOURCES} spoofed sources sessions rekey and come back`, () => {
  const world = new SimWorld(1201, { cookieThreshold: THRESHOLD });
  const clients = USERS.map((user, i) => world.login(user, `198.51.100.${7 + i}`));
  const addresses = clients.map(({ address }) => address);
  const flood = new Flood(world);
  const random = new SeededRandom(1201);
  let [longest, answers, others, mostHalfOpen] = [0, 0, 0, 0];
  for (let burst = 0; burst < SOURCES / BURST; burst++) {
    for (let i = 0; i < BURST; i++) {
      const { bytes, octets } = flood.next();
      const outputs = world.gateway.handle({
        kind: "datagram",
        at: world.at,
        local: gatewayEndpoint,
        remote: { address: { family: 4, octets }, port: 500 },
        bytes,
      });
      for (const output of outputs) {
        if (output.kind !== "transmit") others++;
        else {
          answers++;
          longest = Math.max(longest, output.bytes.length / bytes.length);
        }
      }
    }
    mostHalfOpen = Math.max(mostHalfOpen, world.gateway.load().negotiating);
    const sim = random.pick(clients);
    const [session] = world.gateway.find({ userName: sim.name });
    ok(session?.ikeSa, describe(world));
    const what = random.pick(["ike", "child"] as const);
    switch (random.below(3)) {
      case 0:
        world.command({ kind: "rekey", id: session.id, what });
        break;
      case 1:
        world.tellClient(sim, { kind: "rekey", at: world.at, what });
        break;
      case 2:
        world.roam(sim, `203.0.${clients.indexOf(sim)}.${1 + random.below(250)}`);
        break;
    }
    world.run(BURST_MS);
    ok(clients.every((it) => world.carries(it)), describe(world));
    // What a simulation remembers of itself.
    world.wire.length = 0;
    world.outputs.length = 0;
  }
  deepEqual(clients.map(({ address }) => address), addresses, "everybody has what they had");
  equal(world.aaaQuestions, USERS.length, "nobody was asked again");
  const { success, failed } = world.show.reconnect;
  ok(success > 100 && failed === 0, `${success} returns, ${failed} failed`);
  ok((world.show.counters["child-sa-rekeyed"] ?? 0) > 50);
  equal(others, 0, "the flood is answered or not, and that is all");
  equal(answers, SOURCES);
  ok(longest <= 1, `an answer has ${longest} of its question`);
  ok(mostHalfOpen <= THRESHOLD + USERS.length, `${mostHalfOpen} half-open`);
  world.run(limits.halfOpenMs + limits.cookieLingerMs);
  equal(world.gateway.load().negotiating, 0);
  equal(world.show.sessions.length, USERS.length);
});
