/** Certificates that are taken back after a session began: nobody stays or comes back by them. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { ClientLogin } from "../../../core/exchange/initiator_settings.ts";
import type { Policy } from "../../../core/gateway/policy.ts";
import { NotifyType } from "../../../core/message/constants.ts";
import type { RevocationList } from "../../../core/pki/revocation_list.ts";
import { assertNothing, ended, reasons, silence, stored } from "../../support/sim_claims.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { anyConnectLogin } from "../../support/sim_settings.ts";
import type { SimWorld } from "../../support/sim_world.ts";
import { signerOf } from "../pki/authority.ts";
import { alice, listOf, middle, worldOf } from "./client_pki.ts";

const own = { certificates: [alice.der, middle.der], signer: signerOf("alice") };
const byCertificate: ClientLogin = { kind: "certificate", ...own };
const aliceIsRevoked = listOf("middle", ["010203"]);
/** Lists by which alice's certificate, or that of her CA, is taken back. */
const takings: Readonly<Record<string, readonly RevocationList[]>> = {
  "her own": [aliceIsRevoked],
  "her CA's": [listOf("root", ["07"]), listOf("middle", [])],
};

function loginAlice(world: SimWorld, login = byCertificate): SimClient {
  return world.login("alice", "198.51.100.7", { login });
}

function revocationBy(...lists: readonly RevocationList[]): Pick<Policy, "revocation"> {
  return { revocation: { lists, stale: "refuse" } };
}

function reconfigure(world: SimWorld, ...lists: readonly RevocationList[]): void {
  world.policy = { ...world.policy, ...revocationBy(...lists) };
  world.command({ kind: "reconfigure", policy: world.policy });
}

/** Nothing is left of alice's session, and nobody comes back by her pair. */
function assertOver(world: SimWorld, { pair }: Pick<SimClient, "pair">): void {
  world.run(1_000);
  deepEqual(ended(world), ["certificate-revoked"]);
  assertNothing(world);
  equal(world.backend.store.size, 0);
  const peer = new SimPeer(world, { host: "203.0.113.8" });
  deepEqual(notifiesOf(peer.comeBack(pair)), [NotifyType.AUTHENTICATION_FAILED]);
}

for (const [whose, lists] of Object.entries(takings)) {
  Deno.test(`a session ends when a certificate that proved it is taken back: ${whose}`, () => {
    const world = worldOf(630);
    const client = loginAlice(world);
    const { pair } = client;
    reconfigure(world, ...lists);
    world.run(1_000);
    equal(client.last("closed")?.why, "deleted-by-gateway", "its client is told");
    client.online = false;
    assertOver(world, { pair });
  });
}

Deno.test("a waiting session ends when its certificate is taken back", () => {
  const world = worldOf(631);
  const client = loginAlice(world);
  silence(world, client);
  world.run(1_000);
  equal(stored(world).state, "inactive");
  reconfigure(world, aliceIsRevoked);
  assertOver(world, client);
});

Deno.test("a session whose certificate was taken back while the gateway was down does not come back", () => {
  const world = worldOf(632);
  const client = loginAlice(world);
  client.online = false;
  world.crash();
  world.policy = { ...world.policy, ...revocationBy(...takings["her CA's"] ?? []) };
  world.restart();
  assertOver(world, client);
});

Deno.test("sessions of others go on when a certificate is taken back, over returns and restarts too", () => {
  const world = worldOf(633);
  const client = loginAlice(world);
  const bob = world.login("bob", "198.51.100.9");
  const stays = (): void => {
    world.run(1_000);
    deepEqual(ended(world), []);
    ok(world.carries(client) && world.carries(bob));
  };
  // Of somebody else, out of date, by a stranger's key: nobody knows anything against alice.
  const stranger = listOf("stranger", ["010203"]);
  reconfigure(
    world,
    listOf("middle", ["010204"]),
    listOf("root", ["010203"]),
    { ...stranger, issuer: aliceIsRevoked.issuer },
  );
  stays();
  reconfigure(world, listOf("middle", [], true));
  stays();
  world.restartClient(client);
  world.runUntil(() => client.count("established") === 2, 2_000);
  equal(client.how, "reconnect");
  world.crash();
  world.restart();
  world.runUntil(() => world.carries(client) && world.carries(bob), 60_000);
  stays();
  // What proved the first login is known after all that.
  reconfigure(world, listOf("middle", ["010203"], true));
  world.run(1_000);
  deepEqual(ended(world), ["certificate-revoked"]);
  deepEqual(world.show.sessions.map(({ userName }) => userName), ["bob"]);
});

Deno.test("a login under way is refused when its certificate is taken back before it ends", () => {
  const world = worldOf(634);
  world.backend.thinkingMs = 5_000;
  const client = world.addClient("alice", "198.51.100.7", { login: byCertificate });
  world.connect(client);
  world.runUntil(() => world.aaaQuestions === 1, 1_000);
  reconfigure(world, aliceIsRevoked);
  world.run(6_000);
  deepEqual(reasons(world)[0], "certificate-revoked");
  equal(client.count("established"), 0);
  equal(world.show.sessions.length, 0);
});

Deno.test("a return under way is not finished when the certificate is taken back meanwhile", () => {
  const world = worldOf(635);
  const client = loginAlice(world);
  const { pair } = client;
  world.backend.answerMs = 4_000;
  world.restartClient(client);
  world.run(1_000);
  reconfigure(world, aliceIsRevoked);
  client.online = false;
  world.run(10_000);
  assertOver(world, { pair });
});

for (const mode of ["certificate", "certificate+password"] as const) {
  Deno.test(`AnyConnect-EAP by ${mode}: a session ends when its certificate is taken back`, () => {
    const anyConnect = { mode, groups: [], tries: 3, rsaHash: "prf" } as const;
    const world = worldOf(636, { loginMethods: ["anyconnect-eap"], anyConnect });
    const client = loginAlice(world, anyConnectLogin("alice", { certificate: own }));
    const { pair } = client;
    ok(world.carries(client));
    reconfigure(world, aliceIsRevoked);
    client.online = false;
    assertOver(world, { pair });
  });
}
