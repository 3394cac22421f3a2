import assert from "node:assert/strict";
import { buildRow, isRowOf, readRow, type Shared } from "../../appliance/record_row.ts";
import { type SessionRecord, utf8 } from "../../core/mod.ts";
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

function fresh(): Shared {
  return { others: new Map() };
}

function rowOf(record: SessionRecord): Uint8Array {
  return buildRow(record) ?? assert.fail("does not fit");
}

for (const [name, record] of Object.entries(records)) {
  Deno.test(`a record comes out of its row as it went in: ${name}`, () => {
    const row = rowOf(record);
    assert.deepEqual(readRow(row, fresh()), record);
    // Inside of something longer, as in a page.
    const page = Uint8Array.from([9, 9, 9, ...row, 9, 9]);
    assert.deepEqual(readRow(page.subarray(3, 3 + row.length), fresh()), record);
  });
}

Deno.test("rows of every method and kind of client come back", () => {
  for (const method of ["eap-mschapv2", "eap-radius", "certificate", "anyconnect-eap"] as const) {
    for (const peerType of ["AnyConnect", "IOS-XE", "Other"] as const) {
      const record = { ...plain, method, peerType };
      assert.deepEqual(readRow(rowOf(record), fresh()), record);
    }
  }
});

Deno.test("what records have in common they share", () => {
  const shared = fresh();
  const [a, b, c] = [plain, recordOf("k2", 4, now), { ...plain, attributes: {} }]
    .map((record) => readRow(rowOf(record), shared));
  assert.equal(a?.attributes, b?.attributes);
  assert.equal(a?.ikeSa?.local, b?.ikeSa?.local);
  assert.notEqual(a?.attributes, c?.attributes);
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

Deno.test("a row that was cut is refused or shows", () => {
  const row = rowOf(plain);
  for (let length = 0; length < row.length - 30; length++) {
    assert.throws(() => {
      const record = readRow(row.subarray(0, length), fresh());
      assert.deepEqual(record, plain);
    });
  }
});
