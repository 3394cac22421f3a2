import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { concatBytes } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { HashName, KeyKind, Signer } from "../../../core/crypto/provider.ts";
import {
  buildSignatureAlgorithm,
  parseSignatureAlgorithm,
} from "../../../core/pki/signature_algorithm.ts";
import { announcedHashes, signAuth, verifySignatureAuth } from "../../../core/sa/signature_auth.ts";
import { hex } from "../../support/hex.ts";
import { readVector, readVectorJson, vectorTest } from "../../support/vectors.ts";
import { authOctets } from "../../../core/sa/auth_octets.ts";
import {
  bodyOf,
  eapSuite,
  initPairs,
  openRecorded,
  parseRaw,
  payloadOf,
  type Recording,
  recordingPaths,
} from "./recordings.ts";

const octets = new Uint8Array(700).map((_, i) => i & 0xff);
const allHashes = [1, 2, 3, 4, 5];

function pkcs8Of(type: "rsa" | "P-256" | "P-384" | "P-521"): Uint8Array {
  const { privateKey } = type === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: type });
  return new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
}

const rsaPkcs8 = pkcs8Of("rsa");
const rsa = signerOf(rsaPkcs8);
const ecPkcs8 = { "P-256": pkcs8Of("P-256"), "P-384": pkcs8Of("P-384"), "P-521": pkcs8Of("P-521") };

function signerOf(pkcs8: Uint8Array): Signer {
  const signer = nobleProvider.importPrivateKey(pkcs8);
  assert.ok(signer !== undefined);
  return signer;
}

function isGood(
  { spki, key }: Pick<Signer, "spki" | "key">,
  { method, data }: { readonly method: number; readonly data: Uint8Array },
  allowSha1 = false,
  over: Uint8Array = octets,
): boolean {
  return verifySignatureAuth(nobleProvider, spki, key, method, data, over, { allowSha1 });
}

Deno.test("AlgorithmIdentifiers: allowed spellings are read, near misses are not", () => {
  assert.deepEqual(parseSignatureAlgorithm(hex("300b06092a864886f70d01010b")), {
    kind: "rsa-pkcs1",
    hash: "sha256",
  });
  const withoutNulls =
    "303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108" +
    "300b0609608648016503040201a203020120";
  assert.deepEqual(parseSignatureAlgorithm(hex(withoutNulls)), {
    kind: "rsa-pss",
    hash: "sha256",
  });
  const withTrailer =
    "304206092a864886f70d01010a3035a00d300b0609608648016503040201a11a301806092a864886f70d010108" +
    "300b0609608648016503040201a203020120a303020101";
  assert.deepEqual(parseSignatureAlgorithm(hex(withTrailer)), { kind: "rsa-pss", hash: "sha256" });
  for (const refused of ["", "300b06092a864886f70d01010b00"]) {
    assert.equal(parseSignatureAlgorithm(hex(refused)), undefined);
  }
});

Deno.test("RFC 7427: RSA signs with the strongest hash in common, and the other side verifies", () => {
  const table: readonly (readonly [readonly number[], HashName])[] = [
    [allHashes, "sha512"],
    [[2, 3], "sha384"],
    [[1, 2], "sha256"],
  ];
  const publicKey = createPrivateKey({
    key: Buffer.from(rsaPkcs8),
    format: "der",
    type: "pkcs8",
  });
  for (const [peerHashes, hash] of table) {
    const auth = signAuth(rsa, octets, { peerHashes, legacyRsaHash: "sha1" });
    assert.equal(auth.method, 14);
    const length = auth.data[0]!;
    assert.deepEqual(parseSignatureAlgorithm(auth.data.subarray(1, 1 + length)), {
      kind: "rsa-pkcs1",
      hash,
    });
    assert.ok(verify(hash, octets, publicKey, auth.data.subarray(1 + length)));
    assert.ok(isGood(rsa, auth));
    assert.ok(!isGood(rsa, auth, false, octets.subarray(1)));
  }
});

Deno.test("RFC 7296 §3.8: without hashes of the peer RSA signs by method 1 with the given hash", () => {
  for (const peerHashes of [undefined, [], [1], [1, 5]]) {
    const auth = signAuth(rsa, octets, { peerHashes, legacyRsaHash: "sha1" });
    assert.equal(auth.method, 1);
    assert.equal(auth.data.length, 256);
    assert.ok(!isGood(rsa, auth), "SHA-1 is refused unless allowed");
    assert.ok(isGood(rsa, auth, true));
  }
  const auth = signAuth(rsa, octets, { peerHashes: undefined, legacyRsaHash: "sha384" });
  assert.ok(isGood(rsa, auth));
});

Deno.test("ECDSA signs with its curve's hash, else with what the peer has, else by methods 9 to 11", () => {
  const table = [
    ["P-256", "sha256", 9, 64],
    ["P-384", "sha384", 10, 96],
    ["P-521", "sha512", 11, 132],
  ] as const;
  for (const [curve, hash, method, rawLength] of table) {
    const signer = signerOf(ecPkcs8[curve]);
    const modern = signAuth(signer, octets, { peerHashes: allHashes, legacyRsaHash: "sha1" });
    assert.equal(modern.method, 14);
    const identifier = modern.data.subarray(1, 1 + modern.data[0]!);
    assert.deepEqual(parseSignatureAlgorithm(identifier), {
      kind: "ecdsa",
      hash,
      encoding: "der",
    });
    assert.ok(isGood(signer, modern));
    const narrow = signAuth(signer, octets, { peerHashes: [2], legacyRsaHash: "sha1" });
    assert.equal(narrow.method, 14);
    assert.ok(isGood(signer, narrow));
    const legacy = signAuth(signer, octets, { peerHashes: undefined, legacyRsaHash: "sha1" });
    assert.equal(legacy.method, method);
    assert.equal(legacy.data.length, rawLength);
    assert.ok(isGood(signer, legacy));
    for (const other of [1, 2, 9, 10, 11, 14].filter((number) => number !== method)) {
      assert.ok(!isGood(signer, { method: other, data: legacy.data }), `method ${other}`);
    }
    legacy.data[5]! ^= 1;
    assert.ok(!isGood(signer, legacy));
  }
});

Deno.test("RSASSA-PSS of a peer is verified for every hash", () => {
  const key = createPrivateKey({ key: Buffer.from(rsaPkcs8), format: "der", type: "pkcs8" });
  for (const hash of ["sha256", "sha384", "sha512"] as const) {
    const saltLength = { sha256: 32, sha384: 48, sha512: 64 }[hash];
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const signature = new Uint8Array(sign(hash, octets, { key, padding, saltLength }));
    const identifier = buildSignatureAlgorithm({ kind: "rsa-pss", hash });
    const data = concatBytes(Uint8Array.of(identifier.length), identifier, signature);
    assert.ok(isGood(rsa, { method: 14, data }));
    const lying = buildSignatureAlgorithm({ kind: "rsa-pkcs1", hash });
    const wrong = concatBytes(Uint8Array.of(lying.length), lying, signature);
    assert.ok(!isGood(rsa, { method: 14, data: wrong }));
  }
});

Deno.test("RFC 7427 §3: broken framing, SHA-1 and the wrong kind of key are refused", () => {
  const auth = signAuth(rsa, octets, { peerHashes: allHashes, legacyRsaHash: "sha1" });
  for (let length = 0; length < auth.data.length; length += 7) {
    assert.ok(!isGood(rsa, { method: 14, data: auth.data.subarray(0, length) }));
  }
  const ec: KeyKind = { kind: "ec", curve: "P-256" };
  assert.ok(!isGood({ spki: rsa.spki, key: ec }, auth));
  const sha1 = { kind: "rsa-pkcs1", hash: "sha1" } as const;
  const identifier = buildSignatureAlgorithm(sha1);
  const signature = rsa.sign(sha1, octets);
  const data = concatBytes(Uint8Array.of(identifier.length), identifier, signature);
  assert.ok(!isGood(rsa, { method: 14, data }));
  assert.ok(isGood(rsa, { method: 14, data }, true));
  assert.deepEqual(announcedHashes, [2, 3, 4]);
});

function spkiOf(certificate: Uint8Array): Uint8Array {
  const { publicKey } = new X509Certificate(Buffer.from(certificate));
  return new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
}

const recording = readVectorJson<Recording>(recordingPaths.eap);
const certificate = readVector("own/strongswan-recordings/gw.crt");

vectorTest(
  "The signature of a strongSwan gateway is verified with its certificate's key",
  recording === undefined || certificate === undefined ? undefined : { recording, certificate },
  ({ recording, certificate }) => {
    const [{ request, response }] = initPairs(recording) as [ReturnType<typeof initPairs>[0]];
    const sa = recording.ike_sas[0]!;
    const message = recording.messages.find(({ frame }) => frame === 4)!;
    const keys = { encryption: hex(sa.sk_er), integrity: new Uint8Array(0) };
    const payloads = openRecorded(eapSuite, keys, message);
    const covered = authOctets(
      nobleProvider,
      6,
      hex(response.raw),
      payloadOf(parseRaw(request.raw).payloads, "Nonce").data,
      hex(sa.sk_pr),
      bodyOf(payloadOf(payloads, "IDr")),
    );
    const { method, data } = payloadOf(payloads, "AUTH");
    assert.equal(method, 14);
    const spki = spkiOf(certificate);
    const key: KeyKind = { kind: "rsa", modulusBits: 2048 };
    assert.ok(isGood({ spki, key }, { method, data }, false, covered));
    assert.ok(!isGood({ spki, key }, { method, data }, false, octets));
  },
);

vectorTest(
  "AnyConnect-EAP: the client's SIGN is an RSA signature of method 1 with the PRF's hash",
  readVectorJson<Readonly<Record<string, string>>>("own/anyconnect-eap/test-vectors.json"),
  (vectors) => {
    const spki = spkiOf(hex(vectors["client_cert_der"]!));
    const key: KeyKind = { kind: "rsa", modulusBits: 2048 };
    const covered = hex(vectors["initiator_octets"]!);
    const data = hex(vectors["SIGN_tlv_value"]!);
    assert.equal(data.length, 256);
    assert.ok(isGood({ spki, key }, { method: 1, data }, false, covered));
    const other = hex(vectors["responder_octets"]!);
    assert.ok(!isGood({ spki, key }, { method: 1, data }, false, other));
  },
);
