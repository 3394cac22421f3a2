import assert from "node:assert/strict";
import { hexOf, parseHex } from "../../../core/bytes.ts";
import {
  derBitString,
  derBoolean,
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  DerReader,
  derSequence,
  derSet,
  DerTag,
} from "../../../core/crypto/der.ts";

function hex(text: string): Uint8Array {
  return parseHex(text.replaceAll(" ", ""))!;
}

function reader(text: string): DerReader {
  return new DerReader(hex(text), "test");
}

Deno.test("DER integers are built and read in their shortest form", () => {
  const cases: [number, string][] = [
    [0, "020100"],
    [1, "020101"],
    [127, "02017f"],
    [128, "02020080"],
    [256, "02020100"],
    [65537, "0203010001"],
  ];
  for (const [value, text] of cases) {
    assert.equal(hexOf(derInteger(value)), text);
    const read = reader(text);
    assert.equal(read.smallInteger("n"), value);
    assert.equal(read.end(), undefined);
  }
  assert.equal(hexOf(derInteger(hex("00 00 80 01"))), "0203008001");
  for (const bad of ["02020001", "0202ff80", "0200", "020180", "02050100000000"]) {
    const read = reader(bad);
    assert.equal(read.smallInteger("n"), 0);
    assert.equal(read.fault?.kind, "bad-value", bad);
  }
});

Deno.test("DER object identifiers go both ways, also with large arcs", () => {
  const cases = [
    ["1.2.840.113549.1.1.11", "06092a864886f70d01010b"],
    ["2.5.29.17", "0603551d11"],
    ["0.9.2342.19200300.100.1.25", "060a0992268993f22c640119"],
    ["2.999.3", "0603883703"],
    ["2.25.329800735698586629295641978511506172918", null],
  ] as const;
  for (const [dotted, text] of cases) {
    if (text !== null) assert.equal(hexOf(derOid(dotted)), text);
    assert.equal(new DerReader(derOid(dotted), "test").oid("id"), dotted);
  }
  for (const bad of ["0600", "060180", "06028001", "06032a8686"]) {
    const read = reader(bad);
    assert.equal(read.oid("id"), "");
    assert.equal(read.fault?.kind, "bad-value", bad);
  }
});

Deno.test("DER lengths must be definite, shortest and inside the octets", () => {
  const cases = [
    ["3080 0000", "bad-length"],
    ["308101 00", "bad-length"],
    ["30820001 00", "bad-length"],
    ["3084 00000001 00", "bad-length"],
    ["3003 0000", "short"],
    ["3082 01", "short"],
    ["30", "short"],
    ["", "missing"],
    ["1f8101 00", "unexpected"],
  ] as const;
  for (const [text, kind] of cases) {
    const read = reader(text);
    const element = read.any("it");
    assert.equal(element.content.length, 0);
    assert.equal(read.fault?.kind, kind, text);
    assert.ok(read.atEnd);
  }
  for (const length of [0, 127, 128, 255, 256, 65535, 65536, 2 ** 24]) {
    const built = derOctetString(new Uint8Array(length));
    const read = new DerReader(built, "test");
    assert.equal(read.octetString("o").length, length);
    assert.equal(read.end(), undefined);
  }
});

Deno.test("a DER fault sticks, is shared with inner readers and says where it was", () => {
  const read = reader("3009 3003 020100 0402 beef");
  const outer = read.sequence("outer");
  const inner = outer.sequence("inner");
  assert.equal(inner.smallInteger("version"), 0);
  inner.oid("more");
  assert.deepEqual(read.fault, { kind: "missing", offset: 7, path: "test.outer.inner.more" });
  assert.equal(outer.octetString("rest").length, 0);
  assert.equal(outer.fault?.path, "test.outer.inner.more");

  const other = reader("3009 3003 020100 0402 beef").sequence("outer");
  other.sequence("inner");
  assert.equal(other.optional(DerTag.OID, "none"), undefined);
  const fault = other.element(DerTag.OID, "id");
  assert.equal(fault.tag, 0);
  assert.deepEqual(other.fault, { kind: "unexpected", offset: 7, path: "test.outer.id", had: 4 });
});

Deno.test("DER end() reports octets that nobody read", () => {
  const read = reader("0500 00");
  read.null("n");
  assert.deepEqual(read.end(), { kind: "trailing-octets", offset: 2, path: "test.end", had: 1 });
});

Deno.test("DER bit strings keep count of unused bits, which must be zero", () => {
  assert.deepEqual(reader("0302 05a0").bits("b"), { unused: 5, octets: hex("a0") });
  assert.deepEqual(reader("030100").bits("b"), { unused: 0, octets: hex("") });
  for (const bad of ["0302 05b0", "0302 08a0", "030101", "0300"]) {
    const read = reader(bad);
    read.bits("b");
    assert.equal(read.fault?.kind, "bad-value", bad);
  }
  const partial = reader("0302 05a0");
  assert.equal(partial.bitString("b").length, 0);
  assert.equal(partial.fault?.kind, "bad-value");
});

Deno.test("DER booleans, nulls and sets", () => {
  assert.equal(hexOf(derBoolean(true)), "0101ff");
  assert.equal(reader("0101ff").boolean("b"), true);
  assert.equal(reader("010100").boolean("b"), false);
  const odd = reader("010101");
  assert.equal(odd.boolean("b"), false);
  assert.equal(odd.fault?.kind, "bad-value");
  assert.equal(hexOf(derNull()), "0500");
  assert.equal(hexOf(derSet(derInteger(2), derInteger(1))), "3106020101020102");
  assert.equal(
    hexOf(derSequence(derElement(0xa0, derInteger(2)), derBitString(hex("01")))),
    "3009a00302010203020001",
  );
});
