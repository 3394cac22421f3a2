/** A certification authority in memory, for tests: any certificate, also wrong ones. */
import { type OwnedBytes, utf8 } from "../../../core/bytes.ts";
import { derInteger, derOctetString, derOid, derSequence } from "../../../core/crypto/der.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { Signer } from "../../../core/crypto/provider.ts";
import { wall } from "../../../core/moment.ts";
import {
  buildCertificate,
  buildName,
  caConstraints,
  type CertificateContent,
  type CertificateExtension,
  keyUsage,
} from "../../../core/pki/build.ts";
import { type Certificate, parseCertificate } from "../../../core/pki/certificate.ts";

/** The middle of the validity of everything made here. */
export const NOW = wall(1_800_000_000_000);

/** A P-256 key that follows from its name, as PKCS #8. */
export function keyOf(name: string): OwnedBytes {
  const scalar = nobleProvider.digest("sha256", utf8(name));
  return derSequence(
    derInteger(0),
    derSequence(derOid("1.2.840.10045.2.1"), derOid("1.2.840.10045.3.1.7")),
    derOctetString(derSequence(derInteger(1), derOctetString(scalar))),
  );
}

const signers = new Map<string, Signer>();

/** The signer of that key. */
export function signerOf(name: string): Signer {
  const signer = signers.get(name) ?? nobleProvider.importPrivateKey(keyOf(name));
  if (signer === undefined) throw new TypeError(`no key for ${name}`);
  signers.set(name, signer);
  return signer;
}

/** A certificate for `subject`, signed by the key named `issuer`. */
export function certify(
  subject: string,
  issuer: string,
  extensions: readonly CertificateExtension[] = [],
  changes: Partial<CertificateContent> = {},
): Certificate {
  const content: CertificateContent = {
    serial: Uint8Array.of(1, 2, 3),
    issuer: buildName(["CN", issuer]),
    subject: buildName(["CN", subject]),
    notBefore: wall(NOW - 1_000_000),
    notAfter: wall(NOW + 1_000_000),
    spki: signerOf(subject).spki,
    extensions,
    ...changes,
  };
  return parsed(buildCertificate(content, signerOf(issuer)));
}

/** A CA certificate for `subject`, signed by the key named `issuer`. */
export function certifyCa(
  subject: string,
  issuer: string = subject,
  pathLength?: number,
  more: readonly CertificateExtension[] = [],
): Certificate {
  return certify(subject, issuer, [caConstraints(pathLength), keyUsage("keyCertSign"), ...more]);
}

/** A certificate that must parse. */
export function parsed(der: Uint8Array): Certificate {
  const result = parseCertificate(der);
  if (!result.ok) throw new TypeError(`bad certificate: ${JSON.stringify(result.fault)}`);
  return result.value;
}
