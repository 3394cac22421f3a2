/** Vendor IDs and the identity of Cisco's clients. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { concatBytes, utf8 } from "../../../../core/bytes.ts";
import {
  ANYCONNECT_IDENTITY,
  isAnyConnectIdentity,
} from "../../../../core/eap/anyconnect/identity.ts";
import {
  announcedVendorIds,
  recognizeVendorId,
} from "../../../../core/eap/anyconnect/vendor_ids.ts";
import { hex, toHex } from "../../../support/hex.ts";
import { vectorTest } from "../../../support/vectors.ts";
import { recorded } from "./recorded.ts";

const octets = {
  "delete-reason": "434953434f2d44454c4554452d524541534f4e",
  "copyright":
    "434953434f28434f505952494748542926436f7079726967687420286329203230303920436973636f" +
    "2053797374656d732c20496e632e",
  "fragmentation": "4048b7d56ebce88525e7de7f00d6c2d3",
  "gre-mode": "434953434f2d4752452d4d4f4445",
  "strap": "434953434f2d414e59434f4e4e4543542d5354524150",
  "anyconnect-eap": "434953434f2d414e59434f4e4e4543542d454150",
  "nge-level": "434953434f2d4e47452d4c4556454c",
  "flexvpn": "464c455856504e2d535550504f52544544",
} as const;

Deno.test("every known Vendor ID is recognised by its octets, and nothing else is", () => {
  for (const [name, data] of Object.entries(octets)) {
    equal(recognizeVendorId(hex(data)), name);
    equal(recognizeVendorId(hex(data).subarray(1)), undefined, name);
    equal(recognizeVendorId(hex(data).subarray(0, -1)), undefined, name);
  }
  equal(recognizeVendorId(hex("")), undefined);
  equal(recognizeVendorId(new Uint8Array(20)), undefined);
});

Deno.test("only GRE mode is recognised with octets behind it", () => {
  for (const [name, data] of Object.entries(octets)) {
    const longer = concatBytes(hex(data), hex("00"));
    equal(recognizeVendorId(longer), name === "gre-mode" ? name : undefined);
  }
});

Deno.test("the fragmentation ID is the MD5 of its name", () => {
  equal(createHash("md5").update("FRAGMENTATION").digest("hex"), octets.fragmentation);
});

Deno.test("a gateway announces neither STRAP nor Cisco's fragments", () => {
  deepEqual(announcedVendorIds.map(toHex), [
    octets["delete-reason"],
    octets.copyright,
    octets["anyconnect-eap"],
    octets.flexvpn,
  ]);
});

vectorTest("the recorded client announces seven of them", recorded, (session) => {
  const init = session.ike_sa_init_request;
  const found = Object.entries(octets).filter(([, data]) => init.includes(data));
  deepEqual(found.map(([name]) => name), [
    ...["delete-reason", "copyright", "fragmentation", "gre-mode"],
    ...["strap", "anyconnect-eap", "nge-level"],
  ]);
});

vectorTest("the recorded IDi is AnyConnect's", recorded, (session) => {
  const body = hex(session.IDi_body);
  ok(isAnyConnectIdentity(body[0]!, body.subarray(4)));
});

Deno.test("IDi is AnyConnect's as a private type or a key id, and with these octets only", () => {
  equal(toHex(ANYCONNECT_IDENTITY), "2a24416e79436f6e6e656374436c69656e74242a");
  for (const type of [201, 11]) ok(isAnyConnectIdentity(type, ANYCONNECT_IDENTITY));
  for (const type of [0, 1, 2, 3, 5, 9, 10, 200, 202]) {
    ok(!isAnyConnectIdentity(type, ANYCONNECT_IDENTITY), `${type}`);
  }
  for (
    const other of ["", "*$AnyConnectClient$", "*$AnyConnectClient$*\0", "*$anyconnectclient$*"]
  ) {
    ok(!isAnyConnectIdentity(201, utf8(other)), other);
  }
});
