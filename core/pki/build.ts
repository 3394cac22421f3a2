/**
 * Making certificates (RFC 5280 §4.1), version 3: for a lab, a small site, and tests.
 *
 * Values in, octets out. Which key, which serial number, how long and for whom is the caller's
 * decision; whoever signs decides what it signs with through `Signer`.
 */
import { type Bytes, concatBytes, type OwnedBytes, utf8 } from "../bytes.ts";
import {
  contextTag,
  derBitString,
  derBoolean,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  DerTag,
} from "../crypto/der.ts";
import type { KeyKind, SignatureScheme, Signer } from "../crypto/provider.ts";
import type { Wall } from "../moment.ts";
import { AttributeOid, ExtensionOid, PurposeOid } from "./oid.ts";
import { buildSignatureAlgorithm } from "./signature_algorithm.ts";
import { buildTime } from "./validity.ts";

/** One extension. */
export interface CertificateExtension {
  /** Dotted. */
  readonly oid: string;
  /** Whether who does not know it must refuse the certificate. */
  readonly isCritical: boolean;
  /** What it says, DER. */
  readonly value: Bytes;
}

/** What is to be certified. */
export interface CertificateContent {
  /** Non-negative, big-endian, up to 20 octets. */
  readonly serial: Bytes;
  /** Name (DER) of who signs. */
  readonly issuer: Bytes;
  /** Name (DER) of whose key it is. */
  readonly subject: Bytes;
  /** First moment of validity. */
  readonly notBefore: Wall;
  /** Last moment of validity. */
  readonly notAfter: Wall;
  /** The key, SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** In this order; none leaves the field out. */
  readonly extensions: readonly CertificateExtension[];
}

/** A certificate, DER, signed in the way that `schemeFor` gives. */
export function buildCertificate(content: CertificateContent, issuer: Signer): OwnedBytes {
  const scheme = schemeFor(issuer.key);
  const algorithm = buildSignatureAlgorithm(scheme);
  const list = derSequence(...content.extensions.map(buildExtension));
  const tbs = derSequence(
    derElement(contextTag(0, "constructed"), derInteger(2)),
    derInteger(content.serial),
    algorithm,
    content.issuer,
    derSequence(buildTime(content.notBefore), buildTime(content.notAfter)),
    content.subject,
    content.spki,
    ...(content.extensions.length === 0 ? [] : [derElement(contextTag(3, "constructed"), list)]),
  );
  return derSequence(tbs, algorithm, derBitString(issuer.sign(scheme, tbs)));
}

/** The usual scheme of a key: ECDSA with the hash that fits the curve, RSA PKCS #1 with SHA-256. */
export function schemeFor(key: KeyKind): SignatureScheme {
  if (key.kind === "rsa") return { kind: "rsa-pkcs1", hash: "sha256" };
  switch (key.curve) {
    case "P-256":
      return { kind: "ecdsa", hash: "sha256", encoding: "der" };
    case "P-384":
      return { kind: "ecdsa", hash: "sha384", encoding: "der" };
    case "P-521":
      return { kind: "ecdsa", hash: "sha512", encoding: "der" };
  }
}

/** A name (DER) of attributes in the order given, each in an RDN of its own. */
export function buildName(
  ...attributes: readonly (readonly [type: keyof typeof AttributeOid, text: string])[]
): OwnedBytes {
  return derSequence(...attributes.map(([type, text]) => {
    const tag = type === "C" || type === "serialNumber"
      ? DerTag.PRINTABLE_STRING
      : type === "E" || type === "DC"
      ? DerTag.IA5_STRING
      : DerTag.UTF8_STRING;
    return derSet(derSequence(derOid(AttributeOid[type]), derElement(tag, utf8(text))));
  }));
}

/** Basic constraints of a CA; `pathLength` is how many CAs may stand below it. */
export function caConstraints(pathLength?: number): CertificateExtension {
  const limit = pathLength === undefined ? [] : [derInteger(pathLength)];
  const value = derSequence(derBoolean(true), ...limit);
  return { oid: ExtensionOid.BASIC_CONSTRAINTS, isCritical: true, value };
}

/** Basic constraints of a certificate that may not sign others. */
export function endEntityConstraints(): CertificateExtension {
  return { oid: ExtensionOid.BASIC_CONSTRAINTS, isCritical: true, value: derSequence() };
}

/** Bits of key usage (RFC 5280 §4.2.1.3). */
export const KeyUsageBit = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  keyCertSign: 5,
  crlSign: 6,
} as const;

/** Key usage with these bits of the first eight set. */
export function keyUsage(...bits: readonly (keyof typeof KeyUsageBit)[]): CertificateExtension {
  let octet = 0;
  for (const bit of bits) octet |= 0x80 >> KeyUsageBit[bit];
  // A named bit list ends at its last one (X.690 §11.2.2).
  const last = Math.max(...bits.map((bit) => KeyUsageBit[bit]));
  const value = derBitString(Uint8Array.of(octet), 7 - last);
  return { oid: ExtensionOid.KEY_USAGE, isCritical: true, value };
}

/** Extended key usage. */
export function purposes(...names: readonly (keyof typeof PurposeOid)[]): CertificateExtension {
  const value = derSequence(...names.map((name) => derOid(PurposeOid[name])));
  return { oid: ExtensionOid.EXTENDED_KEY_USAGE, isCritical: false, value };
}

/** Names for `alternativeNames`. */
export interface AlternativeNames {
  /** Host names, ASCII. */
  readonly dns?: readonly string[];
  /** Mail addresses, ASCII. */
  readonly email?: readonly string[];
  /** Addresses, 4 or 16 octets each. */
  readonly ip?: readonly Bytes[];
}

/** Subject alternative names; critical when the subject is empty (RFC 5280 §4.2.1.6). */
export function alternativeNames(
  names: AlternativeNames,
  isCritical = false,
): CertificateExtension {
  const value = derSequence(
    ...(names.dns ?? []).map((name) => derElement(contextTag(2, "primitive"), utf8(name))),
    ...(names.email ?? []).map((name) => derElement(contextTag(1, "primitive"), utf8(name))),
    ...(names.ip ?? []).map((octets) => derElement(contextTag(7, "primitive"), octets)),
  );
  return { oid: ExtensionOid.SUBJECT_ALT_NAME, isCritical, value };
}

/** Subject key identifier. */
export function subjectKeyId(identifier: Bytes): CertificateExtension {
  const value = derOctetString(identifier);
  return { oid: ExtensionOid.SUBJECT_KEY_IDENTIFIER, isCritical: false, value };
}

/** Authority key identifier: the subject key identifier of the issuer. */
export function authorityKeyId(identifier: Bytes): CertificateExtension {
  const value = derSequence(derElement(contextTag(0, "primitive"), identifier));
  return { oid: ExtensionOid.AUTHORITY_KEY_IDENTIFIER, isCritical: false, value };
}

function buildExtension({ oid, isCritical, value }: CertificateExtension): OwnedBytes {
  const critical = isCritical ? [derBoolean(true)] : [];
  return derSequence(concatBytes(derOid(oid), ...critical, derOctetString(value)));
}
