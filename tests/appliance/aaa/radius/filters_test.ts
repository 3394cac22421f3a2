import assert from "node:assert/strict";
import { formatRule } from "../../../../appliance/aaa/access_list/format.ts";
import { type FilterReading, readFilter } from "../../../../appliance/aaa/radius/filters.ts";
import { type Attribute, buildPacket, Code } from "../../../../appliance/aaa/radius/packet.ts";
import { parsePacket, type RadiusPacket } from "../../../../appliance/aaa/radius/packet.ts";
import { type PacketFilter, utf8 } from "../../../../core/mod.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const staff: PacketFilter = { name: "staff", rules: [{ action: "permit", family: 4 }] };
const dotted: PacketFilter = { name: "dns.in", rules: [{ action: "permit", family: 6 }] };
const lists = new Map([[staff.name, staff], [dotted.name, dotted], ["x.out", staff]]);

function pair(text: string): Attribute {
  return { name: "Cisco-AVPair", value: utf8(text) };
}

function id(text: string): Attribute {
  return { name: "Filter-Id", value: utf8(text) };
}

function packetOf(attributes: readonly Attribute[]): RadiusPacket {
  return { code: Code.ACCESS_ACCEPT, identifier: 0, authenticator: new Uint8Array(16), attributes };
}

/** Name and rules as text, or what is wrong. */
function said(...attributes: Attribute[]): readonly unknown[] {
  const reading = readFilter(packetOf(attributes), lists);
  if (reading.kind === "unusable") return [reading.attribute, reading.reason];
  const { filter, outbound } = reading;
  const all = filter === undefined
    ? ["no filter"]
    : [filter.name, ...filter.rules.map((rule) => formatRule(rule))];
  return outbound.length === 0 ? all : [...all, { outbound }];
}

const permitAll = "permit ip any any";

const cases: readonly (readonly [what: string, attributes: readonly Attribute[], said: unknown])[] =
  [
    ["nothing", [], ["no filter"]],
    ["pairs of others", [pair("ipsec:dns-servers=10.0.0.1"), pair("ip:route=any")], ["no filter"]],
    ["rules in the order of their numbers, both families", [
      pair("ip:inacl#20=deny ip any any log"),
      pair("ip:inacl#9=permit tcp any host 10.0.0.5 eq www"),
      pair("ipv6:inacl#10=permit icmp any any nd-ns"),
      pair("IP:InACL#10=permit icmp any any"),
    ], [
      "per-user",
      "permit tcp any host 10.0.0.5 eq www",
      "permit icmpv6 any any nd-ns",
      "permit icmp any any",
      "deny ip any any",
    ]],
    ["rules of one number as they came", [
      pair("ip:inacl#1=deny tcp any any"),
      pair("ip:inacl#1=permit ip any any"),
    ], ["per-user", "deny tcp any any", permitAll]],
    ["a list by its name", [id("staff")], ["staff", permitAll]],
    ["a list by its name and direction", [id("staff.in")], ["staff", permitAll]],
    ["a list whose name has the suffix", [id("dns.in")], ["dns.in", "permit ipv6 any any"]],
    ["a list twice", [id("staff"), id("staff.in")], ["staff", permitAll]],
    ["rules over a list", [id("staff"), pair("ip:inacl#1=deny tcp any any")], [
      "per-user",
      "deny tcp any any",
    ]],
    ["outbound filters", [id("x.out"), id("y.OUT"), pair("ip:outacl#3=deny ip any any")], [
      "no filter",
      { outbound: ["ip:outacl", "x.out", "y.OUT"] },
    ]],
    ["outbound beside inbound", [id("x.out"), id("staff")], [
      "staff",
      permitAll,
      { outbound: ["x.out"] },
    ]],
    ["a list that is not there", [id("guests")], [
      "Filter-Id",
      'there is no access list "guests"',
    ]],
    ["a list that is not there, beside rules", [id("no.in"), pair(`ip:inacl#1=${permitAll}`)], [
      "Filter-Id",
      'there is no access list "no.in"',
    ]],
    ["an empty name", [id("")], ["Filter-Id", 'there is no access list ""']],
    ["two lists", [id("staff"), id("dns.in")], ["Filter-Id", "wanted one inbound list"]],
    ["a rule that cannot be read", [
      pair(`ip:inacl#1=${permitAll}`),
      pair("ip:inacl#2=permit tcp any any eq htp"),
    ], [
      "ip:inacl#2",
      'wanted a port, a number from 0 to 65535 or a word such as www, instead of "htp", word 6',
    ]],
    ["a rule of the other family", [pair("ipv6:inacl#2=permit ip any any")], [
      "ipv6:inacl#2",
      'wanted a protocol such as ipv6, tcp, udp, icmp, or its number, instead of "ip", word 2',
    ]],
    ["a rule without number", [pair(`ip:inacl=${permitAll}`)], [
      "ip:inacl",
      "wanted inacl#NUMBER=RULE",
    ]],
    ["a rule with a strange number", [pair(`ip:inacl#1x=${permitAll}`)], [
      "ip:inacl#1x",
      "wanted inacl#NUMBER=RULE",
    ]],
    ["a rule without a rule", [pair("ip:inacl#1")], [
      "ip:inacl#1",
      "wanted permit or deny behind the last word",
    ]],
    ["an optional rule that cannot be read", [pair("ip:inacl#1*permit")], [
      "ip:inacl#1",
      "wanted a protocol such as ip, tcp, udp, icmp, or its number, behind the last word",
    ]],
    ["a list to be downloaded", [pair("ACS:CiscoSecure-Defined-ACL=#ACSACL#-IP-x-5f")], [
      "ACS:CiscoSecure-Defined-ACL",
      "lists are not downloaded",
    ]],
    ["rules of RFC 4849", [{
      name: "NAS-Filter-Rule",
      value: utf8("permit in ip from any to any"),
    }], ["NAS-Filter-Rule", "rules of this form are not understood"]],
  ];
for (const [what, attributes, wanted] of cases) {
  Deno.test(`a filter of RADIUS: ${what}`, () => assert.deepEqual(said(...attributes), wanted));
}

Deno.test("whatever octets come, a filter is whole or the packet unusable", () => {
  const random = new SeededRandom(8);
  const authenticator = new Uint8Array(16);
  let readings = 0;
  for (let i = 0; i < 5_000; i++) {
    const attributes = [
      pair("ip:inacl#10=permit tcp any host 10.0.0.5 eq 443"),
      pair("ip:inacl#20=deny ip any any"),
      id("staff.in"),
    ].map(({ name, value }) => {
      const octets = value.slice();
      if (random.chance()) octets[random.below(octets.length)] = random.below(256);
      return { name, value: octets };
    });
    const bytes = buildPacket({ code: 2, identifier: 0, authenticator, attributes });
    const parsed = parsePacket(bytes ?? new Uint8Array());
    assert.ok(parsed.ok);
    const reading: FilterReading = readFilter(parsed.value, lists);
    if (reading.kind === "unusable") continue;
    readings++;
    // A changed key is somebody else's pair, and what is left is still a filter.
    assert.ok(reading.filter !== undefined && reading.filter.rules.length > 0);
  }
  assert.ok(readings > 500 && readings < 4_500, `${readings}`);
});
