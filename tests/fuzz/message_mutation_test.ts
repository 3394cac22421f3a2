/**
 * Near misses of good messages (style: exhaustive, not random): nothing throws, a fault lies inside
 * the octets, what is accepted is bounded and builds into something that says the same.
 */
import assert from "node:assert/strict";
import { limits } from "../../core/limits.ts";
import { checkGrammar } from "../../core/message/grammar.ts";
import { formatMessage } from "../../core/message/format.ts";
import { buildPayloads, parseMessage, parsePayloads } from "../../core/message/message.ts";
import type { Payload } from "../../core/message/payload.ts";
import type { WireFault } from "../../core/wire/fault.ts";
import { toHex } from "../support/hex.ts";
import { type MessageSeed, readMessageSeeds } from "../support/message_seeds.ts";
import {
  bitFlips,
  byteValues,
  chainChanges,
  type Mutant,
  repairHeader,
  spansOf,
  truncations,
  wordValues,
} from "../support/mutate.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const HEADER = 28;
/** Where a chain would stand in its datagram. */
const BASE = 48;
const { messages, chains } = readMessageSeeds();

interface Tally {
  accepted: number;
  refused: number;
}

/** Runs one mutant and reports it by name if it throws. */
function survives(seed: MessageSeed, mutant: Mutant, run: () => void): void {
  try {
    run();
  } catch (error) {
    const at = `${seed.name}, ${mutant.name}: ${toHex(mutant.bytes)}`;
    throw new Error(`mutant of ${at}`, { cause: error });
  }
}

function checkFault(fault: WireFault, low: number, high: number): void {
  if (fault.offset < low || fault.offset > high) assert.fail(`fault at ${fault.offset} of ${high}`);
}

/** Building again costs ten times what parsing does, so it is done for one in so many. */
const BUILD_EVERY = 10;

/** What is accepted has as many things as the limits allow and comes back from its own octets. */
function checkAccepted(payloads: readonly Payload[], count: number): void {
  assert.ok(payloads.length <= limits.payloadsPerMessage);
  if (count % BUILD_EVERY !== 0) return;
  const { first, bytes } = buildPayloads(payloads.filter((payload) => !isEmptied(payload)));
  const again = parsePayloads(first, bytes, 0);
  assert.ok(again.ok, JSON.stringify(again));
  assert.equal(toHex(buildPayloads(again.value).bytes), toHex(bytes));
}

/** A payload of which nothing was understood cannot be built again. */
function isEmptied(payload: Payload): boolean {
  if (payload.kind === "SA") return payload.proposals.length === 0;
  return (payload.kind === "TSi" || payload.kind === "TSr") && payload.selectors.length === 0;
}

function tryMessage(seed: MessageSeed, mutant: Mutant, tally: Tally): void {
  survives(seed, mutant, () => {
    const parsed = parseMessage(mutant.bytes);
    if (!parsed.ok) {
      tally.refused++;
      return checkFault(parsed.fault, 0, mutant.bytes.length);
    }
    tally.accepted++;
    const { header, payloads, encrypted } = parsed.value;
    checkAccepted(payloads, tally.accepted);
    if (encrypted !== undefined) {
      assert.equal(encrypted.bodyOffset + encrypted.body.length, mutant.bytes.length);
    }
    formatMessage(header, payloads);
    checkGrammar({
      exchangeType: header.exchangeType,
      isResponse: header.flags.response,
      isEncrypted: false,
      payloads,
    });
  });
}

function tryChain(seed: MessageSeed, mutant: Mutant, firstType: number, tally: Tally): void {
  survives(seed, mutant, () => {
    const parsed = parsePayloads(firstType, mutant.bytes, BASE);
    if (!parsed.ok) {
      tally.refused++;
      return checkFault(parsed.fault, BASE, BASE + mutant.bytes.length);
    }
    tally.accepted++;
    checkAccepted(parsed.value, tally.accepted);
  });
}

/** Offsets of every generic header of a chain, and of the first four octets of each body. */
function interesting(seed: MessageSeed, start: number): number[] {
  return spansOf(seed.bytes, seed.firstType, start).flatMap(({ start, end }) => {
    const length = Math.min(end - start, 8);
    return Array.from({ length }, (_, i) => start + i);
  });
}

const headerFields = [16, 17, 18, 19, 24, 25, 26, 27];

Deno.test("mutated messages: bits, header and length octets, truncations, payload order", () => {
  const tally: Tally = { accepted: 0, refused: 0 };
  for (const seed of messages) {
    for (const mutant of bitFlips(seed.bytes)) tryMessage(seed, mutant, tally);
    const places = [...headerFields, ...interesting(seed, HEADER)];
    for (const mutant of byteValues(seed.bytes, places)) tryMessage(seed, mutant, tally);
    for (const mutant of wordValues(seed.bytes, places)) tryMessage(seed, mutant, tally);
    for (const { name, bytes } of truncations(seed.bytes)) {
      tryMessage(seed, { name, bytes }, tally);
      tryMessage(seed, { name: `${name}, repaired`, bytes: repairHeader(bytes) }, tally);
    }
    for (const { name, bytes, firstType } of chainChanges(seed.bytes, seed.firstType, HEADER)) {
      tryMessage(seed, { name, bytes: repairHeader(bytes, firstType) }, tally);
    }
  }
  assert.ok(tally.accepted > 1000 && tally.refused > 1000, JSON.stringify(tally));
});

Deno.test("mutated opened chains: bits, every 16-bit place, truncations, payload order", () => {
  const tally: Tally = { accepted: 0, refused: 0 };
  for (const seed of chains) {
    const { firstType, bytes } = seed;
    for (const mutant of bitFlips(bytes)) tryChain(seed, mutant, firstType, tally);
    for (const mutant of byteValues(bytes, interesting(seed, 0))) {
      tryChain(seed, mutant, firstType, tally);
    }
    for (const mutant of wordValues(bytes, bytes.keys())) tryChain(seed, mutant, firstType, tally);
    for (const mutant of truncations(bytes)) tryChain(seed, mutant, firstType, tally);
    for (const mutant of chainChanges(bytes, firstType, 0)) {
      tryChain(seed, mutant, mutant.firstType, tally);
    }
  }
  assert.ok(tally.accepted > 1000 && tally.refused > 1000, JSON.stringify(tally));
});

Deno.test("bodies read as every other type of payload", () => {
  const tally: Tally = { accepted: 0, refused: 0 };
  for (const seed of chains) {
    for (let type = 0; type < 256; type++) {
      tryChain(seed, { name: `first type ${type}`, bytes: seed.bytes }, type, tally);
    }
  }
  assert.ok(tally.refused > 100, JSON.stringify(tally));
});

Deno.test("random octets behind a good header", () => {
  const tally: Tally = { accepted: 0, refused: 0 };
  const random = new SeededRandom(14);
  for (let i = 0; i < 20_000; i++) {
    const bytes = repairHeader(random.bytes(random.between(HEADER, 120)), random.between(32, 56));
    bytes[17] = 0x20;
    tryMessage(
      { name: `seed 14 round ${i}`, firstType: 0, bytes },
      { name: "random", bytes },
      tally,
    );
  }
  assert.equal(tally.accepted + tally.refused, 20_000);
});

Deno.test("the largest hostile messages end at their limits", () => {
  const fill = (pattern: readonly number[]): Uint8Array =>
    Uint8Array.from({ length: limits.messageBytes }, (_, i) => pattern[i % pattern.length] ?? 0);
  // Endless empty vendor ids, endless proposals, endless attributes.
  const vendors = parsePayloads(43, fill([43, 0, 0, 4]), 0);
  assert.ok(!vendors.ok);
  assert.equal(vendors.fault.kind, "too-many");
  const inside = (type: number, body: Uint8Array): WireFault => {
    const bytes = body.slice();
    bytes.set([0, 0, 0xff, 0xff]);
    const parsed = parsePayloads(type, bytes, 0);
    assert.ok(!parsed.ok);
    return parsed.fault;
  };
  assert.equal(inside(33, fill([0, 0, 0, 0, 2, 0, 0, 8, 1, 1, 0, 0].slice(4))).kind, "bad-length");
  assert.equal(inside(47, fill([0, 1, 0, 0])).kind, "too-many");
  const proposals = fill([2, 0, 0, 8, 1, 1, 0, 0]);
  proposals.copyWithin(4, 0);
  assert.equal(inside(33, proposals).kind, "too-many");
});
