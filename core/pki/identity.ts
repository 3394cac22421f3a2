/**
 * Whom a certificate speaks for (RFC 4945 §3.1, §5.1.3.6; RFC 6125 §6.4.3 for wildcards).
 *
 * An identity that the peer claims must be in the certificate itself. The common name counts as a
 * host name only in certificates that have no subject alternative name at all.
 */
import { type Bytes, equalBytes, hexOf, type OwnedBytes, textOf } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { IdType } from "../message/constants.ts";
import type { Certificate } from "./certificate.ts";
import { commonNameOf } from "./name.ts";

/** Whether the certificate's owner may use this identity (`IdType` and the data of an ID payload). */
export function certificateSpeaksFor(
  certificate: Certificate,
  idType: number,
  idData: Bytes,
): boolean {
  const names = certificate.subjectAltNames;
  switch (idType) {
    case IdType.FQDN: {
      const host = printable(idData);
      if (host === undefined) return false;
      const commonName = commonNameOf(certificate.subject);
      const certified = names?.dns ?? (commonName === undefined ? [] : [commonName]);
      return certified.some((name) => hostMatches(name, host));
    }
    case IdType.RFC822_ADDR: {
      const mailbox = printable(idData);
      return mailbox !== undefined &&
        (names?.email.some((name) => sameMailbox(name, mailbox)) ?? false);
    }
    case IdType.IPV4_ADDR:
    case IdType.IPV6_ADDR:
      return idData.length === (idType === IdType.IPV4_ADDR ? 4 : 16) &&
        (names?.ip.some((ip) => equalBytes(ip, idData)) ?? false);
    case IdType.DER_ASN1_DN:
      return equalBytes(certificate.subject.der, idData);
    case IdType.KEY_ID:
      return certificate.subjectKeyId !== undefined && idData.length > 0 &&
        equalBytes(certificate.subjectKeyId, idData);
    default:
      return false;
  }
}

/** The name of the user whose certificate this is: mail address, else common name, else subject. */
export function userNameOf(certificate: Certificate): string {
  return certificate.subjectAltNames?.email[0] ?? commonNameOf(certificate.subject) ??
    certificate.subject.text;
}

/** SHA-1 of a CA's SubjectPublicKeyInfo, which is how CERTREQ names it (RFC 7296 §3.7). */
export function certificateAuthorityHash(crypto: CryptoProvider, spki: Bytes): OwnedBytes {
  return crypto.digest("sha1", spki);
}

/** SHA-256 of a certificate (DER) for people: "AB:CD:…". */
export function fingerprintOf(crypto: CryptoProvider, der: Bytes): string {
  return (hexOf(crypto.digest("sha256", der)).toUpperCase().match(/../g) ?? []).join(":");
}

function printable(data: Bytes): string | undefined {
  const isPrintable = data.length > 0 && data.every((octet) => octet > 32 && octet < 127);
  return isPrintable ? textOf(data) : undefined;
}

/**
 * A certified name may begin with `*.`, which stands for exactly one label and needs at least two
 * behind it. What the peer claims is a name: a star in it matches nothing.
 */
function hostMatches(certified: string, claimed: string): boolean {
  const wanted = withoutRootDot(claimed);
  const name = withoutRootDot(certified);
  if (wanted.includes("*")) return false;
  if (!name.includes("*")) return name === wanted;
  const base = name.slice(2);
  if (!name.startsWith("*.") || base.includes("*") || !/[^.]\.[^.]/.test(base)) return false;
  const firstDot = wanted.indexOf(".");
  return firstDot > 0 && wanted.slice(firstDot + 1) === base;
}

function withoutRootDot(name: string): string {
  return asciiLower(name).replace(/\.$/, "");
}

/** The local part as it stands, the domain in any case (RFC 5280 §7.5). */
function sameMailbox(a: string, b: string): boolean {
  const fold = (mailbox: string): string => {
    const at = mailbox.lastIndexOf("@");
    return mailbox.slice(0, at + 1) + asciiLower(mailbox.slice(at + 1));
  };
  return fold(a) === fold(b);
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
