import assert from "node:assert/strict";
import { parseRule } from "../../../appliance/aaa/access_list/parse.ts";
import type { FilterRule, PacketFilter } from "../../../core/gateway/packet_filter.ts";
import { InnerHeader } from "../../../dataplane/ip/header.ts";
import { CompiledFilter } from "../../../dataplane/ip/packet_filter.ts";
import { bitFlips, byteValues, truncations } from "../../support/mutate.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { address } from "../support/ends.ts";
import { type FilterPacket, filterPacket } from "../support/filter_packets.ts";
import { naivePermits } from "../support/naive_filter.ts";

function filterOf(...lines: readonly string[]): PacketFilter {
  return {
    name: "test",
    rules: lines.map((line) => {
      const parsed = parseRule(line);
      assert.ok(parsed.ok, line);
      return parsed.value;
    }),
  };
}

/** What the compiled filter says, and whether the header can be read at all. */
function ask(compiled: CompiledFilter, packet: Uint8Array): boolean | undefined {
  // Between other octets, so that a look outside would find something.
  const around = new Uint8Array(packet.length + 128).fill(0x14);
  around.set(packet, 64);
  const view = new DataView(around.buffer);
  const header = new InnerHeader();
  if (!header.parse(view, 64, packet.length)) return undefined;
  header.parseUpper(view, 64);
  return compiled.permits(view, 64, header);
}

function permits(filter: PacketFilter, packet: Uint8Array): boolean {
  const verdict = ask(new CompiledFilter(filter), packet);
  assert.equal(verdict, naivePermits(filter, packet));
  return verdict === true;
}

const six = { source: "fd00::1", destination: "fd00::2" };

const cases: readonly (readonly [
  lines: readonly string[],
  permitted: readonly FilterPacket[],
  refused: readonly FilterPacket[],
])[] = [
  [["permit ip any any"], [{}, { protocol: 47 }, { protocol: 17 }], [six]],
  [["permit ipv6 any any"], [six, { ...six, protocol: 58 }], [{}]],
  [[], [], [{}, six]],
  [
    ["permit tcp any host 10.0.0.2 eq 443"],
    [{}, { source: "10.9.9.9" }],
    [{ destinationPort: 444 }, { destination: "10.0.0.3" }, { protocol: 17 }],
  ],
  [
    ["deny tcp any any eq 23", "permit tcp any any"],
    [{}, { sourcePort: 23 }],
    [{ destinationPort: 23 }],
  ],
  [
    ["permit tcp any any", "deny tcp any any eq 23"],
    [{ destinationPort: 23 }],
    [{ protocol: 17 }],
  ],
  [
    ["permit udp any range 1000 1002 any lt 100"],
    [1000, 1001, 1002].map((sourcePort) => ({ protocol: 17, sourcePort, destinationPort: 99 })),
    [999, 1003].map((sourcePort) => ({ protocol: 17, sourcePort, destinationPort: 99 })),
  ],
  [
    ["permit tcp any any neq 22 443"],
    [21, 23, 442, 444, 0, 65535].map((destinationPort) => ({ destinationPort })),
    [22, 443].map((destinationPort) => ({ destinationPort })),
  ],
  [
    ["permit tcp any any established"],
    [{ flags: 0x10 }, { flags: 0x12 }, { flags: 0x04 }, { flags: 0xff }],
    [{ flags: 0x02 }, { flags: 0 }, { flags: 0xeb }],
  ],
  [
    ["permit icmp any any echo"],
    [{ protocol: 1, sourcePort: 0x0800 }, { protocol: 1, sourcePort: 0x0801 }],
    [{ protocol: 1, sourcePort: 0 }, { protocol: 17, sourcePort: 0x0800 }],
  ],
  [
    ["permit icmp any any 3 4"],
    [{ protocol: 1, sourcePort: 0x0304 }],
    [{ protocol: 1, sourcePort: 0x0303 }],
  ],
  [
    ["permit icmpv6 any any echo-request"],
    [{ ...six, protocol: 58, sourcePort: 0x8000 }],
    [{ ...six, protocol: 58, sourcePort: 0x8100 }, { protocol: 1, sourcePort: 0x8000 }],
  ],
  [
    ["permit ip 10.0.0.0/9 10.128.0.0/9"],
    [{ source: "10.127.255.255", destination: "10.128.0.0" }],
    [{ source: "10.128.0.0", destination: "10.128.0.0" }, { source: "10.0.0.1" }],
  ],
  [
    ["permit ipv6 2001:db8:0:8000::/49 host fd00::2"],
    [{ source: "2001:db8:0:ffff::1", destination: "fd00::2" }],
    [
      { source: "2001:db8:0:7fff::1", destination: "fd00::2" },
      { source: "2001:db8:0:ffff::1", destination: "fd00::3" },
    ],
  ],
  [
    ["permit ipv6 any fd00::/127", "permit ipv6 8000::/1 any"],
    [{ source: "::1", destination: "fd00::1" }, { source: "8000::", destination: "::" }],
    [{ source: "7fff::", destination: "fd00::2" }],
  ],
];
for (const [lines, permitted, refused] of cases) {
  Deno.test(`a packet filter: ${lines.join("; ") || "no rules"}`, () => {
    const filter = filterOf(...lines);
    for (const fields of permitted) {
      assert.ok(permits(filter, filterPacket(fields)), JSON.stringify(fields));
    }
    for (const fields of refused) {
      assert.ok(!permits(filter, filterPacket(fields)), JSON.stringify(fields));
    }
  });
}

const fragments: readonly FilterPacket[] = [
  { fragmentOffset: 185 },
  { ...six, fragmentOffset: 185, extensions: [[44]] },
];
Deno.test("a later fragment: a permit fits by addresses alone, a deny with ports does not fit", () => {
  for (const fields of fragments) {
    const later = filterPacket({ ...fields, destinationPort: 80 });
    const any = fields.source === undefined ? "any" : "::/0";
    assert.ok(permits(filterOf(`permit tcp ${any} any eq 443`), later));
    assert.ok(permits(filterOf(`permit tcp ${any} any established`), later));
    assert.ok(
      permits(filterOf(`deny tcp ${any} any eq 80`, `permit tcp ${any} any eq 443`), later),
    );
    assert.ok(!permits(filterOf(`deny tcp ${any} any`, `permit tcp ${any} any eq 443`), later));
    assert.ok(!permits(filterOf(`deny tcp ${any} any eq 80`), later));
    assert.ok(!permits(filterOf(`permit udp ${any} any eq 443`), later));
    const first = filterPacket({ ...fields, fragmentOffset: 0, moreFragments: true });
    assert.ok(permits(filterOf(`permit tcp ${any} any eq 443`), first));
    assert.ok(!permits(filterOf(`permit tcp ${any} any eq 80`), first));
  }
});

const all = filterOf("permit ip any any", "permit ipv6 any any");

const tricks: readonly (readonly [text: string, fields: FilterPacket])[] = [
  ["RFC 1858 §3: a first fragment without the flags of TCP", {
    upperBytes: 8,
    moreFragments: true,
  }],
  ["RFC 1858 §3: a first fragment of IPv6 without the flags of TCP", {
    ...six,
    upperBytes: 16,
    moreFragments: true,
    extensions: [[44]],
  }],
  ["RFC 3128: a fragment at 0 that is shorter than the header of TCP", { upperBytes: 19 }],
  ["RFC 1858 §4: a fragment that lays itself over the flags of TCP", { fragmentOffset: 1 }],
  ["RFC 1858 §4: the same in IPv6, whatever it says it is", {
    ...six,
    protocol: 17,
    fragmentOffset: 1,
    extensions: [[44]],
  }],
  ["UDP without ports", { protocol: 17, upperBytes: 7 }],
  ["ICMP without its header", { protocol: 1, upperBytes: 4 }],
  ["RFC 7112: an extension header that can be fragmented", {
    ...six,
    extensions: [[44], [60]],
  }],
  ["a later fragment of such", { ...six, fragmentOffset: 4, extensions: [[44], [60]] }],
  ["a fragment header behind another", { ...six, extensions: [[44], [44]] }],
  ["RFC 5095: a routing header with a hop left", {
    ...six,
    extensions: [[43, [0, 2, 0, 1, ...new Uint8Array(20)]]],
  }],
  ["an extension header that leads outside", {
    ...six,
    extensions: [[60, [0, 99, 0, 0, 0, 0, 0, 0]]],
  }],
  ["an extension header that leads to the end", { ...six, upperBytes: 0, extensions: [[0]] }],
  ["an extension header behind the end", { ...six, protocol: 60, upperBytes: 0 }],
  ["half an extension header", { ...six, protocol: 60, upperBytes: 4 }],
  ["a jumbogram", { ...six, protocol: 0, upperBytes: 0 }],
  ["Shim6", { ...six, protocol: 140 }],
  ["HIP", { ...six, protocol: 139 }],
  ["a loose source route", { options: [131, 7, 4, 10, 9, 9, 9, 0] }],
  ["a strict source route behind nothing", { options: [1, 137, 3, 4] }],
  ["an option without length", { options: [1, 1, 1, 7] }],
  ["an option longer than the header", { options: [7, 5, 4, 0] }],
  ["an option of length 1", { options: [7, 1, 4, 0] }],
];
for (const [text, fields] of tricks) {
  Deno.test(`no rule permits what a receiver may take for something else: ${text}`, () => {
    assert.ok(!permits(all, filterPacket(fields)));
  });
}

Deno.test("options and extension headers that only stand there are looked behind", () => {
  const tls = filterOf("permit tcp any any eq 443", "permit tcp ::/0 any eq 443");
  const innocent: readonly FilterPacket[] = [
    { options: [148, 4, 0, 0] },
    { options: [1, 1, 0, 131] },
    { ...six, extensions: [[0], [60], [43, [0, 0, 0, 0, 0, 0, 0, 0]], [51], [44]] },
    { ...six, extensions: [[51, [0, 4, ...new Uint8Array(22)]]] },
  ];
  for (const fields of innocent) {
    assert.ok(permits(tls, filterPacket(fields)), JSON.stringify(fields));
    assert.ok(!permits(tls, filterPacket({ ...fields, destinationPort: 80 })));
    assert.ok(!permits(tls, filterPacket({ ...fields, protocol: 17 })));
  }
});

const hosts4 = ["10.0.0.1", "10.0.0.2", "10.0.0.130", "192.0.2.1"];
const hosts6 = ["fd00::1", "fd00::2", "fd00:0:0:1::1", "2001:db8::1"];
const protocols = [6, 17, 1, 58, 47, 132, 139];
const ports = [0, 22, 80, 443, 65_535];

function randomRule(random: SeededRandom): FilterRule {
  const family = random.pick([4, 6] as const);
  const protocol = random.pick([0, 6, 6, 17, 1, 58, 47, 132]);
  const block = () =>
    random.chance(0.4)
      ? {
        address: address(random.pick(family === 4 ? hosts4 : hosts6)),
        length: random.pick(
          family === 4 ? [0, 1, 8, 25, 31, 32] : [0, 1, 32, 63, 64, 65, 127, 128],
        ),
      }
      : undefined;
  const range = () => {
    const [a, b] = [random.pick(ports), random.pick(ports)];
    return { first: Math.min(a, b), last: Math.max(a, b) };
  };
  const ranges = () => random.chance(0.4) ? random.list(random.between(1, 3), range) : undefined;
  const hasPorts = protocol === 6 || protocol === 17 || protocol === 132;
  const isIcmp = protocol === 1 || protocol === 58;
  const given = {
    protocol: protocol === 0 ? undefined : protocol,
    source: block(),
    destination: block(),
    sourcePorts: hasPorts ? ranges() : undefined,
    destinationPorts: hasPorts ? ranges() : undefined,
    established: protocol === 6 && random.chance(0.3) ? true as const : undefined,
    icmpType: isIcmp && random.chance() ? random.pick([0, 3, 8, 128]) : undefined,
    icmpCode: isIcmp && random.chance(0.3) ? random.pick([0, 1, 4]) : undefined,
  };
  const known = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return { action: random.chance(0.6) ? "permit" : "deny", family, ...known };
}

function randomPacket(random: SeededRandom): Uint8Array {
  const isV4 = random.chance();
  const protocol = random.pick(protocols);
  const hosts = isV4 ? hosts4 : hosts6;
  const kinds = [0, 43, 44, 51, 60] as const;
  const extension = (): [number, number[]] => {
    const kind = random.pick(kinds);
    const size = kind === 51 ? 12 : 8 * random.between(1, 3);
    const octets = [0, kind === 51 ? 1 : size / 8 - 1, ...new Uint8Array(size - 2)];
    if (random.chance(0.05)) octets[1] = random.below(256);
    if (random.chance(0.1)) octets[3] = 1;
    return [kind, octets];
  };
  const isFragment = random.chance(0.3);
  const icmp = (random.pick([0, 3, 8, 128]) << 8) | random.pick([0, 1, 4]);
  const packet = filterPacket({
    source: random.pick(hosts),
    destination: random.pick(hosts),
    protocol,
    sourcePort: protocol === 1 || protocol === 58 ? icmp : random.pick(ports),
    destinationPort: random.pick(ports),
    flags: random.pick([0x02, 0x10, 0x04, 0x18, 0]),
    upperBytes: random.pick([40, 40, 40, 20, 19, 8, 7, 4, 0]),
    fragmentOffset: isFragment ? random.pick([0, 1, 2, 185, 8191]) : 0,
    moreFragments: isFragment && random.chance(),
    options: isV4 && random.chance(0.2)
      ? [random.pick([0, 1, 7, 131, 137, 148]), random.pick([0, 1, 2, 3, 4, 5]), 1, 0]
      : [],
    extensions: isV4
      ? []
      : [...random.list(random.pick([0, 0, 1, 2, 3]), extension), ...(isFragment ? [[44]] : [])] as
        & FilterPacket["extensions"]
        & object,
  });
  for (let i = random.pick([0, 0, 0, 1, 2]); i > 0; i--) {
    packet[random.below(packet.length)] = random.below(256);
  }
  return packet;
}

Deno.test("random rules and packets: as the naive twin says", () => {
  const random = new SeededRandom(41);
  const seen = { true: 0, false: 0, undefined: 0 };
  for (let i = 0; i < 600; i++) {
    const filter = { name: "r", rules: random.list(random.below(12), () => randomRule(random)) };
    const compiled = new CompiledFilter(filter);
    for (let k = 0; k < 100; k++) {
      const packet = randomPacket(random);
      const verdict = ask(compiled, packet);
      seen[`${verdict}`]++;
      if (verdict === undefined) continue;
      assert.equal(
        verdict,
        naivePermits(filter, packet),
        `${JSON.stringify(filter.rules)} ${[...packet]}`,
      );
    }
  }
  assert.ok(seen.true > 5_000 && seen.false > 5_000, JSON.stringify(seen));
});

const seeds: readonly FilterPacket[] = [
  {},
  { protocol: 17, upperBytes: 12 },
  { options: [148, 4, 0, 0, 1, 1, 1, 0] },
  { fragmentOffset: 2, moreFragments: true },
  { ...six, extensions: [[0], [60], [43], [44]] },
  { ...six, fragmentOffset: 3, extensions: [[0], [44]] },
  { ...six, extensions: [[51, [0, 4, ...new Uint8Array(22)]]], upperBytes: 20 },
];
Deno.test("changed headers: as the naive twin says, and nothing is read outside of the packet", () => {
  const filter = filterOf(
    "deny tcp any any eq 23",
    "permit tcp any host 10.0.0.2 eq 443",
    "permit udp any any range 440 450",
    "permit 47 any any",
    "permit tcp ::/0 fd00::/16 eq 443",
    "permit icmpv6 any any",
    "permit tcp any any established",
  );
  const compiled = new CompiledFilter(filter);
  for (const fields of seeds) {
    const seed = filterPacket(fields);
    const octets = Array.from({ length: Math.min(seed.length, 80) }, (_, i) => i);
    for (const strategy of [bitFlips(seed), byteValues(seed, octets), truncations(seed)]) {
      for (const { name, bytes } of strategy) {
        const verdict = ask(compiled, bytes);
        if (verdict !== undefined) assert.equal(verdict, naivePermits(filter, bytes), name);
      }
    }
  }
});
