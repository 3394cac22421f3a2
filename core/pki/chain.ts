/**
 * Certification paths (RFC 5280 §6.1, the part that remote access needs; RFC 4945 §5.1.3).
 *
 * A path runs from the peer's certificate through what it sent to a trust anchor. Checked are
 * signatures, validity, CA flag, key usage, path length, purpose and critical extensions. Name
 * constraints are not evaluated, so a CA that has them is refused. Policies are not evaluated. What has
 * been revoked is asked of a path that holds otherwise. SHA-1 signatures and RSA keys below 2048 bits are
 * refused.
 *
 * Work is bounded twice: by the depth of a path, and by the number of signatures checked in all,
 * since a peer may send many certificates with one name.
 */
import { equalBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { Wall } from "../moment.ts";
import { fail, ok, type Result } from "../result.ts";
import type { Certificate } from "./certificate.ts";
import { PurposeOid } from "./oid.ts";
import type { RevocationLists } from "./revocation.ts";

/** What a certificate is to be used for. */
export type CertificatePurpose = "serverAuth" | "clientAuth";

/** Whom the operator believes, and how far. */
export interface Trust {
  /** Certificates that are trusted by themselves. */
  readonly anchors: readonly Certificate[];
  /** What their issuers have taken back; without it nobody is asked. */
  readonly revocation?: RevocationLists;
  /** Milliseconds by which clocks of others may be off; without it none. */
  readonly clockSkewMs?: number;
}

/** What there is to build a path from. */
export interface ChainOptions extends Trust {
  /** The certificate in question. */
  readonly leaf: Certificate;
  /** What the peer sent along, in any order, trusted by nobody. */
  readonly intermediates: readonly Certificate[];
  /** When. */
  readonly at: Wall;
  /** What for. */
  readonly purpose: CertificatePurpose;
  /** Checks signatures. */
  readonly crypto: CryptoProvider;
}

/** Why there is no path. */
export interface ChainFault {
  /** The sort of failure. */
  readonly kind:
    | "no-issuer"
    | "bad-signature"
    | "weak-signature"
    | "unsupported-signature"
    | "weak-key"
    | "unsupported-key"
    | "not-yet-valid"
    | "expired"
    | "not-a-ca"
    | "wrong-key-usage"
    | "wrong-purpose"
    | "path-too-long"
    | "unsupported-critical"
    | "unsupported-name-constraints"
    | "revoked"
    | "revocation-unknown"
    | "too-much-work";
  /** Subject of the certificate that fails; where there is no issuer, whose issuer is missing. */
  readonly subject: string;
  /** Identifiers of critical extensions, the name of the missing issuer, or why nobody knows. */
  readonly detail?: string;
}

/** A path that holds. */
export interface CertificatePath {
  /** The leaf first, the trust anchor last. */
  readonly path: readonly Certificate[];
}

/** A certificate whose owner has shown that it is theirs, and the path that it hangs on. */
export interface ProvenCertificate extends CertificatePath {
  readonly certificate: Certificate;
}

const DEEPEST_PATH = 8;
const MOST_SIGNATURES = 24;
const LEAST_RSA_BITS = 2048;

/** A path from the leaf to a trust anchor, or the most telling reason why there is none. */
export function verifyChain(options: ChainOptions): Result<CertificatePath, ChainFault> {
  const { leaf } = options;
  const fault = commonFault(leaf, options) ?? leafFault(leaf, options.purpose);
  if (fault !== undefined) return fail(fault);
  return extend([leaf], options, { signatures: 0 });
}

/** Depth first, anchors before what the peer sent. */
function extend(
  path: readonly Certificate[],
  options: ChainOptions,
  work: { signatures: number },
): Result<CertificatePath, ChainFault> {
  const current = path[path.length - 1] ?? options.leaf;
  if (options.anchors.some((anchor) => equalBytes(anchor.der, current.der))) {
    const revoked = revocationFault(path, options);
    return revoked === undefined ? ok({ path }) : fail(revoked);
  }
  const { text: subject } = current.subject;
  if (path.length >= DEEPEST_PATH) return fail({ kind: "path-too-long", subject });
  if (current.version < 3) return fail({ kind: "not-a-ca", subject, detail: "version" });

  let firstFault: ChainFault | undefined;
  for (const issuer of [...options.anchors, ...options.intermediates]) {
    if (!equalBytes(issuer.subject.der, current.issuer.der) || isIn(path, issuer)) continue;
    const isAnchor = options.anchors.includes(issuer);
    const fault = issuerFault(issuer, path, options, isAnchor) ??
      signatureFault(current, issuer, options.crypto, work);
    const found = fault === undefined ? extend([...path, issuer], options, work) : fail(fault);
    if (found.ok || found.fault.kind === "too-much-work") return found;
    if (firstFault === undefined || firstFault.kind === "no-issuer") firstFault = found.fault;
  }
  return fail(firstFault ?? { kind: "no-issuer", subject, detail: current.issuer.text });
}

function isIn(path: readonly Certificate[], candidate: Certificate): boolean {
  return path.some((member) => equalBytes(member.der, candidate.der));
}

/** What must hold of every certificate. */
function commonFault(
  certificate: Certificate,
  { at, clockSkewMs = 0 }: Pick<ChainOptions, "at" | "clockSkewMs">,
): ChainFault | undefined {
  const subject = certificate.subject.text;
  const { key, unknownCritical } = certificate;
  if (at + clockSkewMs < certificate.notBefore) return { kind: "not-yet-valid", subject };
  // The last second is valid to its end (§4.1.2.5).
  if (at - clockSkewMs >= certificate.notAfter + 1000) return { kind: "expired", subject };
  if (unknownCritical.length > 0) {
    return { kind: "unsupported-critical", subject, detail: unknownCritical.join(" ") };
  }
  if (key === undefined) return { kind: "unsupported-key", subject };
  if (key.kind === "rsa" && key.modulusBits < LEAST_RSA_BITS) return { kind: "weak-key", subject };
  return undefined;
}

/** RFC 4945 §5.1.3.2 and §5.1.3.12: it may sign, and for this purpose. */
function leafFault(leaf: Certificate, purpose: CertificatePurpose): ChainFault | undefined {
  const subject = leaf.subject.text;
  const { keyUsage } = leaf;
  if (keyUsage !== undefined && !keyUsage.digitalSignature && !keyUsage.contentCommitment) {
    return { kind: "wrong-key-usage", subject };
  }
  return servesPurpose(leaf, purpose) ? undefined : { kind: "wrong-purpose", subject };
}

/** What must hold of a certificate that signs the last one of `path`. */
function issuerFault(
  issuer: Certificate,
  path: readonly Certificate[],
  options: ChainOptions,
  isAnchor: boolean,
): ChainFault | undefined {
  const common = commonFault(issuer, options);
  if (common !== undefined) return common;
  const subject = issuer.subject.text;
  const { basicConstraints, keyUsage } = issuer;
  if (issuer.hasNameConstraints) return { kind: "unsupported-name-constraints", subject };
  // Old roots have no way to say that they are CAs; the operator says it for them (§6.1.1 d).
  const isOldRoot = isAnchor && issuer.version < 3;
  if (basicConstraints?.isCa !== true && !isOldRoot) return { kind: "not-a-ca", subject };
  if (keyUsage !== undefined && !keyUsage.keyCertSign) return { kind: "wrong-key-usage", subject };
  // An intermediate that lists purposes speaks for those below it only, as in most programs.
  if (!isAnchor && !servesPurpose(issuer, options.purpose)) {
    return { kind: "wrong-purpose", subject };
  }
  const limit = basicConstraints?.pathLength;
  if (limit !== undefined && countedCas(path) > limit) return { kind: "path-too-long", subject };
  return undefined;
}

/** The CA certificates of a path that path length counts: not the leaf, not self-issued (§4.2.1.9). */
function countedCas(path: readonly Certificate[]): number {
  return path.slice(1).filter((ca) => !equalBytes(ca.subject.der, ca.issuer.der)).length;
}

/** Extended key usage (§4.2.1.12), with the purposes that IKE certificates have had over time. */
function servesPurpose(certificate: Certificate, purpose: CertificatePurpose): boolean {
  const { extendedKeyUsage } = certificate;
  if (extendedKeyUsage === undefined) return true;
  const wanted = purpose === "serverAuth" ? PurposeOid.SERVER_AUTH : PurposeOid.CLIENT_AUTH;
  const good: readonly string[] = [
    wanted,
    PurposeOid.ANY,
    PurposeOid.IPSEC_IKE,
    PurposeOid.IKE_INTERMEDIATE,
  ];
  return extendedKeyUsage.some((oid) => good.includes(oid));
}

/** Whether anybody of the path has been revoked by the next one. The anchor is the operator's to take back. */
function revocationFault(
  path: readonly Certificate[],
  { revocation, at, clockSkewMs = 0, crypto }: ChainOptions,
): ChainFault | undefined {
  if (revocation === undefined) return undefined;
  for (const [i, issuer] of path.slice(1).entries()) {
    const certificate = path[i] ?? issuer;
    const fault = revocation.faultOf(certificate, issuer, { at, clockSkewMs, crypto });
    const subject = certificate.subject.text;
    if (fault?.kind === "revoked") return { kind: "revoked", subject };
    if (fault !== undefined) {
      return { kind: "revocation-unknown", subject, detail: fault.detail };
    }
  }
  return undefined;
}

function signatureFault(
  certificate: Certificate,
  issuer: Certificate,
  crypto: CryptoProvider,
  work: { signatures: number },
): ChainFault | undefined {
  const subject = certificate.subject.text;
  const { signatureScheme: scheme } = certificate;
  if (scheme === undefined) return { kind: "unsupported-signature", subject };
  if (scheme.hash === "sha1") return { kind: "weak-signature", subject };
  if (work.signatures >= MOST_SIGNATURES) return { kind: "too-much-work", subject };
  work.signatures += 1;
  return crypto.verify(issuer.spki, scheme, certificate.tbs, certificate.signature)
    ? undefined
    : { kind: "bad-signature", subject };
}
