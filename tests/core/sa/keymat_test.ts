import assert from "node:assert/strict";
import { concatBytes, hexOf } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { prfPlus } from "../../../core/crypto/prf_plus.ts";
import type { HashName } from "../../../core/crypto/provider.ts";
import {
  deriveChildKeys,
  deriveIkeKeys,
  deriveKeymat,
  deriveRekeyedIkeKeys,
  deriveRekeyedSkeyseed,
  deriveSkeyseed,
  expandIkeKeys,
} from "../../../core/sa/keymat.ts";
import { chooseProposal, espSuiteOf, ikeSuiteOf } from "../../../core/sa/proposal.ts";
import { defaultEspProposals } from "../../../core/sa/default_proposals.ts";
import { hex } from "../../support/hex.ts";
import { readVectorJson, readVectorText, vectorTest } from "../../support/vectors.ts";
import {
  eapSuite,
  initPairs,
  libreswanSuite,
  openRecorded,
  parseRaw,
  payloadOf,
  type RecordedKeys,
  type Recording,
  recordingPaths,
} from "./recordings.ts";
import { directionKeys } from "../../../core/sa/protection.ts";
import type { EspSuite, IkeSuite } from "../../../core/sa/suite.ts";

interface NistCase {
  readonly hash: HashName;
  readonly dkmBits: number;
  readonly childBits: number;
  readonly values: ReadonlyMap<string, Uint8Array>;
}

function parseNist(text: string): NistCase[] {
  const cases: NistCase[] = [];
  let hash: HashName = "sha1";
  const lengths = new Map<string, number>();
  let values = new Map<string, Uint8Array>();
  for (const line of text.split("\n")) {
    const setting = /^\[(.+?)(?: = (\d+))?\]/.exec(line);
    if (setting !== null && !line.startsWith("#")) {
      const [, name = "", number] = setting;
      if (number === undefined) hash = name.toLowerCase().replace("-", "") as HashName;
      else lengths.set(name, Number(number));
      continue;
    }
    if (line.startsWith("COUNT")) {
      values = new Map();
      cases.push({
        hash,
        dkmBits: lengths.get("DKM length")!,
        childBits: lengths.get("Child SA DKM length")!,
        values,
      });
      continue;
    }
    const [name, value] = line.split(" = ");
    if (value !== undefined && !line.startsWith("#")) values.set(name!.trim(), hex(value));
  }
  return cases;
}

vectorTest(
  "NIST CAVS: SKEYSEED, DKM, child DKM with and without DH and rekeyed SKEYSEED of 90 cases",
  readVectorText("thirdparty/kat/nist-ikev2-kdf/ikev2.count0-9.fax"),
  (text) => {
    const cases = parseNist(text);
    assert.equal(cases.length, 90);
    assert.deepEqual([...new Set(cases.map(({ hash }) => hash))].sort(), [
      "sha1",
      "sha256",
      "sha384",
      "sha512",
    ]);
    for (const { hash, dkmBits, childBits, values } of cases) {
      const get = (name: string): Uint8Array => values.get(name)!;
      const [nonceI, nonceR] = [get("Ni"), get("Nr")];
      const [shared, newShared] = [get("g^ir"), get("g^ir (new)")];
      const skeyseed = deriveSkeyseed(nobleProvider, hash, nonceI, nonceR, shared);
      assert.equal(hexOf(skeyseed), hexOf(get("SKEYSEED")));
      const seed = concatBytes(nonceI, nonceR, get("SPIi"), get("SPIr"));
      const dkm = prfPlus(nobleProvider, hash, skeyseed, seed, dkmBits / 8);
      assert.equal(hexOf(dkm), hexOf(get("DKM")));
      const skD = dkm.subarray(0, skeyseed.length);
      const keymat = (secret: Uint8Array | undefined): string =>
        hexOf(deriveKeymat(nobleProvider, hash, skD, secret, nonceI, nonceR, childBits / 8));
      assert.equal(keymat(undefined), hexOf(get("DKM(Child SA)")));
      assert.equal(keymat(newShared), hexOf(get("DKM(Child SA D-H)")));
      const rekeyed = deriveRekeyedSkeyseed(nobleProvider, hash, skD, newShared, nonceI, nonceR);
      assert.equal(hexOf(rekeyed), hexOf(get("SKEYSEED(Rekey)")));
    }
  },
);

vectorTest(
  "NIST CAVS: the keys of a suite lie in DKM in the order of RFC 7296 §2.14",
  readVectorText("thirdparty/kat/nist-ikev2-kdf/ikev2.count0-9.fax"),
  (text) => {
    const suite: IkeSuite = { encryption: 12, keyBits: 128, integrity: 12, prf: 5, group: 14 };
    for (const { values } of parseNist(text).filter(({ hash }) => hash === "sha256")) {
      const get = (name: string): Uint8Array => values.get(name)!;
      const args = [get("Ni"), get("Nr"), get("SPIi"), get("SPIr")] as const;
      const keys = expandIkeKeys(nobleProvider, suite, get("SKEYSEED"), ...args);
      const { d, ai, ar, ei, er, pi, pr } = keys;
      const flat = hexOf(concatBytes(d, ai, ar, ei, er, pi, pr));
      const dkm = hexOf(get("DKM"));
      const common = Math.min(flat.length, dkm.length);
      assert.equal(flat.slice(0, common), dkm.slice(0, common));
      assert.deepEqual([d, ai, ar, ei, er, pi, pr].map(({ length }) => length), [
        32,
        32,
        32,
        16,
        16,
        32,
        32,
      ]);
      assert.deepEqual(
        deriveIkeKeys(nobleProvider, suite, get("g^ir"), ...args),
        keys,
      );
      const next = deriveRekeyedIkeKeys(nobleProvider, 5, d, suite, get("g^ir (new)"), ...args);
      assert.deepEqual(
        next,
        expandIkeKeys(nobleProvider, suite, get("SKEYSEED(Rekey)"), ...args),
      );
    }
  },
);

function compareIkeKeys(suite: IkeSuite, recording: Recording): void {
  initPairs(recording).forEach(({ request, response }, i) => {
    const recorded: RecordedKeys = recording.ike_sas[i]!;
    const [first, second] = [parseRaw(request.raw), parseRaw(response.raw)];
    const nonceI = payloadOf(first.payloads, "Nonce").data;
    const nonceR = payloadOf(second.payloads, "Nonce").data;
    const shared = hex(recorded.DH_shared);
    const hash = suite.prf === 6 ? "sha384" : "sha256";
    assert.equal(
      hexOf(deriveSkeyseed(nobleProvider, hash, nonceI, nonceR, shared)),
      recorded.SKEYSEED,
    );
    const { initiatorSpi, responderSpi } = second.header;
    const keys = deriveIkeKeys(
      nobleProvider,
      suite,
      shared,
      nonceI,
      nonceR,
      initiatorSpi,
      responderSpi,
    );
    for (const name of ["d", "ai", "ar", "ei", "er", "pi", "pr"] as const) {
      assert.equal(hexOf(keys[name]), recorded[`sk_${name}`] ?? "", `SK_${name}`);
    }
  });
}

vectorTest(
  "The IKE SA keys of strongSwan with AES-GCM are derived",
  readVectorJson<Recording>(recordingPaths.eap),
  (recording) => compareIkeKeys(eapSuite, recording),
);

vectorTest(
  "The IKE SA keys of libreswan with AES-CBC are derived, for both SAs",
  readVectorJson<Recording>(recordingPaths.libreswan),
  (recording) => {
    assert.equal(initPairs(recording).length, 2);
    compareIkeKeys(libreswanSuite, recording);
  },
);

function recordedChildKeys(child: Readonly<Record<string, string>>): unknown {
  return {
    initiatorToResponder: {
      encryption: child["encryption initiator key"],
      integrity: child["integrity initiator key"],
    },
    responderToInitiator: {
      encryption: child["encryption responder key"],
      integrity: child["integrity responder key"],
    },
  };
}

function childKeysAsHex(
  prf: number,
  skD: string,
  suite: EspSuite,
  nonceI: Uint8Array,
  nonceR: Uint8Array,
): unknown {
  const keys = deriveChildKeys(nobleProvider, prf, hex(skD), suite, undefined, nonceI, nonceR);
  const asHex = (direction: "initiatorToResponder" | "responderToInitiator"): unknown => ({
    encryption: hexOf(keys[direction].encryption),
    integrity: hexOf(keys[direction].integrity),
  });
  return {
    initiatorToResponder: asHex("initiatorToResponder"),
    responderToInitiator: asHex("responderToInitiator"),
  };
}

const cbcSha256: EspSuite = { encryption: 12, keyBits: 256, integrity: 12, esn: false };

vectorTest(
  "The Child SA keys of strongSwan are derived, those of the gateway's own rekey too",
  readVectorJson<Recording>(recordingPaths.eap),
  (recording) => {
    const [sa] = recording.ike_sas;
    const [{ request, response }] = initPairs(recording) as [ReturnType<typeof initPairs>[0]];
    const nonceOf = (raw: string): Uint8Array => payloadOf(parseRaw(raw).payloads, "Nonce").data;
    assert.deepEqual(
      childKeysAsHex(6, sa!.sk_d, cbcSha256, nonceOf(request.raw), nonceOf(response.raw)),
      recordedChildKeys(recording.child_sas[0]!),
    );
    const keysOf = (initiator: number): { encryption: Uint8Array; integrity: Uint8Array } => ({
      encryption: hex(initiator === 1 ? sa!.sk_ei : sa!.sk_er),
      integrity: new Uint8Array(0),
    });
    const rekey = recording.messages.filter(({ exchange }) => exchange === "CREATE_CHILD_SA")
      .map((message) => openRecorded(eapSuite, keysOf(message.flags.initiator), message));
    const [nonceI, nonceR] = rekey.map((payloads) => payloadOf(payloads, "Nonce").data);
    assert.deepEqual(
      childKeysAsHex(6, sa!.sk_d, cbcSha256, nonceI!, nonceR!),
      recordedChildKeys(recording.child_sas[1]!),
    );
    const [offer, answer] = rekey.map((payloads) => payloadOf(payloads, "SA").proposals);
    assert.deepEqual(espSuiteOf(answer![0]!), { suite: cbcSha256, group: undefined });
    const chosen = chooseProposal(defaultEspProposals(), offer!, { protocol: 3, withKe: true });
    assert.ok(chosen !== undefined);
  },
);

vectorTest(
  "The Child SA keys of libreswan are derived, and its proposals are accepted",
  readVectorJson<Recording>(recordingPaths.libreswan),
  (recording) => {
    initPairs(recording).forEach(({ request, response }, i) => {
      const [first, second] = [parseRaw(request.raw), parseRaw(response.raw)];
      assert.deepEqual(ikeSuiteOf(payloadOf(second.payloads, "SA").proposals[0]!), libreswanSuite);
      const nonceI = payloadOf(first.payloads, "Nonce").data;
      const nonceR = payloadOf(second.payloads, "Nonce").data;
      assert.deepEqual(
        childKeysAsHex(5, recording.ike_sas[i]!.sk_d, cbcSha256, nonceI, nonceR),
        recordedChildKeys(recording.child_sas[i]!),
      );
    });
  },
);

Deno.test("RFC 5282 §7.1: AEAD keys carry their salt and leave no integrity keys", () => {
  const suite: IkeSuite = { encryption: 28, keyBits: 256, integrity: 0, prf: 7, group: 31 };
  const nonce = new Uint8Array(32).fill(1);
  const spi = new Uint8Array(8).fill(2);
  const keys = deriveIkeKeys(nobleProvider, suite, nonce, nonce, nonce, spi, spi);
  assert.deepEqual(
    [keys.d, keys.ai, keys.ar, keys.ei, keys.er, keys.pi, keys.pr].map(({ length }) => length),
    [64, 0, 0, 36, 36, 64, 64],
  );
  assert.deepEqual(directionKeys(keys, "initiator"), { encryption: keys.ei, integrity: keys.ai });
  assert.deepEqual(directionKeys(keys, "responder"), { encryption: keys.er, integrity: keys.ar });
  const gcm: EspSuite = { encryption: 20, keyBits: 128, integrity: 0, esn: true };
  const child = deriveChildKeys(nobleProvider, 7, keys.d, gcm, nonce, nonce, nonce);
  assert.equal(child.initiatorToResponder.encryption.length, 20);
  assert.equal(child.initiatorToResponder.integrity.length, 0);
  assert.notDeepEqual(child.initiatorToResponder, child.responderToInitiator);
});
