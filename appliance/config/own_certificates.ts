/**
 * The gateway's own certificates, put together from files: which key belongs to which, and which
 * intermediates stand between each and its root.
 *
 * Sent are the certificate and what leads up from it. A root is not: whoever trusts it has it. It serves to
 * know what a peer asks for that names it.
 */
import {
  type Certificate,
  certificateSpeaksFor,
  equalBytes,
  type OwnCertificate,
  type Signer,
} from "../../core/mod.ts";
import { StartError } from "../start_error.ts";
import { gatewayIdentity, type NamedIdentity } from "./identity.ts";

/** A file of `--cert`: the certificate, and what stands behind it. */
export interface CertificateFile {
  readonly path: string;
  readonly certificates: readonly Certificate[];
}

/** A file of `--key`. */
export interface KeyFile {
  readonly path: string;
  readonly signer: Signer;
}

/** Files as read. */
export interface OwnFiles {
  readonly certificates: readonly CertificateFile[];
  readonly keys: readonly KeyFile[];
  /** Of `--chain`. */
  readonly chain: readonly Certificate[];
  /** CAs that are known for other reasons; they are not sent. */
  readonly others: readonly Certificate[];
}

/** Who the gateway is, and with which certificates it shows that. */
export interface OwnCertificates {
  readonly identity: NamedIdentity;
  /** In the order of `--cert`; the first is for peers that ask for none in particular. */
  readonly all: readonly [OwnCertificate, ...OwnCertificate[]];
}

/**
 * All of them, for the identity asked for or else that of the first; `undefined` where there are none.
 * `StartError` when a certificate has no key, a key no certificate, or one of them another name.
 */
export function ownCertificates(
  { certificates, keys, chain, others }: OwnFiles,
  asked: string | undefined,
): OwnCertificates | undefined {
  const own = certificates.map(({ path, certificates: [leaf, ...behind] }) => {
    const key = keys.find(({ signer }) => leaf !== undefined && equalBytes(leaf.spki, signer.spki));
    if (leaf === undefined || key === undefined) {
      throw new StartError(
        `Cannot use certificate ${path}: no key belongs to it, of ${
          keys.map((one) => one.path).join(", ")
        }`,
      );
    }
    const above = issuersAbove(leaf, [...behind, ...chain]);
    const known = issuersAbove(leaf, [...behind, ...chain, ...others]);
    return { path, leaf, signer: key.signer, above: above.filter((one) => !isRoot(one)), known };
  });
  const [first] = own;
  if (first === undefined) return undefined;
  for (const { path, signer } of keys) {
    if (own.some(({ leaf }) => equalBytes(leaf.spki, signer.spki))) continue;
    throw new StartError(
      `Cannot use key ${path}: it does not belong to certificate ${
        own.map((one) => one.path).join(", ")
      }`,
    );
  }
  const identity = gatewayIdentity(first.leaf, asked, first.path);
  const { idType, data } = identity;
  const stranger = own.find(({ leaf }) => !certificateSpeaksFor(leaf, idType, data));
  if (stranger !== undefined) {
    throw new StartError(`Cannot use certificate ${stranger.path}: it is not for ${identity.text}`);
  }
  const [main, ...rest] = own.map(({ leaf, signer, above, known }) => ({
    certificates: [leaf, ...above].map(({ der }) => der),
    signer,
    authorities: known.map(({ spki }) => spki),
  }));
  return main === undefined ? undefined : { identity, all: [main, ...rest] };
}

/** Those of `candidates` that lead up from a certificate by their names, in their order. */
function issuersAbove(
  leaf: Certificate,
  candidates: readonly Certificate[],
): readonly Certificate[] {
  const found = new Set<Certificate>();
  const open = [leaf];
  for (let below = open.pop(); below !== undefined; below = open.pop()) {
    for (const issuer of candidates) {
      if (found.has(issuer) || !equalBytes(issuer.subject.der, below.issuer.der)) continue;
      found.add(issuer);
      open.push(issuer);
    }
  }
  return candidates.filter((candidate, i) =>
    found.has(candidate) &&
    candidates.findIndex((other) => equalBytes(other.der, candidate.der)) === i
  );
}

function isRoot({ subject, issuer }: Certificate): boolean {
  return equalBytes(subject.der, issuer.der);
}
