/**
 * A bag of certificates: CMS SignedData without signers (RFC 5652 §5.1), the end entity first.
 *
 * Read leniently, because only the certificates matter: versions, digest algorithms, content, CRLs
 * and signers are skipped whatever they are, and so are certificates of older kinds. How many
 * certificates are read is limited.
 */
import type { Bytes, OwnedBytes } from "../../bytes.ts";
import {
  contextTag,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  DerReader,
  derSequence,
  derSet,
  DerTag,
} from "../../crypto/der.ts";
import { limits } from "../../limits.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";

const SIGNED_DATA = "1.2.840.113549.1.7.2";
const DATA = "1.2.840.113549.1.7.1";

const wrapper = contextTag(0, "constructed");

/** The certificates (DER) in order; the values are views. */
export function parseCertificateBag(octets: Bytes): Result<readonly Bytes[], WireFault> {
  const outer = new DerReader(octets, "PKCS7");
  const info = outer.sequence("contentInfo");
  const contentType = info.oid("contentType");
  if (contentType !== SIGNED_DATA) info.reject("unexpected", "contentType");
  const explicit = info.enter(wrapper, "content");
  const signed = explicit.sequence("signedData");
  signed.element(DerTag.INTEGER, "version");
  signed.element(DerTag.SET, "digestAlgorithms");
  signed.element(DerTag.SEQUENCE, "encapContentInfo");
  const bag = signed.enter(wrapper, "certificates");
  const certificates: Bytes[] = [];
  while (!bag.atEnd) {
    const { tag, whole } = bag.any("certificate");
    if (tag !== DerTag.SEQUENCE) continue;
    if (certificates.length >= limits.certificatesPerMessage) {
      bag.reject("too-many", "certificate", limits.certificatesPerMessage);
    }
    certificates.push(whole);
  }
  const fault = explicit.end() ?? info.end() ?? outer.end();
  return fault === undefined ? ok(certificates) : fail(fault);
}

/** A bag of certificates (DER), in the order given. */
export function buildCertificateBag(certificates: readonly Bytes[]): OwnedBytes {
  const content = derSequence(
    derInteger(1),
    derSet(),
    derSequence(derOid(DATA), derElement(wrapper, derOctetString(new Uint8Array(0)))),
    derElement(wrapper, ...certificates),
    derSet(),
  );
  return derSequence(derOid(SIGNED_DATA), derElement(wrapper, content));
}
