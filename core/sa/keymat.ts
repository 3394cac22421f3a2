/**
 * Key derivation (RFC 7296 §2.14 IKE SA, §2.17 Child SA, §2.18 rekeyed IKE SA; RFC 5282 §7.1
 * salts).
 *
 * The functions with a hash name are the formulas, as the vectors state them; the others cut the
 * key material into the keys of a suite. All PRFs here are HMACs, whose keys may have any length,
 * so the nonces are never shortened.
 */
import { type Bytes, concatBytes, copyBytes, type OwnedBytes } from "../bytes.ts";
import { prfPlus } from "../crypto/prf_plus.ts";
import type { CryptoProvider, HashName } from "../crypto/provider.ts";
import { encryptionOf, integrityOf, type PrfFacts, prfOf } from "../crypto/transforms.ts";
import { Integ } from "../message/constants.ts";
import { invariant } from "../result.ts";
import { Reader } from "../wire/reader.ts";
import type { EspKeys, EspSuite, IkeSuite } from "./suite.ts";

/** The keys of an IKE SA. Initiator and responder are those of the exchange that made the SA. */
export interface IkeKeys {
  /** SK_d: derives Child SAs and the next IKE SA. */
  readonly d: OwnedBytes;
  /** SK_ai: integrity of the initiator's messages; empty with an AEAD cipher. */
  readonly ai: OwnedBytes;
  /** SK_ar: integrity of the responder's messages; empty with an AEAD cipher. */
  readonly ar: OwnedBytes;
  /**
   * SK_ei: encryption of the initiator's messages, with the 4-octet salt behind it for AEAD
   * ciphers.
   */
  readonly ei: OwnedBytes;
  /** SK_er: encryption of the responder's messages, like `ei`. */
  readonly er: OwnedBytes;
  /** SK_pi: AUTH of the initiator. */
  readonly pi: OwnedBytes;
  /** SK_pr: AUTH of the responder. */
  readonly pr: OwnedBytes;
}

/**
 * Both directions of a Child SA. Initiator and responder are those of the exchange that made it.
 */
export interface ChildKeys {
  /** For packets from the initiator. */
  readonly initiatorToResponder: EspKeys;
  /** For packets from the responder. */
  readonly responderToInitiator: EspKeys;
}

/** SKEYSEED = prf(Ni | Nr, g^ir). */
export function deriveSkeyseed(
  crypto: CryptoProvider,
  hash: HashName,
  nonceI: Bytes,
  nonceR: Bytes,
  sharedSecret: Bytes,
): OwnedBytes {
  return crypto.hmac(hash, concatBytes(nonceI, nonceR), sharedSecret);
}

/** SKEYSEED of a rekeyed IKE SA = prf(SK_d (old), g^ir (new) | Ni | Nr), with the old SA's PRF. */
export function deriveRekeyedSkeyseed(
  crypto: CryptoProvider,
  oldHash: HashName,
  oldSkD: Bytes,
  sharedSecret: Bytes,
  nonceI: Bytes,
  nonceR: Bytes,
): OwnedBytes {
  return crypto.hmac(oldHash, oldSkD, sharedSecret, nonceI, nonceR);
}

/** KEYMAT = prf+(SK_d, Ni | Nr) or, with a new key exchange, prf+(SK_d, g^ir (new) | Ni | Nr). */
export function deriveKeymat(
  crypto: CryptoProvider,
  hash: HashName,
  skD: Bytes,
  sharedSecret: Bytes | undefined,
  nonceI: Bytes,
  nonceR: Bytes,
  length: number,
): OwnedBytes {
  const seed = concatBytes(sharedSecret ?? new Uint8Array(0), nonceI, nonceR);
  return prfPlus(crypto, hash, skD, seed, length);
}

/** The keys of a new IKE SA. */
export function deriveIkeKeys(
  crypto: CryptoProvider,
  suite: IkeSuite,
  sharedSecret: Bytes,
  nonceI: Bytes,
  nonceR: Bytes,
  spiI: Bytes,
  spiR: Bytes,
): IkeKeys {
  const { hash } = factsOfPrf(suite.prf);
  const skeyseed = deriveSkeyseed(crypto, hash, nonceI, nonceR, sharedSecret);
  return expandIkeKeys(crypto, suite, skeyseed, nonceI, nonceR, spiI, spiR);
}

/** The keys of an IKE SA that replaces another; `suite` and the SPIs are the new SA's. */
export function deriveRekeyedIkeKeys(
  crypto: CryptoProvider,
  oldPrf: number,
  oldSkD: Bytes,
  suite: IkeSuite,
  sharedSecret: Bytes,
  nonceI: Bytes,
  nonceR: Bytes,
  spiI: Bytes,
  spiR: Bytes,
): IkeKeys {
  const { hash } = factsOfPrf(oldPrf);
  const skeyseed = deriveRekeyedSkeyseed(crypto, hash, oldSkD, sharedSecret, nonceI, nonceR);
  return expandIkeKeys(crypto, suite, skeyseed, nonceI, nonceR, spiI, spiR);
}

/**
 * {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
 */
export function expandIkeKeys(
  crypto: CryptoProvider,
  suite: IkeSuite,
  skeyseed: Bytes,
  nonceI: Bytes,
  nonceR: Bytes,
  spiI: Bytes,
  spiR: Bytes,
): IkeKeys {
  const prf = factsOfPrf(suite.prf);
  const { encryptionLength, integrityLength } = keyLengthsOf(suite);
  const total = 3 * prf.keyLength + 2 * integrityLength + 2 * encryptionLength;
  const seed = concatBytes(nonceI, nonceR, spiI, spiR);
  const take = cutter(prfPlus(crypto, prf.hash, skeyseed, seed, total));
  return {
    d: take(prf.keyLength),
    ai: take(integrityLength),
    ar: take(integrityLength),
    ei: take(encryptionLength),
    er: take(encryptionLength),
    pi: take(prf.keyLength),
    pr: take(prf.keyLength),
  };
}

/**
 * The keys of a Child SA. `prf` and `skD` belong to the IKE SA it is made under; `sharedSecret` is
 * that of the exchange's own KE payloads, where it has any. The initiator's direction comes first,
 * and in each the encryption key before the integrity key.
 */
export function deriveChildKeys(
  crypto: CryptoProvider,
  prf: number,
  skD: Bytes,
  suite: EspSuite,
  sharedSecret: Bytes | undefined,
  nonceI: Bytes,
  nonceR: Bytes,
): ChildKeys {
  const { hash } = factsOfPrf(prf);
  const { encryptionLength, integrityLength } = keyLengthsOf(suite);
  const total = 2 * (encryptionLength + integrityLength);
  const take = cutter(deriveKeymat(crypto, hash, skD, sharedSecret, nonceI, nonceR, total));
  const takeDirection = (): EspKeys => ({
    encryption: take(encryptionLength),
    integrity: take(integrityLength),
  });
  return { initiatorToResponder: takeDirection(), responderToInitiator: takeDirection() };
}

/** The facts of a negotiated PRF. */
export function factsOfPrf(prf: number): PrfFacts {
  const facts = prfOf(prf);
  invariant(facts !== undefined, `PRF ${prf} was negotiated, so it is supported`);
  return facts;
}

function keyLengthsOf(
  { encryption, keyBits, integrity }: Pick<EspSuite, "encryption" | "keyBits" | "integrity">,
): { readonly encryptionLength: number; readonly integrityLength: number } {
  const cipher = encryptionOf(encryption, keyBits);
  invariant(cipher !== undefined, `encryption ${encryption}/${keyBits} is supported`);
  const encryptionLength = cipher.keyLength + cipher.saltLength;
  if (integrity === Integ.NONE) return { encryptionLength, integrityLength: 0 };
  const mac = integrityOf(integrity);
  invariant(mac !== undefined, `integrity ${integrity} is supported`);
  return { encryptionLength, integrityLength: mac.keyLength };
}

/** Takes keys off the front of the material, each in a buffer of its own. */
function cutter(material: Bytes): (length: number) => OwnedBytes {
  const reader = new Reader(material);
  return (length) => copyBytes(reader.bytes(length, "key"));
}
