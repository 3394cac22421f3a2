/**
 * What AAA says of one user goes over what the policy tells everybody: in the CFG_REPLY, in AnyConnect's
 * last document and in the selectors, at the login and at every return, a restart in between or not.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { hexOf, utf8 } from "../../../core/bytes.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { ClientAttributes } from "../../../core/gateway/policy.ts";
import type { UserAttributes } from "../../../core/gateway/question.ts";
import { ConfigAttribute, ExchangeType } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { parseUnityNetworks } from "../../../core/message/configuration.ts";
import { formatIpAddress, formatPrefix, parsePrefix } from "../../../core/wire/address.ts";
import { AnyConnectPeer } from "../../support/anyconnect_peer.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { address, anyConnectLogin, simNumbers } from "../../support/sim_settings.ts";
import { SimWorld } from "../../support/sim_world.ts";

const everybody: ClientAttributes = {
  dns: [address("10.0.0.53"), address("fd00::53")],
  nbns: [address("10.0.0.54")],
  domain: "everybody.test",
  splitInclude: [{ address: address("10.1.0.0"), length: 16 }],
  splitDns: ["everybody.test"],
  banner: "for everybody",
  applicationVersion: "rejoin",
  mtu: 1400,
  idleTimeoutSeconds: 0,
  disconnectedTimeoutSeconds: 1800,
  dpdSeconds: 30,
  keepaliveSeconds: 20,
  smartcardRemovalDisconnect: false,
};

function network(text: string): { readonly address: ReturnType<typeof address>; length: number } {
  const parsed = parsePrefix(text);
  ok(parsed);
  return parsed;
}

const ofAlice: UserAttributes = {
  netmask: address("255.255.255.0"),
  told: {
    dns: [address("10.7.0.53")],
    nbns: [address("10.7.0.54"), address("10.7.0.55")],
    domain: "alice.test",
    splitInclude: [network("10.7.0.0/16"), network("10.8.0.0/24")],
    splitDns: ["a.alice.test", "b.alice.test"],
    banner: "for alice",
    smartcardRemovalDisconnect: true,
  },
};

const {
  INTERNAL_IP4_ADDRESS,
  INTERNAL_IP4_NETMASK,
  INTERNAL_IP4_DNS,
  INTERNAL_IP6_DNS,
  INTERNAL_IP4_NBNS,
  INTERNAL_IP4_SUBNET,
} = ConfigAttribute;

/** Everything that AAA can change, and the pair. */
const wishes = [
  ...[INTERNAL_IP4_ADDRESS, INTERNAL_IP4_NETMASK, INTERNAL_IP4_DNS, INTERNAL_IP6_DNS],
  ...[INTERNAL_IP4_NBNS, INTERNAL_IP4_SUBNET],
  ...[simNumbers.banner, simNumbers["default-domain"], simNumbers["split-dns"]].flat(),
  ...[simNumbers["split-include"], simNumbers["smartcard-removal"]].flat(),
  ...[simNumbers["session-id"], simNumbers["session-token"]].flat(),
].map((type) => ({ type, value: new Uint8Array(0) }));

const secrets: ReadonlySet<number> = new Set(
  [simNumbers["session-id"], simNumbers["session-token"]].flat(),
);

/** What was told, but for the pair. */
function toldIn(payloads: readonly Payload[]): readonly (readonly [number, string])[] {
  const attributes = find(payloads, "CP")?.attributes ?? [];
  return attributes.filter(({ type }) => !secrets.has(type)).map(({ type, value }) => [
    type,
    hexOf(value),
  ]);
}

const hexOfText = (text: string): string => hexOf(utf8(text));

const toldToAlice = [
  [1, "0a630002"],
  [2, "ffffff00"],
  [3, "0a070035"],
  [4, "0a070036"],
  [4, "0a070037"],
  [13, "0a070000ffff0000"],
  [13, "0a080000ffffff00"],
  [28_672, hexOfText("for alice")],
  [28_674, hexOfText("alice.test")],
  [28_675, hexOfText("a.alice.test,b.alice.test")],
  [28_676, "0a070000ffff0000000000000000" + "0a080000ffffff00000000000000"],
  [28_684, "01"],
];

/** Comes back by the pair of the last response, with the same wishes. */
function comeBack(world: SimWorld, last: readonly Payload[], seed: number): readonly Payload[] {
  const peer = new SimPeer(world, { seed, host: `203.0.113.${seed}` });
  const pair = peer.pairIn(last);
  ok(pair !== undefined);
  peer.init();
  const asked = peer.wishes().map((payload) =>
    payload.kind === "CP" ? { ...payload, attributes: wishes } : payload
  );
  return peer.request(ExchangeType.IKE_AUTH, [...peer.pairProof(pair), ...asked]);
}

function newWorld(seed: number): SimWorld {
  const world = new SimWorld(seed, {
    loginMethods: ["anyconnect-eap", "eap-mschapv2"],
    attributes: everybody,
  });
  world.backend.attributes.set("alice", ofAlice);
  return world;
}

Deno.test("AAA's word on a user goes over the policy's, at the login and at every return", () => {
  const world = newWorld(801);
  const peer = new AnyConnectPeer(world, { wishes });
  let last = peer.login("alice", "alicepw");
  deepEqual(toldIn(last), toldToAlice);
  ok(peer.document?.kind === "complete");
  equal(peer.document.banner, "for alice");
  world.backend.aaa = "fails";
  for (let seed = 1; seed <= 3; seed++) {
    last = comeBack(world, last, seed);
    deepEqual(toldIn(last), toldToAlice);
  }
  world.crash();
  world.policy = {
    ...world.policy,
    attributes: { ...everybody, banner: "of another day", domain: "changed.test" },
  };
  world.restart();
  deepEqual(toldIn(comeBack(world, last, 4)), toldToAlice, "from the stored record");
  equal(world.aaaQuestions, 1);
});

Deno.test("who has no attributes is told what everybody is", () => {
  const world = newWorld(802);
  const peer = new AnyConnectPeer(world, { wishes });
  deepEqual(toldIn(peer.login("bob", "bobpw")), [
    [1, "0a630002"],
    [2, "ffffffff"],
    [3, "0a000035"],
    [10, hexOf(address("fd00::53").octets)],
    [4, "0a000036"],
    [13, "0a010000ffff0000"],
    [28_672, hexOfText("for everybody")],
    [28_674, hexOfText("everybody.test")],
    [28_675, hexOfText("everybody.test")],
    [28_676, "0a010000ffff0000000000000000"],
    [28_684, "00"],
  ]);
  ok(peer.document?.kind === "complete");
  equal(peer.document.banner, "for everybody");
});

Deno.test("AAA's split-include narrows the selectors of clients that are not AnyConnect", () => {
  const world = newWorld(803);
  const alice = world.login("alice", "198.51.100.7");
  const routes = (): readonly string[] =>
    alice.last("established")?.assignment.routes.map(formatPrefix) ?? [];
  deepEqual(routes(), ["10.7.0.0/16", "10.8.0.0/24"]);
  deepEqual(
    world.session.childSas[0]?.localSelectors.map(({ startAddress, endAddress }) =>
      `${formatIpAddress(startAddress)}-${formatIpAddress(endAddress)}`
    ),
    ["10.7.0.0-10.7.255.255", "10.8.0.0-10.8.0.255"],
  );
  world.roam(alice, "203.0.113.9");
  world.run(1_000);
  equal(alice.how, "reconnect");
  deepEqual(routes(), ["10.7.0.0/16", "10.8.0.0/24"]);
  const bob = world.login("bob", "198.51.100.8");
  deepEqual(bob.last("established")?.assignment.routes.map(formatPrefix), ["10.1.0.0/16"]);
});

Deno.test("our own client reads all of it, and AnyConnect's split as routes", () => {
  for (const login of ["eap-mschapv2", "anyconnect-eap"] as const) {
    const world = newWorld(805);
    const change = login === "anyconnect-eap" ? { login: anyConnectLogin("alice") } : {};
    const alice = world.login("alice", "198.51.100.7", change);
    for (const how of ["login", "reconnect"]) {
      equal(alice.how, how);
      const { assignment } = alice.last("established") ?? {};
      ok(assignment !== undefined);
      deepEqual(
        {
          netmask: assignment.netmask && formatIpAddress(assignment.netmask),
          dns: assignment.dns.map(formatIpAddress),
          nbns: assignment.nbns.map(formatIpAddress),
          domain: assignment.domain,
          splitDns: assignment.splitDns,
          banner: assignment.banner,
          routes: assignment.routes.map(formatPrefix),
        },
        {
          netmask: "255.255.255.0",
          dns: ["10.7.0.53"],
          nbns: ["10.7.0.54", "10.7.0.55"],
          domain: "alice.test",
          splitDns: ["a.alice.test", "b.alice.test"],
          banner: "for alice",
          routes: ["10.7.0.0/16", "10.8.0.0/24"],
        },
        `${login} ${how}`,
      );
      world.roam(alice, "203.0.113.9");
      world.run(1_000);
    }
  }
});

Deno.test("AnyConnect's selectors stay whole, whatever is split", () => {
  const world = newWorld(804);
  const last = new AnyConnectPeer(world, { wishes }).login("alice", "alicepw");
  const [whole] = find(last, "TSr")?.selectors ?? [];
  equal(whole && formatIpAddress(whole.endAddress), "255.255.255.255");
  const unity = find(last, "CP")?.attributes.find(({ type }) => type === 28_676);
  deepEqual(unity && parseUnityNetworks(unity.value)?.map(formatPrefix), [
    "10.7.0.0/16",
    "10.8.0.0/24",
  ]);
});
