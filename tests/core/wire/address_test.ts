/** Addresses: text tables (RFC 4291 §2.2, RFC 5952), arithmetic against slow twins. */
import assert from "node:assert/strict";
import {
  addressFromBigInt,
  type AddressRange,
  addressToBigInt,
  compareAddresses,
  equalAddresses,
  equalEndpoints,
  formatEndpoint,
  formatIpAddress,
  formatPrefix,
  hostOfEndpoint,
  type IpAddress,
  netmaskOf,
  parseIpAddress,
  parsePrefix,
  parseRange,
  prefixesOverlap,
  prefixLengthOfNetmask,
  prefixToRange,
  rangeContains,
  rangeToPrefixes,
} from "../../../core/wire/address.ts";
import { toHex } from "../../support/hex.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  assert.ok(address, text);
  return address;
}

function range(text: string): AddressRange {
  const parsed = parseRange(text);
  assert.ok(parsed, text);
  return parsed;
}

const rangeText = ({ first, last }: AddressRange): string =>
  `${formatIpAddress(first)}-${formatIpAddress(last)}`;

Deno.test("address texts: octets and the one recommended text", () => {
  const table: [text: string, octets: string, canonical?: string][] = [
    ["0.0.0.0", "00000000"],
    ["192.0.2.33", "c0000221"],
    ["255.255.255.255", "ffffffff"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["1::", "00010000000000000000000000000000"],
    ["2001:db8::1", "20010db8000000000000000000000001"],
    ["2001:0DB8:0:0:0:0:0:1", "20010db8000000000000000000000001", "2001:db8::1"],
    // RFC 5952 §4.2.2: one group of zeros is not shortened.
    ["2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001"],
    ["2001:db8::1:1:1:1:1", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    // RFC 5952 §4.2.3: the longest run, and of equal ones the first.
    ["2001:0:0:1:0:0:0:1", "20010000000000010000000000000001", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
    ["0:0:1::", "00000000000100000000000000000000", "0:0:1::"],
    ["fe80::1:0:0", "fe800000000000000000000100000000", "fe80::1:0:0"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["::ffff:c000:201", "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304", "1:2:3:4:5:6:102:304"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008", "0:2:3:4:5:6:7:8"],
  ];
  for (const [text, octets, canonical = text] of table) {
    const address = ip(text);
    assert.equal(toHex(address.octets), octets, text);
    assert.equal(address.family, octets.length === 8 ? 4 : 6, text);
    assert.equal(formatIpAddress(address), canonical, text);
  }
});

Deno.test("texts that are no address give undefined", () => {
  const texts = [
    "",
    " 1.2.3.4",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.-4",
    "1.2.3.4e0",
    "0x1.2.3.4",
    "1.2.3.",
    ":",
    ":::",
    "1:::2",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "fe80::1%eth0",
  ];
  // "1:2:3:4:5:6:7::8" has eight groups written, so "::" would stand for none.
  for (const text of texts) assert.equal(parseIpAddress(text), undefined, text);
});

Deno.test("random addresses keep their octets through their text", () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const octets = random.bytes(random.chance() ? 4 : 16).map((o) => random.chance(0.4) ? 0 : o);
    const address: IpAddress = { family: octets.length === 4 ? 4 : 6, octets };
    assert.deepEqual(ip(formatIpAddress(address)), address);
  }
});

Deno.test("endpoints: IPv6 hosts stand in brackets", () => {
  assert.equal(formatEndpoint({ address: ip("1.2.3.4"), port: 500 }), "1.2.3.4:500");
  assert.equal(formatEndpoint({ address: ip("::1"), port: 4500 }), "[::1]:4500");
  assert.equal(hostOfEndpoint("1.2.3.4:500"), "1.2.3.4");
  assert.equal(hostOfEndpoint("[::1]:4500"), "::1");
  assert.ok(equalEndpoints({ address: ip("::1"), port: 1 }, { address: ip("0::1"), port: 1 }));
  assert.ok(!equalEndpoints({ address: ip("::1"), port: 1 }, { address: ip("::1"), port: 2 }));
});

Deno.test("order: IPv4 before IPv6, then by octets", () => {
  const sorted = ["0.0.0.1", "9.0.0.0", "10.0.0.0", "255.0.0.0", "::", "::1", "2001:db8::"];
  const random = new SeededRandom(2);
  const shuffled = sorted.map((text) => ({ text, at: random.u32() })).sort((a, b) => a.at - b.at);
  const again = shuffled.map(({ text }) => ip(text)).sort(compareAddresses).map(formatIpAddress);
  assert.deepEqual(again, sorted);
  assert.ok(equalAddresses(ip("10.0.0.1"), ip("10.0.0.1")));
  assert.ok(!equalAddresses(ip("0.0.0.1"), ip("::1")));
});

Deno.test("numbers of addresses agree with adding up octets one by one", () => {
  const random = new SeededRandom(3);
  for (let i = 0; i < 500; i++) {
    const family = random.pick([4, 6] as const);
    const octets = random.bytes(family === 4 ? 4 : 16);
    let slow = 0n;
    for (const octet of octets) slow = slow * 256n + BigInt(octet);
    assert.equal(addressToBigInt({ family, octets }), slow);
    assert.deepEqual(addressFromBigInt(family, slow), { family, octets });
  }
  assert.throws(() => addressFromBigInt(4, 1n << 32n), RangeError);
  assert.throws(() => addressFromBigInt(6, -1n), RangeError);
});

Deno.test("numbers of addresses work on views inside a larger buffer", () => {
  const buffer = Uint8Array.of(9, 9, 10, 0, 0, 1, 9);
  assert.equal(addressToBigInt({ family: 4, octets: buffer.subarray(2, 6) }), 0x0a000001n);
});

Deno.test("prefixes: text and the range they stand for", () => {
  const table: [text: string, range: string][] = [
    ["10.0.0.0/8", "10.0.0.0-10.255.255.255"],
    ["10.1.2.3/8", "10.0.0.0-10.255.255.255"],
    ["192.0.2.1/32", "192.0.2.1-192.0.2.1"],
    ["0.0.0.0/0", "0.0.0.0-255.255.255.255"],
    ["2001:db8::/126", "2001:db8::-2001:db8::3"],
    ["::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ];
  for (const [text, wanted] of table) {
    const prefix = parsePrefix(text);
    assert.ok(prefix, text);
    assert.equal(formatPrefix(prefix), text);
    assert.equal(rangeText(prefixToRange(prefix)), wanted);
  }
  for (const text of ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "x/8", "1.2.3.4/08"]) {
    assert.equal(parsePrefix(text), undefined, text);
  }
});

Deno.test("prefix ranges agree with masking bit by bit", () => {
  const random = new SeededRandom(4);
  for (let i = 0; i < 300; i++) {
    const family = random.pick([4, 6] as const);
    const octets = random.bytes(family === 4 ? 4 : 16);
    const length = random.between(0, 8 * octets.length);
    const first = octets.slice();
    const last = octets.slice();
    for (let bit = length; bit < 8 * octets.length; bit++) {
      first[bit >> 3]! &= ~(0x80 >> (bit & 7));
      last[bit >> 3]! |= 0x80 >> (bit & 7);
    }
    assert.deepEqual(prefixToRange({ address: { family, octets }, length }), {
      first: { family, octets: first },
      last: { family, octets: last },
    });
  }
});

Deno.test("ranges: pair, prefix or single address", () => {
  assert.equal(rangeText(range("10.0.0.5-10.0.0.9")), "10.0.0.5-10.0.0.9");
  assert.equal(rangeText(range("10.0.0.5 - 10.0.0.9")), "10.0.0.5-10.0.0.9");
  assert.equal(rangeText(range("10.0.0.5")), "10.0.0.5-10.0.0.5");
  assert.equal(rangeText(range("10.0.0.0/30")), "10.0.0.0-10.0.0.3");
  assert.equal(rangeText(range("2001:db8::1-2001:db8::f")), "2001:db8::1-2001:db8::f");
  for (
    const text of ["", "10.0.0.9-10.0.0.5", "1.2.3.4-::1", "1.2.3.4-", "1.1.1.1-2.2.2.2-3.3.3.3"]
  ) {
    assert.equal(parseRange(text), undefined, text);
  }
  assert.ok(rangeContains(range("10.0.0.5-10.0.0.9"), ip("10.0.0.9")));
  assert.ok(!rangeContains(range("10.0.0.5-10.0.0.9"), ip("10.0.0.10")));
  assert.ok(!rangeContains(range("0.0.0.0/0"), ip("::1")));
});

Deno.test("ranges as prefixes: exact, in order, and no fewer would do", () => {
  const texts = (text: string): string[] => rangeToPrefixes(range(text)).map(formatPrefix);
  assert.deepEqual(texts("10.0.0.0/8"), ["10.0.0.0/8"]);
  assert.deepEqual(texts("0.0.0.0/0"), ["0.0.0.0/0"]);
  assert.deepEqual(texts("::/0"), ["::/0"]);
  assert.deepEqual(texts("10.0.0.1-10.0.0.6"), [
    "10.0.0.1/32",
    "10.0.0.2/31",
    "10.0.0.4/31",
    "10.0.0.6/32",
  ]);
  assert.equal(texts("0.0.0.1-255.255.255.254").length, 62);
  const random = new SeededRandom(5);
  for (let i = 0; i < 200; i++) {
    const first = BigInt(random.u32()) >> BigInt(random.below(20));
    const last = first + BigInt(random.below(600));
    if (last >> 32n !== 0n) continue;
    const prefixes = rangeToPrefixes({
      first: addressFromBigInt(4, first),
      last: addressFromBigInt(4, last),
    });
    let next = first;
    for (const prefix of prefixes) {
      const block = prefixToRange(prefix);
      assert.equal(addressToBigInt(block.first), next);
      next = addressToBigInt(block.last) + 1n;
    }
    assert.equal(next, last + 1n);
    for (const [i, { length }] of prefixes.entries()) {
      const before = prefixes[i - 1];
      const isMergeable = before?.length === length &&
        addressToBigInt(before.address) % (1n << BigInt(33 - length)) === 0n;
      assert.ok(!isMergeable, "two neighbours make one larger block");
    }
  }
});

Deno.test("netmasks and prefix lengths", () => {
  assert.equal(toHex(netmaskOf(0)), "00000000");
  assert.equal(toHex(netmaskOf(1)), "80000000");
  assert.equal(toHex(netmaskOf(20)), "fffff000");
  assert.equal(toHex(netmaskOf(32)), "ffffffff");
  for (let length = 0; length <= 32; length++) {
    assert.equal(prefixLengthOfNetmask(netmaskOf(length)), length);
  }
  assert.equal(prefixLengthOfNetmask(Uint8Array.of(255, 0, 255, 0)), undefined);
  assert.equal(prefixLengthOfNetmask(Uint8Array.of(255, 255)), undefined);
  for (const length of [-1, 33, 1.5]) assert.throws(() => netmaskOf(length), RangeError);
});

Deno.test("two blocks overlap when one has an address of the other: against a slow twin", () => {
  const random = new SeededRandom(31);
  const cases: Record<string, number> = { true: 0, false: 0 };
  for (let i = 0; i < 2000; i++) {
    const block = (): { readonly address: IpAddress; readonly length: number } => ({
      address: addressFromBigInt(4, BigInt(random.below(64))),
      length: 26 + random.below(7),
    });
    const [a, b] = [block(), block()];
    const [one, other] = [prefixToRange(a), prefixToRange(b)];
    let isShared = false;
    for (let value = 0n; value < 64n; value++) {
      const address = addressFromBigInt(4, value);
      isShared ||= rangeContains(one, address) && rangeContains(other, address);
    }
    assert.equal(prefixesOverlap(a, b), isShared, `${formatPrefix(a)} ${formatPrefix(b)}`);
    cases[`${isShared}`] = (cases[`${isShared}`] ?? 0) + 1;
  }
  assert.ok(Object.values(cases).every((count) => count > 100), JSON.stringify(cases));
  const prefix = (text: string): ReturnType<typeof parsePrefix> & object =>
    parsePrefix(text) ?? assert.fail();
  assert.ok(!prefixesOverlap(prefix("0.0.0.0/0"), prefix("::/0")));
  assert.ok(prefixesOverlap(prefix("::/0"), prefix("fd00::1/128")));
});
