/** EAP framing: examples, refusals, round trips, mutants. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { buildEapPacket, type EapPacket, parseEapPacket } from "../../../core/eap/packet.ts";
import { hex, toHex } from "../../support/hex.ts";
import { bitFlips, byteValues, truncations } from "../../support/mutate.ts";

const packets: readonly (readonly [octets: string, value: EapPacket])[] = [
  ["0100000501", { kind: "request", identifier: 0, method: { type: 1 }, data: hex("") }],
  [
    "0200000a01616c696365",
    { kind: "response", identifier: 0, method: { type: 1 }, data: hex("616c696365") },
  ],
  ["03280004", { kind: "success", identifier: 0x28 }],
  ["04ff0004", { kind: "failure", identifier: 0xff }],
  [
    "0207000efe000009444252500102",
    {
      kind: "response",
      identifier: 7,
      method: { type: 254, expanded: { vendor: 9, vendorType: 0x44425250 } },
      data: hex("0102"),
    },
  ],
  [
    "0107000cfefffffeffffffff",
    {
      kind: "request",
      identifier: 7,
      method: { type: 254, expanded: { vendor: 0xfffffe, vendorType: 0xffffffff } },
      data: hex(""),
    },
  ],
];

Deno.test("RFC 3748 §4: packets parse and build", () => {
  for (const [octets, value] of packets) {
    const parsed = parseEapPacket(hex(octets));
    deepEqual(parsed, { ok: true, value });
    equal(toHex(buildEapPacket(value)), octets);
  }
});

Deno.test("RFC 3748 §4.1: octets behind the length are padding", () => {
  deepEqual(parseEapPacket(hex("0200000701616c69636500")), {
    ok: true,
    value: { kind: "response", identifier: 0, method: { type: 1 }, data: hex("616c") },
  });
});

Deno.test("malformed packets are faults that say where", () => {
  const cases: readonly (readonly [octets: string, kind: string, path: string])[] = [
    ["", "short", "EAP.code"],
    ["0100", "short", "EAP.length"],
    ["01000003", "bad-length", "EAP.length"],
    ["01000004", "short", "EAP.type"],
    ["0100000901", "short", "EAP"],
    ["0500000501", "bad-value", "EAP.code"],
    ["0000000501", "bad-value", "EAP.code"],
    ["0300000501", "trailing-octets", "EAP"],
    ["0100000bfe00000944425200", "short", "EAP.vendor-type"],
  ];
  for (const [octets, kind, path] of cases) {
    const parsed = parseEapPacket(hex(octets));
    ok(!parsed.ok, octets);
    equal(parsed.fault.kind, kind, octets);
    equal(parsed.fault.path, path, octets);
  }
});

Deno.test("no mutant throws, and what parses builds the same octets", () => {
  for (const [octets] of packets) {
    const seed = hex(octets);
    for (const mutants of [bitFlips(seed), byteValues(seed, [0, 2, 3, 4]), truncations(seed)]) {
      for (const { name, bytes } of mutants) {
        const parsed = parseEapPacket(bytes);
        if (!parsed.ok) {
          ok(parsed.fault.offset <= bytes.length, name);
          continue;
        }
        const built = buildEapPacket(parsed.value);
        equal(toHex(built), toHex(bytes.subarray(0, built.length)), name);
      }
    }
  }
});

Deno.test("a packet that no length field can hold is our mistake", () => {
  const data = new Uint8Array(65531);
  throws(
    () => buildEapPacket({ kind: "request", identifier: 1, method: { type: 26 }, data }),
    RangeError,
  );
});
