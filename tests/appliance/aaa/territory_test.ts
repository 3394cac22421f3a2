/** What a gateway cannot give or route keeps its user out, with one counted and logged cause. */
import assert from "node:assert/strict";
import {
  type Impossible,
  impossibleIn,
  type Territory,
  TerritoryCheck,
} from "../../../appliance/aaa/territory.ts";
import { pool } from "../../../appliance/config/forms.ts";
import { rangesOfPools } from "../../../appliance/config/pools.ts";
import {
  type AddressPrefix,
  type IpAddress,
  parseIpAddress,
  parsePrefix,
  type UserAttributes,
  type Verdict,
} from "../../../core/mod.ts";
import { keepingLog } from "./radius/support.ts";

function address(text: string): IpAddress {
  return parseIpAddress(text) ?? assert.fail(text);
}

function networks(...texts: readonly string[]): UserAttributes {
  return { networks: texts.map((text): AddressPrefix => parsePrefix(text) ?? assert.fail(text)) };
}

const pools = rangesOfPools(
  ["10.99.0.0/24", "fd00:99::/64", "staff=10.1.0.10-10.1.0.19", "six=fd00:6::/64"]
    .map((text) => pool.parse(text) ?? assert.fail(text)),
);
const territory: Territory = {
  pools: pools.ranges,
  inner: pools.all,
  kept: () => ["192.0.2.1", "127.0.0.1", "2001:db8::1", "192.168.5.5"].map(address),
};
const remote = address("203.0.113.9");

const possible: readonly (readonly [string, UserAttributes])[] = [
  ["nothing", {}],
  ["addresses of pools, named or not", {
    addresses: [address("10.1.0.19"), address("fd00:99::7")],
  }],
  ["pools that are there", { pools: ["staff", "six"], ip6Pools: ["six"] }],
  ["networks that are nobody's", networks("10.77.0.0/16", "fd77::/64", "203.0.113.0/29")],
  ["as many networks as one may have", networks(...many(32, (i) => `10.77.${i}.0/24`))],
];

function many(count: number, make: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

for (const [what, attributes] of possible) {
  Deno.test(`a user may have ${what}`, () => {
    assert.equal(impossibleIn(attributes, territory, remote), undefined);
  });
}

const told = (name: string, count: number): UserAttributes => ({
  told: { [name]: new Array(count).fill(address("10.0.0.1")) },
});

const impossible: readonly (readonly [UserAttributes, Impossible])[] = [
  [{ addresses: [address("10.99.0.7"), address("fd00:9::7")] }, {
    item: "ipv6-address",
    value: "fd00:9::7",
    reason: "in no pool",
  }],
  [{ addresses: [address("10.99.0.1")] }, {
    item: "address",
    value: "10.99.0.1",
    reason: "in no pool",
  }],
  [{ addresses: [address("10.1.0.9")] }, {
    item: "address",
    value: "10.1.0.9",
    reason: "in no pool",
  }],
  [{ pools: ["staff", "nobody"] }, { item: "pool", value: "nobody", reason: "no such pool" }],
  [{ ip6Pools: ["staff"] }, {
    item: "ipv6-pool",
    value: "staff",
    reason: "no such pool with IPv6 addresses",
  }],
  ...([
    ["0.0.0.0/0", "it is everything"],
    ["::/0", "it is everything"],
    ["10.0.0.0/8", "it meets a pool"],
    ["10.99.0.128/25", "it meets a pool"],
    ["10.99.0.1/32", "it meets a pool"],
    ["fd00:6::5/128", "it meets a pool"],
    ["192.0.2.0/24", "it has an address of ours"],
    ["192.168.0.0/16", "it has an address of ours"],
    ["2001:db8::/32", "it has an address of ours"],
    ["203.0.113.0/24", "it has the client's outer address"],
    ["203.0.113.9/32", "it has the client's outer address"],
    ["127.5.0.0/16", "it is no network of hosts"],
    ["224.0.0.0/4", "it is no network of hosts"],
    ["fe80::/64", "it is no network of hosts"],
    ["ff02::/16", "it is no network of hosts"],
  ] as const).map(([value, reason]): [UserAttributes, Impossible] => [
    networks("10.77.0.0/24", value),
    { item: "network", value, reason },
  ]),
  ...([
    ["dns", "dns", 17, 16],
    ["wins", "nbns", 17, 16],
    ["split-include", "splitInclude", 65, 64],
    ["split-dns", "splitDns", 65, 64],
  ] as const).map(([item, name, count, most]): [UserAttributes, Impossible] => [
    told(name, count),
    { item, value: `${count} values`, reason: `more than ${most}` },
  ]),
  [networks(...many(33, (i) => `10.77.${i}.0/24`)), {
    item: "network",
    value: "33 values",
    reason: "more than 32",
  }],
  [{ pools: new Array(17).fill("staff") }, {
    item: "pool",
    value: "17 values",
    reason: "more than 16",
  }],
];

for (const [attributes, expected] of impossible) {
  Deno.test(`a user cannot have ${expected.item} ${expected.value}: ${expected.reason}`, () => {
    assert.deepEqual(impossibleIn(attributes, territory, remote), expected);
  });
}

Deno.test("a verdict that cannot be carried out is a rejection, counted and told", async () => {
  const verdicts: Verdict[] = [
    { kind: "accept", attributes: { pools: ["nobody"] } },
    { kind: "accept", attributes: { pools: ["staff"] }, userName: "Alice" },
    { kind: "reject" },
    { kind: "challenge", message: "?" },
  ];
  const log = keepingLog();
  const check = new TerritoryCheck({
    verifier: { verify: () => Promise.resolve(verdicts.shift() ?? assert.fail()) },
    territory,
    log,
  });
  const verify = (): Promise<Verdict> =>
    check.verify("alice", { kind: "certificate" }, {
      remote: { address: remote, port: 4500 },
      signal: new AbortController().signal,
    });
  assert.deepEqual(await verify(), { kind: "reject" });
  assert.deepEqual(await verify(), {
    kind: "accept",
    attributes: { pools: ["staff"] },
    userName: "Alice",
  });
  assert.deepEqual(await verify(), { kind: "reject" });
  assert.deepEqual(await verify(), { kind: "challenge", message: "?" });
  assert.deepEqual(check.counted.counts, { "aaa-impossible": 1 });
  assert.deepEqual(log.told, [["aaa-impossible", {
    user: "alice",
    item: "pool",
    value: "nobody",
    reason: "no such pool",
  }]]);
  check.counted.clear();
  assert.deepEqual(check.counted.counts, {});
});
