/** What is built from any value is read back as that value. */
import assert from "node:assert/strict";
import { copyBytes } from "../../../core/bytes.ts";
import { layoutEncrypted } from "../../../core/message/encrypted.ts";
import type { MessageHeader } from "../../../core/message/header.ts";
import {
  buildMessage,
  buildPayloads,
  parseMessage,
  parsePayloads,
} from "../../../core/message/message.ts";
import { payloadKinds, randomPayload } from "../../support/random_payload.ts";
import { reencode } from "../../support/reencode.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

function randomHeader(random: SeededRandom): MessageHeader {
  return {
    initiatorSpi: random.bytes(8),
    responderSpi: random.bytes(8),
    exchangeType: random.between(34, 37),
    flags: { initiator: random.chance(), response: random.chance() },
    messageId: random.u32(),
  };
}

for (const kind of payloadKinds) {
  Deno.test(`a built ${kind} payload is read back as it was`, () => {
    const random = new SeededRandom(kind.length);
    for (let i = 0; i < 200; i++) {
      const payload = randomPayload(random, kind);
      const { first, bytes } = buildPayloads([payload]);
      assert.deepEqual(parsePayloads(first, bytes, 28), { ok: true, value: [payload] });
    }
  });
}

Deno.test("a built message is read back as it was, header and all", () => {
  const random = new SeededRandom(7);
  for (let i = 0; i < 500; i++) {
    const header = randomHeader(random);
    const payloads = random.list(random.below(12), () => randomPayload(random));
    const bytes = buildMessage(header, payloads);
    const parsed = parseMessage(bytes);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.deepEqual(parsed.value.payloads, payloads);
    assert.equal(parsed.value.encrypted, undefined);
    assert.deepEqual(parsed.value.header, {
      ...header,
      flags: { ...header.flags, version: false },
      majorVersion: 2,
      minorVersion: 0,
      nextPayload: bytes[16],
      length: bytes.length,
    });
    assert.deepEqual(reencode(parsed.value), bytes);
  }
});

Deno.test("a built SK or SKF is read back with its places", () => {
  const random = new SeededRandom(8);
  for (let i = 0; i < 300; i++) {
    const total = random.between(1, 64);
    const fragment = { number: random.between(1, total), total };
    const isFragment = random.chance();
    const shape = {
      header: randomHeader(random),
      firstInnerPayload: random.below(60),
      ivLength: random.pick([8, 16]),
      ciphertextLength: random.below(900),
      icvLength: random.pick([12, 16, 32]),
    };
    const layout = layoutEncrypted(isFragment ? { ...shape, fragment } : shape);
    const parsed = parseMessage(layout.bytes);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    const part = parsed.value.encrypted;
    assert.ok(part);
    assert.equal(part.kind, isFragment ? "SKF" : "SK");
    assert.equal(part.firstInnerPayload, shape.firstInnerPayload);
    assert.equal(part.bodyOffset, layout.ivOffset);
    assert.equal(part.aadLength, layout.aadLength);
    assert.equal(part.fragmentNumber, isFragment ? fragment.number : undefined);
    assert.equal(part.totalFragments, isFragment ? fragment.total : undefined);
    assert.equal(part.body.length, shape.ivLength + shape.ciphertextLength + shape.icvLength);
    assert.equal(layout.icvOffset + shape.icvLength, layout.bytes.length);
    assert.equal(layout.ciphertextOffset, layout.ivOffset + shape.ivLength);
    assert.deepEqual(reencode(parsed.value), layout.bytes);
  }
});

Deno.test("parsed octets are views of the datagram", () => {
  const bytes = buildMessage(randomHeader(new SeededRandom(9)), [
    { kind: "Nonce", data: new Uint8Array(16) },
  ]);
  const parsed = parseMessage(bytes);
  assert.ok(parsed.ok);
  const [nonce] = parsed.value.payloads;
  assert.ok(nonce?.kind === "Nonce");
  const kept = copyBytes(nonce.data);
  bytes.fill(0xee);
  assert.deepEqual(nonce.data, new Uint8Array(16).fill(0xee));
  assert.deepEqual(kept, new Uint8Array(16));
});
