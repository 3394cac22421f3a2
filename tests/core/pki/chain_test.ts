/** Certification paths: what holds, and each single reason why one does not. */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  derBitString,
  derInteger,
  derNull,
  derOid,
  derSequence,
} from "../../../core/crypto/der.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { CryptoProvider } from "../../../core/crypto/provider.ts";
import { wall } from "../../../core/moment.ts";
import {
  buildName,
  caConstraints,
  endEntityConstraints,
  keyUsage,
  purposes,
} from "../../../core/pki/build.ts";
import type { Certificate } from "../../../core/pki/certificate.ts";
import { type ChainFault, type ChainOptions, verifyChain } from "../../../core/pki/chain.ts";
import type { PurposeOid } from "../../../core/pki/oid.ts";
import { hex } from "../../support/hex.ts";
import { certify, certifyCa, NOW, signerOf } from "./authority.ts";

function verify(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  anchors: readonly Certificate[],
  changes: Partial<ChainOptions> = {},
): ChainFault["kind"] | readonly string[] {
  const result = verifyChain({
    leaf,
    intermediates,
    anchors,
    at: NOW,
    purpose: "clientAuth",
    crypto: nobleProvider,
    ...changes,
  });
  return result.ok ? result.value.path.map(({ subject }) => subject.text) : result.fault.kind;
}

const root = certifyCa("root");
const middle = certifyCa("middle", "root");
const low = certifyCa("low", "middle");
const leaf = certify("leaf", "low");

Deno.test("a path runs from the leaf through what was sent to the anchor", () => {
  const names = ["CN=leaf", "CN=low", "CN=middle", "CN=root"];
  deepEqual(verify(leaf, [low, middle], [root]), names);
  deepEqual(verify(leaf, [middle, root, low, leaf], [root]), names);
  deepEqual(verify(leaf, [low, middle], [certifyCa("other"), middle]), names.slice(0, 3));
});

Deno.test("a certificate that is itself trusted is its own path", () => {
  deepEqual(verify(leaf, [], [leaf]), ["CN=leaf"]);
  equal(verify(leaf, [], [leaf], { at: wall(NOW + 2_000_000) }), "expired");
});

Deno.test("RFC 5280 §6.1.3: no issuer, or a signature of somebody else", () => {
  const result = verifyChain({
    leaf,
    intermediates: [low],
    anchors: [root],
    at: NOW,
    purpose: "clientAuth",
    crypto: nobleProvider,
  });
  deepEqual(result, {
    ok: false,
    fault: { kind: "no-issuer", subject: "CN=low", detail: "CN=middle" },
  });
  const forged = certify("leaf", "mallory", [], { issuer: buildName(["CN", "low"]) });
  equal(verify(forged, [low, middle], [root]), "bad-signature");
  const otherRoot = certifyCa("root", "root");
  const impostor = certify("root", "mallory", [caConstraints()], {
    issuer: buildName(["CN", "root"]),
    spki: signerOf("mallory").spki,
  });
  equal(
    verify(certify("x", "mallory", [], { issuer: buildName(["CN", "root"]) }), [impostor], [
      otherRoot,
    ]),
    "bad-signature",
  );
});

Deno.test("RFC 5280 §4.1.2.5: validity, to the end of the last second", () => {
  const edge = certify("leaf", "root", [], { notBefore: NOW, notAfter: wall(NOW + 5000) });
  equal(verify(edge, [], [root], { at: wall(NOW - 1) }), "not-yet-valid");
  deepEqual(verify(edge, [], [root], { at: NOW }), ["CN=leaf", "CN=root"]);
  deepEqual(verify(edge, [], [root], { at: wall(NOW + 5999) }), ["CN=leaf", "CN=root"]);
  equal(verify(edge, [], [root], { at: wall(NOW + 6000) }), "expired");
  const ca = certify("ca", "root", [caConstraints()], { notAfter: wall(NOW - 2000) });
  equal(verify(certify("leaf", "ca"), [ca], [root]), "expired");
  equal(verify(certify("leaf", "ca"), [], [ca]), "expired");
});

Deno.test("RFC 5280 §4.2.1.9: only CAs issue, and not deeper than they may", () => {
  equal(verify(certify("x", "leaf"), [leaf, low, middle], [root]), "not-a-ca");
  const noCa = certify("ca", "root", [endEntityConstraints()]);
  equal(verify(certify("x", "ca"), [noCa], [root]), "not-a-ca");
  const flat = certifyCa("flat", "flat", 0);
  deepEqual(verify(certify("x", "flat"), [], [flat]), ["CN=x", "CN=flat"]);
  const below = certifyCa("below", "flat");
  equal(verify(certify("x", "below"), [below], [flat]), "path-too-long");
  const one = certifyCa("one", "one", 1);
  const under = certifyCa("under", "one");
  equal(verify(certify("x", "under"), [under], [one]).length, 3);
});

Deno.test("RFC 5280 §4.2.1.9: path length does not count self-issued certificates", () => {
  const flat = certifyCa("flat", "flat", 0);
  const rollover = certify("flat", "flat", [caConstraints(), keyUsage("keyCertSign")], {
    spki: signerOf("flat-2").spki,
  });
  const under = certify("x", "flat-2", [], { issuer: buildName(["CN", "flat"]) });
  deepEqual(verify(under, [rollover], [flat]), ["CN=x", "CN=flat", "CN=flat"]);
});

Deno.test("RFC 5280 §4.2.1.3: key usage of the CA and of the leaf", () => {
  const ca = certify("ca", "root", [caConstraints(), keyUsage("digitalSignature", "crlSign")]);
  equal(verify(certify("x", "ca"), [ca], [root]), "wrong-key-usage");
  equal(verify(certify("x", "root", [keyUsage("keyEncipherment")]), [], [root]), "wrong-key-usage");
  for (const usage of ["digitalSignature", "contentCommitment"] as const) {
    equal(verify(certify("x", "root", [keyUsage(usage)]), [], [root]).length, 2);
  }
});

Deno.test("RFC 5280 §4.2.1.12: purposes, with those that IKE certificates have", () => {
  const result = (
    of: readonly (keyof typeof PurposeOid)[],
    purpose: ChainOptions["purpose"],
  ): ReturnType<typeof verify> =>
    verify(certify("x", "root", [purposes(...of)]), [], [root], { purpose });
  equal(result(["SERVER_AUTH"], "clientAuth"), "wrong-purpose");
  equal(result(["CLIENT_AUTH"], "serverAuth"), "wrong-purpose");
  equal(result(["CLIENT_AUTH"], "clientAuth").length, 2);
  equal(result(["SERVER_AUTH"], "serverAuth").length, 2);
  for (const any of ["ANY", "IPSEC_IKE", "IKE_INTERMEDIATE"] as const) {
    equal(result([any], "clientAuth").length, 2);
    equal(result([any], "serverAuth").length, 2);
  }
  const ca = certifyCa("ca", "root", undefined, [purposes("SERVER_AUTH")]);
  equal(verify(certify("x", "ca"), [ca], [root]), "wrong-purpose");
});

Deno.test("RFC 5280 §4.2: critical extensions that are not known, and name constraints", () => {
  const unknown = { oid: "1.2.3.4", isCritical: true, value: hex("0500") };
  equal(verify(certify("x", "root", [unknown]), [], [root]), "unsupported-critical");
  equal(verify(certify("x", "root", [{ ...unknown, isCritical: false }]), [], [root]).length, 2);
  equal(
    verify(certify("x", "ca"), [certifyCa("ca", "root", undefined, [unknown])], [root]),
    "unsupported-critical",
  );
  for (const isCritical of [true, false]) {
    const constraints = { oid: "2.5.29.30", isCritical, value: hex("3000") };
    const ca = certifyCa("ca", "root", undefined, [constraints]);
    equal(verify(certify("x", "ca"), [ca], [root]), "unsupported-name-constraints");
  }
});

Deno.test("SHA-1 signatures and short RSA keys are refused", () => {
  const weak: Certificate = { ...leaf, signatureScheme: { kind: "rsa-pkcs1", hash: "sha1" } };
  equal(verify(weak, [low, middle], [root]), "weak-signature");
  equal(
    verify({ ...leaf, signatureScheme: undefined }, [low, middle], [root]),
    "unsupported-signature",
  );
  const short: Certificate = { ...leaf, key: { kind: "rsa", modulusBits: 2047 } };
  equal(verify(short, [low, middle], [root]), "weak-key");
  equal(verify({ ...leaf, key: undefined }, [low, middle], [root]), "unsupported-key");
});

Deno.test("clocks may be off at both ends of a validity, by what is allowed", () => {
  const edge = certify("leaf", "root", [], { notBefore: NOW, notAfter: wall(NOW + 5000) });
  const at = (offset: number): Partial<ChainOptions> => ({
    at: wall(NOW + offset),
    clockSkewMs: 2000,
  });
  equal(verify(edge, [], [root], at(-2001)), "not-yet-valid");
  equal(verify(edge, [], [root], at(-2000)).length, 2);
  equal(verify(edge, [], [root], at(7999)).length, 2);
  equal(verify(edge, [], [root], at(8000)), "expired");
});

Deno.test("RSA keys whose use would cost too much are not used, in a leaf and in a CA", () => {
  const spkiOf = (modulusBytes: number, exponentBytes: number): Uint8Array => {
    const modulus = new Uint8Array(modulusBytes).fill(0xff);
    const exponent = new Uint8Array(exponentBytes).fill(0x01);
    return derSequence(
      derSequence(derOid("1.2.840.113549.1.1.1"), derNull()),
      derBitString(derSequence(derInteger(modulus), derInteger(exponent))),
    );
  };
  const sizes = [[1024, 8, false], [1025, 3, true], [4096, 3, true], [256, 9, true]] as const;
  for (const [modulus, exponent, isRefused] of sizes) {
    const spki = spkiOf(modulus, exponent);
    const large = certify("leaf", "low", [], { spki });
    const wanted = isRefused ? "unsupported-key" : ["CN=leaf", "CN=low", "CN=middle", "CN=root"];
    deepEqual(verify(large, [low, middle], [root]), wanted);
    const caOfSize = certify("low", "middle", [caConstraints()], { spki });
    equal(
      verify(leaf, [caOfSize, middle], [root]),
      isRefused ? "unsupported-key" : "bad-signature",
    );
  }
});

Deno.test("version 1 certificates are trust anchors and nothing else", () => {
  const old: Certificate = {
    ...root,
    version: 1,
    basicConstraints: undefined,
    keyUsage: undefined,
  };
  deepEqual(verify(certify("x", "root"), [], [old]), ["CN=x", "CN=root"]);
  const oldMiddle: Certificate = { ...middle, version: 1, basicConstraints: undefined };
  equal(verify(certify("x", "middle"), [oldMiddle], [root]), "not-a-ca");
  equal(verify({ ...leaf, version: 1 }, [low, middle], [root]), "not-a-ca");
});

Deno.test("a path has at most eight certificates", () => {
  const cas = Array.from(
    { length: 9 },
    (_, i) => certifyCa(`ca${i}`, i === 0 ? "root" : `ca${i - 1}`),
  );
  equal(verify(certify("x", "ca5"), cas, [root]).length, 8);
  equal(verify(certify("x", "ca6"), cas, [root]), "path-too-long");
});

Deno.test("many certificates of one name cost a bounded number of signatures", () => {
  let checks = 0;
  const counting: CryptoProvider = {
    ...nobleProvider,
    verify: (...given) => {
      checks += 1;
      return nobleProvider.verify(...given);
    },
  };
  // Every CA is certified by every other under one name: paths without number, none to the root.
  const same = buildName(["CN", "same"]);
  const mesh = Array.from(
    { length: 40 },
    (_, i) =>
      certify("same", "same", [caConstraints()], { serial: Uint8Array.of(i + 1), subject: same }),
  );
  const result = verify(certify("x", "same"), mesh, [root], { crypto: counting });
  ok(result === "path-too-long" || result === "too-much-work");
  ok(checks <= 24, `${checks} checks`);
});
