import assert from "node:assert/strict";
import { addressFromBigInt, addressToBigInt, formatIpAddress } from "../../../core/wire/address.ts";
import { noPort } from "../../../dataplane/ip/header.ts";
import { addressWords, SelectorList, sharedPrefixBits } from "../../../dataplane/ip/selector.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { address, selector } from "../support/ends.ts";

const udp = 17;

type Case = readonly [
  text: string,
  list: SelectorList,
  address: string,
  protocol: number,
  port: number,
  wanted: boolean,
];
const range = new SelectorList([selector("10.0.0.5-10.0.1.4")]);
const two = new SelectorList([selector("10.0.0.5"), selector("fd00::-fd00::ffff")]);
const all = new SelectorList([selector("0.0.0.0-255.255.255.255")]);
const web = new SelectorList([
  selector("10.0.0.5", { protocol: 6, startPort: 80, endPort: 90 }),
  selector("10.0.0.6", { protocol: udp }),
  selector("10.0.0.7", { startPort: 0xffff, endPort: 0 }),
]);

const cases: readonly Case[] = [
  ["the first of a range", range, "10.0.0.5", udp, 1, true],
  ["the last of a range", range, "10.0.1.4", udp, 1, true],
  ["inside a range, with a higher last octet than either end", range, "10.0.0.255", udp, 1, true],
  ["one below a range", range, "10.0.0.4", udp, 1, false],
  ["one above a range", range, "10.0.1.5", udp, 1, false],
  ["a single address", two, "10.0.0.5", udp, 1, true],
  ["the second selector", two, "fd00::abcd", udp, 1, true],
  ["above the second selector", two, "fd00::1:0", udp, 1, false],
  ["an IPv6 address whose last word is an IPv4 one", two, "::10.0.0.5", udp, 1, false],
  ["everything of IPv4", all, "255.255.255.255", udp, noPort, true],
  ["IPv6 against everything of IPv4", all, "::", udp, noPort, false],
  ["protocol and first port", web, "10.0.0.5", 6, 80, true],
  ["protocol and last port", web, "10.0.0.5", 6, 90, true],
  ["port above", web, "10.0.0.5", 6, 91, false],
  ["another protocol", web, "10.0.0.5", udp, 80, false],
  ["a port is wanted and there is none", web, "10.0.0.5", 6, noPort, false],
  ["any port of a protocol, and there is none", web, "10.0.0.6", udp, noPort, true],
  ["any port of another protocol", web, "10.0.0.6", 6, 1, false],
  ["OPAQUE wants that there is no port", web, "10.0.0.7", udp, noPort, true],
  ["OPAQUE with a port", web, "10.0.0.7", udp, 53, false],
  ["no selector", new SelectorList([]), "10.0.0.5", udp, 1, false],
];
for (const [text, list, at, protocol, port, wanted] of cases) {
  Deno.test(`RFC 7296 §3.13.1: selectors against ${at}: ${text}`, () => {
    const { family } = address(at);
    assert.equal(list.matches(family, addressWords(address(at)), protocol, port), wanted);
  });
}

Deno.test("only selectors with protocol or ports need the upper header", () => {
  assert.deepEqual([range, two, all, web].map((list) => list.needsUpper), [
    false,
    false,
    false,
    true,
  ]);
});

Deno.test("the width of a selector", () => {
  const widths = ["10.0.0.5", "10.0.0.0-10.0.0.255", "0.0.0.0-255.255.255.255", "fd00::-fd00::7"];
  assert.deepEqual(widths.map((it) => sharedPrefixBits(selector(it))), [32, 24, 0, 125]);
});

Deno.test("selectors agree with arithmetic on big integers", () => {
  const random = new SeededRandom(71);
  for (let i = 0; i < 5000; i++) {
    const family = random.pick([4, 6] as const);
    const near = (): bigint =>
      family === 4
        ? 0x0a00_0000n + BigInt(random.below(700))
        : (0xfd00n << 112n) + (BigInt(random.below(3)) << 96n) + BigInt(random.below(300));
    const [a, b, at] = [near(), near(), near()];
    const [first, last] = a < b ? [a, b] : [b, a];
    const [low, high, asked] = [first, last, at].map((it) => addressFromBigInt(family, it));
    const list = new SelectorList([selector(`${formatIpAddress(low!)}-${formatIpAddress(high!)}`)]);
    const wanted = addressToBigInt(asked!) >= first && addressToBigInt(asked!) <= last;
    assert.equal(
      list.matches(family, addressWords(asked!), udp, 1),
      wanted,
      `${first} ${at} ${last}`,
    );
  }
});
