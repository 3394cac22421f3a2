/**
 * AUTH by a signature: RFC 7427 (method 14), RSA of RFC 7296 §3.8 (method 1) and ECDSA of RFC 4754
 * (methods 9 to 11), over the octets of `auth_octets.ts`.
 *
 * RSA signs with PKCS #1 v1.5, which every peer verifies; RSASSA-PSS is verified but never made.
 * Whether the key belongs to the peer's identity is for `pki/`.
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import type {
  CryptoProvider,
  HashName,
  KeyKind,
  SignatureScheme,
  Signer,
} from "../crypto/provider.ts";
import { AuthMethod, SignatureHash } from "../message/constants.ts";
import { Reader } from "../wire/reader.ts";
import { buildSignatureAlgorithm, parseSignatureAlgorithm } from "../pki/signature_algorithm.ts";

type EcCurve = Extract<KeyKind, { readonly kind: "ec" }>["curve"];

const ecdsaOf: Readonly<Record<EcCurve, { readonly method: number; readonly hash: HashName }>> = {
  "P-256": { method: AuthMethod.ECDSA_P256_SHA256, hash: "sha256" },
  "P-384": { method: AuthMethod.ECDSA_P384_SHA384, hash: "sha384" },
  "P-521": { method: AuthMethod.ECDSA_P521_SHA512, hash: "sha512" },
};

/** Strongest first; SHA-1 is never used for a signature of method 14 (RFC 8247 §3.2). */
const strongHashes: readonly { readonly number: number; readonly hash: HashName }[] = [
  { number: SignatureHash.SHA2_512, hash: "sha512" },
  { number: SignatureHash.SHA2_384, hash: "sha384" },
  { number: SignatureHash.SHA2_256, hash: "sha256" },
];

/** The hashes that we verify, as SIGNATURE_HASH_ALGORITHMS announces them. */
export const announcedHashes: readonly number[] = [
  SignatureHash.SHA2_256,
  SignatureHash.SHA2_384,
  SignatureHash.SHA2_512,
];

/** What decides how we sign. */
export interface SigningOptions {
  /** Hashes of the peer's SIGNATURE_HASH_ALGORITHMS; `undefined` when it sent none. */
  readonly peerHashes: readonly number[] | undefined;
  /** Hash of method 1: RFC 7296 says SHA-1, AnyConnect takes the hash of the PRF. */
  readonly legacyRsaHash: HashName;
}

/** Contents of an AUTH payload. */
export interface SignatureAuth {
  /** `AuthMethod`. */
  readonly method: number;
  /** Authentication Data. */
  readonly data: OwnedBytes;
}

/** AlgorithmIdentifiers of what was signed so far. BOUNDED by the schemes. */
const identifiers = new Map<string, OwnedBytes>();

function identifierOf(scheme: SignatureScheme): OwnedBytes {
  const key = `${scheme.kind} ${scheme.hash}`;
  const known = identifiers.get(key);
  if (known !== undefined) return known;
  const identifier = buildSignatureAlgorithm(scheme);
  identifiers.set(key, identifier);
  return identifier;
}

/** Signs the octets in the way that the peer understands. */
export function signAuth(signer: Signer, octets: Bytes, options: SigningOptions): SignatureAuth {
  const hash = commonHash(signer.key, options.peerHashes);
  if (hash === undefined) return signLegacy(signer, octets, options.legacyRsaHash);
  const scheme: SignatureScheme = signer.key.kind === "rsa"
    ? { kind: "rsa-pkcs1", hash }
    : { kind: "ecdsa", hash, encoding: "der" };
  const identifier = identifierOf(scheme);
  const data = concatBytes(
    Uint8Array.of(identifier.length),
    identifier,
    signer.sign(scheme, octets),
  );
  return { method: AuthMethod.DIGITAL_SIGNATURE, data };
}

/** The curve's own hash if the peer has it, else the strongest; `undefined`: no method 14. */
function commonHash(key: KeyKind, peerHashes: readonly number[] | undefined): HashName | undefined {
  if (peerHashes === undefined) return undefined;
  const common = strongHashes.filter(({ number }) => peerHashes.includes(number));
  const fitting = key.kind === "ec" ? ecdsaOf[key.curve].hash : undefined;
  return (common.find(({ hash }) => hash === fitting) ?? common.at(0))?.hash;
}

function signLegacy(signer: Signer, octets: Bytes, rsaHash: HashName): SignatureAuth {
  if (signer.key.kind === "rsa") {
    const data = signer.sign({ kind: "rsa-pkcs1", hash: rsaHash }, octets);
    return { method: AuthMethod.RSA_SIGNATURE, data };
  }
  const { method, hash } = ecdsaOf[signer.key.curve];
  return { method, data: signer.sign({ kind: "ecdsa", hash, encoding: "raw" }, octets) };
}

/** What decides which signatures are good enough. */
export interface VerifyingOptions {
  /** Whether a signature over SHA-1 counts: method 1 of old peers. */
  readonly allowSha1: boolean;
}

/** Whether a peer's AUTH is a good signature of the key (`spki`, DER) over the octets. */
export function verifySignatureAuth(
  crypto: CryptoProvider,
  spki: Bytes,
  key: KeyKind,
  method: number,
  data: Bytes,
  octets: Bytes,
  options: VerifyingOptions,
): boolean {
  if (method === AuthMethod.DIGITAL_SIGNATURE) {
    const signature = parseDigitalSignature(data);
    return signature !== undefined && fits(signature.scheme, key, options) &&
      crypto.verify(spki, signature.scheme, octets, signature.value);
  }
  return legacySchemes(method, key).some((scheme) =>
    fits(scheme, key, options) && crypto.verify(spki, scheme, octets, data)
  );
}

/** Method 14: length of the AlgorithmIdentifier, AlgorithmIdentifier, signature (RFC 7427 §3). */
function parseDigitalSignature(
  data: Bytes,
): { readonly scheme: SignatureScheme; readonly value: Bytes } | undefined {
  const reader = new Reader(data);
  const identifier = reader.bytes(reader.u8("identifierLength"), "identifier");
  const value = reader.rest();
  const scheme = parseSignatureAlgorithm(identifier);
  return reader.fault !== undefined || scheme === undefined ? undefined : { scheme, value };
}

/**
 * The schemes that a method may mean. Method 1 does not say its hash, but the signature does: PKCS
 * #1 v1.5 has it inside, so that trying them in turn opens no door.
 */
function legacySchemes(method: number, key: KeyKind): readonly SignatureScheme[] {
  if (method === AuthMethod.RSA_SIGNATURE) {
    return (["sha256", "sha1", "sha384", "sha512"] as const)
      .map((hash): SignatureScheme => ({ kind: "rsa-pkcs1", hash }));
  }
  if (key.kind !== "ec" || ecdsaOf[key.curve].method !== method) return [];
  return [{ kind: "ecdsa", hash: ecdsaOf[key.curve].hash, encoding: "raw" }];
}

function fits(scheme: SignatureScheme, key: KeyKind, { allowSha1 }: VerifyingOptions): boolean {
  const isRightKind = (scheme.kind === "ecdsa") === (key.kind === "ec");
  return isRightKind && (allowSha1 || scheme.hash !== "sha1");
}
