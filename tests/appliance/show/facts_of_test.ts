import assert from "node:assert/strict";
import { sessionFacts, summaryFacts } from "../../../appliance/show/facts_of.ts";
import { aaaServerFactsOf } from "../support/facts.ts";
import {
  type GatewaySnapshot,
  type IpAddress,
  moment,
  monotonic,
  parseIpAddress,
  type SessionSnapshot,
  wall,
} from "../../../core/mod.ts";
import { Encr, Group, Integ, PrfId } from "../../../core/message/constants.ts";

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  assert.ok(address);
  return address;
}

const start = Date.parse("2026-01-01T00:00:00Z");

const session: SessionSnapshot = {
  id: 3,
  userName: "ann",
  method: "eap-mschapv2",
  peerType: "Other",
  state: "active",
  addresses: [ip("192.168.20.5")],
  attributes: {
    pools: ["staff"],
    netmask: ip("255.255.255.0"),
    networks: [{ address: ip("10.77.0.0"), length: 24 }],
    told: { dns: [ip("10.0.0.53"), ip("fd00::53")], domain: "example.net", splitInclude: [] },
    idleTimeoutSeconds: 600,
    class: [Uint8Array.of(1)],
  },
  firstLogin: wall(start),
  absoluteEnd: wall(start + 86_400_000),
  reconnect: { count: 0 },
  idle: { since: monotonic(2_500), limitSeconds: 600 },
  lastRemote: "192.0.2.7:4500",
  accounting: { id: "account", class: [] },
  ikeSa: {
    localSpi: "00aa",
    remoteSpi: "00bb",
    local: { address: ip("192.0.2.1"), port: 4500 },
    remote: { address: ip("192.0.2.7"), port: 4500 },
    initiator: false,
    suite: {
      encryption: Encr.AES_GCM_16,
      keyBits: 256,
      integrity: Integ.NONE,
      prf: PrfId.HMAC_SHA2_384,
      group: Group.ECP_256,
    },
    authSign: "ECDSA",
    authVerify: "EAP",
    established: wall(start + 10_000),
    lifetimeMs: 86_400_000,
    nextLocalMessageId: 1,
    nextRemoteMessageId: 4,
    localId: "gw",
    remoteId: "ann",
    nat: "outside",
    fragmentation: true,
  },
  childSas: [{
    inboundSpi: 0x0d5590d3,
    outboundSpi: 1,
    suite: { encryption: Encr.AES_GCM_16, keyBits: 256, integrity: Integ.NONE, esn: false },
    localSelectors: [],
    remoteSelectors: [],
    established: wall(start + 10_000),
    lifetimeMs: 3_600_000,
    lifetimeBytes: 10 * 1024,
  }],
};

const context = {
  at: moment(5_000, start + 60_999),
  dpd: { intervalSeconds: 45, retrySeconds: 2 },
  packets: new Map([[0x0d5590d3, {
    inboundSpi: 0x0d5590d3,
    packetsIn: 5,
    bytesIn: 1025,
    packetsOut: 6,
    bytesOut: 99_999,
    dropsIn: 4,
    dropsOut: 2,
    drops: { replay: 1, "too-big": 2, filtered: 3 },
  }]]),
  counters: { "bad-icv": 4 },
};

Deno.test("times are whole seconds, packet counters come by inbound SPI, nothing is negative", () => {
  const facts = sessionFacts(session, context);
  assert.equal(facts.uptimeSeconds, 60);
  assert.equal(facts.absoluteEnd, "2026-01-02T00:00:00.000Z");
  assert.equal(facts.ikeSa?.activeSeconds, 50);
  assert.equal(facts.ikeSa?.localSpi, "00AA");
  assert.deepEqual(facts.idle, { seconds: 2, limitSeconds: 600 });
  const boundless = { ...session, idle: { since: monotonic(9_000), limitSeconds: 0 } };
  assert.deepEqual(sessionFacts(boundless, context).idle, { seconds: 0 });
  const [sa] = facts.childSas;
  assert.equal(sa?.inboundSpi, "0xD5590D3");
  assert.equal(sa?.remainingSeconds, 3549);
  assert.equal(sa?.remainingKilobytesIn, 8);
  assert.equal(sa?.remainingKilobytesOut, 0);
  assert.deepEqual([sa?.packetsIn, sa?.packetsOut, sa?.dropsIn, sa?.dropsOut], [5, 6, 4, 2]);
  assert.deepEqual(sa?.drops, { replay: 1, "too-big": 2, filtered: 3 });
});

Deno.test("a filter is shown with what it dropped on the Child SAs that stand", () => {
  const filtered = { ...session, attributes: { filter: { name: "staff", rules: [] } } };
  assert.deepEqual(sessionFacts(filtered, context).filter, { name: "staff", drops: 3 });
  const [sa] = session.childSas;
  assert.ok(sa !== undefined);
  const unknown = { ...filtered, childSas: [{ ...sa, inboundSpi: 1 }] };
  assert.deepEqual(sessionFacts(unknown, context).filter, { name: "staff", drops: 0 });
  assert.equal("filter" in sessionFacts(session, context), false);
});

Deno.test("what AAA gave is told as text, what it did not give is left out", () => {
  assert.deepEqual(sessionFacts(session, context).given, {
    pools: ["staff"],
    netmask: "255.255.255.0",
    networks: ["10.77.0.0/24"],
    dns: ["10.0.0.53", "fd00::53"],
    domain: "example.net",
    splitInclude: [],
    idleTimeoutSeconds: 600,
  });
  assert.deepEqual(sessionFacts({ ...session, attributes: {} }, context).given, {});
});

Deno.test("facts survive JSON unchanged", () => {
  const facts = sessionFacts(session, context);
  assert.deepEqual(JSON.parse(JSON.stringify(facts)), facts);
});

const letters:
  readonly (readonly [wanted: string, change: (session: SessionSnapshot) => unknown])[] = [
    ["DNF", (s) => s],
    ["DNFR", (s) => ({ ...s, reconnect: { count: 1 } })],
    ["DN", (s) => ({ ...s, ikeSa: { ...s.ikeSa, fragmentation: false } })],
    ["DF", (s) => ({ ...s, ikeSa: { ...s.ikeSa, nat: "none" } })],
    ["", (s) => ({ ...s, ikeSa: undefined })],
  ];

for (const [wanted, change] of letters) {
  Deno.test(`capability letters "${wanted}"`, () => {
    assert.equal(sessionFacts(change(session) as SessionSnapshot, context).capabilities, wanted);
  });
}

Deno.test("total reconnects are the sum, pools say what is free, counters are joined", () => {
  const snapshot: GatewaySnapshot = {
    sessions: [],
    negotiating: 2,
    pools: [
      { range: { first: ip("10.0.0.2"), last: ip("10.0.0.9") }, size: 8, inUse: 3 },
      { range: { first: ip("10.1.0.2"), last: ip("10.1.0.9"), name: "staff" }, size: 8, inUse: 0 },
    ],
    reconnect: { success: 3, failed: 1, activeCapable: 2, inactiveCapable: 5 },
    counters: { cookies: 1 },
  };
  const aaaServers = [aaaServerFactsOf()];
  assert.deepEqual(summaryFacts(snapshot, context, aaaServers), {
    aaaServers,
    negotiating: 2,
    pools: [
      { begin: "10.0.0.2", end: "10.0.0.9", free: 5, inUse: 3 },
      { name: "staff", begin: "10.1.0.2", end: "10.1.0.9", free: 8, inUse: 0 },
    ],
    reconnect: { total: 4, success: 3, failed: 1, activeCapable: 2, inactiveCapable: 5 },
    counters: { cookies: 1, "bad-icv": 4 },
  });
});
