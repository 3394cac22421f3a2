/** The notation of messages, which shows what they are and nothing that is in them. */
import assert from "node:assert/strict";
import { hexOf, utf8 } from "../../../core/bytes.ts";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import { formatEncrypted, formatMessage, formatPayload } from "../../../core/message/format.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { hex } from "../../support/hex.ts";
import { payloadKinds, randomPayload } from "../../support/random_payload.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const header = {
  initiatorSpi: hex("0102030405060708"),
  responderSpi: hex("1112131415161718"),
  exchangeType: ExchangeType.IKE_AUTH as number,
  flags: { initiator: true, response: false },
  messageId: 1,
};

Deno.test("a message in the notation of the RFC", () => {
  const nothing = new Uint8Array(0);
  const payloads: Payload[] = [
    { kind: "IDi", idType: 11, data: utf8("somebody") },
    notify(NotifyType.INITIAL_CONTACT),
    { kind: "CERTREQ", encoding: 4, authorities: nothing },
    { kind: "CP", configType: 1, attributes: [{ type: 28_700, value: utf8("token") }] },
    { kind: "SA", proposals: [] },
    { kind: "TSi", selectors: [] },
    { kind: "TSr", selectors: [] },
  ];
  assert.equal(
    formatMessage(header, payloads),
    "IKE_AUTH request 1 { IDi, N(INITIAL_CONTACT), CERTREQ, CP(CFG_REQUEST), SA, TSi, TSr }",
  );
});

Deno.test("responses, empty messages, numbers without a name", () => {
  const response = { ...header, flags: { initiator: false, response: true }, messageId: 7 };
  assert.equal(
    formatMessage({ ...response, exchangeType: ExchangeType.INFORMATIONAL }, []),
    "INFORMATIONAL response 7 { }",
  );
  assert.equal(
    formatMessage({ ...response, exchangeType: 99 }, [
      notify(40_000),
      { kind: "D", protocol: 3, spis: [] },
      { kind: "EAP", packet: hex("03010004") },
      { kind: "EAP", packet: hex("09010004") },
      { kind: "unknown", payloadType: 200, body: hex("") },
    ]),
    "99 response 7 { N(40000), D(ESP), EAP(Success), EAP(9), payload(200) }",
  );
});

Deno.test("what is still encrypted", () => {
  const part = { firstInnerPayload: 35, bodyOffset: 32, body: hex("00"), aadLength: 32 };
  assert.equal(formatEncrypted(header, { kind: "SK", ...part }), "IKE_AUTH request 1 { SK }");
  assert.equal(
    formatEncrypted(header, { kind: "SKF", ...part, fragmentNumber: 2, totalFragments: 3 }),
    "IKE_AUTH request 1 { SKF(2/3) }",
  );
});

Deno.test("no octet of a payload shows", () => {
  const random = new SeededRandom(10);
  const secret = utf8("SecretSecretSecretSecret");
  for (const kind of payloadKinds) {
    const payload = randomPayload(random, kind);
    const shown = formatPayload("data" in payload ? { ...payload, data: secret } : payload);
    assert.ok(!shown.includes("Secret") && !shown.includes(hexOf(secret)), shown);
    assert.match(shown, /^[A-Za-z]+(\([A-Za-z0-9_]+\))?$/);
  }
});
