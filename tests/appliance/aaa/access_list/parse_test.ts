import assert from "node:assert/strict";
import { formatRule } from "../../../../appliance/aaa/access_list/format.ts";
import { lineFaultText } from "../../../../appliance/aaa/access_list/line_words.ts";
import { parseRule } from "../../../../appliance/aaa/access_list/parse.ts";
import type { FilterRule } from "../../../../core/mod.ts";
import { address } from "../../../dataplane/support/ends.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";
import { randomLine } from "./random_line.ts";

function read(text: string, family?: 4 | 6): FilterRule {
  const parsed = parseRule(text, family);
  assert.ok(parsed.ok, `${text}: ${parsed.ok || lineFaultText(parsed.fault)}`);
  return parsed.value;
}

const block = (text: string, length: number) => ({ address: address(text), length });
const port = (first: number, last = first) => ({ first, last });

const rules: readonly (readonly [text: string, rule: FilterRule])[] = [
  ["permit ip any any", { action: "permit", family: 4 }],
  ["deny ipv6 any any", { action: "deny", family: 6 }],
  ["  PERMIT  Tcp ANY\tany ", { action: "permit", family: 4, protocol: 6 }],
  ["permit 41 any any", { action: "permit", family: 4, protocol: 41 }],
  ["permit gre any any", { action: "permit", family: 4, protocol: 47 }],
  ["permit esp any any log", { action: "permit", family: 4, protocol: 50 }],
  ["deny ip any any log-input", { action: "deny", family: 4 }],
  [
    "permit ip 10.1.2.3 0.0.0.255 host 192.0.2.1",
    {
      action: "permit",
      family: 4,
      source: block("10.1.2.0", 24),
      destination: block("192.0.2.1", 32),
    },
  ],
  [
    "permit ip 10.1.2.3/20 10.9.9.9 0.0.0.0",
    {
      action: "permit",
      family: 4,
      source: block("10.1.0.0", 20),
      destination: block("10.9.9.9", 32),
    },
  ],
  ["permit ip 0.0.0.0 255.255.255.255 0.0.0.0/0", { action: "permit", family: 4 }],
  [
    "permit tcp any host 10.0.0.5 eq 443",
    {
      action: "permit",
      family: 4,
      protocol: 6,
      destination: block("10.0.0.5", 32),
      destinationPorts: [port(443)],
    },
  ],
  [
    "permit udp any gt 1023 any range snmp snmptrap",
    {
      action: "permit",
      family: 4,
      protocol: 17,
      sourcePorts: [port(1024, 65535)],
      destinationPorts: [port(161, 162)],
    },
  ],
  [
    "permit tcp any lt 1024 any neq www telnet 0 established",
    {
      action: "permit",
      family: 4,
      protocol: 6,
      sourcePorts: [port(0, 1023)],
      destinationPorts: [port(1, 22), port(24, 79), port(81, 65535)],
      established: true,
    },
  ],
  [
    "permit tcp any any eq 443 80 443",
    { action: "permit", family: 4, protocol: 6, destinationPorts: [port(80), port(443)] },
  ],
  ["permit icmp any any", { action: "permit", family: 4, protocol: 1 }],
  ["permit icmp any any echo", { action: "permit", family: 4, protocol: 1, icmpType: 8 }],
  [
    "permit icmp any any 3 4 log",
    { action: "permit", family: 4, protocol: 1, icmpType: 3, icmpCode: 4 },
  ],
  [
    "permit icmp any any port-unreachable",
    { action: "permit", family: 4, protocol: 1, icmpType: 3, icmpCode: 3 },
  ],
  ["permit icmpv6 any any 128", { action: "permit", family: 6, protocol: 58, icmpType: 128 }],
  [
    "permit icmp any 2001:db8::/32 echo-request",
    {
      action: "permit",
      family: 6,
      protocol: 58,
      destination: block("2001:db8::", 32),
      icmpType: 128,
    },
  ],
  [
    "deny udp host fd00::1 2001:db8:ffff::1/33 eq domain",
    {
      action: "deny",
      family: 6,
      protocol: 17,
      source: block("fd00::1", 128),
      destination: block("2001:db8:8000::", 33),
      destinationPorts: [port(53)],
    },
  ],
  ["permit tcp ::/0 any", { action: "permit", family: 6, protocol: 6 }],
];
for (const [text, rule] of rules) {
  Deno.test(`a rule is read: ${text.trim()}`, () => {
    assert.deepEqual(read(text), rule);
    assert.deepEqual(read(formatRule(rule)), rule, formatRule(rule));
    assert.deepEqual(read(formatRule(rule, rule.family), rule.family), rule);
  });
}

Deno.test("in a list of one family the rules need not say which", () => {
  assert.deepEqual(read("permit icmp any any nd-ns", 6), {
    action: "permit",
    family: 6,
    protocol: 58,
    icmpType: 135,
  });
  assert.deepEqual(read("permit tcp any any", 6), { action: "permit", family: 6, protocol: 6 });
});

const faults: readonly (readonly [text: string, fault: string, family?: 4 | 6])[] = [
  ["", "permit or deny behind the last word"],
  ["allow ip any any", 'permit or deny instead of "allow", word 1'],
  [
    "permit tpc any any",
    'a protocol such as ip, ipv6, tcp, udp, icmp, icmpv6, or its number, instead of "tpc", word 2',
  ],
  [
    "permit 256 any any",
    'a protocol such as ip, ipv6, tcp, udp, icmp, icmpv6, or its number, instead of "256", word 2',
  ],
  [
    "permit constructor any any",
    'a protocol such as ip, tcp, udp, icmp, or its number, instead of "constructor", word 2',
    4,
  ],
  [
    "permit ipv6 any any",
    'a protocol such as ip, tcp, udp, icmp, or its number, instead of "ipv6", word 2',
    4,
  ],
  [
    "permit ip any any",
    'a protocol such as ipv6, tcp, udp, icmp, or its number, instead of "ip", word 2',
    6,
  ],
  [
    "permit ip any",
    "any, host and an IPv4 address, or a block, behind the last word",
  ],
  [
    "permit tcp any 10.0.0.256/8",
    'any, host and an IPv4 or IPv6 address, or a block, instead of "10.0.0.256/8", word 4',
  ],
  ["permit tcp host vpn any", 'an IPv4 or IPv6 address instead of "vpn", word 4'],
  ["permit ip host 2001:db8::1 any", 'an IPv4 address instead of "2001:db8::1", word 4'],
  [
    "permit ip any 2001:db8::/32",
    'any, host and an IPv4 address, or a block, instead of "2001:db8::/32", word 4',
  ],
  [
    "permit tcp 10.0.0.0/8 2001:db8::/32",
    'any, host and an IPv4 address, or a block, instead of "2001:db8::/32", word 4',
  ],
  [
    "permit ipv6 2001:db8::1 any",
    'a block such as 2001:db8::/32, or host before the address, instead of "2001:db8::1", word 3',
  ],
  [
    "permit ip 10.0.0.0 255.255.255.0 any",
    "a wildcard whose ones are all at the end, such as 0.0.0.255, " +
    'instead of "255.255.255.0", word 4',
  ],
  [
    "permit ip 10.0.0.0 0.255.0.255 any",
    "a wildcard whose ones are all at the end, such as 0.0.0.255, " +
    'instead of "0.255.0.255", word 4',
  ],
  [
    "permit ip any 10.0.0.1",
    "a wildcard whose ones are all at the end, such as 0.0.0.255, behind the last word",
  ],
  [
    "permit ip any any eq 80",
    'no ports, which this protocol does not have, instead of "eq", word 5',
  ],
  [
    "permit icmp any eq 8 any",
    'no ports, which this protocol does not have, instead of "eq", word 4',
  ],
  [
    "permit tcp any any eq",
    "a port, a number from 0 to 65535 or a word such as www, behind the last word",
  ],
  [
    "permit tcp any any eq 65536",
    'a port, a number from 0 to 65535 or a word such as www, instead of "65536", word 6',
  ],
  [
    "permit udp any any eq www",
    'a port, a number from 0 to 65535 or a word such as www, instead of "www", word 6',
  ],
  ["permit tcp any any range 80 79", 'a port from 80 on instead of "79", word 7'],
  ["permit tcp any any gt 65535", 'a port below 65535 instead of "65535", word 6'],
  ["permit tcp any any lt 0", 'a port above 0 instead of "0", word 6'],
  [
    "permit tcp any any eq 1 2 3 4 5 6 7 8 9 10 11",
    'at most 10 ports behind eq instead of "11", word 16',
  ],
  ["permit udp any any established", 'the end of the rule instead of "established", word 5'],
  ["permit icmp any any 256", 'the end of the rule instead of "256", word 5'],
  ["permit icmp any any echo 0", 'the end of the rule instead of "0", word 6'],
  ["permit tcp any any fragments", 'the end of the rule instead of "fragments", word 5'],
  ["permit ip any any log now", 'the end of the rule instead of "now", word 6'],
];
for (const [text, wanted, family] of faults) {
  Deno.test(`a rule is refused: ${text === "" ? "nothing" : text}`, () => {
    const parsed = parseRule(text, family);
    assert.equal(parsed.ok ? "no fault" : lineFaultText(parsed.fault), wanted);
  });
}

Deno.test("any rule comes back from its own text, in a list of one family and of both", () => {
  const random = new SeededRandom(11);
  for (let i = 0; i < 20_000; i++) {
    const family = random.pick([4, 6] as const);
    const text = randomLine(random, family);
    const rule = read(text, family);
    assert.deepEqual(read(formatRule(rule, family), family), rule, text);
    assert.deepEqual(read(formatRule(rule)), rule, text);
    assert.equal(formatRule(read(formatRule(rule))), formatRule(rule));
  }
});

Deno.test("a line with a word left out, doubled or changed is a rule or a fault in that line", () => {
  const random = new SeededRandom(12);
  const odd = ["", "host", "any", "eq", "65536", "::", "0.0.0.0", "log", "\u0000", "permit", "é"];
  for (let i = 0; i < 20_000; i++) {
    const words = randomLine(random, random.pick([4, 6] as const)).split(" ");
    const at = random.below(words.length);
    words.splice(at, random.below(2), ...random.chance() ? [random.pick(odd)] : []);
    const text = words.join(" ");
    const parsed = parseRule(text);
    const count = text.split(/\s+/).filter((word) => word !== "").length;
    if (parsed.ok) assert.deepEqual(read(formatRule(parsed.value)), parsed.value, text);
    else assert.ok(parsed.fault.place >= 1 && parsed.fault.place <= count + 1, text);
  }
});
