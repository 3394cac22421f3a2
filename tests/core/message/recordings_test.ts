/** Real messages: payload chains as recorded, and the same octets again after building. */
import assert from "node:assert/strict";
import { payloadTypeOf } from "../../../core/message/chain.ts";
import { ExchangeType, nameOf } from "../../../core/message/constants.ts";
import { checkGrammar } from "../../../core/message/grammar.ts";
import { buildPayloads, parseMessage, parsePayloads } from "../../../core/message/message.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { hex, toHex } from "../../support/hex.ts";
import { readPcap } from "../../support/pcap.ts";
import {
  readRecording,
  type RecordedMessage,
  type RecordedPayload,
  recordingPaths,
} from "../../support/recordings.ts";
import { reencode } from "../../support/reencode.ts";
import { listVectors, readVector, readVectorJson, vectorTest } from "../../support/vectors.ts";

/** The only good-looking recorded chain that must fail: its nonce has two octets. */
const shortNonce = "lp88 rekey with a nonce of 2 octets";

function bodyOf(payload: Payload): string {
  return toHex(buildPayloads([payload]).bytes.subarray(4));
}

function assertChain(payloads: readonly Payload[], recorded: readonly RecordedPayload[]): void {
  assert.deepEqual(payloads.map(payloadTypeOf), recorded.map(({ type }) => type));
  assert.deepEqual(payloads.map(bodyOf), recorded.map(({ body }) => body));
}

function assertOuter(recorded: RecordedMessage): void {
  const raw = hex(recorded.raw);
  const parsed = parseMessage(raw);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const { header, payloads, encrypted } = parsed.value;
  assert.equal(toHex(header.initiatorSpi), recorded.spi_i);
  assert.equal(toHex(header.responderSpi), recorded.spi_r);
  assert.equal(header.nextPayload, recorded.next_payload);
  assert.equal(nameOf(ExchangeType, header.exchangeType), recorded.exchange);
  assert.equal(header.messageId, recorded.message_id);
  assert.equal(header.length, recorded.length);
  assert.equal(header.majorVersion, 2);
  assert.equal(header.flags.initiator, recorded.flags.initiator === 1);
  assert.equal(header.flags.version, recorded.flags.version === 1);
  assert.equal(header.flags.response, recorded.flags.response === 1);
  const outer = recorded.outer_payloads.filter(({ type }) => type !== 46);
  assertChain(payloads, outer);
  const sk = recorded.outer_payloads.find(({ type }) => type === 46);
  assert.equal(encrypted === undefined, sk === undefined);
  if (encrypted !== undefined && sk !== undefined) {
    assert.equal(toHex(encrypted.body), sk.body);
    assert.equal(encrypted.firstInnerPayload, sk.inner_first ?? 0);
    assert.equal(toHex(raw.subarray(encrypted.bodyOffset)), sk.body);
    assert.equal(encrypted.aadLength, 32);
  } else {
    const subject = {
      exchangeType: header.exchangeType,
      isResponse: header.flags.response,
      isEncrypted: false,
      payloads,
    };
    assert.equal(checkGrammar(subject), undefined);
  }
  assert.equal(toHex(reencode(parsed.value)), withoutAlignment(recorded));
}

/** One old Openswan message has two zero octets behind its last payload, which count in its length. */
function withoutAlignment(recorded: RecordedMessage): string {
  const payloads = recorded.outer_payloads.reduce((sum, { length }) => sum + length, 0);
  const bytes = hex(recorded.raw).subarray(0, 28 + payloads);
  if (bytes.length < recorded.length) new DataView(bytes.buffer).setUint32(24, bytes.length);
  return toHex(bytes);
}

function assertInner(recorded: RecordedMessage): "good" | typeof shortNonce {
  const { decrypted } = recorded;
  if (decrypted === undefined || decrypted === null) return "good";
  const first = recorded.outer_payloads.at(-1)?.inner_first ?? 0;
  const plain = hex(decrypted.inner_plain_without_padding);
  const parsed = parsePayloads(first, plain, 48);
  if (decrypted.inner_payloads.some(({ type, length }) => type === 40 && length === 6)) {
    // 48 + KE 264 + generic header 4
    const fault = { kind: "bad-length", offset: 316, path: "NONCE.data", had: 2, needed: 16 };
    assert.deepEqual(parsed, { ok: false, fault });
    return shortNonce;
  }
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assertChain(parsed.value, decrypted.inner_payloads);
  const built = buildPayloads(parsed.value);
  assert.equal(built.first, first);
  assert.equal(toHex(built.bytes), decrypted.inner_plain_without_padding);
  return "good";
}

for (const path of recordingPaths) {
  vectorTest(`recorded messages come out as recorded: ${path}`, readRecording(path), (messages) => {
    assert.ok(messages.length >= 4);
    for (const message of messages) assertOuter(message);
    const outcomes = messages.map(assertInner);
    const bad = outcomes.filter((outcome) => outcome === shortNonce);
    assert.equal(bad.length, path.includes("openswan") ? 1 : 0);
  });
}

const login = readRecording("own/strongswan-recordings/eap-mschapv2-ikegcm-espcbc.expected.json");
vectorTest("every message of a recorded EAP login obeys the grammar of its step", login, (all) => {
  const steps = ["first", "eap", "eap", "eap", "final"] as const;
  let seen = 0;
  for (const { decrypted, exchange, flags, message_id, outer_payloads } of all) {
    if (decrypted === undefined || decrypted === null) continue;
    const inner = parsePayloads(
      outer_payloads.at(-1)?.inner_first ?? 0,
      hex(decrypted.inner_plain_without_padding),
      0,
    );
    assert.ok(inner.ok);
    const step = exchange === "IKE_AUTH" ? steps[message_id - 1] : undefined;
    const fault = checkGrammar({
      exchangeType: ExchangeType[exchange as keyof typeof ExchangeType],
      isResponse: flags.response === 1,
      isEncrypted: true,
      ...(step === undefined ? {} : { step }),
      payloads: inner.value,
    });
    assert.equal(fault, undefined, `${exchange} ${message_id}`);
    seen++;
  }
  assert.equal(seen, 16);
});

interface Seed {
  readonly file: string;
  readonly version: string;
  readonly bytes: number;
  readonly length_field: number;
}

const seedFolder = "thirdparty/fuzz/ike-seeds";
const seeds = readVectorJson<readonly Seed[]>(`${seedFolder}/manifest.json`);

vectorTest("every good seed is read and written back octet for octet", seeds, (all) => {
  let good = 0;
  const refused: string[] = [];
  for (const seed of all) {
    const bytes = readVector(`${seedFolder}/${seed.file}`);
    assert.ok(bytes, seed.file);
    const parsed = parseMessage(bytes);
    if (!parsed.ok) {
      refused.push(`${seed.file.slice(0, 8)} ${parsed.fault.path}`);
      continue;
    }
    assert.equal(toHex(reencode(parsed.value)), toHex(bytes), seed.file);
    good++;
  }
  // Two with a length field of zero (IKEv1), and one damaged on purpose.
  assert.deepEqual(refused.sort(), [
    "304de67c header.length",
    "c47622df header.length",
    "f3e6108b SA.proposal.transform.last",
  ]);
  assert.equal(good, all.length - 3);
});

const captures = [["tcpdump/ikev2four.pcap", 21], ["scapy/ikev2_notify_redirect.pcap", 4]] as const;

for (const [path, wanted] of captures) {
  const capture = readVector(`thirdparty/captures/${path}`);
  vectorTest(`captured messages are read and written back: ${path}`, capture, (file) => {
    let good = 0;
    for (const { frame, payload } of readPcap(file)) {
      const parsed = parseMessage(payload);
      assert.ok(parsed.ok, `frame ${frame}: ${JSON.stringify(parsed)}`);
      assert.equal(toHex(reencode(parsed.value)), toHex(payload), `frame ${frame}`);
      good++;
    }
    assert.equal(good, wanted);
  });
}

for (const folder of ["thirdparty/malformed/tcpdump", "thirdparty/malformed/zeek"]) {
  const names = [...listVectors(folder, ".pcap"), ...listVectors(folder, ".pcapng")];
  Deno.test({
    name: `crash reproducers of other parsers give a fault inside the octets: ${folder}`,
    ignore: names.length === 0,
    fn: (): void => {
      for (const name of names) {
        for (const { payload } of readPcap(readVector(`${folder}/${name}`) ?? new Uint8Array())) {
          const parsed = parseMessage(payload);
          if (parsed.ok) continue;
          assert.ok(parsed.fault.offset >= 0 && parsed.fault.offset <= payload.length, name);
        }
      }
    },
  });
}
