/** The IKE header and what stands around the payloads: versions, flags, lengths, chain, SK, SKF. */
import assert from "node:assert/strict";
import { limits } from "../../../core/limits.ts";
import { parseHeader } from "../../../core/message/header.ts";
import { buildMessage, parseMessage, parsePayloads } from "../../../core/message/message.ts";
import type { WireFault } from "../../../core/wire/fault.ts";
import { hex } from "../../support/hex.ts";

const spis = "0102030405060708 1112131415161718";

/** A message with a right length: `open` is next payload, version, exchange type and flags. */
function message(open: string, body = "", messageId = "00000001"): Uint8Array {
  const bytes = hex(`${spis} ${open} ${messageId} 00000000 ${body}`);
  new DataView(bytes.buffer).setUint32(24, bytes.length);
  return bytes;
}

function faultOf(bytes: Uint8Array): WireFault {
  const parsed = parseMessage(bytes);
  assert.ok(!parsed.ok, JSON.stringify(parsed));
  return parsed.fault;
}

Deno.test("the header's fields, flags by name", () => {
  const bytes = message("00202208", "", "ffffffff");
  assert.deepEqual(parseHeader(bytes), {
    ok: true,
    value: {
      initiatorSpi: hex("0102030405060708"),
      responderSpi: hex("1112131415161718"),
      nextPayload: 0,
      majorVersion: 2,
      minorVersion: 0,
      exchangeType: 34,
      flags: { initiator: true, version: false, response: false },
      messageId: 4294967295,
      length: 28,
    },
  });
});

Deno.test("RFC 7296 §3.1: every combination of flags comes out and goes back in", () => {
  for (let octet = 0; octet < 256; octet++) {
    const bytes = message(`002125${octet.toString(16).padStart(2, "0")}`);
    const parsed = parseMessage(bytes);
    assert.ok(parsed.ok);
    const { flags } = parsed.value.header;
    assert.equal(flags.initiator, (octet & 0x08) !== 0);
    assert.equal(flags.version, (octet & 0x10) !== 0);
    assert.equal(flags.response, (octet & 0x20) !== 0);
    assert.equal(flags.reserved ?? 0, octet & 0xc7);
    assert.deepEqual(buildMessage(parsed.value.header, parsed.value.payloads), bytes);
  }
});

Deno.test("a datagram shorter than a header gives a fault at its end", () => {
  const bytes = message("00202208");
  for (let length = 0; length < 28; length++) {
    const parsed = parseHeader(bytes.subarray(0, length));
    assert.ok(!parsed.ok);
    assert.deepEqual(parsed.fault, {
      kind: "short",
      offset: 0,
      path: "header",
      had: length,
      needed: 28,
    });
  }
});

Deno.test("the length field is the length of the datagram, neither more nor less", () => {
  for (const length of [0, 27, 29, 0xffffffff]) {
    const bytes = message("00202208");
    new DataView(bytes.buffer).setUint32(24, length);
    const fault = {
      kind: "bad-length",
      offset: 24,
      path: "header.length",
      had: length,
      needed: 28,
    };
    assert.deepEqual(parseHeader(bytes), { ok: false, fault });
    assert.deepEqual(faultOf(bytes), fault);
  }
});

Deno.test("RFC 7296 §2.5: another major version has a readable header but no payloads", () => {
  const bytes = message("21302208", "ff");
  const header = parseHeader(bytes);
  assert.ok(header.ok);
  assert.equal(header.value.majorVersion, 3);
  assert.deepEqual(faultOf(bytes), {
    kind: "bad-value",
    offset: 17,
    path: "header.version",
    had: 3,
    needed: 2,
  });
});

Deno.test("RFC 7296 §2.5: a higher minor version is no reason to refuse", () => {
  const parsed = parseMessage(message("002f2208"));
  assert.ok(parsed.ok);
  assert.equal(parsed.value.header.minorVersion, 15);
});

Deno.test("RFC 7296 §2.5: an unknown payload with the critical bit is a fault that names its type", () => {
  assert.deepEqual(faultOf(message("80202208", "00800005 aa")), {
    kind: "unsupported-critical",
    offset: 28,
    path: "128",
    had: 128,
  });
});

Deno.test("RFC 7296 §2.5: an unknown payload without the critical bit is passed over", () => {
  const parsed = parseMessage(message("80202208", "2b000005aa 00000005bb"));
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.payloads, [
    { kind: "unknown", payloadType: 128, body: hex("aa") },
    { kind: "V", data: hex("bb") },
  ]);
});

Deno.test("RFC 7296 §3.2: the critical bit of a known payload counts for nothing but is kept", () => {
  const bytes = message("2b202208", "00800005bb");
  const parsed = parseMessage(bytes);
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.payloads, [{ kind: "V", data: hex("bb"), critical: true }]);
  assert.deepEqual(buildMessage(parsed.value.header, parsed.value.payloads), bytes);
});

Deno.test("generic headers: lengths that are too small or too large", () => {
  const table: [body: string, fault: WireFault][] = [
    ["00000003", { kind: "bad-length", offset: 30, path: "V.length", had: 3, needed: 4 }],
    ["00000000", { kind: "bad-length", offset: 30, path: "V.length", had: 0, needed: 4 }],
    ["00000005", { kind: "bad-length", offset: 30, path: "V.length", had: 5, needed: 4 }],
    ["0000ffff", { kind: "bad-length", offset: 30, path: "V.length", had: 65535, needed: 4 }],
    ["0000", { kind: "short", offset: 28, path: "V", had: 2, needed: 4 }],
    ["", { kind: "short", offset: 28, path: "V", had: 0, needed: 4 }],
    ["2b000004", { kind: "short", offset: 32, path: "V", had: 0, needed: 4 }],
  ];
  for (const [body, fault] of table) {
    assert.deepEqual(faultOf(message("2b202208", body)), fault, body);
  }
});

Deno.test("octets behind the last payload are a fault, a few aligning zeros in clear are not", () => {
  const trailing = { kind: "trailing-octets", path: "" };
  assert.deepEqual(faultOf(message("2b202208", "00000004 00000000")), {
    ...trailing,
    offset: 32,
    had: 4,
    needed: 0,
  });
  assert.deepEqual(faultOf(message("2b202208", "00000005aa 0001 00")), {
    ...trailing,
    offset: 33,
    had: 1,
    needed: 0,
  });
  assert.deepEqual(faultOf(message("2b202208", "00000005aa 0000")), {
    ...trailing,
    offset: 33,
    had: 2,
    needed: 0,
  });
  assert.ok(parseMessage(message("2b202208", "00000005aa 000000")).ok);
  assert.deepEqual(parsePayloads(43, hex("00000005aa 000000"), 40), {
    ok: false,
    fault: { ...trailing, offset: 45, had: 3, needed: 0 },
  });
});

Deno.test("payloads of one message have a limit", () => {
  const count = limits.payloadsPerMessage;
  assert.ok(parseMessage(message("2b202208", "2b000004".repeat(count - 1) + "00000004")).ok);
  assert.deepEqual(faultOf(message("2b202208", "2b000004".repeat(count) + "00000004")), {
    kind: "too-many",
    offset: 28 + 4 * count,
    path: "payload",
    needed: count,
  });
});

Deno.test("RFC 7296 §3.14: SK is the last payload, and payloads in clear may stand before it", () => {
  const parsed = parseMessage(message("2b202308", "2e000005aa 29000008 01020304"));
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.payloads, [{ kind: "V", data: hex("aa") }]);
  assert.deepEqual(parsed.value.encrypted, {
    kind: "SK",
    firstInnerPayload: 41,
    bodyOffset: 37,
    body: hex("01020304"),
    aadLength: 37,
  });
  assert.deepEqual(faultOf(message("2e202308", "29000008 01020304 00000004")), {
    kind: "trailing-octets",
    offset: 36,
    path: "",
    had: 4,
    needed: 0,
  });
});

Deno.test("an SK inside an SK is a fault", () => {
  for (const type of [46, 53]) {
    const parsed = parsePayloads(type, hex("29000008 00010001"), 36);
    assert.ok(!parsed.ok);
    const path = type === 46 ? "SK" : "SKF";
    assert.deepEqual(parsed.fault, { kind: "unexpected", offset: 36, path, had: type });
  }
});

Deno.test("RFC 7383 §2.5: the fields of a fragment", () => {
  const parsed = parseMessage(message("35202308", "2300000c 00010003 aabbccdd"));
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.encrypted, {
    kind: "SKF",
    firstInnerPayload: 35,
    bodyOffset: 36,
    body: hex("aabbccdd"),
    aadLength: 36,
    fragmentNumber: 1,
    totalFragments: 3,
  });
});

Deno.test("RFC 7383 §2.6: fragment numbers run from 1 to the total, and the total has a limit", () => {
  const fault = (fields: string): WireFault => faultOf(message("35202308", `00000008 ${fields}`));
  const path = "SKF.fragmentNumber";
  assert.deepEqual(fault("0000 0003"), { kind: "bad-value", offset: 32, path, had: 0, needed: 1 });
  assert.deepEqual(fault("0004 0003"), { kind: "bad-value", offset: 32, path, had: 4, needed: 3 });
  assert.deepEqual(fault("0000 0000"), { kind: "bad-value", offset: 32, path, had: 0, needed: 1 });
  assert.deepEqual(fault("0001 ffff"), {
    kind: "too-many",
    offset: 34,
    path: "SKF.totalFragments",
    had: 65535,
    needed: limits.fragmentsPerMessage,
  });
  assert.deepEqual(faultOf(message("35202308", "00000007 000100")), {
    kind: "short",
    offset: 34,
    path: "SKF.totalFragments",
    had: 1,
    needed: 2,
  });
});

Deno.test("a header of our own with a wrong SPI throws", () => {
  const header = {
    initiatorSpi: new Uint8Array(4),
    responderSpi: new Uint8Array(8),
    exchangeType: 34,
    flags: { initiator: true, response: false },
    messageId: 0,
  };
  assert.throws(() => buildMessage(header, []), RangeError);
});
