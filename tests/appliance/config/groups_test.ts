/** `--group`: what flags make of groups, and all that can be wrong with them, at once. */
import assert from "node:assert/strict";
import { policyItems } from "../../../appliance/aaa/policy_items.ts";
import type { FlagProblem } from "../../../appliance/config/flag.ts";
import { UsageError } from "../../../appliance/config/flag.ts";
import { pool } from "../../../appliance/config/forms.ts";
import { settle, type Sources } from "../../../appliance/config/gather.ts";
import {
  type FilterLookup,
  groupKeys,
  groupPart,
  readGroups,
} from "../../../appliance/config/groups.ts";
import { rangesOfPools } from "../../../appliance/config/pools.ts";
import { checkServe } from "../../../appliance/config/serve_checks.ts";
import { serveFlags } from "../../../appliance/config/serve_flags.ts";
import {
  type AddressPrefix,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
} from "../../../core/mod.ts";

const pools = rangesOfPools(
  ["10.99.0.0/24", "staff=10.1.0.0/24", "six=fd00::/64"].map((text) =>
    pool.parse(text) ?? assert.fail(text)
  ),
);
const list = { name: "inside", rules: [] };
const filterOf: FilterLookup = (name) => name === "inside" ? list : undefined;

function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  if ("family" in value) return formatIpAddress(value as IpAddress);
  if ("length" in value) return formatPrefix(value as AddressPrefix);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shown(part)]));
}

function read(...texts: readonly string[]): {
  readonly groups: Readonly<Record<string, unknown>>;
  readonly problems: readonly FlagProblem[];
} {
  const parts = texts.map((text) => groupPart.parse(text) ?? assert.fail(text));
  const { groups, problems } = readGroups(parts, { pools, filterOf });
  return { groups: Object.fromEntries([...groups].map(([n, it]) => [n, shown(it)])), problems };
}

Deno.test("a group's policy is gathered from many flags, and lists go on", () => {
  assert.deepEqual(
    read(
      "staff:pool=staff,dns=10.0.0.53 10.0.0.54,domain=staff.example",
      "staff:dns=fd00::53,banner=Welcome, staff=people",
      "staff:split-include=10.0.0.0/8,fd00::/8,split-dns=a.example,b.example",
      "guests:ipv6-pool=six,session-lifetime=3600,idle-timeout=600,interim=120",
      "guests:smartcard-removal-disconnect=yes,netmask=255.255.255.0,wins=10.0.0.55,filter=inside",
    ),
    {
      groups: {
        staff: {
          pools: ["staff"],
          told: {
            dns: ["10.0.0.53", "10.0.0.54", "fd00::53"],
            domain: "staff.example",
            banner: "Welcome, staff=people",
            splitInclude: ["10.0.0.0/8", "fd00::/8"],
            splitDns: ["a.example", "b.example"],
          },
        },
        guests: {
          ip6Pools: ["six"],
          sessionLifetimeSeconds: 3600,
          idleTimeoutSeconds: 600,
          interimSeconds: 120,
          told: { smartcardRemovalDisconnect: true, nbns: ["10.0.0.55"] },
          netmask: "255.255.255.0",
          filter: list,
        },
      },
      problems: [],
    },
  );
});

Deno.test("groups have every word but those of one user", () => {
  assert.deepEqual(
    [...groupKeys, "address", "ipv6-address", "network", "group"].sort(),
    [...Object.keys(policyItems), "filter"].sort(),
  );
});

const wrong: readonly (readonly [text: string, wanted: RegExp])[] = [
  ["staff:pool=nobody", /^names of --pool NAME=…$/],
  ["staff:ipv6-pool=staff", /with IPv6 addresses$/],
  ["staff:dns=10.0.0.53 x", /^an IPv4 or IPv6 address; several .* behind dns=$/],
  ["staff:netmask=255.0.255.0", /^a netmask/],
  ["staff:session-lifetime=soon", /^a whole number from 1 to 25920000 behind/],
  ["staff:filter=outside", /^the name of a local access list$/],
  ["staff:address=10.99.0.7", /^one of the keys netmask, pool, /],
  ["staff:network=10.77.0.0/24", /^one of the keys /],
  ["staff:colour=red", /^one of the keys /],
  ["staff:domain=", /^a domain name/],
];

for (const [text, wanted] of wrong) {
  Deno.test(`a group that cannot be: ${text}`, () => {
    const { groups, problems } = read(text);
    assert.deepEqual(groups, {});
    assert.deepEqual(problems.map(({ name, value }) => [name, value]), [["group", text]]);
    assert.match(problems[0]?.wanted ?? "", wanted);
  });
}

Deno.test("what is no list is said once", () => {
  const { groups, problems } = read("a:domain=one.example", "a:domain=two.example", "b:domain=x");
  assert.deepEqual(groups, {
    a: { told: { domain: "one.example" } },
    b: { told: { domain: "x" } },
  });
  assert.deepEqual(problems, [{
    name: "group",
    value: "a:domain=two.example",
    wanted: "domain of a once",
  }]);
});

for (const text of ["", "staff", "staff:", ":pool=x", " a:pool=x", "a:pool", "a:Pool=x", "a:=x"]) {
  Deno.test(`what is no group: "${text}"`, () => {
    const { groups, problems } = read(text);
    assert.deepEqual(groups, {});
    assert.deepEqual(problems, [{ name: "group", value: text, wanted: groupPart.wanted }]);
  });
}

Deno.test("all wrong groups are told at once, with all other flags", () => {
  const args = {
    pool: ["10.99.0.0/24", "staff=10.1.0.0/24"],
    user: ["a:b"],
    group: ["staff:pool=nobody,dns=x", "no colon", "guests:filter=outside", "staff:filter=inside"],
    "dpd-retry": ["60"],
  };
  const sources: Sources = {
    args: new Map(Object.entries(args)),
    unknown: [],
    env: () => undefined,
    readFile: () => "",
  };
  const problemsOf = (given: Sources): readonly string[] => {
    try {
      settle(serveFlags, given, (gathered) => checkServe(gathered, filterOf));
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return error.problems.map(({ name, value }) => `${name} ${value}`);
    }
    return [];
  };
  assert.deepEqual(problemsOf(sources), [
    "group staff:pool=nobody",
    "group staff:dns=x",
    "group no colon",
    "group guests:filter=outside",
    "dpd-retry 60",
  ]);
  const alone = new Map([["pool", ["10.99.0.0/24"]], ["user", ["a:b"]], ["group-override", [""]]]);
  assert.deepEqual(problemsOf({ ...sources, args: alone }), ["group-override undefined"]);
});
