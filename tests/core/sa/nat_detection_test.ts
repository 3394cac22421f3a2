import assert from "node:assert/strict";
import { hexOf } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { NotifyType } from "../../../core/message/constants.ts";
import { detectNat, natDetectionHash, type NatEvidence } from "../../../core/sa/nat_detection.ts";
import { type Endpoint, parseIpAddress } from "../../../core/wire/address.ts";
import { hex } from "../../support/hex.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";
import { parseRaw, type RecordedMessage, type Recording, recordingPaths } from "./recordings.ts";

function endpoint(text: string): Endpoint {
  const colon = text.lastIndexOf(":");
  const address = parseIpAddress(text.slice(0, colon));
  assert.ok(address !== undefined);
  return { address, port: Number(text.slice(colon + 1)) };
}

/** What a recorded IKE_SA_INIT message tells its receiver. */
function evidenceOf(message: RecordedMessage): NatEvidence {
  const { header, payloads } = parseRaw(message.raw);
  const hashes = (type: number): Uint8Array[] =>
    payloads.flatMap((payload) =>
      payload.kind === "N" && payload.notifyType === type ? [payload.data] : []
    );
  return {
    spiI: header.initiatorSpi,
    spiR: header.responderSpi,
    local: endpoint(message.dst),
    remote: endpoint(message.src),
    sourceHashes: hashes(NotifyType.NAT_DETECTION_SOURCE_IP),
    destinationHashes: hashes(NotifyType.NAT_DETECTION_DESTINATION_IP),
  };
}

const noNat = { localBehindNat: false, remoteBehindNat: false };

for (const path of [recordingPaths.libreswan, recordingPaths.eap]) {
  vectorTest(
    `RFC 7296 §2.23: peers that force UDP encapsulation look as if behind a NAT in ${path}`,
    readVectorJson<Recording>(path),
    ({ messages }) => {
      const inits = messages.filter(({ exchange }) => exchange === "IKE_SA_INIT");
      assert.ok(inits.length >= 2);
      for (const message of inits) {
        const evidence = evidenceOf(message);
        const { spiI, spiR, local } = evidence;
        const hash = natDetectionHash(nobleProvider, spiI, spiR, local);
        assert.deepEqual(evidence.destinationHashes.map(hexOf), [hexOf(hash)]);
        assert.equal(evidence.sourceHashes.length, 1);
        assert.deepEqual(detectNat(nobleProvider, evidence), {
          localBehindNat: false,
          remoteBehindNat: true,
        });
      }
    },
  );
}

for (const file of ["ikev2-decrypt-aes256cbc.pcapng", "ikev2-decrypt-aes256gcm16.pcap"]) {
  vectorTest(
    `RFC 7296 §2.23: no NAT is found in the capture ${file}`,
    readVectorJson<Pick<Recording, "messages">>(
      `thirdparty/captures/wireshark/${file}.expected.json`,
    ),
    ({ messages }) => {
      const inits = messages.filter(({ exchange }) => exchange === "IKE_SA_INIT");
      assert.equal(inits.length, 2);
      for (const message of inits) {
        const evidence = evidenceOf(message);
        assert.equal(evidence.sourceHashes.length, 1);
        assert.equal(evidence.destinationHashes.length, 1);
        assert.deepEqual(detectNat(nobleProvider, evidence), noNat);
      }
    },
  );
}

function made(change: Partial<NatEvidence>): NatEvidence {
  const spiI = hex("0102030405060708");
  const spiR = hex("0000000000000000");
  const local = endpoint("203.0.113.1:500");
  const remote = endpoint("2001:db8::9:40001");
  const hash = (at: Endpoint): Uint8Array => natDetectionHash(nobleProvider, spiI, spiR, at);
  const evidence = { spiI, spiR, local, remote };
  return { ...evidence, sourceHashes: [hash(remote)], destinationHashes: [hash(local)], ...change };
}

Deno.test("RFC 7296 §2.23: each side of a NAT is told by its own hash", () => {
  assert.deepEqual(detectNat(nobleProvider, made({})), noNat);
  assert.deepEqual(detectNat(nobleProvider, made({ remote: endpoint("2001:db8::9:40002") })), {
    localBehindNat: false,
    remoteBehindNat: true,
  });
  assert.deepEqual(detectNat(nobleProvider, made({ local: endpoint("203.0.113.2:500") })), {
    localBehindNat: true,
    remoteBehindNat: false,
  });
});

Deno.test("One good hash of several is enough, and none at all means no NAT", () => {
  const { sourceHashes } = made({});
  const several = made({ sourceHashes: [new Uint8Array(20), ...sourceHashes, hex("00")] });
  assert.deepEqual(detectNat(nobleProvider, several), noNat);
  const silent = made({ sourceHashes: [], destinationHashes: [] });
  assert.deepEqual(detectNat(nobleProvider, silent), noNat);
});
