/** What groups add to their users: against a twin that merges word by word, and who decides the group. */
import assert from "node:assert/strict";
import { GroupPolicy, type Groups } from "../../../appliance/aaa/group_policy.ts";
import { joinAttributes, overlayAttributes } from "../../../appliance/aaa/user_attributes.ts";
import {
  type IpAddress,
  parseIpAddress,
  type UserAttributes,
  type Verdict,
} from "../../../core/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { keepingLog } from "./radius/support.ts";

function address(text: string): IpAddress {
  return parseIpAddress(text) ?? assert.fail(text);
}

const remote = { address: address("203.0.113.9"), port: 4500 };

/** Attributes as one flat table, where merging is trivial. */
type Flat = ReadonlyMap<string, unknown>;

function flatten(attributes: UserAttributes): Flat {
  const { told = {}, ...rest } = attributes;
  return new Map([
    ...Object.entries(rest),
    ...Object.entries(told).map(([name, value]): [string, unknown] => [`told.${name}`, value]),
  ]);
}

function twin(upper: UserAttributes, lower: UserAttributes, joins: boolean): Flat {
  const merged = new Map(flatten(lower));
  for (const [name, value] of flatten(upper)) {
    const below = merged.get(name);
    const isList = Array.isArray(value) && Array.isArray(below);
    merged.set(name, joins && isList ? value.concat(below) : value);
  }
  return merged;
}

function randomAttributes(random: SeededRandom): UserAttributes {
  const may = <T>(make: () => T, name: string): Record<string, T> =>
    random.chance() ? { [name]: make() } : {};
  const words = (): string[] => Array.from({ length: random.below(3) }, () => `${random.u32()}`);
  const told = {
    ...may(words, "splitDns"),
    ...may(() => [address(`10.0.0.${random.below(256)}`)], "dns"),
    ...may(() => `${random.u32()}`, "domain"),
    ...may(() => random.chance(), "smartcardRemovalDisconnect"),
  };
  return {
    ...may(words, "pools"),
    ...may(() => random.u32(), "sessionLifetimeSeconds"),
    ...may(() => `${random.u32()}`, "group"),
    ...may(() => ({ name: `${random.u32()}`, rules: [] }), "filter"),
    ...may(() => [random.bytes(3)], "class"),
    ...(random.chance() ? { told } : {}),
  };
}

Deno.test("merging equals a twin that merges a flat table", () => {
  const random = new SeededRandom(7);
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [randomAttributes(random), randomAttributes(random)];
    const before = JSON.stringify([a, b]);
    assert.deepEqual(flatten(overlayAttributes(a, b)), twin(a, b, false));
    assert.deepEqual(flatten(joinAttributes(a, b)), twin(a, b, true));
    assert.equal(JSON.stringify([a, b]), before, "nothing was changed in place");
  }
});

const groups: Groups = new Map<string, UserAttributes>([
  ["staff", {
    pools: ["staff"],
    sessionLifetimeSeconds: 600,
    told: { domain: "staff.example", splitDns: ["a.example", "b.example"] },
  }],
  ["guests", { pools: ["guests"] }],
]);

function policyOver(
  verdict: Verdict,
  overrides = false,
  these: Groups = groups,
): { readonly policy: GroupPolicy; readonly log: ReturnType<typeof keepingLog> } {
  const log = keepingLog();
  const verifier = { verify: () => Promise.resolve(verdict) };
  return { policy: new GroupPolicy({ verifier, groups: these, overrides, log }), log };
}

function verified(policy: GroupPolicy, group?: string): Promise<Verdict> {
  const { signal } = new AbortController();
  const context = { remote, signal, ...(group === undefined ? {} : { group }) };
  return policy.verify("alice", { kind: "certificate" }, context);
}

const ofUser: UserAttributes = {
  group: "staff",
  sessionLifetimeSeconds: 60,
  told: { splitDns: ["user.example"], banner: "Hello" },
};
const accept: Verdict = { kind: "accept", attributes: ofUser, userName: "Alice" };

Deno.test("what AAA says of a user goes over what the group says", async () => {
  assert.deepEqual(await verified(policyOver(accept).policy), {
    kind: "accept",
    userName: "Alice",
    attributes: {
      group: "staff",
      pools: ["staff"],
      sessionLifetimeSeconds: 60,
      told: { domain: "staff.example", splitDns: ["user.example"], banner: "Hello" },
    },
  });
});

Deno.test("or the other way round", async () => {
  assert.deepEqual(await verified(policyOver(accept, true).policy), {
    kind: "accept",
    userName: "Alice",
    attributes: {
      group: "staff",
      pools: ["staff"],
      sessionLifetimeSeconds: 600,
      told: { domain: "staff.example", splitDns: ["a.example", "b.example"], banner: "Hello" },
    },
  });
});

Deno.test("the group is AAA's, else the user's choice, else none", async () => {
  const pools = async (said: string | undefined, chosen?: string): Promise<unknown> => {
    const attributes = said === undefined ? {} : { group: said };
    const verdict = await verified(policyOver({ kind: "accept", attributes }).policy, chosen);
    return verdict.kind === "accept" ? verdict.attributes.pools : verdict.kind;
  };
  assert.deepEqual(await pools("staff", "guests"), ["staff"]);
  assert.deepEqual(await pools(undefined, "guests"), ["guests"]);
  assert.deepEqual(await pools("nobody", "guests"), undefined, "AAA's word is the last");
  assert.deepEqual(await pools(undefined, "nobody"), undefined);
  assert.deepEqual(await pools(undefined), undefined);
});

Deno.test("a group without policy changes nothing and is told once", async () => {
  const verdict: Verdict = { kind: "accept", attributes: { group: "others" } };
  const { policy, log } = policyOver(verdict);
  for (let time = 0; time < 3; time++) assert.deepEqual(await verified(policy), verdict);
  assert.deepEqual(log.told, [["group-without-policy", { user: "alice", group: "others" }]]);
  const bare = policyOver(verdict, false, new Map());
  assert.deepEqual(await verified(bare.policy), verdict);
  assert.deepEqual(bare.log.told, [], "where no group has one there is nothing to miss");
});

Deno.test("however many groups AAA makes up, the log has an end", async () => {
  const log = keepingLog();
  let count = 0;
  const policy = new GroupPolicy({
    verifier: {
      verify: () => Promise.resolve({ kind: "accept", attributes: { group: `g${count++}` } }),
    },
    groups,
    overrides: false,
    log,
  });
  for (let time = 0; time < 500; time++) await verified(policy);
  assert.equal(log.told.length, 100);
});

for (
  const verdict of [
    { kind: "reject" },
    { kind: "challenge", message: "?" },
    { kind: "eap-request", packet: Uint8Array.of(1) },
  ] as const satisfies readonly Verdict[]
) {
  Deno.test(`a verdict that lets nobody in stays as it is: ${verdict.kind}`, async () => {
    assert.deepEqual(await verified(policyOver(verdict).policy, "staff"), verdict);
  });
}
