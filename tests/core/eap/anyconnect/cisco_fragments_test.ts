/** Cisco's fragments: octets, every order, and every limit. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  buildCiscoFragments,
  type CiscoFragment,
  CiscoReassembly,
  isCiscoFragment,
  parseCiscoFragment,
} from "../../../../core/eap/anyconnect/cisco_fragments.ts";
import { limits } from "../../../../core/limits.ts";
import { monotonic } from "../../../../core/moment.ts";
import { hex, toHex } from "../../../support/hex.ts";
import { bitFlips, truncations } from "../../../support/mutate.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

/** A finished message of `length` octets: header, and something behind it. */
function messageOf(length: number, messageId = 1, spi = "11"): Uint8Array {
  const message = new SeededRandom(length + messageId).bytes(length);
  message.set(hex(`${spi.repeat(8)} ${"22".repeat(8)} 2e 20 23 08`));
  const view = new DataView(message.buffer);
  view.setUint32(20, messageId);
  view.setUint32(24, length);
  return message;
}

function parse(datagram: Uint8Array): CiscoFragment {
  const parsed = parseCiscoFragment(datagram);
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.fault));
  return parsed.value;
}

function pieces(message: Uint8Array, size = 100): CiscoFragment[] {
  return buildCiscoFragments(message, size).map(parse);
}

const start = monotonic(1000);

Deno.test("a message is cut behind headers of its own, with numbers from one and a flag on the last", () => {
  const message = messageOf(90);
  const [first, second, ...none] = buildCiscoFragments(message, 100);
  ok(first && second);
  deepEqual(none, []);
  const head = `${"11".repeat(8)}${"22".repeat(8)}8420230800000001`;
  equal(
    toHex(first),
    `${head}00000064` + "0000" + "0048" + "0001" + "01" + "00" + toHex(message.subarray(0, 64)),
  );
  equal(
    toHex(second),
    `${head}0000003e` + "0000" + "0022" + "0001" + "02" + "01" + toHex(message.subarray(64)),
  );
  ok(
    isCiscoFragment(first) && !isCiscoFragment(message) && !isCiscoFragment(first.subarray(0, 28)),
  );
});

Deno.test("a message that fits is one piece, and 1248 octets hold 1212", () => {
  deepEqual(pieces(messageOf(64)).map(({ number, isLast }) => [number, isLast]), [[1, true]]);
  const [first] = buildCiscoFragments(messageOf(3000), 1248);
  equal(first?.length, 1248);
  equal(parse(first!).data.length, 1212);
  throws(() => buildCiscoFragments(messageOf(3000), 40));
});

Deno.test("pieces are joined in every order", () => {
  const message = messageOf(200);
  const parts = pieces(message);
  equal(parts.length, 4);
  for (let order = 0; order < 24; order++) {
    const random = new SeededRandom(order);
    const shuffled = parts.toSorted(() => random.fraction() - 0.5);
    const reassembly = new CiscoReassembly();
    const outcomes = shuffled.map((part) => reassembly.add(part, start));
    deepEqual(outcomes.slice(0, -1), new Array(3).fill({ kind: "stored" }));
    deepEqual(outcomes[3], { kind: "complete", message });
    equal(reassembly.size, 0);
    equal(reassembly.bytes, 0);
  }
});

Deno.test("messages are kept apart by SPIs, Message ID, direction, exchange and fragment id", () => {
  const reassembly = new CiscoReassembly();
  const [first, second] = pieces(messageOf(90)) as [CiscoFragment, CiscoFragment];
  const others: CiscoFragment[] = [
    pieces(messageOf(90, 2))[1]!,
    pieces(messageOf(90, 1, "33"))[1]!,
    { ...second, fragmentId: 2 },
    { ...second, header: { ...second.header, flags: { ...second.header.flags, response: true } } },
    {
      ...second,
      header: { ...second.header, flags: { ...second.header.flags, initiator: false } },
    },
    { ...second, header: { ...second.header, exchangeType: 37 } },
  ];
  equal(reassembly.add(first, start).kind, "stored");
  for (const other of others) equal(reassembly.add(other, start).kind, "stored");
  equal(reassembly.size, 1 + others.length);
  equal(reassembly.add(second, start).kind, "complete");
});

Deno.test("the octets of a piece are copied", () => {
  const message = messageOf(90);
  const datagrams = buildCiscoFragments(message, 100);
  const reassembly = new CiscoReassembly();
  reassembly.add(parse(datagrams[0]!), start);
  datagrams[0]!.fill(0);
  deepEqual(reassembly.add(parse(datagrams[1]!), start), { kind: "complete", message });
});

Deno.test("duplicates change nothing, and contradictions are refused", () => {
  const reassembly = new CiscoReassembly();
  const [a, b, c, d] = pieces(messageOf(200)) as CiscoFragment[];
  ok(a && b && c && d);
  reassembly.add(c, start);
  equal(reassembly.add(c, start).kind, "duplicate");
  equal(reassembly.add({ ...c, data: hex("00") }, start).kind, "duplicate");
  equal(reassembly.add({ ...b, isLast: true }, start).kind, "refused");
  equal(reassembly.add(d, start).kind, "stored");
  equal(reassembly.add({ ...d, number: 5 }, start).kind, "refused");
  equal(reassembly.add({ ...d, number: 5, isLast: false }, start).kind, "refused");
  equal(reassembly.add({ ...a, isLast: true }, start).kind, "refused");
  equal(reassembly.add({ ...a, number: 0 }, start).kind, "refused");
  equal(reassembly.add({ ...a, number: limits.fragmentsPerMessage + 1 }, start).kind, "refused");
  equal(reassembly.add(a, start).kind, "stored");
  equal(reassembly.add(b, start).kind, "complete");
});

Deno.test("what is not completed in time is forgotten", () => {
  const reassembly = new CiscoReassembly();
  const [first, second] = pieces(messageOf(90)) as [CiscoFragment, CiscoFragment];
  reassembly.add(first, start);
  reassembly.expire(monotonic(1000 + limits.ciscoFragmentMs - 1));
  equal(reassembly.size, 1);
  equal(reassembly.add(second, monotonic(1000 + limits.ciscoFragmentMs)).kind, "stored");
  equal(reassembly.size, 1);
  reassembly.expire(monotonic(1000 + 2 * limits.ciscoFragmentMs));
  equal(reassembly.size, 0);
  equal(reassembly.bytes, 0);
});

Deno.test("the number of messages is limited, and the oldest goes first", () => {
  const reassembly = new CiscoReassembly();
  const most = limits.ciscoFragmentedMessages;
  for (let id = 0; id <= most; id++) {
    reassembly.add(pieces(messageOf(90, id))[0]!, monotonic(1000 + id));
    ok(reassembly.size <= most);
  }
  equal(reassembly.size, most);
  const later = monotonic(1000 + most);
  equal(reassembly.add(pieces(messageOf(90, 0))[1]!, later).kind, "stored");
  equal(reassembly.add(pieces(messageOf(90, most))[1]!, later).kind, "complete");
});

Deno.test("octets are limited in one message and in all", () => {
  const reassembly = new CiscoReassembly();
  const big = pieces(messageOf(60_000), 2000);
  const piece = { ...big[0]!, isLast: false, data: new Uint8Array(30_000) };
  equal(reassembly.add({ ...piece, number: 1 }, start).kind, "stored");
  equal(reassembly.add({ ...piece, number: 2 }, start).kind, "stored");
  equal(reassembly.add({ ...piece, number: 3 }, start).kind, "refused");
  for (let id = 0; id < 60; id++) {
    const header = { ...piece.header, messageId: 100 + id };
    reassembly.add({ ...piece, header, number: 1 }, start);
    reassembly.add({ ...piece, header, number: 2 }, start);
    ok(reassembly.bytes <= limits.ciscoFragmentBytes);
  }
  ok(reassembly.size < 20);
});

Deno.test("a datagram that is not exactly one piece is a fault", () => {
  const [good] = buildCiscoFragments(messageOf(90), 100);
  ok(good);
  const changed = (at: number, ...octets: number[]): Uint8Array => {
    const datagram = good.slice();
    datagram.set(octets, at);
    return datagram;
  };
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [changed(16, 46), "header.nextPayload"],
    [changed(28, 41), "fragment.nextPayload"],
    [changed(30, 0, 7), "fragment.length"],
    [changed(30, 0, 8), "fragment.length"],
    [changed(30, 0xff, 0xff), "fragment.length"],
    [changed(34, 0), "fragment.number"],
    [changed(24, 0, 0, 0, 1), "header.length"],
    [good.subarray(0, -1), "header.length"],
    [good.subarray(0, 20), "header"],
  ];
  for (const [datagram, path] of cases) {
    const parsed = parseCiscoFragment(datagram);
    ok(!parsed.ok, path);
    ok(parsed.fault.path.startsWith(path), `${parsed.fault.path}, not ${path}`);
  }
  const empty = new Uint8Array(36);
  empty.set(good.subarray(0, 36));
  empty.set(hex("00000024"), 24);
  empty.set(hex("0008"), 30);
  const parsed = parseCiscoFragment(empty);
  ok(!parsed.ok && parsed.fault.path === "fragment.length");
});

Deno.test("no mutant of a piece throws, neither read nor collected", () => {
  const reassembly = new CiscoReassembly();
  const [seed] = buildCiscoFragments(messageOf(90), 80);
  ok(seed);
  for (const { bytes } of [...bitFlips(seed), ...truncations(seed)]) {
    const parsed = parseCiscoFragment(bytes);
    if (parsed.ok) reassembly.add(parsed.value, start);
    ok(reassembly.size <= limits.ciscoFragmentedMessages);
  }
});
