/** Notify types and the typed forms of their data (RFC 7296 §3.10.1, RFC 7427 §4). */
import assert from "node:assert/strict";
import { NotifyType } from "../../../core/message/constants.ts";
import {
  buildCookie,
  buildInvalidKe,
  buildRekeySa,
  buildSignatureHashes,
  buildUnsupportedCritical,
  findErrorNotify,
  findNotify,
  isErrorNotify,
  notify,
  notifyChildSa,
  parseCookie,
  parseInvalidKe,
  parseSignatureHashes,
} from "../../../core/message/notify.ts";
import { buildPayloads } from "../../../core/message/message.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { hex, toHex } from "../../support/hex.ts";

const wire = (payload: Payload): string => toHex(buildPayloads([payload]).bytes);

Deno.test("notifies as they stand on the wire", () => {
  assert.equal(wire(notify(NotifyType.INITIAL_CONTACT)), "00000008" + "00004000");
  assert.equal(wire(buildInvalidKe(20)), "0000000a" + "00000011" + "0014");
  assert.equal(wire(buildUnsupportedCritical(128)), "00000009" + "00000001" + "80");
  assert.equal(wire(buildSignatureHashes([2, 3, 4])), "0000000e" + "0000402f" + "000200030004");
  assert.equal(wire(buildCookie(hex("aabb"))), "0000000a" + "00004006" + "aabb");
  assert.equal(wire(buildRekeySa(3, hex("01020304"))), "0000000c" + "03044009" + "01020304");
  const gone = notifyChildSa(NotifyType.CHILD_SA_NOT_FOUND, 3, hex("01020304"));
  assert.equal(wire(gone), "0000000c" + "0304002c" + "01020304");
});

Deno.test("data of the wrong form is undefined", () => {
  const group = (data: string): number | undefined =>
    parseInvalidKe(notify(NotifyType.INVALID_KE_PAYLOAD, hex(data)));
  assert.equal(group("0014"), 20);
  for (const data of ["", "14", "001400"]) assert.equal(group(data), undefined);
  const hashes = (data: string): readonly number[] | undefined =>
    parseSignatureHashes(notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, hex(data)));
  assert.deepEqual(hashes("00020004"), [2, 4]);
  assert.deepEqual(hashes(""), []);
  assert.equal(hashes("000200"), undefined);
});

Deno.test("RFC 7296 §2.6: a cookie has 1 to 64 octets", () => {
  for (const length of [1, 64]) {
    const cookie = new Uint8Array(length).fill(7);
    assert.deepEqual(parseCookie(buildCookie(cookie)), cookie);
  }
  for (const length of [0, 65]) {
    const cookie = new Uint8Array(length);
    assert.throws(() => buildCookie(cookie), RangeError);
    assert.equal(parseCookie(notify(NotifyType.COOKIE, cookie)), undefined);
  }
});

Deno.test("RFC 7296 §3.10.1: types below 16384 are errors", () => {
  assert.ok(isErrorNotify(NotifyType.AUTHENTICATION_FAILED));
  assert.ok(isErrorNotify(16383));
  assert.ok(!isErrorNotify(NotifyType.INITIAL_CONTACT));
  assert.ok(!isErrorNotify(65535));
  const payloads = [
    notify(NotifyType.COOKIE),
    notify(NotifyType.TS_UNACCEPTABLE),
    notify(NotifyType.COOKIE, hex("01")),
  ];
  assert.equal(findErrorNotify(payloads), payloads[1]);
  assert.equal(findNotify(payloads, NotifyType.COOKIE), payloads[0]);
  assert.equal(findNotify(payloads, NotifyType.REKEY_SA), undefined);
  assert.equal(
    findErrorNotify([notify(NotifyType.COOKIE), { kind: "V", data: hex("") }]),
    undefined,
  );
});
