import assert from "node:assert/strict";
import { CommonParts } from "../../appliance/common_parts.ts";
import { buildRow, isRowOf } from "../../appliance/record_row.ts";
import { rowsIn } from "../../appliance/row_cursor.ts";
import { StoredRow } from "../../appliance/stored_row.ts";
import { type SessionRecord, type StoredRecord, storedRecord, utf8 } from "../../core/mod.ts";
import { everything, recordOf } from "./support/records.ts";

const now = 1_800_000_000_000.25;
const plain = recordOf("k1", 3, now);
const { absoluteEnd: _absoluteEnd, ikeSa: _ikeSa, ...bare } = plain;

const records: Readonly<Record<string, SessionRecord>> = {
  plain,
  "with no part that may be missing": bare,
  "with every attribute": { ...plain, attributes: everything },
  "proven by a certificate": {
    ...plain,
    certificates: [{
      issuer: Uint8Array.of(0x30, 0),
      issuerKey: new Uint8Array(91).fill(4),
      serial: Uint8Array.of(0, 0xff),
    }],
  },
  "under rotation": { ...plain, previous: { sessionId: "a", token: "b" } },
  "with other words": {
    ...plain,
    method: "anyconnect-eap",
    peerType: "AnyConnect",
    state: "inactive",
    reconnectCount: 4_000_000_000,
  },
  "with text that is no ASCII": {
    ...plain,
    userName: "J\u00fcrgen \u2603 \ud83d\ude00",
    key: "\u00fc",
  },
  "with empty parts": {
    ...plain,
    userName: "",
    identity: { idType: 0, data: new Uint8Array(0) },
    addresses: [],
    accounting: { sessionId: "", class: [new Uint8Array(0), Uint8Array.of(7)] },
  },
  "whose gateway began the IKE SA, over IPv6": {
    ...plain,
    ikeSa: {
      spiI: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      spiR: new Uint8Array(8),
      originalInitiator: true,
      local: { address: { family: 6, octets: new Uint8Array(16).fill(1) }, port: 65_535 },
      remote: { address: { family: 6, octets: new Uint8Array(16).fill(2) }, port: 1 },
    },
  },
};

function rowOf(record: SessionRecord): Uint8Array {
  return buildRow(record) ?? assert.fail("does not fit");
}

/** A row, maybe inside of something longer. */
function storedRow(octets: Uint8Array, start = 0, end = octets.length): StoredRow {
  return new StoredRow(rowsIn(octets), start, end, new CommonParts(), {});
}

/** What is known of a stored record without reading it. */
function frontOf(stored: StoredRecord): Readonly<Record<string, unknown>> {
  const { sessionId, previousId, userName, peerType, accountingId, attributes } = stored;
  const { absoluteEnd, deadline, certificates, hasIkeSa } = stored;
  return {
    ...{ sessionId, previousId, userName, peerType, accountingId, attributes },
    ...{ absoluteEnd, deadline, certificates, hasIkeSa, addressKeys: stored.addressKeys() },
  };
}

for (const [name, record] of Object.entries(records)) {
  Deno.test(`a record comes out of its row as it went in: ${name}`, () => {
    const row = rowOf(record);
    assert.deepEqual(storedRow(row).read(), record);
    // Inside of something longer, as in a page.
    const page = Uint8Array.from([9, 9, 9, ...row, 9, 9]);
    const inside = storedRow(page, 3, 3 + row.length);
    assert.deepEqual(frontOf(inside), frontOf(storedRecord(record)));
    assert.deepEqual(inside.read(), record);
  });
}

Deno.test("rows of every method and kind of client come back", () => {
  for (const method of ["eap-mschapv2", "eap-radius", "certificate", "anyconnect-eap"] as const) {
    for (const peerType of ["AnyConnect", "IOS-XE", "Other"] as const) {
      const record = { ...plain, method, peerType };
      assert.deepEqual(storedRow(rowOf(record)).read(), record);
    }
  }
});

Deno.test("what records have in common they share", () => {
  const common = new CommonParts();
  const [a, b, c] = [plain, recordOf("k2", 4, now), { ...plain, attributes: {} }].map((record) => {
    const row = rowOf(record);
    return new StoredRow(rowsIn(row), 0, row.length, common, {}).read();
  });
  assert.equal(a?.attributes, b?.attributes);
  assert.notEqual(a?.attributes, c?.attributes);
});

Deno.test("the record that is read again and again is made once, and that of another is its own", () => {
  const [a, b] = [plain, recordOf("k2", 4, now)].map(rowOf);
  assert.ok(a !== undefined && b !== undefined);
  const rows = rowsIn(Uint8Array.from([...a, ...b]));
  const common = new CommonParts();
  const last = {};
  const first = new StoredRow(rows, 0, a.length, common, last);
  const second = new StoredRow(rows, a.length, a.length + b.length, common, last);
  assert.equal(first.read(), first.read());
  assert.equal(second.read().key, "k2");
  assert.equal(first.read().key, "k1");
});

Deno.test("a row is known by its key, and by nothing less", () => {
  const row = rowOf(plain);
  assert.ok(isRowOf("k1")(row));
  for (const other of ["k", "k2", "k1r", "", "1"]) assert.ok(!isRowOf(other)(row), other);
});

Deno.test("what is too long for its place makes no row", () => {
  const long = "x".repeat(70_000);
  assert.equal(buildRow({ ...plain, userName: long }), undefined);
  assert.equal(buildRow({ ...plain, identity: { idType: 2, data: utf8(long) } }), undefined);
  const addresses = Array.from({ length: 256 }, () => plain.addresses[0] ?? assert.fail());
  assert.equal(buildRow({ ...plain, addresses }), undefined);
});

Deno.test("a row that was cut, or is longer than its parts, is refused", () => {
  const row = rowOf(plain);
  for (let length = 0; length < row.length; length++) {
    assert.throws(() => storedRow(row.subarray(0, length)), RangeError, `${length}`);
    assert.throws(() => storedRow(row, 0, length), RangeError, `${length} in front of the rest`);
  }
  assert.throws(() => storedRow(Uint8Array.from([...row, 0])), RangeError);
});

Deno.test("a row with a word of a later gateway is refused before anybody reads it", () => {
  const { length } = plain.identity.data;
  // Lengths of four texts, IDi, and two words.
  const methodAt = 4 + 4 * 2 + 1 + 2;
  assert.equal(length, 3);
  for (const at of [methodAt, methodAt + 1]) {
    const row = Uint8Array.from(rowOf(plain));
    row[at] = 99;
    assert.throws(() => storedRow(row), /no word has number 99/);
  }
});
