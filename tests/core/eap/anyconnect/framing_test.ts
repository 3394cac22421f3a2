/** TLVs of AnyConnect-EAP: the recorded packets octet by octet, and everything that does not fit. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, utf8 } from "../../../../core/bytes.ts";
import {
  ANYCONNECT_METHOD,
  buildTlvs,
  parseTlvs,
} from "../../../../core/eap/anyconnect/framing.ts";
import { buildEapPacket, parseEapPacket, sameMethod } from "../../../../core/eap/packet.ts";
import { vectorTest } from "../../../support/vectors.ts";
import { hex, toHex } from "../../../support/hex.ts";
import { bitFlips, truncations, wordValues } from "../../../support/mutate.ts";
import { recorded } from "./recorded.ts";

vectorTest("every recorded packet is read and built again octet by octet", recorded, (session) => {
  const packets = [...session.eap_client_to_gateway, ...session.eap_gateway_to_client];
  equal(packets.length, 9);
  for (const packet of packets) {
    const parsed = parseEapPacket(hex(packet));
    ok(parsed.ok, packet);
    if (parsed.value.kind === "success") continue;
    ok(parsed.value.kind === "request" || parsed.value.kind === "response");
    ok(sameMethod(parsed.value.method, ANYCONNECT_METHOD));
    const message = parseTlvs(parsed.value.data);
    ok(message.ok && message.value.xml !== undefined);
    const data = buildTlvs(message.value);
    equal(toHex(buildEapPacket({ ...parsed.value, data })), packet);
  }
});

vectorTest(
  "the recorded certificate packet has certificates, signature and document",
  recorded,
  (s) => {
    const message = parseTlvs(hex(s.eap_client_to_gateway[1] ?? "").subarray(12));
    ok(message.ok);
    equal(toHex(message.value.pkcs7 ?? hex("")), s.PKCS7_tlv_value);
    equal(toHex(message.value.sign ?? hex("")), s.SIGN_tlv_value);
  },
);

Deno.test("TLVs may come in any order, and unknown ones are skipped", () => {
  const message = parseTlvs(hex("0000 0001 41  0002 0003 ffffff  0063 0000  0001 0002 0102"));
  deepEqual(message, { ok: true, value: { xml: utf8("A"), sign: hex("0102") } });
  deepEqual(parseTlvs(hex("")), { ok: true, value: {} });
});

Deno.test("an odd length needs no padding", () => {
  const message = parseTlvs(hex("0001 0003 010203 0000 0001 41"));
  deepEqual(message, { ok: true, value: { sign: hex("010203"), xml: utf8("A") } });
});

Deno.test("what does not form a TLV is a fault that says where", () => {
  const cases: readonly (readonly [string, string, number, string])[] = [
    ["00", "short", 0, "AnyConnect-EAP.type"],
    ["0000", "short", 2, "AnyConnect-EAP.length"],
    ["0000 00", "short", 2, "AnyConnect-EAP.length"],
    ["0000 0002 41", "short", 4, "AnyConnect-EAP.value"],
    ["0000 0001 41 00", "short", 5, "AnyConnect-EAP.type"],
    ["0000 ffff", "short", 4, "AnyConnect-EAP.value"],
    ["0000 0001 41 0000 0001 42", "unexpected", 5, "AnyConnect-EAP.xml"],
  ];
  for (const [octets, kind, offset, path] of cases) {
    const message = parseTlvs(hex(octets));
    ok(!message.ok, octets);
    equal(message.fault.kind, kind, octets);
    equal(message.fault.offset, offset, octets);
    equal(message.fault.path, path, octets);
  }
});

Deno.test("no mutant of a packet throws, and every accepted one is built again", () => {
  const seed = concatBytes(
    buildTlvs({ pkcs7: hex("3003020101"), sign: hex("aabb"), xml: utf8("<a/>") }),
    hex("0007 0001 00"),
  );
  const mutants = [...bitFlips(seed), ...truncations(seed), ...wordValues(seed, seed.keys())];
  for (const { name, bytes } of mutants) {
    const message = parseTlvs(bytes);
    if (!message.ok) {
      ok(message.fault.offset <= bytes.length, name);
      continue;
    }
    const again = parseTlvs(buildTlvs(message.value));
    deepEqual(again, message, name);
  }
});
