/**
 * X.509 certificates (RFC 5280 §4.1): the fields that authenticating an IKE peer needs.
 *
 * Parsing checks form only; whether a certificate is to be believed is `chain.ts`, and for whom it
 * speaks is `identity.ts`. Versions 1 and 2 parse, and can only be trust anchors. Octet fields are
 * views into a copy that the certificate owns.
 */
import { type Bytes, copyBytes, equalBytes, type OwnedBytes } from "../bytes.ts";
import { contextTag, DerReader, DerTag } from "../crypto/der.ts";
import type { KeyKind, SignatureScheme } from "../crypto/provider.ts";
import { keyKindOf, parsePublicKey } from "../crypto/public_key.ts";
import type { Wall } from "../moment.ts";
import { fail, ok, type Result } from "../result.ts";
import type { WireFault } from "../wire/fault.ts";
import { type Extensions, NO_EXTENSIONS, parseExtensions } from "./extensions.ts";
import { type DistinguishedName, parseName } from "./name.ts";
import { parseSignatureAlgorithm } from "./signature_algorithm.ts";
import { parseTime } from "./validity.ts";

/** A certificate. */
export interface Certificate extends Extensions {
  /** All of it. */
  readonly der: OwnedBytes;
  /** The octets that are signed. */
  readonly tbs: Bytes;
  /** 1, 2 or 3. */
  readonly version: number;
  /** The INTEGER's octets. */
  readonly serial: Bytes;
  /** Who signed it. */
  readonly issuer: DistinguishedName;
  /** Whose key it is. */
  readonly subject: DistinguishedName;
  /** First moment of validity. */
  readonly notBefore: Wall;
  /** Last moment of validity. */
  readonly notAfter: Wall;
  /** SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** What kind of key that is; `undefined` when no provider could use it. */
  readonly key: KeyKind | undefined;
  /** How it is signed; `undefined` when not supported. */
  readonly signatureScheme: SignatureScheme | undefined;
  /** The signature. */
  readonly signature: Bytes;
}

/** A certificate from its octets, which hold nothing else. */
export function parseCertificate(octets: Bytes): Result<Certificate, WireFault> {
  const der = copyBytes(octets);
  const outer = new DerReader(der, "certificate");
  const reader = outer.sequence("certificate");
  outer.end();
  const tbsElement = reader.element(DerTag.SEQUENCE, "tbsCertificate");
  const algorithm = reader.element(DerTag.SEQUENCE, "signatureAlgorithm");
  const signature = reader.bitString("signatureValue");
  reader.end();

  const tbs = reader.inside(tbsElement, "tbs");
  const versionField = tbs.enterOptional(contextTag(0, "constructed"), "version");
  const version = 1 + (versionField?.smallInteger("value") ?? 0);
  versionField?.end();
  if (version > 3) tbs.reject("bad-value", "version", version);
  const serial = tbs.integer("serialNumber");
  const innerAlgorithm = tbs.element(DerTag.SEQUENCE, "signature");
  // §4.1.1.2: both must be the same, or the signed one would not be the one that is used.
  if (!equalBytes(innerAlgorithm.whole, algorithm.whole)) tbs.reject("bad-value", "signature");
  const issuer = parseName(tbs, "issuer");
  const validity = tbs.sequence("validity");
  const notBefore = parseTime(validity, "notBefore");
  const notAfter = parseTime(validity, "notAfter");
  validity.end();
  const subject = parseName(tbs, "subject");
  const spki = tbs.element(DerTag.SEQUENCE, "subjectPublicKeyInfo").whole;
  tbs.optional(contextTag(1, "primitive"), "issuerUniqueID");
  tbs.optional(contextTag(2, "primitive"), "subjectUniqueID");
  const wrapped = version === 3
    ? tbs.enterOptional(contextTag(3, "constructed"), "extensions")
    : undefined;
  const extensions = wrapped === undefined ? NO_EXTENSIONS : parseExtensions(wrapped);
  wrapped?.end();
  const fault = tbs.end();
  if (fault !== undefined) return fail(fault);

  const publicKey = parsePublicKey(spki);
  return ok({
    ...extensions,
    der,
    tbs: tbsElement.whole,
    version,
    serial,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    key: publicKey === undefined ? undefined : keyKindOf(publicKey),
    signatureScheme: parseSignatureAlgorithm(algorithm.whole),
    signature,
  });
}
