import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { supportedEncryptions, supportedIntegrities } from "../../../core/crypto/transforms.ts";
import type { MessageHeader } from "../../../core/message/header.ts";
import { buildPayloads, parseMessage, parsePayloads } from "../../../core/message/message.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { FragmentBuffer } from "../../../core/sa/fragments.ts";
import { IvCounter } from "../../../core/sa/iv_counter.ts";
import {
  type DirectionKeys,
  largestMessage,
  openMessage,
  type Sealing,
  sealMessage,
} from "../../../core/sa/protection.ts";
import { isAead } from "../../../core/sa/proposal.ts";
import type { IkeSuite } from "../../../core/sa/suite.ts";
import { hex } from "../../support/hex.ts";
import { bitFlips, repairHeader, truncations } from "../../support/mutate.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";
import {
  eapSuite,
  libreswanSuite,
  openContent,
  openRecorded,
  parseRaw,
  type RecordedMessage,
  type Recording,
  recordingPaths,
} from "./recordings.ts";

function recordedKeys(
  keys: Readonly<Record<string, string | undefined>>,
  initiator: number,
): DirectionKeys {
  const side = initiator === 1 ? "i" : "r";
  return { encryption: hex(keys[`sk_e${side}`]!), integrity: hex(keys[`sk_a${side}`] ?? "") };
}

const recordings: readonly (readonly [string, string, IkeSuite, number])[] = [
  ["strongSwan with AES-GCM", recordingPaths.eap, eapSuite, 16],
  ["libreswan with AES-CBC", recordingPaths.libreswan, libreswanSuite, 6],
];

for (const [name, path, suite, count] of recordings) {
  vectorTest(
    `Every encrypted message of ${name} opens and its payloads parse`,
    readVectorJson<Recording>(path),
    (recording) => {
      const messages = recording.messages.filter(({ kind, decrypted }) =>
        kind === "ike" && decrypted !== undefined && decrypted !== null
      );
      assert.equal(messages.length, count);
      for (const message of messages) {
        const sa = recording.ike_sas[message.ike_sa_index!]!;
        const keys = recordedKeys({ ...sa }, message.flags.initiator);
        const payloads = openRecorded(suite, keys, message);
        const chain = hex(message.decrypted!.inner_plain_without_padding);
        assert.equal(hexOf(buildPayloads(payloads).bytes), hexOf(chain));
        const wrong = recordedKeys({ ...sa }, 1 - message.flags.initiator);
        assert.deepEqual(
          openMessage(
            { crypto: nobleProvider, suite, keys: wrong },
            hex(message.raw),
            parseRaw(message.raw),
          ),
          { ok: false, fault: "bad-icv" },
        );
      }
    },
  );
}

interface KeyedCapture {
  readonly keys: Readonly<Record<string, string>>;
  readonly messages: readonly RecordedMessage[];
}

const captures: readonly (readonly [string, IkeSuite, number])[] = [
  [
    "ikev2-decrypt-aes256cbc.pcapng",
    { encryption: 12, keyBits: 256, integrity: 12, prf: 5, group: 19 },
    2,
  ],
  [
    "ikev2-decrypt-aes256gcm16.pcap",
    { encryption: 20, keyBits: 256, integrity: 0, prf: 5, group: 19 },
    4,
  ],
];

for (const [file, suite, count] of captures) {
  vectorTest(
    `Every encrypted message of the capture ${file} opens and its payloads parse`,
    readVectorJson<KeyedCapture>(`thirdparty/captures/wireshark/${file}.expected.json`),
    ({ keys, messages }) => {
      const encrypted = messages.filter(({ decrypted }) =>
        decrypted !== undefined && decrypted !== null
      );
      assert.equal(encrypted.length, count);
      for (const message of encrypted) {
        openRecorded(suite, recordedKeys(keys, message.flags.initiator), message);
      }
    },
  );
}

interface OpenswanMessage extends RecordedMessage {
  readonly keys?: Readonly<Record<string, string>>;
}

vectorTest(
  "Every encrypted message of the Openswan unit tests opens, and only short nonces do not parse",
  readVectorJson<{ readonly pcaps: readonly { readonly messages: readonly OpenswanMessage[] }[] }>(
    "thirdparty/captures/openswan/expected.json",
  ),
  ({ pcaps }) => {
    const encrypted = pcaps.flatMap(({ messages }) => messages)
      .filter(({ decrypted, keys }) => decrypted && keys !== undefined);
    assert.equal(encrypted.length, 6);
    const faults = encrypted.flatMap((message) => {
      const suite = { encryption: 12, keyBits: 128, integrity: 12, prf: 5, group: 14 };
      const keys = recordedKeys(message.keys!, message.flags.initiator);
      const { firstPayload, plaintext, offset } = openContent(suite, keys, message);
      const payloads = parsePayloads(firstPayload, plaintext, offset);
      return payloads.ok ? [] : [payloads.fault.path];
    });
    assert.deepEqual(new Set(faults), new Set(["NONCE.data"]));
    assert.ok(faults.length < 4);
  },
);

const header: MessageHeader = {
  initiatorSpi: hex("0102030405060708"),
  responderSpi: hex("1112131415161718"),
  exchangeType: 35,
  flags: { initiator: true, response: false },
  messageId: 7,
};

function sealingOf(
  suite: Pick<IkeSuite, "encryption" | "keyBits" | "integrity">,
  random: SeededRandom,
): Sealing {
  const isCombined = isAead(suite.encryption);
  const integrityBytes = { 12: 32, 13: 48, 14: 64 }[suite.integrity] ?? 0;
  return {
    crypto: nobleProvider,
    random,
    ivs: new IvCounter(),
    suite,
    keys: {
      encryption: random.bytes(suite.keyBits / 8 + (isCombined ? 4 : 0)),
      integrity: random.bytes(integrityBytes),
    },
  };
}

const suites = supportedEncryptions.flatMap(({ encryption, keyBits }) =>
  (isAead(encryption) ? [0] : supportedIntegrities)
    .map((integrity) => ({ encryption, keyBits, integrity }))
);

function vendorPayloads(random: SeededRandom, length: number): Payload[] {
  const first: Payload = { kind: "V", data: random.bytes(length) };
  return random.chance() ? [first] : [first, { kind: "Nonce", data: random.bytes(32) }];
}

Deno.test("There are 12 suites: three AEAD ciphers, and AES-CBC in three sizes with three hashes", () => {
  assert.equal(suites.length, 12);
});

Deno.test("What is sealed opens to the same payloads, for every suite and random sizes", () => {
  const random = new SeededRandom(1);
  for (const suite of suites) {
    const sealing = sealingOf(suite, random);
    for (let run = 0; run < 40; run++) {
      const payloads = vendorPayloads(random, random.below(run < 20 ? 40 : 3000));
      const datagrams = sealMessage(sealing, header, payloads, undefined);
      assert.equal(datagrams.length, 1);
      const parsed = parseMessage(datagrams[0]!);
      assert.ok(parsed.ok);
      assert.equal(parsed.value.header.messageId, 7);
      const opened = openMessage(sealing, datagrams[0]!, parsed.value);
      assert.ok(opened.ok);
      assert.equal(opened.value.fragment, undefined);
      const inner = parsePayloads(
        opened.value.firstPayload,
        opened.value.plaintext,
        opened.value.offset,
      );
      assert.deepEqual(inner, { ok: true, value: payloads });
    }
  }
});

Deno.test("RFC 7383 §2.5: a message that is too long goes out in fragments that are not", () => {
  const random = new SeededRandom(2);
  for (const suite of suites) {
    for (let run = 0; run < 12; run++) {
      const sealing = sealingOf(suite, random);
      const maxBytes = random.between(180, 1400);
      const payloads = vendorPayloads(random, random.between(maxBytes, 6 * maxBytes));
      const datagrams = sealMessage(sealing, header, payloads, maxBytes);
      assert.ok(datagrams.length > 1);
      const buffer = new FragmentBuffer();
      datagrams.forEach((datagram, i) => {
        assert.ok(datagram.length <= maxBytes, `${datagram.length} of ${maxBytes}`);
        const parsed = parseMessage(datagram);
        assert.ok(parsed.ok);
        const opened = openMessage(sealing, datagram, parsed.value);
        assert.ok(opened.ok);
        assert.deepEqual(opened.value.fragment, { number: i + 1, total: datagrams.length });
        if (i > 0) assert.equal(opened.value.firstPayload, 0);
        const outcome = buffer.add({
          messageId: parsed.value.header.messageId,
          number: i + 1,
          total: datagrams.length,
          firstPayload: opened.value.firstPayload,
          plaintext: opened.value.plaintext,
        });
        if (i < datagrams.length - 1) return assert.equal(outcome.kind, "stored");
        assert.ok(outcome.kind === "complete");
        const inner = parsePayloads(outcome.firstPayload, outcome.plaintext, 0);
        assert.deepEqual(inner, { ok: true, value: payloads });
      });
    }
  }
});

Deno.test("Fragments are as few as the limit allows, and a message that fits is not cut", () => {
  for (const suite of suites) {
    const sealing = sealingOf(suite, new SeededRandom(3));
    const payloads: Payload[] = [{ kind: "V", data: new Uint8Array(1000) }];
    const [whole] = sealMessage(sealing, header, payloads, undefined);
    const size = whole!.length;
    assert.equal(sealMessage(sealing, header, payloads, size).length, 1);
    const cut = sealMessage(sealing, header, payloads, size - 1);
    assert.equal(cut.length, 2);
    const block = isAead(suite.encryption) ? 1 : 16;
    assert.ok(size - 1 - cut[0]!.length < block, "the first fragment is full");
  }
});

Deno.test("Any bit turned over in a sealed message is a bad ICV or not even a message", () => {
  for (const suite of suites) {
    const sealing = sealingOf(suite, new SeededRandom(4));
    const payloads: Payload[] = [{ kind: "Nonce", data: new Uint8Array(16) }];
    const [datagram] = sealMessage(sealing, header, payloads, undefined);
    let refused = 0;
    for (const { name, bytes } of bitFlips(datagram!)) {
      const parsed = parseMessage(bytes);
      if (!parsed.ok || parsed.value.encrypted === undefined) continue;
      const opened = openMessage(sealing, bytes, parsed.value);
      assert.deepEqual(opened, { ok: false, fault: "bad-icv" }, name);
      refused++;
    }
    assert.ok(refused >= (datagram!.length - 32) * 8, "all of IV, ciphertext and ICV were tried");
  }
});

Deno.test("Truncated messages with repaired lengths never open and never throw", () => {
  for (const suite of suites) {
    const sealing = sealingOf(suite, new SeededRandom(5));
    const [datagram] = sealMessage(sealing, header, [], undefined);
    const faults = new Set<string>();
    for (const { bytes } of truncations(datagram!)) {
      if (bytes.length < 32 || bytes.length === datagram!.length) continue;
      const repaired = repairHeader(bytes);
      new DataView(repaired.buffer, repaired.byteOffset).setUint16(30, repaired.length - 28);
      const parsed = parseMessage(repaired);
      if (!parsed.ok) continue;
      const opened = openMessage(sealing, repaired, parsed.value);
      assert.ok(!opened.ok);
      faults.add(opened.fault);
    }
    assert.ok(faults.has("short"));
  }
});

Deno.test("A message without an encrypted payload is told apart", () => {
  const sealing = sealingOf(suites[0]!, new SeededRandom(6));
  const raw = "0102030405060708000000000000000000202508000000000000001c";
  assert.deepEqual(openMessage(sealing, hex(raw), parseRaw(raw)), {
    ok: false,
    fault: "not-encrypted",
  });
});

Deno.test("A pad length that reaches over the start is bad padding, after the ICV was good", () => {
  const random = new SeededRandom(7);
  const cbc = sealingOf({ encryption: 12, keyBits: 128, integrity: 12 }, random);
  const [message] = sealMessage(cbc, header, [], undefined);
  const forged = Uint8Array.from(message!);
  const iv = forged.subarray(32, 48);
  const block = new Uint8Array(16).fill(16);
  forged.set(nobleProvider.cbcEncrypt(cbc.keys.encryption, iv, block), 48);
  const covered = forged.subarray(0, 64);
  forged.set(nobleProvider.hmac("sha256", cbc.keys.integrity, covered).subarray(0, 16), 64);
  assert.deepEqual(openMessage(cbc, forged, parseRaw(hexOf(forged))), {
    ok: false,
    fault: "bad-padding",
  });
});

Deno.test("RFC 7296 §3.14: ciphertext that is no multiple of the block is refused without a throw", () => {
  const cbc = sealingOf({ encryption: 12, keyBits: 128, integrity: 12 }, new SeededRandom(8));
  const [message] = sealMessage(cbc, header, [], undefined);
  const body = concatBytes(message!.subarray(0, 64), Uint8Array.of(1, 2, 3));
  const forged = repairHeader(concatBytes(body, new Uint8Array(16)));
  new DataView(forged.buffer).setUint16(30, forged.length - 28);
  const covered = forged.subarray(0, forged.length - 16);
  const icv = nobleProvider.hmac("sha256", cbc.keys.integrity, covered).subarray(0, 16);
  forged.set(icv, forged.length - 16);
  assert.deepEqual(openMessage(cbc, forged, parseRaw(hexOf(forged))), {
    ok: false,
    fault: "bad-padding",
  });
});

Deno.test("RFC 5282 §3.1: no explicit IV repeats under a key, fragments included", () => {
  const sealing = sealingOf({ encryption: 20, keyBits: 256, integrity: 0 }, new SeededRandom(9));
  const seen = new Set<string>();
  for (let run = 0; run < 50; run++) {
    const payloads: Payload[] = [{ kind: "V", data: new Uint8Array(500) }];
    for (
      const datagram of sealMessage(sealing, header, payloads, run % 2 === 0 ? 200 : undefined)
    ) {
      const { encrypted } = parseRaw(hexOf(datagram));
      const iv = hexOf(encrypted!.body.subarray(0, 8));
      assert.ok(!seen.has(iv));
      seen.add(iv);
    }
  }
});

Deno.test("AES-CBC takes a fresh random IV for every message", () => {
  const cbc = sealingOf({ encryption: 12, keyBits: 256, integrity: 14 }, new SeededRandom(10));
  const ivs = [1, 2, 3].map(() => {
    const [datagram] = sealMessage(cbc, header, [], undefined);
    return hexOf(datagram!.subarray(32, 48));
  });
  assert.equal(new Set(ivs).size, 3);
});

Deno.test("The same seed seals to the same octets", () => {
  const make = (): string => {
    const random = new SeededRandom(11);
    const sealing = sealingOf({ encryption: 12, keyBits: 192, integrity: 13 }, random);
    return hexOf(sealMessage(sealing, header, [], undefined)[0]!);
  };
  assert.equal(make(), make());
});

Deno.test("The largest message leaves room for IP, UDP and the non-ESP marker", () => {
  assert.equal(largestMessage(1280, 4), 1248);
  assert.equal(largestMessage(1280, 6), 1228);
});
