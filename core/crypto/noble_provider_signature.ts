/** Signing and checking of the portable provider: chooses between RSA and ECDSA (FIPS 186-5, RFC 6979). */
import { type Bytes, equalBytes, type OwnedBytes } from "../bytes.ts";
import type { CurveFacts } from "./curves.ts";
import { buildEcdsaSignature, parseEcdsaSignature } from "./ecdsa_signature.ts";
import { NOBLE_CURVES } from "./noble_provider_exchange.ts";
import { digest } from "./noble_provider_hash.ts";
import { signRsa, verifyRsa } from "./noble_provider_rsa.ts";
import { type EcPrivateKey, parsePrivateKey } from "./private_key.ts";
import type { SignatureScheme, Signer } from "./provider.ts";
import { buildPublicKey, keyKindOf, parsePublicKey, type PublicKey } from "./public_key.ts";

/** Signatures are made over the hash that we computed, and either s is accepted, as X.509 does. */
const OPTIONS = { prehash: false, lowS: false, format: "compact" } as const;

type EcdsaScheme = Extract<SignatureScheme, { kind: "ecdsa" }>;

/** A signer from a PKCS #8 key. */
export function importPrivateKey(pkcs8: Bytes): Signer | undefined {
  const key = parsePrivateKey(pkcs8);
  if (key === undefined) return undefined;
  if (key.kind === "ec") return ecSigner(key);
  const publicKey: PublicKey = {
    kind: "rsa",
    modulus: key.modulus,
    exponent: key.publicExponent,
  };
  return signerOf(publicKey, (scheme, data) => {
    return scheme.kind === "ecdsa" ? undefined : signRsa(key, scheme, data);
  });
}

function ecSigner(key: EcPrivateKey): Signer | undefined {
  const { curve, scalar } = key;
  const point = NOBLE_CURVES[curve.name].getPublicKey(scalar, false);
  if (key.point !== undefined && !equalBytes(key.point, point)) return undefined;
  return signerOf({ kind: "ec", curve, point }, (scheme, data) => {
    return scheme.kind === "ecdsa" ? signEcdsa(curve, scalar, scheme, data) : undefined;
  });
}

function signerOf(
  publicKey: PublicKey,
  make: (scheme: SignatureScheme, data: Bytes) => OwnedBytes | undefined,
): Signer {
  const key = keyKindOf(publicKey);
  return {
    key,
    spki: buildPublicKey(publicKey),
    sign(scheme, data): OwnedBytes {
      const signature = make(scheme, data);
      if (signature === undefined) {
        throw new RangeError(`Cannot sign with ${scheme.kind}: the key is ${key.kind}`);
      }
      return signature;
    },
  };
}

function signEcdsa(
  curve: CurveFacts,
  scalar: Bytes,
  scheme: EcdsaScheme,
  data: Bytes,
): OwnedBytes {
  const raw = NOBLE_CURVES[curve.name].sign(digest(scheme.hash, data), scalar, OPTIONS);
  return scheme.encoding === "raw" ? raw : buildEcdsaSignature(raw);
}

/** Whether `signature` over `data` is good under a SubjectPublicKeyInfo. */
export function verify(
  spki: Bytes,
  scheme: SignatureScheme,
  data: Bytes,
  signature: Bytes,
): boolean {
  const key = parsePublicKey(spki);
  if (key === undefined) return false;
  if (key.kind === "rsa") {
    return scheme.kind !== "ecdsa" &&
      verifyRsa(key.modulus, key.exponent, scheme, data, signature);
  }
  return scheme.kind === "ecdsa" && verifyEcdsa(key.curve, key.point, scheme, data, signature);
}

function verifyEcdsa(
  curve: CurveFacts,
  point: Bytes,
  scheme: EcdsaScheme,
  data: Bytes,
  signature: Bytes,
): boolean {
  const raw = scheme.encoding === "raw" ? signature : parseEcdsaSignature(signature, curve.length);
  if (raw?.length !== 2 * curve.length) return false;
  try {
    return NOBLE_CURVES[curve.name].verify(raw, digest(scheme.hash, data), point, OPTIONS);
  } catch {
    return false; // noble throws on numbers out of range and on points off the curve
  }
}
