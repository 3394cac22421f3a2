/** Session records and a sealing for tests of the store. */
import assert from "node:assert/strict";
import type { Sealing } from "../../../appliance/sealed_value.ts";
import {
  type IpAddress,
  parseIpAddress,
  type SessionRecord,
  type UserAttributes,
  wall,
} from "../../../core/mod.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { systemRandom } from "../../../appliance/entropy.ts";

/** A sealing by a key of one repeated octet. */
export function sealingOf(octet: number): Sealing {
  return { crypto: nobleProvider, random: systemRandom, masterKey: new Uint8Array(32).fill(octet) };
}

/** A record with a filling, so that a torn one would show. */
export function recordOf(key: string, count: number, now: number): SessionRecord {
  return {
    version: 1,
    key,
    sessionId: "rIUHKccDRiUtFTATwq",
    token: `${count}`.repeat(43).slice(0, 43),
    userName: "ann",
    identity: { idType: 2, data: Uint8Array.of(1, 2, count & 0xff) },
    method: "eap-mschapv2",
    peerType: "Other",
    addresses: [
      { family: 4, octets: Uint8Array.of(192, 168, 20, 5) },
      { family: 6, octets: new Uint8Array(16).fill(0xfd) },
    ],
    attributes: { group: "staff", addresses: [{ family: 4, octets: Uint8Array.of(10, 0, 0, 9) }] },
    accounting: { sessionId: "0A", class: [Uint8Array.of(9, 8)] },
    firstLogin: wall(now),
    absoluteEnd: wall(now + 1e7),
    state: "active",
    lastSeen: wall(now),
    deadline: wall(now + 1_800_000),
    reconnectCount: count,
    lastRemote: "192.0.2.7:4500",
    ikeSa: {
      spiI: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, count & 0xff),
      spiR: new Uint8Array(8).fill(9),
      originalInitiator: false,
      local: { address: { family: 4, octets: Uint8Array.of(192, 0, 2, 1) }, port: 4500 },
      remote: { address: { family: 4, octets: Uint8Array.of(192, 0, 2, 7) }, port: 4500 },
    },
    gatewayName: "gw",
  };
}

function address(text: string): IpAddress {
  return parseIpAddress(text) ?? assert.fail();
}

/** All that AAA may give. */
export const everything: UserAttributes = {
  group: "staff",
  addresses: [address("10.99.0.7"), address("fd00::7")],
  netmask: address("255.255.255.0"),
  pools: ["one", "two"],
  ip6Pools: ["six"],
  networks: [{ address: address("10.77.0.0"), length: 24 }],
  told: {
    dns: [address("10.0.0.53"), address("fd00::53")],
    nbns: [address("10.0.0.54")],
    domain: "example.net",
    splitInclude: [{ address: address("fd00:50::"), length: 64 }],
    splitDns: ["a.example", "b.example"],
    banner: "line 1\nline 2 \u2603",
    smartcardRemovalDisconnect: true,
  },
  filter: {
    name: "list",
    rules: [{ action: "deny", family: 4, source: { address: address("10.0.0.0"), length: 8 } }],
  },
  sessionLifetimeSeconds: 3600,
  idleTimeoutSeconds: 600,
  interimSeconds: 300,
  class: [Uint8Array.of(0, 255), new Uint8Array(0)],
};
