/** What people are told of a server's answer. */
import assert from "node:assert/strict";
import { rejection } from "../../../../appliance/aaa/radius/credentials.ts";
import { rejectionMessage, replyMessage } from "../../../../appliance/aaa/radius/messages.ts";
import {
  type Attribute,
  Code,
  type RadiusPacket,
} from "../../../../appliance/aaa/radius/packet.ts";
import { concatBytes, utf8 } from "../../../../core/mod.ts";

function rejected(...attributes: Attribute[]): RadiusPacket {
  return { code: Code.ACCESS_REJECT, identifier: 0, authenticator: new Uint8Array(16), attributes };
}

const reply = (text: string): Attribute => ({ name: "Reply-Message", value: utf8(text) });
const error = (text: string): Attribute => ({
  name: "MS-CHAP-Error",
  value: concatBytes(Uint8Array.of(0x45), utf8(text)),
});

Deno.test("RFC 2865 §5.18: several messages are one text, in order", () => {
  assert.equal(replyMessage(rejected(reply("Call "), reply("the desk."))), "Call the desk.");
  assert.equal(replyMessage(rejected()), undefined);
  assert.equal(replyMessage(rejected(reply(""), reply(" \r\n"))), undefined);
});

Deno.test("a message is one line without control characters, and not longer than people read", () => {
  assert.equal(replyMessage(rejected(reply("\u001b[2JA\r\n\tB\0\u0085C"))), "[2JA B C");
  const long = replyMessage(rejected(...Array.from({ length: 16 }, () => reply("x".repeat(253)))));
  assert.equal(long, `${"x".repeat(499)}…`);
  // A character of two units is not cut in half, and octets that are no text do no harm.
  const wide = replyMessage(rejected(...Array.from({ length: 16 }, () => reply("🔑".repeat(63)))));
  assert.equal(wide, `${"🔑".repeat(499)}…`);
  const value = Uint8Array.of(0xff, 0x41);
  assert.equal(replyMessage(rejected({ name: "Reply-Message", value })), "\ufffdA");
});

for (
  const [text, words] of [
    ["E=646 R=0 V=3", "Login is not allowed at this time."],
    ["E=647 R=0 V=3", "The account is disabled."],
    ["E=648 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=expired", "The password has expired."],
    ["E=649 R=0", "The account may not log in from outside."],
    ["E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=wrong", undefined],
    ["E=6480", undefined],
    ["E=constructor", undefined],
    ["X E=648", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`RFC 2759 §6: error "${text}" in words`, () => {
    assert.equal(rejectionMessage(rejected(error(text))), words);
  });
}

Deno.test("an error attribute without octets says nothing, and the server's own words come first", () => {
  const value = new Uint8Array();
  assert.equal(rejectionMessage(rejected({ name: "MS-CHAP-Error", value })), undefined);
  const both = rejected(error("E=648 R=0 V=3"), reply("Change it in the office."));
  assert.deepEqual(rejection(both), { kind: "reject", message: "Change it in the office." });
});
