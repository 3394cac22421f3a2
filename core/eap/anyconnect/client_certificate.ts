/**
 * Login by certificate inside AnyConnect-EAP: the client signs the octets that AUTH of an initiator
 * covers (RFC 7296 §2.15) and sends the signature without an AUTH header.
 *
 * RSA is PKCS #1 v1.5 with the hash of the negotiated PRF. Where both sides have announced RFC 7427,
 * its framing may come instead; a length other than that of a bare signature tells. For ECDSA
 * nobody has seen a client's octets: r|s with the hash of RFC 4754, or of the PRF, and the DER form with
 * either, are taken.
 */
import type { Bytes, OwnedBytes } from "../../bytes.ts";
import type {
  CryptoProvider,
  HashName,
  KeyKind,
  SignatureScheme,
  Signer,
} from "../../crypto/provider.ts";
import { AuthMethod } from "../../message/constants.ts";
import type { Wall } from "../../moment.ts";
import { parseCertificate } from "../../pki/certificate.ts";
import { type ProvenCertificate, type Trust, verifyChain } from "../../pki/chain.ts";
import { fail, ok, type Result } from "../../result.ts";
import { signAuth, verifySignatureAuth } from "../../sa/signature_auth.ts";
import { buildCertificateBag, parseCertificateBag } from "./pkcs7.ts";

/** What a client's certificate is checked against: the CAs whose clients may log in, and more. */
export interface ClientProof extends Trust {
  /** Checks signatures. */
  readonly crypto: CryptoProvider;
  /** The octets of the initiator's AUTH, with IDi as it came in the first IKE_AUTH request. */
  readonly octets: Bytes;
  /** Hash of the negotiated PRF. */
  readonly prfHash: HashName;
  /** Whether both sides sent SIGNATURE_HASH_ALGORITHMS. */
  readonly hasRfc7427: boolean;
  /** When. */
  readonly at: Wall;
  /** Whether SHA-1 counts besides the hash of the PRF. */
  readonly allowSha1: boolean;
}

/** The certificate whose owner signed and its path, or a kebab-case word for what is wrong. */
export function verifyClientCertificate(
  pkcs7: Bytes,
  signature: Bytes,
  proof: ClientProof,
): Result<ProvenCertificate, string> {
  const bag = parseCertificateBag(pkcs7);
  if (!bag.ok) return fail("certificates-unreadable");
  const [own, ...others] = bag.value;
  if (own === undefined) return fail("no-client-certificate");
  const parsed = parseCertificate(own);
  if (!parsed.ok) return fail("certificate-unreadable");
  const leaf = parsed.value;
  if (leaf.key === undefined) return fail("certificate-unsupported-key");
  const intermediates = others.flatMap((der) => {
    const other = parseCertificate(der);
    return other.ok ? [other.value] : [];
  });
  const chain = verifyChain({ ...proof, leaf, intermediates, purpose: "clientAuth" });
  if (!chain.ok) return fail(`certificate-${chain.fault.kind}`);
  return isGoodSignature(leaf.spki, leaf.key, signature, proof)
    ? ok({ certificate: leaf, ...chain.value })
    : fail("bad-signature");
}

/** What a client presents. */
export interface ClientCertificate {
  /** DER: its own, then intermediates. */
  readonly certificates: readonly Bytes[];
  /** Signs with the key of the first. */
  readonly signer: Signer;
}

/** The values of the two TLVs of a client, the signature without framing. */
export function buildClientProof(
  { certificates, signer }: ClientCertificate,
  octets: Bytes,
  prfHash: HashName,
): { readonly pkcs7: OwnedBytes; readonly sign: OwnedBytes } {
  const options = { peerHashes: undefined, legacyRsaHash: prfHash };
  const { data: sign } = signAuth(signer, octets, options);
  return { pkcs7: buildCertificateBag(certificates), sign };
}

function isGoodSignature(
  spki: Bytes,
  key: KeyKind,
  signature: Bytes,
  { crypto, octets, prfHash, hasRfc7427, allowSha1 }: ClientProof,
): boolean {
  const isBare = signature.length === bareLength(key);
  if (hasRfc7427 && !isBare) {
    const method = AuthMethod.DIGITAL_SIGNATURE;
    const isFramed = verifySignatureAuth(crypto, spki, key, method, signature, octets, {
      allowSha1,
    });
    if (isFramed) return true;
  }
  return bareSchemes(key, prfHash, isBare)
    .filter(({ hash }) => allowSha1 || hash !== "sha1")
    .some((scheme) => crypto.verify(spki, scheme, octets, signature));
}

/** Octets of a signature that is nothing but numbers of fixed length. */
function bareLength(key: KeyKind): number {
  if (key.kind === "rsa") return Math.ceil(key.modulusBits / 8);
  return { "P-256": 64, "P-384": 96, "P-521": 132 }[key.curve];
}

function bareSchemes(
  key: KeyKind,
  prfHash: HashName,
  isBare: boolean,
): readonly SignatureScheme[] {
  if (key.kind === "rsa") {
    const hashes = isBare ? new Set<HashName>([prfHash, "sha1"]) : [];
    return [...hashes].map((hash): SignatureScheme => ({ kind: "rsa-pkcs1", hash }));
  }
  const ownHash = ({ "P-256": "sha256", "P-384": "sha384", "P-521": "sha512" } as const)[key.curve];
  const encoding = isBare ? "raw" : "der";
  return [...new Set<HashName>([ownHash, prfHash])]
    .map((hash): SignatureScheme => ({ kind: "ecdsa", hash, encoding }));
}
