/**
 * Certificate revocation lists (RFC 5280 §5): which serial numbers an issuer has taken back, and until
 * when that is the last word.
 *
 * Parsing checks form only; whether a list is to be believed is `revocation.ts`. A list that speaks for a
 * part of its issuer's certificates or for other issuers (deltas, issuing distribution points, indirect
 * lists) says so by an extension that is not known here, and is then of no use.
 */
import { type Bytes, copyBytes, equalBytes, hexOf } from "../bytes.ts";
import { contextTag, DerReader, DerTag } from "../crypto/der.ts";
import type { SignatureScheme } from "../crypto/provider.ts";
import type { Wall } from "../moment.ts";
import { fail, ok, type Result } from "../result.ts";
import type { WireFault } from "../wire/fault.ts";
import { type DistinguishedName, parseName } from "./name.ts";
import { ExtensionOid } from "./oid.ts";
import { parseSignatureAlgorithm } from "./signature_algorithm.ts";
import { parseTime } from "./validity.ts";

/** A revocation list. */
export interface RevocationList {
  /** The octets that are signed. */
  readonly tbs: Bytes;
  /** Whose certificates it speaks of, and who signed it. */
  readonly issuer: DistinguishedName;
  /** When it was made. */
  readonly thisUpdate: Wall;
  /** When the next one is due at the latest; `undefined` where the issuer does not say. */
  readonly nextUpdate: Wall | undefined;
  /** Serial numbers that are revoked, hexadecimal as `serialText` has them. */
  readonly serials: ReadonlySet<string>;
  /** Extensions, dotted, that have to be known to use it and are not. */
  readonly unsupported: readonly string[];
  /** How it is signed; `undefined` when not supported. */
  readonly signatureScheme: SignatureScheme | undefined;
  /** The signature. */
  readonly signature: Bytes;
}

/** A serial number as revocation lists hold it. */
export function serialText(serial: Bytes): string {
  return hexOf(serial);
}

/** A revocation list from its octets, which hold nothing else. */
export function parseRevocationList(octets: Bytes): Result<RevocationList, WireFault> {
  const outer = new DerReader(copyBytes(octets), "crl");
  const reader = outer.sequence("crl");
  outer.end();
  const tbsElement = reader.element(DerTag.SEQUENCE, "tbsCertList");
  const algorithm = reader.element(DerTag.SEQUENCE, "signatureAlgorithm");
  const signature = reader.bitString("signatureValue");
  reader.end();

  const tbs = reader.inside(tbsElement, "tbs");
  const version = tbs.peekTag() === DerTag.INTEGER ? tbs.smallInteger("version") : 0;
  if (version > 1) tbs.reject("bad-value", "version", version);
  const innerAlgorithm = tbs.element(DerTag.SEQUENCE, "signature");
  // §5.1.1.2: both must be the same.
  if (!equalBytes(innerAlgorithm.whole, algorithm.whole)) tbs.reject("bad-value", "signature");
  const issuer = parseName(tbs, "issuer");
  const thisUpdate = parseTime(tbs, "thisUpdate");
  const nextUpdate = isTime(tbs.peekTag()) ? parseTime(tbs, "nextUpdate") : undefined;
  const unsupported = new Set<string>();
  const serials = parseEntries(tbs.enterOptional(DerTag.SEQUENCE, "revoked"), unsupported);
  const wrapped = tbs.enterOptional(contextTag(0, "constructed"), "extensions");
  if (wrapped !== undefined) readExtensions(wrapped.sequence("extensions"), unsupported);
  wrapped?.end();
  const fault = tbs.end();
  if (fault !== undefined) return fail(fault);
  return ok({
    tbs: tbsElement.whole,
    issuer,
    thisUpdate,
    nextUpdate,
    serials,
    unsupported: [...unsupported],
    signatureScheme: parseSignatureAlgorithm(algorithm.whole),
    signature,
  });
}

function isTime(tag: number | undefined): boolean {
  return tag === DerTag.UTC_TIME || tag === DerTag.GENERALIZED_TIME;
}

/** The serial numbers of revokedCertificates (§5.1.2.6). */
function parseEntries(entries: DerReader | undefined, unsupported: Set<string>): Set<string> {
  const serials = new Set<string>();
  while (entries !== undefined && !entries.atEnd) {
    const entry = entries.sequence("entry");
    serials.add(serialText(entry.integer("userCertificate")));
    parseTime(entry, "revocationDate");
    const extensions = entry.enterOptional(DerTag.SEQUENCE, "extensions");
    if (extensions !== undefined) readExtensions(extensions, unsupported);
    entry.end();
  }
  return serials;
}

/** Extensions of lists that narrow what they say, critical or not (§5.2.4, §5.2.5). */
const narrowing: readonly string[] = [
  ExtensionOid.DELTA_CRL_INDICATOR,
  ExtensionOid.ISSUING_DISTRIBUTION_POINT,
];

/** Notes which of the Extensions stand in the way of using the list. */
function readExtensions(list: DerReader, unsupported: Set<string>): void {
  while (!list.atEnd) {
    const extension = list.sequence("extension");
    const oid = extension.oid("id");
    const isCritical = extension.peekTag() === DerTag.BOOLEAN && extension.boolean("critical");
    extension.octetString("value");
    extension.end();
    if (isCritical || narrowing.includes(oid)) unsupported.add(oid);
  }
}
