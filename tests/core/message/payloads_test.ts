/** Single payloads: what hostile lengths and values give, and what is forgiven. */
import assert from "node:assert/strict";
import { limits } from "../../../core/limits.ts";
import { authoritiesOf } from "../../../core/message/certificate.ts";
import { PayloadType } from "../../../core/message/constants.ts";
import { idBody } from "../../../core/message/identification.ts";
import { buildPayloads, parsePayloads } from "../../../core/message/message.ts";
import type { Payload } from "../../../core/message/payload.ts";
import type { WireFault } from "../../../core/wire/fault.ts";
import { hex, toHex } from "../../support/hex.ts";

/** One payload of that type around a body, at offset 0; the body starts at 4. */
function wrap(body: Uint8Array, next = 0): Uint8Array {
  const bytes = new Uint8Array(4 + body.length);
  bytes[0] = next;
  new DataView(bytes.buffer).setUint16(2, bytes.length);
  bytes.set(body, 4);
  return bytes;
}

function faultOf(type: number, body: string | Uint8Array): WireFault {
  const parsed = parsePayloads(type, wrap(typeof body === "string" ? hex(body) : body), 0);
  assert.ok(!parsed.ok, `accepted ${JSON.stringify(parsed)}`);
  return parsed.fault;
}

function valueOf(type: number, body: string): Payload {
  const parsed = parsePayloads(type, wrap(hex(body)), 0);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const [payload] = parsed.value;
  assert.ok(payload);
  return payload;
}

interface Case {
  readonly why: string;
  readonly type: number;
  readonly body: string;
  readonly fault: WireFault;
}

const { SA, KE, CERTREQ, NONCE, N, D, TSi, CP, EAP, IDi, CERT, AUTH } = PayloadType;

const cases: readonly Case[] = [
  {
    why: "an SA payload needs a proposal",
    type: SA,
    body: "",
    fault: { kind: "short", offset: 4, path: "SA.proposal", had: 0, needed: 4 },
  },
  {
    why: "a proposal is no shorter than its header",
    type: SA,
    body: "00000007 01010000",
    fault: { kind: "bad-length", offset: 6, path: "SA.proposal.length", had: 7, needed: 8 },
  },
  {
    why: "a proposal does not reach past its payload",
    type: SA,
    body: "00000009 01010000",
    fault: { kind: "bad-length", offset: 6, path: "SA.proposal.length", had: 9, needed: 8 },
  },
  {
    why: "the last proposal says that it is",
    type: SA,
    body: "02000008 01010000",
    fault: { kind: "bad-value", offset: 4, path: "SA.proposal.last", had: 2, needed: 0 },
  },
  {
    why: "a proposal with another behind it says so",
    type: SA,
    body: "00000008 01010000 00000008 02010000",
    fault: { kind: "bad-value", offset: 4, path: "SA.proposal.last", had: 0, needed: 2 },
  },
  {
    why: "the transforms are as many as announced",
    type: SA,
    body: "00000010 01010002 0000000803000005",
    fault: { kind: "bad-value", offset: 20, path: "SA.proposal.transforms", had: 2, needed: 1 },
  },
  {
    why: "an ESP SPI has 4 octets",
    type: SA,
    body: "00000010 01030800 0102030405060708",
    fault: { kind: "bad-length", offset: 10, path: "SA.proposal.spiSize", had: 8, needed: 4 },
  },
  {
    why: "an IKE SPI has 8 octets",
    type: SA,
    body: "0000000c 01010400 01020304",
    fault: { kind: "bad-length", offset: 10, path: "SA.proposal.spiSize", had: 4, needed: 8 },
  },
  {
    why: "an SPI does not reach past its proposal",
    type: SA,
    body: "0000000a 01030400 0102",
    fault: { kind: "short", offset: 12, path: "SA.proposal.spi", had: 2, needed: 4 },
  },
  {
    why: "a transform's attribute does not reach past it",
    type: SA,
    body: "00000014 01010001 0000000c 0100000c 000e0010",
    fault: {
      kind: "short",
      offset: 24,
      path: "SA.proposal.transform.attribute.value",
      had: 0,
      needed: 16,
    },
  },
  {
    why: "half an attribute is none",
    type: SA,
    body: "00000012 01010001 0000000a 0100000c 800e",
    fault: {
      kind: "short",
      offset: 22,
      path: "SA.proposal.transform.attribute.length",
      had: 0,
      needed: 2,
    },
  },
  {
    why: "a KE payload has data",
    type: KE,
    body: "00130000",
    fault: { kind: "bad-length", offset: 8, path: "KE.data", had: 0, needed: 1 },
  },
  {
    why: "an ID payload has a type and three octets",
    type: IDi,
    body: "0b00",
    fault: { kind: "short", offset: 5, path: "IDi.reserved", had: 1, needed: 3 },
  },
  {
    why: "a CERT payload has an encoding",
    type: CERT,
    body: "",
    fault: { kind: "short", offset: 4, path: "CERT.encoding", had: 0, needed: 1 },
  },
  {
    why: "authorities have 20 octets each",
    type: CERTREQ,
    body: "04 000102030405060708090a0b0c0d0e0f101112131415",
    fault: { kind: "bad-length", offset: 5, path: "CERTREQ.authorities", had: 22, needed: 20 },
  },
  {
    why: "an AUTH payload has a method and three octets",
    type: AUTH,
    body: "020000",
    fault: { kind: "short", offset: 5, path: "AUTH.reserved", had: 2, needed: 3 },
  },
  {
    why: "RFC 7296 §3.9: a nonce has at least 16 octets",
    type: NONCE,
    body: "000102030405060708090a0b0c0d0e",
    fault: { kind: "bad-length", offset: 4, path: "NONCE.data", had: 15, needed: 16 },
  },
  {
    why: "RFC 7296 §3.9: a nonce has at most 256 octets",
    type: NONCE,
    body: "00".repeat(257),
    fault: { kind: "bad-length", offset: 4, path: "NONCE.data", had: 257, needed: 256 },
  },
  {
    why: "a notify's SPI does not reach past it",
    type: N,
    body: "03044009 0102",
    fault: { kind: "short", offset: 8, path: "N.spi", had: 2, needed: 4 },
  },
  {
    why: "RFC 7296 §3.11: the delete of an IKE SA carries no SPI",
    type: D,
    body: "01080001 0102030405060708",
    fault: { kind: "bad-length", offset: 5, path: "D.spiSize", had: 8, needed: 0 },
  },
  {
    why: "no SPIs of no octets",
    type: D,
    body: "01000001",
    fault: { kind: "bad-value", offset: 6, path: "D.count", had: 1, needed: 0 },
  },
  {
    why: "SPIs are as many as announced",
    type: D,
    body: "03040002 01020304",
    fault: { kind: "short", offset: 12, path: "D.spi", had: 0, needed: 4 },
  },
  {
    why: "SPIs are no more than announced",
    type: D,
    body: "03040001 01020304 05060708",
    fault: { kind: "trailing-octets", offset: 12, path: "D", had: 4, needed: 0 },
  },
  {
    why: "deletes are of IKE, AH or ESP",
    type: D,
    body: "07040000",
    fault: { kind: "bad-value", offset: 4, path: "D.protocol", had: 7 },
  },
  {
    why: "SPIs in a delete have a limit",
    type: D,
    body: "03040041" + "00000000".repeat(65),
    fault: { kind: "too-many", offset: 6, path: "D.count", had: 65, needed: limits.spisPerDelete },
  },
  {
    why: "a TS payload has a selector",
    type: TSi,
    body: "00000000",
    fault: { kind: "bad-value", offset: 4, path: "TSi.count", had: 0, needed: 1 },
  },
  {
    why: "selectors have a limit",
    type: TSi,
    body: "41000000" + "070000100000ffff0000000000000000".repeat(65),
    fault: {
      kind: "too-many",
      offset: 4,
      path: "TSi.count",
      had: 65,
      needed: limits.selectorsPerPayload,
    },
  },
  {
    why: "an IPv4 selector has 16 octets",
    type: TSi,
    body: "01000000 07000028 0000ffff 0000000000000000",
    fault: { kind: "bad-length", offset: 10, path: "TSi.selector.length", had: 40, needed: 16 },
  },
  {
    why: "a selector does not reach past its payload",
    type: TSi,
    body: "01000000 07000010 0000ffff 00000000",
    fault: { kind: "short", offset: 12, path: "TSi.selector", had: 8, needed: 12 },
  },
  {
    why: "selectors are no more than announced",
    type: TSi,
    body: "01000000 070000100000ffff0000000000000000 00",
    fault: { kind: "trailing-octets", offset: 24, path: "TSi", had: 1, needed: 0 },
  },
  {
    why: "the addresses of a selector do not run backwards",
    type: TSi,
    body: "01000000 07000010 0000ffff 0a000002 0a000001",
    fault: { kind: "bad-value", offset: 16, path: "TSi.selector.end" },
  },
  {
    why: "an attribute does not reach past its payload",
    type: CP,
    body: "01000000 00010004 0a0000",
    fault: { kind: "short", offset: 12, path: "CP.attribute.value", had: 3, needed: 4 },
  },
  {
    why: "attributes have a limit",
    type: CP,
    body: "01000000" + "00010000".repeat(limits.configurationAttributes + 1),
    fault: {
      kind: "too-many",
      offset: 8 + 4 * limits.configurationAttributes,
      path: "CP.attribute",
      needed: limits.configurationAttributes,
    },
  },
  {
    why: "an EAP packet has a header",
    type: EAP,
    body: "030100",
    fault: { kind: "bad-length", offset: 4, path: "EAP.packet", had: 3, needed: 4 },
  },
];

for (const { why, type, body, fault } of cases) {
  Deno.test(`fault: ${why}`, () => assert.deepEqual(faultOf(type, body), fault));
}

Deno.test("proposals of one SA payload have a limit", () => {
  const count = limits.proposalsPerSa + 1;
  const body = hex(
    Array.from({ length: count }, (_, i) => (i === count - 1 ? "00" : "02") + "00000801010000")
      .join(""),
  );
  assert.deepEqual(faultOf(SA, body), {
    kind: "too-many",
    offset: 4 + 8 * limits.proposalsPerSa,
    path: "SA.proposal",
    needed: limits.proposalsPerSa,
  });
});

Deno.test("RFC 7296 §3.3.6: a transform with an attribute that is not understood is left out", () => {
  const sa = valueOf(
    SA,
    `00000034 01010004
     0300000c 0100000c 800e0100
     0300000c 0100000d 80630001
     0300000c 0100000e 000f0000
     00000008 02000005`,
  );
  assert.ok(sa.kind === "SA");
  assert.deepEqual(sa.proposals[0]?.transforms, [
    { type: 1, id: 12, keyBits: 256 },
    { type: 2, id: 5 },
  ]);
});

Deno.test("a transform with two key lengths is left out", () => {
  const sa = valueOf(SA, "00000018 01010001 00000010 0100000c 800e0100 800e0080");
  assert.ok(sa.kind === "SA");
  assert.deepEqual(sa.proposals[0]?.transforms, []);
});

Deno.test("selectors of unknown type are left out, the others stay", () => {
  const ts = valueOf(TSi, "02000000 0a000008 61626364 07060010 00500050 c0000201 c0000202");
  assert.ok(ts.kind === "TSi");
  assert.deepEqual(ts.selectors, [{
    protocol: 6,
    startPort: 80,
    endPort: 80,
    startAddress: { family: 4, octets: hex("c0000201") },
    endAddress: { family: 4, octets: hex("c0000202") },
  }]);
});

Deno.test("RFC 4301 §4.4.1: OPAQUE ports run backwards and are kept", () => {
  const ts = valueOf(TSi, "01000000 07000010 ffff0000 0a000001 0a000001");
  assert.ok(ts.kind === "TSi");
  assert.equal(ts.selectors[0]?.startPort, 65535);
  assert.equal(ts.selectors[0]?.endPort, 0);
});

Deno.test("RFC 7296 §3.15.1: the reserved bit of an attribute type counts for nothing", () => {
  const cp = valueOf(CP, "01000000 80010000");
  assert.ok(cp.kind === "CP");
  assert.deepEqual(cp.attributes, [{ type: 1, value: new Uint8Array(0) }]);
});

Deno.test("RFC 7296 §2.15: RESERVED octets of an ID payload survive, since AUTH covers them", () => {
  const plain = valueOf(IDi, "0b000000 616263");
  assert.deepEqual(plain, { kind: "IDi", idType: 11, data: hex("616263") });
  const odd = valueOf(IDi, "0b00ff01 616263");
  assert.deepEqual(odd, { kind: "IDi", idType: 11, data: hex("616263"), reserved: hex("00ff01") });
  assert.equal(toHex(buildPayloads([odd]).bytes), "0000000b0b00ff01616263");
  assert.equal(toHex(idBody(11, hex("616263"), hex("00ff01"))), "0b00ff01616263");
  assert.equal(toHex(idBody(2, hex("78"))), "0200000078");
});

Deno.test("authorities of a CERTREQ one by one", () => {
  const certreq = valueOf(CERTREQ, "04" + "aa".repeat(20) + "bb".repeat(20));
  assert.ok(certreq.kind === "CERTREQ");
  assert.deepEqual(authoritiesOf(certreq).map(toHex), ["aa".repeat(20), "bb".repeat(20)]);
});

Deno.test("values of our own that do not fit throw", () => {
  const build = (payload: Payload) => (): unknown => buildPayloads([payload]);
  const empty = new Uint8Array(0);
  assert.throws(build({ kind: "Nonce", data: new Uint8Array(15) }), RangeError);
  assert.throws(build({ kind: "KE", group: 65536, data: empty }), RangeError);
  assert.throws(build({ kind: "V", data: new Uint8Array(65532) }), RangeError);
  const attributes = [{ type: 0x8000, value: empty }];
  assert.throws(build({ kind: "CP", configType: 1, attributes }), RangeError);
  const spis = [new Uint8Array(4), new Uint8Array(3)];
  assert.throws(build({ kind: "D", protocol: 3, spis }), RangeError);
  const startAddress = { family: 4, octets: new Uint8Array(4) } as const;
  const endAddress = { family: 6, octets: new Uint8Array(16) } as const;
  const selector = { protocol: 0, startPort: 0, endPort: 0, startAddress, endAddress };
  assert.throws(build({ kind: "TSi", selectors: [selector] }), RangeError);
});
