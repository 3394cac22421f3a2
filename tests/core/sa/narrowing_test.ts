import assert from "node:assert/strict";
import type { TrafficSelector } from "../../../core/message/payload.ts";
import { limits } from "../../../core/limits.ts";
import {
  anySelector,
  formatSelector,
  narrowSelectors,
  selectorContains,
  selectorOfAddress,
  selectorOfPrefix,
  selectorOfRange,
} from "../../../core/sa/narrowing.ts";
import {
  addressFromBigInt,
  type IpAddress,
  parseIpAddress,
  parsePrefix,
  parseRange,
} from "../../../core/wire/address.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

/** A selector from `range` or `range protocol` or `range protocol low-high`. */
function selector(text: string): TrafficSelector {
  const [addresses = "", protocol = "0", ports = "0-65535"] = text.split(" ");
  const range = parseRange(addresses);
  assert.ok(range !== undefined, text);
  const [startPort = 0, endPort = 0] = ports.split("-").map(Number);
  return { ...selectorOfRange(range), protocol: Number(protocol), startPort, endPort };
}

function narrow(offered: readonly string[], allowed: readonly string[]): string[] {
  return narrowSelectors(offered.map(selector), allowed.map(selector)).map(formatSelector);
}

Deno.test("RFC 7296 §2.9: what is left is what both sides allow, in the order offered", () => {
  const table: readonly (readonly [string[], string[], string[]])[] = [
    [["0.0.0.0/0"], ["192.168.20.5"], ["192.168.20.5/32"]],
    [["0.0.0.0/0", "::/0"], ["192.168.20.5", "2001:db8::5"], [
      "192.168.20.5/32",
      "2001:db8::5/128",
    ]],
    [["::/0", "0.0.0.0/0"], ["192.168.20.5", "2001:db8::5"], [
      "2001:db8::5/128",
      "192.168.20.5/32",
    ]],
    [["::/0"], ["10.0.0.0/8"], []],
    [["10.0.0.0/8"], ["10.1.0.0/16", "10.2.0.0/16"], ["10.1.0.0/16", "10.2.0.0/16"]],
    [["10.1.2.0/24"], ["10.1.0.0/16"], ["10.1.2.0/24"]],
    [["10.0.0.5-10.0.0.20"], ["10.0.0.0-10.0.0.9"], ["10.0.0.5-10.0.0.9"]],
    [["10.0.0.5-10.0.0.20"], ["10.0.0.21-10.0.0.30"], []],
    [["10.0.0.0/8 6"], ["0.0.0.0/0"], ["10.0.0.0/8[6]"]],
    [["10.0.0.0/8"], ["0.0.0.0/0 17 53-53"], ["10.0.0.0/8[17/53]"]],
    [["10.0.0.0/8 6"], ["0.0.0.0/0 17"], []],
    [["10.0.0.0/8 6 100-200"], ["0.0.0.0/0 6 150-300"], ["10.0.0.0/8[6/150-200]"]],
    [["10.0.0.0/8 6 100-200"], ["0.0.0.0/0 6 201-300"], []],
    [["10.0.0.1 17 9-9", "10.0.0.0/8"], ["0.0.0.0/0"], ["10.0.0.1/32[17/9]", "10.0.0.0/8"]],
    [["10.0.0.0/8", "10.0.0.1 17 9-9"], ["0.0.0.0/0"], ["10.0.0.0/8"]],
    [["10.0.0.0/8", "10.0.0.0/8"], ["0.0.0.0/0"], ["10.0.0.0/8"]],
    [[], ["0.0.0.0/0"], []],
    [["0.0.0.0/0"], [], []],
  ];
  for (const [offered, allowed, expected] of table) {
    assert.deepEqual(narrow(offered, allowed), expected, `${offered} and ${allowed}`);
  }
});

Deno.test("RFC 7296 §3.13.1: OPAQUE ports are in any port and in nothing else", () => {
  const opaque = { ...selector("10.0.0.0/8 50"), startPort: 65535, endPort: 0 };
  const any = selector("0.0.0.0/0");
  const some = selector("0.0.0.0/0 50 0-100");
  assert.deepEqual(narrowSelectors([opaque], [any]).map(formatSelector), ["10.0.0.0/8[50/opaque]"]);
  assert.deepEqual(narrowSelectors([any], [opaque]).map(formatSelector), ["10.0.0.0/8[50/opaque]"]);
  assert.equal(narrowSelectors([opaque], [opaque]).length, 1);
  assert.deepEqual(narrowSelectors([opaque], [some]), []);
  assert.ok(selectorContains(any, opaque));
  assert.ok(!selectorContains(some, opaque));
  assert.ok(!selectorContains(opaque, any));
});

Deno.test("A narrowed selector outlives the datagram that it came from", () => {
  const offered = selector("10.1.2.3-10.1.2.9");
  const [narrowed] = narrowSelectors([offered], [anySelector(4)]);
  offered.startAddress.octets.fill(0);
  offered.endAddress.octets.fill(0);
  assert.equal(formatSelector(narrowed!), "10.1.2.3-10.1.2.9");
});

Deno.test("A peer's selector that is upside down narrows to nothing", () => {
  const upsideDown = {
    ...anySelector(4),
    startAddress: address("10.0.0.9"),
    endAddress: address("10.0.0.1"),
  };
  assert.deepEqual(narrowSelectors([upsideDown], [anySelector(4)]), []);
  assert.equal(formatSelector(upsideDown), "10.0.0.9-10.0.0.1");
});

Deno.test("The answer never has more selectors than one payload may", () => {
  const offered = Array.from({ length: 64 }, (_, i) => selector(`10.${i}.0.0/16`));
  const allowed = Array.from({ length: 4 }, (_, i) => selector(`0.0.0.0/0 6 ${i}-${i}`));
  const narrowed = narrowSelectors(offered, allowed);
  assert.equal(narrowed.length, limits.selectorsPerPayload);
  assert.equal(formatSelector(narrowed[63]!), "10.15.0.0/16[6/3]");
});

Deno.test("Selectors of our own say all traffic of their addresses", () => {
  assert.equal(formatSelector(anySelector(4)), "0.0.0.0/0");
  assert.equal(formatSelector(anySelector(6)), "::/0");
  assert.equal(formatSelector(selectorOfAddress(address("2001:db8::1"))), "2001:db8::1/128");
  assert.equal(formatSelector(selectorOfPrefix(parsePrefix("10.9.3.7/22")!)), "10.9.0.0/22");
  const range = selectorOfRange({ first: address("10.0.0.1"), last: address("10.0.0.9") });
  assert.equal(formatSelector(range), "10.0.0.1-10.0.0.9");
  assert.deepEqual([range.protocol, range.startPort, range.endPort], [0, 0, 65535]);
});

const protocols = [0, 6, 17];

function randomSelector(random: SeededRandom, family: 4 | 6): TrafficSelector {
  const low = random.below(8);
  const high = random.between(low, 7);
  const startPort = random.below(4);
  const isAnyPort = random.chance();
  return {
    protocol: random.pick(protocols),
    startPort: isAnyPort ? 0 : startPort,
    endPort: isAnyPort ? 65535 : random.between(startPort, 3),
    startAddress: addressFromBigInt(family, BigInt(low)),
    endAddress: addressFromBigInt(family, BigInt(high)),
  };
}

/** Every packet of a small world that one of the selectors lets through, one by one. */
function packetsOf(selectors: readonly TrafficSelector[]): Set<string> {
  const packets = new Set<string>();
  for (const family of [4, 6] as const) {
    for (const entry of selectors) {
      for (let host = 0; host < 8; host++) {
        const here = addressFromBigInt(family, BigInt(host)).octets;
        const isInside = entry.startAddress.family === family &&
          here.at(-1)! >= entry.startAddress.octets.at(-1)! &&
          here.at(-1)! <= entry.endAddress.octets.at(-1)!;
        for (const protocol of [1, 6, 17]) {
          for (const port of [0, 1, 2, 3, 4, 65535]) {
            if (!isInside || (entry.protocol !== 0 && entry.protocol !== protocol)) continue;
            if (port < entry.startPort || port > entry.endPort) continue;
            packets.add(`${family} ${host} ${protocol} ${port}`);
          }
        }
      }
    }
  }
  return packets;
}

Deno.test("Twin: narrowed selectors let through exactly the packets that both sides let through", () => {
  const random = new SeededRandom(21);
  for (let run = 0; run < 600; run++) {
    const some = (): TrafficSelector[] =>
      random.list(random.below(4), () => randomSelector(random, random.pick([4, 6] as const)));
    const [offered, allowed] = [some(), some()];
    const expected = packetsOf(offered).intersection(packetsOf(allowed));
    const narrowed = narrowSelectors(offered, allowed);
    assert.deepEqual(packetsOf(narrowed), expected, `run ${run}`);
    for (const entry of narrowed) {
      assert.ok(offered.some((outer) => selectorContains(outer, entry)));
      assert.ok(allowed.some((outer) => selectorContains(outer, entry)));
    }
  }
});

Deno.test("Twin: one selector contains another exactly if its packets do", () => {
  const random = new SeededRandom(22);
  let contained = 0;
  for (let run = 0; run < 600; run++) {
    const outer = randomSelector(random, 4);
    const inner = randomSelector(random, 4);
    const expected = packetsOf([inner]).isSubsetOf(packetsOf([outer]));
    assert.equal(selectorContains(outer, inner), expected, `run ${run}`);
    if (expected) contained++;
  }
  assert.ok(contained > 20);
});
