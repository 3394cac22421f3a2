/** Every row of the table from RADIUS to policy: what it sets, what makes no sense, which one counts. */
import assert from "node:assert/strict";
import type { AttributeName } from "../../../../appliance/aaa/radius/attributes.ts";
import {
  type Authorization,
  authorize,
  nameOfRow,
} from "../../../../appliance/aaa/radius/authorization.ts";
import { foreignKeys, policyRows } from "../../../../appliance/aaa/radius/authorization_table.ts";
import {
  type Attribute,
  buildPacket,
  Code,
  number32,
  parsePacket,
  type RadiusPacket,
} from "../../../../appliance/aaa/radius/packet.ts";
import {
  type AddressPrefix,
  type Bytes,
  concatBytes,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
  parseIpAddress,
  type UserAttributes,
  utf8,
} from "../../../../core/mod.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

/** Through octets and back, as from a server. */
function accepted(...attributes: readonly Attribute[]): RadiusPacket {
  const packet = { code: Code.ACCESS_ACCEPT, identifier: 0, authenticator: new Uint8Array(16) };
  const bytes = buildPacket({ ...packet, attributes });
  assert.ok(bytes !== undefined, "it fits into a packet");
  const parsed = parsePacket(bytes);
  assert.ok(parsed.ok);
  return parsed.value;
}

function octets(text: string): Uint8Array {
  return new Uint8Array(parseIpAddress(text)?.octets ?? assert.fail(text));
}

function make(name: AttributeName, value: Bytes | string | number): Attribute {
  if (typeof value === "string") return { name, value: utf8(value) };
  return { name, value: typeof value === "number" ? number32(value) : value };
}

function pair(text: string): Attribute {
  return make("Cisco-AVPair", text);
}

/** Addresses and networks as text, so that expectations can be read. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value !== "object" || value === null) return value;
  if ("family" in value) return formatIpAddress(value as IpAddress);
  if ("length" in value) return formatPrefix(value as AddressPrefix);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shown(part)]));
}

function given(...attributes: readonly Attribute[]): unknown {
  const authorization = authorize(accepted(...attributes));
  if (authorization.kind === "unusable") return `unusable: ${authorization.attribute}`;
  return shown(authorization.attributes);
}

/** A prefix of RFC 3162 §2.3 with as many octets of it as told. */
function ip6Prefix(text: string, length: number, present = Math.ceil(length / 8)): Bytes {
  return concatBytes(Uint8Array.of(0, length), octets(text).subarray(0, present));
}

interface RowCase {
  /** What is sent, and what it sets. */
  readonly good: readonly (readonly [readonly (Bytes | string | number)[], unknown])[];
  /** Single values that make no sense. */
  readonly bad: readonly (Bytes | string | number)[];
}

const one = (value: Bytes | string | number, set: unknown): RowCase["good"][number] => [
  [value],
  set,
];

const invalidText = Uint8Array.of(0xc3, 0x28);
const shortAddress = Uint8Array.of(10, 99, 0);
const servers4: RowCase = {
  good: [one("10.0.0.53 10.0.0.54", ["10.0.0.53", "10.0.0.54"]), [["10.0.0.53", "10.0.0.54"], [
    "10.0.0.53",
    "10.0.0.54",
  ]], one(" 10.0.0.53,10.0.0.54 ", ["10.0.0.53", "10.0.0.54"])],
  bad: ["10.0.0", "10.0.0.53 x", "", " ", invalidText, "10.0.0.53\0"],
};

/** The values of a case that set a list somewhere, as what they set in the attributes. */
function setting(list: RowCase, set: (value: unknown) => unknown): RowCase {
  return { ...list, good: list.good.map(([values, value]) => [values, set(value)]) };
}

const timeCase = (
  key: keyof UserAttributes,
  least: number,
  ofZero: UserAttributes = {},
): RowCase => ({
  good: [
    one(3600, { [key]: 3600 }),
    one(0, ofZero),
    one(least, { [key]: least }),
    one(0xffff_ffff, { [key]: 25_920_000 }),
    [[900, 800], { [key]: 900 }],
  ],
  bad: [Uint8Array.of(1, 2), new Uint8Array(0), new Uint8Array(8), "soon!"],
});

const ip6PoolCase: RowCase = {
  good: [one("six", { ip6Pools: ["six"] }), [["six", "seven eight"], {
    ip6Pools: ["six", "seven", "eight"],
  }]],
  bad: ["", "a b/c", invalidText, "\0"],
};

const poolCase: RowCase = {
  good: [one("staff", { pools: ["staff"] }), one("staff guests", { pools: ["staff", "guests"] })],
  bad: ["", "  ", "o'hara", "ünïcode", invalidText, "x".repeat(65), "a\0"],
};

const pairOfAddresses = (set: (value: unknown) => unknown): RowCase => ({
  good: [
    one(octets("10.0.0.53"), set(["10.0.0.53"])),
    [[octets("10.0.0.53"), octets("10.0.0.54")], set(["10.0.0.53", "10.0.0.54"])],
  ],
  bad: [shortAddress, octets("fd00::1"), new Uint8Array(0)],
});

const told = (name: string) => (value: unknown): unknown => ({ told: { [name]: value } });

/** By the names of the rows. */
const cases: Readonly<Record<string, RowCase>> = {
  "Framed-IP-Address": {
    good: [
      one(octets("10.99.0.77"), { addresses: ["10.99.0.77"] }),
      one(octets("255.255.255.255"), {}),
      one(octets("255.255.255.254"), {}),
      [[octets("255.255.255.254"), octets("10.99.0.78")], { addresses: ["10.99.0.78"] }],
      [[octets("10.99.0.77"), octets("10.99.0.78")], { addresses: ["10.99.0.77"] }],
    ],
    bad: [shortAddress, new Uint8Array(0), octets("fd00::1"), "10.99.0.77"],
  },
  "Framed-IPv6-Address": {
    good: [one(octets("fd00:99::77"), { addresses: ["fd00:99::77"] })],
    bad: [octets("10.99.0.77"), new Uint8Array(0), new Uint8Array(15), new Uint8Array(17)],
  },
  "Framed-IPv6-Prefix": {
    good: [
      one(ip6Prefix("fd00:99::77", 128), { addresses: ["fd00:99::77"] }),
      one(ip6Prefix("fd00:99:0:1::", 64), { addresses: ["fd00:99:0:1::1"] }),
      one(ip6Prefix("fd00:99:0:1::", 64, 16), { addresses: ["fd00:99:0:1::1"] }),
      one(ip6Prefix("fd00:99::ff", 124), { addresses: ["fd00:99::f1"] }),
    ],
    bad: [
      new Uint8Array(0),
      Uint8Array.of(0),
      Uint8Array.of(0, 0),
      Uint8Array.of(0, 64),
      ip6Prefix("fd00::", 128, 15),
      Uint8Array.of(0, 129, ...new Array(16).fill(1)),
      Uint8Array.of(0, 128, ...new Array(17).fill(1)),
    ],
  },
  "ipsec:netmask": {
    good: [one("255.255.255.0", { netmask: "255.255.255.0" })],
    bad: ["255.0.255.0", "0.0.0.0", "24", "", "fd00::1", invalidText],
  },
  "Framed-IP-Netmask": {
    good: [
      one(octets("255.255.255.0"), { netmask: "255.255.255.0" }),
      one(octets("255.255.255.255"), { netmask: "255.255.255.255" }),
    ],
    bad: [octets("255.0.255.0"), octets("0.0.0.0"), shortAddress, new Uint8Array(0)],
  },
  "ipsec:addr-pool": poolCase,
  "Framed-Pool": poolCase,
  "ipsec:addrv6-pool": ip6PoolCase,
  "Stateful-IPv6-Address-Pool": ip6PoolCase,
  "Framed-IPv6-Pool": ip6PoolCase,
  "Framed-Route, Framed-IPv6-Route": {
    good: [
      one("10.77.0.0/24", { networks: ["10.77.0.0/24"] }),
      one("10.77.0.9/24 0.0.0.0 1", { networks: ["10.77.0.0/24"] }),
      one("fd77::/64 :: 1", { networks: ["fd77::/64"] }),
      [["10.77.0.0/24", "fd77::/64"], { networks: ["10.77.0.0/24", "fd77::/64"] }],
    ],
    bad: [
      "10.77.0.0",
      "10.77.0.0 255.255.255.0",
      "10.77.0.0/33",
      "10.77.0.0/24 192.0.2.1 1",
      "10.77.0.0/24 gateway",
      "10.77.0.0/24 ::",
      "default",
      "",
      invalidText,
    ],
  },
  "ipsec:dns-servers": setting(servers4, told("dns")),
  "MS-Primary-DNS-Server, MS-Secondary-DNS-Server": pairOfAddresses(told("dns")),
  "ipsec:ipv6-dns-servers-addr": {
    good: [one("fd00::53 fd00::54", { told: { dns: ["fd00::53", "fd00::54"] } })],
    bad: ["10.0.0.53", "fd00::g", "", invalidText],
  },
  "ipsec:wins-servers": setting({ ...servers4, bad: [...servers4.bad, "fd00::1"] }, told("nbns")),
  "MS-Primary-NBNS-Server, MS-Secondary-NBNS-Server": pairOfAddresses(told("nbns")),
  "ipsec:default-domain": {
    good: [one("example.net", { told: { domain: "example.net" } })],
    bad: ["", "a b", "x".repeat(64), "example\n.net", invalidText, "a<b", `${"x".repeat(200)}!`],
  },
  "ipsec:route-set=prefix": {
    good: [
      one("10.0.0.0/8", { told: { splitInclude: ["10.0.0.0/8"] } }),
      [["10.0.0.0/8", "fd00::/8"], { told: { splitInclude: ["10.0.0.0/8", "fd00::/8"] } }],
    ],
    bad: ["10.0.0.0", "10.0.0.0/8 x", "10.0.0.0/-1", "10.0.0.0 255.0.0.0", invalidText],
  },
  "ipsec:split-dns": {
    good: [
      one("a.example,b.example", { told: { splitDns: ["a.example", "b.example"] } }),
      [["a.example", "b.example"], { told: { splitDns: ["a.example", "b.example"] } }],
    ],
    bad: ["", "a..b/", "a.example;b", invalidText],
  },
  "ipsec:banner": {
    good: [
      one("Hello, you & <all>", { told: { banner: "Hello, you & <all>" } }),
      one("one\r\ntwo\tthree\x1b[31m\0", { told: { banner: "one\ntwo\tthree\ufffd[31m\ufffd" } }),
      one(concatBytes(utf8("a"), invalidText), { told: { banner: "a\ufffd(" } }),
      one("  ", {}),
    ],
    bad: [],
  },
  "Reply-Message": {
    good: [
      one("Welcome", { told: { banner: "Welcome" } }),
      [["x".repeat(253), "y".repeat(253)], { told: { banner: "x".repeat(253) + "y".repeat(253) } }],
      [new Array(5).fill("z".repeat(253)), { told: { banner: "z".repeat(1000) } }],
      one("", {}),
    ],
    bad: [],
  },
  "ipsec:smartcard-removal-disconnect": {
    good: [
      one("1", { told: { smartcardRemovalDisconnect: true } }),
      one("no", { told: { smartcardRemovalDisconnect: false } }),
    ],
    bad: ["", "2", "perhaps", invalidText],
  },
  "ipsec:session-lifetime": {
    good: [
      one("300", { sessionLifetimeSeconds: 300 }),
      one("25920000", { sessionLifetimeSeconds: 25_920_000 }),
    ],
    bad: ["soon", "0", "-1", "25920001", "1e3", "1.5", "", invalidText, "9".repeat(200)],
  },
  "Session-Timeout": timeCase("sessionLifetimeSeconds", 1),
  "Idle-Timeout": timeCase("idleTimeoutSeconds", 1, { idleTimeoutSeconds: 0 }),
  "Acct-Interim-Interval": (() => {
    const plain = timeCase("interimSeconds", 60);
    return { ...plain, good: [...plain.good, one(5, { interimSeconds: 60 })] };
  })(),
  "ipsec:user-vpn-group": {
    good: [one("staff", { group: "staff" }), one("Our Staff", { group: "Our Staff" })],
    bad: ["", "a\nb", "\0", invalidText],
  },
  "Class": {
    good: [
      one("OU=staff", { class: ["OU=staff"], group: "staff" }),
      one("ou=staff;", { class: ["ou=staff;"], group: "staff" }),
      [["0x1234", "OU=a b;"], { class: ["0x1234", "OU=a b;"], group: "a b" }],
      one("OU=a;b", { class: ["OU=a;b"] }),
      one("OU=", { class: ["OU="] }),
      one("xOU=staff", { class: ["xOU=staff"] }),
      one("OU=a\nb", { class: ["OU=a\nb"] }),
    ],
    bad: [],
  },
};

Deno.test("every row of the table is tested", () => {
  assert.deepEqual(Object.keys(cases).sort(), policyRows.map(nameOfRow).sort());
});

for (const row of policyRows) {
  const name = nameOfRow(row);
  const { good, bad } = cases[name] ?? { good: [], bad: [] };
  /** The first value in the row's first attribute, the next in the next, as far as there are any. */
  const attributesOf = (values: readonly (Bytes | string | number)[]): readonly Attribute[] =>
    values.map((value, i) => {
      const attribute = row.attributes[i] ?? row.attributes.at(-1) ?? assert.fail();
      if (row.key === undefined) return make(attribute, value);
      const head = utf8(row.key.includes("=") ? `${row.key} ` : `${row.key}=`);
      return make(attribute, concatBytes(head, make(attribute, value).value));
    });

  Deno.test(`RADIUS ${name} sets ${row.sets}`, () => {
    for (const [values, expected] of good) {
      assert.deepEqual(given(...attributesOf(values)), expected, JSON.stringify(shown(values)));
    }
  });

  Deno.test(`RADIUS ${name} that makes no sense lets nobody in`, () => {
    for (const value of bad) {
      const what = JSON.stringify(shown(value));
      assert.equal(given(...attributesOf([value])), `unusable: ${name}`, what);
    }
  });
}

Deno.test("an accept without attributes gives none", () => {
  assert.deepEqual(authorize(accepted()), {
    kind: "attributes",
    attributes: {},
    unknownKeys: [],
    foreignKeys: [],
  });
});

Deno.test("Cisco's word wins over the RFC's, and fills no list further", () => {
  const both: readonly (readonly [readonly Attribute[], unknown])[] = [
    [[make("Session-Timeout", 60), pair("ipsec:session-lifetime=300")], {
      sessionLifetimeSeconds: 300,
    }],
    [[make("Framed-Pool", "rfc"), pair("ipsec:addr-pool=cisco")], { pools: ["cisco"] }],
    [[make("MS-Primary-DNS-Server", octets("10.0.0.1")), pair("ipsec:dns-servers=10.0.0.2")], {
      told: { dns: ["10.0.0.2"] },
    }],
    [[make("Reply-Message", "rfc"), pair("ipsec:banner=cisco")], { told: { banner: "cisco" } }],
    [[make("Reply-Message", "rfc"), pair("ipsec:banner= ")], { told: { banner: "rfc" } }],
    [[make("Class", "OU=class"), pair("ipsec:user-vpn-group=cisco")], {
      class: ["OU=class"],
      group: "cisco",
    }],
    [[
      make("Framed-IPv6-Pool", "rfc3162"),
      make("Stateful-IPv6-Address-Pool", "rfc6911"),
    ], { ip6Pools: ["rfc6911"] }],
    [[
      make("Framed-IPv6-Prefix", ip6Prefix("fd00:99:0:1::", 64)),
      make("Framed-IPv6-Address", octets("fd00:99::77")),
    ], { addresses: ["fd00:99::77"] }],
    // What does not count is not looked at.
    [[make("Session-Timeout", "bad"), pair("ipsec:session-lifetime=300")], {
      sessionLifetimeSeconds: 300,
    }],
  ];
  for (const [attributes, expected] of both) assert.deepEqual(given(...attributes), expected);
});

Deno.test("both families of addresses and of DNS servers stand side by side", () => {
  assert.deepEqual(
    given(
      make("Framed-IPv6-Address", octets("fd00:99::7")),
      make("Framed-IP-Address", octets("10.99.0.7")),
      pair("ipsec:ipv6-dns-servers-addr=fd00::53"),
      pair("ipsec:dns-servers*10.0.0.53"),
    ),
    { addresses: ["10.99.0.7", "fd00:99::7"], told: { dns: ["10.0.0.53", "fd00::53"] } },
  );
});

Deno.test("Framed-Interface-Id makes an address of a prefix (RFC 3162 §2.2)", () => {
  const prefix = make("Framed-IPv6-Prefix", ip6Prefix("fd00:99:0:1::", 64));
  const id = (...octets: readonly number[]): Attribute =>
    make("Framed-Interface-Id", Uint8Array.from(octets));
  assert.deepEqual(given(prefix, id(2, 0, 0, 0xff, 0xfe, 0, 0, 9)), {
    addresses: ["fd00:99:0:1:200:ff:fe00:9"],
  });
  const bad = "unusable: Framed-IPv6-Prefix";
  assert.equal(given(prefix, id(1, 2, 3)), bad);
  const long = make("Framed-IPv6-Prefix", ip6Prefix("fd00:99::", 96));
  assert.equal(given(long, id(0, 0, 0, 0, 0, 0, 0, 1)), bad);
  const whole = make("Framed-IPv6-Prefix", ip6Prefix("fd00:99::5", 128));
  assert.deepEqual(given(whole, id(0, 0, 0, 0, 0, 0, 0, 1)), { addresses: ["fd00:99::5"] });
  assert.deepEqual(given(id(0, 0, 0, 0, 0, 0, 0, 1)), {}, "alone it says nothing");
});

Deno.test("a route's gateway may be the user's own address and no other", () => {
  const address = make("Framed-IP-Address", octets("10.99.0.7"));
  assert.deepEqual(given(address, make("Framed-Route", "10.77.0.0/24 10.99.0.7 1")), {
    addresses: ["10.99.0.7"],
    networks: ["10.77.0.0/24"],
  });
  assert.equal(
    given(address, make("Framed-Route", "10.77.0.0/24 10.99.0.8 1")),
    "unusable: Framed-Route, Framed-IPv6-Route",
  );
});

// --- pairs of Cisco's ---------------------------------------------------------------------------

function keysIn(...texts: readonly string[]): Omit<Authorization, "attributes"> {
  const { kind, ...rest } = authorize(accepted(...texts.map(pair)));
  assert.equal(kind, "attributes", texts.join());
  assert.deepEqual("attributes" in rest && rest.attributes, {});
  assert.ok("unknownKeys" in rest);
  return { kind, unknownKeys: rest.unknownKeys, foreignKeys: rest.foreignKeys } as Authorization;
}

Deno.test("a mandatory key that nobody knows is named, an optional one and others' are none of ours", () => {
  assert.deepEqual(
    keysIn(
      "ipsec:addr-pol=staff",
      "ipsec:addr-pol=staff",
      "IPSEC:Other=1",
      "ipsec:whatever*1",
      "ip:inacl#1=permit ip any any",
      "shell:priv-lvl=15",
      "ipsec",
      "",
    ),
    { kind: "attributes", unknownKeys: ["ipsec:addr-pol", "ipsec:other"], foreignKeys: [] },
  );
});

Deno.test("keys that mean something on IOS alone are told apart from mistakes", () => {
  const all = [...foreignKeys];
  assert.deepEqual(keysIn(...all.map((key) => `${key}=1`)), {
    kind: "attributes",
    unknownKeys: [],
    foreignKeys: all,
  });
  for (const text of ["interface", "access-list 99", "prefix", "prefixes 10.0.0.0/8", ""]) {
    assert.deepEqual(keysIn(`ipsec:route-set=${text}`).kind, "attributes");
    assert.deepEqual(keysIn(`ipsec:route-set=${text}`), {
      kind: "attributes",
      unknownKeys: [],
      foreignKeys: ["ipsec:route-set"],
    });
  }
});

for (const text of ["ipsec:", "ipsec:=x", "ipsec:addr-pool", "ipsec:addr pool=x", "ipsec:ü=1"]) {
  Deno.test(`a pair without a key or a sign lets nobody in: ${text}`, () => {
    assert.equal(given(pair(text)), "unusable: Cisco-AVPair");
  });
}

// --- hostile accepts ----------------------------------------------------------------------------

Deno.test("an accept of 4096 octets is read like any other", () => {
  const fill = (attribute: Attribute): readonly Attribute[] => {
    const { length } = attribute.value;
    const size = attribute.name === "Cisco-AVPair" ? length + 8 : length + 2;
    return new Array(Math.floor((4096 - 20) / size)).fill(attribute);
  };
  const sizes = [
    pair("ipsec:route-set=prefix 10.0.0.0/8"),
    pair("ipsec:dns-servers=1.1.1.1"),
    pair(`ipsec:split-dns=${"a ".repeat(110)}`),
    make("Reply-Message", "x".repeat(253)),
    make("Framed-Route", "1.0.0.0/8"),
    make("Framed-Pool", "x"),
  ].map((attribute) => {
    const { told = {}, ...rest } = given(...fill(attribute)) as {
      readonly told?: Readonly<Record<string, readonly unknown[]>>;
      readonly pools?: readonly unknown[];
      readonly networks?: readonly unknown[];
    };
    return [...Object.values(told), ...Object.values(rest)][0]?.length;
  });
  assert.deepEqual(sizes, [99, 123, 1760, 1000, 370, 1358]);
});

Deno.test("Class that would not fit into accounting lets nobody in", () => {
  const classes = (count: number, text: string): unknown =>
    given(...new Array(count).fill(make("Class", text)));
  assert.deepEqual(classes(8, "x".repeat(253)), { class: new Array(8).fill("x".repeat(253)) });
  assert.equal(classes(9, "x".repeat(253)), "unusable: Class");
  assert.equal(classes(2000, ""), "unusable: Class");
});

Deno.test("whatever octets attributes have, reading ends in attributes or in a name", () => {
  const random = new SeededRandom(20);
  const names = [...new Set(policyRows.flatMap(({ attributes }) => attributes))];
  const keys = policyRows.flatMap(({ key }) => key ?? []);
  let unusable = 0;
  for (let i = 0; i < 4000; i++) {
    const attributes = Array.from({ length: 1 + random.below(4) }, () => {
      const name = random.pick(names);
      const value = random.bytes(random.below(30));
      const head = utf8(`${random.pick(keys)}${random.pick(["=", "*", " "])}`);
      return make(name, name === "Cisco-AVPair" ? concatBytes(head, value) : value);
    });
    const authorization = authorize(accepted(...attributes));
    if (authorization.kind === "unusable") {
      unusable++;
      assert.match(authorization.attribute, /^[A-Z][\w-]+(, [\w-]+)*$|^ipsec:[a-z0-9=-]+$/);
    }
  }
  assert.ok(unusable > 1000 && unusable < 4000, `${unusable}`);
});
