/** Whether a peer's certificates and signature prove the identity that it claims (RFC 7296 §2.15). */
import type { Bytes } from "../bytes.ts";
import { concatBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { limits } from "../limits.ts";
import { CertEncoding } from "../message/constants.ts";
import type { AuthPayload, IdPayload, Payload } from "../message/payload.ts";
import type { Wall } from "../moment.ts";
import { parseCertificate } from "../pki/certificate.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { CertificatePurpose, ProvenCertificate, Trust } from "../pki/chain.ts";
import { verifyChain } from "../pki/chain.ts";
import { certificateAuthorityHash, certificateSpeaksFor } from "../pki/identity.ts";
import type { Result } from "../result.ts";
import { fail, ok } from "../result.ts";
import { verifySignatureAuth } from "../sa/signature_auth.ts";

/**
 * CERTREQ with the authorities that we trust (RFC 7296 §3.7); nothing when there is none. Many peers send
 * a certificate only when they are asked for one.
 */
export function certificateRequest(
  crypto: CryptoProvider,
  anchors: readonly Certificate[],
): readonly Payload[] {
  if (anchors.length === 0) return [];
  const hashes = anchors.map(({ spki }) => certificateAuthorityHash(crypto, spki));
  const authorities = concatBytes(...hashes);
  return [{ kind: "CERTREQ", encoding: CertEncoding.X509_SIGNATURE, authorities }];
}

/** What is to be proved, by what, and to whom. */
export interface CertificateClaim extends Trust {
  /** The identity claimed. */
  readonly identity: IdPayload;
  /** The signature. */
  readonly auth: AuthPayload;
  /** What it covers. */
  readonly octets: Bytes;
  /** All payloads that came along; CERT is looked for in them. */
  readonly payloads: readonly Payload[];
  /** What the certificate has to be good for. */
  readonly purpose: CertificatePurpose;
  /** When. */
  readonly at: Wall;
  /** Whether method 1 over SHA-1 counts. */
  readonly allowSha1: boolean;
}

/** The certificate that proves it and the path that it hangs on, or a kebab-case word for what is wrong. */
export function verifyCertificateAuth(
  crypto: CryptoProvider,
  claim: CertificateClaim,
): Result<ProvenCertificate, string> {
  const [own, ...others] = certificatesOf(claim.payloads);
  if (own === undefined) return fail("no-certificate");
  const parsed = parseCertificate(own);
  if (!parsed.ok) return fail("certificate-unreadable");
  const leaf = parsed.value;
  const intermediates = parseCertificates(others);
  if (leaf.key === undefined) return fail("unsupported-key");
  const { auth, octets, allowSha1 } = claim;
  const chain = verifyChain({ ...claim, leaf, intermediates, crypto });
  if (!chain.ok) return fail(`certificate-${chain.fault.kind}`);
  if (!certificateSpeaksFor(leaf, claim.identity.idType, claim.identity.data)) {
    return fail("certificate-of-another-identity");
  }
  const isGood = verifySignatureAuth(
    crypto,
    leaf.spki,
    leaf.key,
    auth.method,
    auth.data,
    octets,
    { allowSha1 },
  );
  return isGood ? ok({ certificate: leaf, ...chain.value }) : fail("bad-signature");
}

/** Certificates from their octets; what cannot be read is left out. */
export function parseCertificates(all: readonly Bytes[]): readonly Certificate[] {
  return all.flatMap((der) => {
    const parsed = parseCertificate(der);
    return parsed.ok ? [parsed.value] : [];
  });
}

function certificatesOf(payloads: readonly Payload[]): readonly Bytes[] {
  const der = payloads.flatMap((payload) =>
    payload.kind === "CERT" && payload.encoding === CertEncoding.X509_SIGNATURE
      ? [payload.data]
      : []
  );
  return der.slice(0, limits.certificatesPerMessage);
}
