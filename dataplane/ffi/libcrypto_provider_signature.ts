/**
 * Signing and checking over libcrypto: RSASSA-PKCS1-v1_5, RSASSA-PSS, ECDSA.
 *
 * Keys are parsed by `core/crypto` first and handed over in their canonical form, so that both providers accept
 * the same keys. The hash is computed here; libcrypto gets the hash and its name.
 */
import { type Bytes, equalBytes, hexOf, type OwnedBytes } from "../../core/bytes.ts";
import { type CurveFacts, curveNamed } from "../../core/crypto/curves.ts";
import { buildEcdsaSignature, parseEcdsaSignature } from "../../core/crypto/ecdsa_signature.ts";
import { buildPrivateKey, parsePrivateKey } from "../../core/crypto/private_key.ts";
import type { KeyKind, SignatureScheme, Signer } from "../../core/crypto/provider.ts";
import {
  buildPublicKey,
  keyKindOf,
  parsePublicKey,
  type PublicKey,
} from "../../core/crypto/public_key.ts";
import { KeptObjects } from "./kept_objects.ts";
import { basePointTimes } from "./libcrypto_number.ts";
import { digestOf, LibcryptoError } from "./libcrypto_object.ts";
import { digest } from "./libcrypto_provider_hash.ts";
import {
  inWorkspace,
  place,
  placeAddressOf,
  placeSize,
  room,
  sizeAt,
  take,
} from "./libcrypto_workspace.ts";
import { symbols } from "./libcrypto.ts";

/** RSA_PKCS1_PADDING and RSA_PKCS1_PSS_PADDING. */
const PADDING = { "rsa-pkcs1": 1, "rsa-pss": 6 } as const;
/** RSA_PSS_SALTLEN_DIGEST. */
const SALT_AS_LONG_AS_HASH = -1;
/** RSA of 8192 bits, the longest that we take. */
const LONGEST_SIGNATURE = 1024;

/** A public key as libcrypto has it, with what our parser made of it. */
interface CheckingKey {
  readonly parsed: PublicKey;
  readonly pointer: Deno.PointerObject;
}

/** To read a public key takes libcrypto many times as long as to use it, and those of CAs come again and again. */
const publicKeys = new KeptObjects<CheckingKey>(
  64,
  ({ pointer }) => symbols.EVP_PKEY_free(pointer),
);

/** A key lives as long as its signer. */
const signers = new FinalizationRegistry<Deno.PointerObject>((key) => symbols.EVP_PKEY_free(key));

/** A signer from a PKCS #8 key. */
export function importPrivateKey(pkcs8: Bytes): Signer | undefined {
  const parsed = parsePrivateKey(pkcs8);
  if (parsed === undefined) return undefined;
  let publicKey: PublicKey;
  let canonical: OwnedBytes;
  if (parsed.kind === "rsa") {
    publicKey = { kind: "rsa", modulus: parsed.modulus, exponent: parsed.publicExponent };
    canonical = buildPrivateKey(parsed);
  } else {
    const point = basePointTimes(parsed.curve, parsed.scalar);
    if (parsed.point !== undefined && !equalBytes(parsed.point, point)) return undefined;
    publicKey = { kind: "ec", curve: parsed.curve, point };
    canonical = buildPrivateKey({ ...parsed, point });
  }
  const key = readKey("private", canonical);
  canonical.fill(0);
  if (key === undefined) return undefined;
  const kind = keyKindOf(publicKey);
  const signer: Signer = {
    key: kind,
    spki: buildPublicKey(publicKey),
    sign: (scheme: SignatureScheme, data: Bytes): OwnedBytes => sign(kind, key, scheme, data),
  };
  signers.register(signer, key);
  return signer;
}

/** A key object of libcrypto from DER; `undefined` when it does not like what our parser liked. */
function readKey(half: "private" | "public", der: Bytes): Deno.PointerObject | undefined {
  const key = inWorkspace(() => {
    const from = placeAddressOf(place(der)).pointer;
    return half === "private"
      ? symbols.d2i_AutoPrivateKey(null, from, BigInt(der.length))
      : symbols.d2i_PUBKEY(null, from, BigInt(der.length));
  });
  if (key !== null) return key;
  symbols.ERR_clear_error();
  return undefined;
}

/** Whether the scheme is one of this kind of key. */
function fits(key: KeyKind, scheme: SignatureScheme): boolean {
  return (key.kind === "ec") === (scheme.kind === "ecdsa");
}

/** Prepares a context for one operation; false when libcrypto refuses the scheme for this key. */
function isPrepared(
  context: Deno.PointerObject,
  operation: "sign" | "verify",
  scheme: SignatureScheme,
): boolean {
  const started = operation === "sign"
    ? symbols.EVP_PKEY_sign_init(context)
    : symbols.EVP_PKEY_verify_init(context);
  if (started !== 1) return false;
  if (scheme.kind !== "ecdsa") {
    if (symbols.EVP_PKEY_CTX_set_rsa_padding(context, PADDING[scheme.kind]) !== 1) return false;
  }
  if (symbols.EVP_PKEY_CTX_set_signature_md(context, digestOf(scheme.hash)) !== 1) return false;
  return scheme.kind !== "rsa-pss" ||
    symbols.EVP_PKEY_CTX_set_rsa_pss_saltlen(context, SALT_AS_LONG_AS_HASH) === 1;
}

function withContext<T>(key: Deno.PointerObject, work: (context: Deno.PointerObject) => T): T {
  const context = symbols.EVP_PKEY_CTX_new(key, null);
  if (context === null) throw new LibcryptoError("make a key context");
  try {
    return work(context);
  } finally {
    symbols.EVP_PKEY_CTX_free(context);
  }
}

function sign(
  kind: KeyKind,
  key: Deno.PointerObject,
  scheme: SignatureScheme,
  data: Bytes,
): OwnedBytes {
  if (!fits(kind, scheme)) {
    throw new RangeError(`Cannot sign with ${scheme.kind}: the key is ${kind.kind}`);
  }
  const signature = signHash(key, scheme, digest(scheme.hash, data));
  if (signature === undefined) {
    throw new RangeError(
      `Cannot sign with ${scheme.kind} and ${scheme.hash}: the key is too short`,
    );
  }
  if (kind.kind !== "ec" || scheme.kind !== "ecdsa" || scheme.encoding === "der") return signature;
  const raw = parseEcdsaSignature(signature, curveNamed(kind.curve).length);
  if (raw === undefined) throw new LibcryptoError("encode an ECDSA signature");
  return raw;
}

function signHash(
  key: Deno.PointerObject,
  scheme: SignatureScheme,
  hash: Bytes,
): OwnedBytes | undefined {
  return withContext(key, (context) =>
    inWorkspace(() => {
      const out = room(LONGEST_SIGNATURE);
      const size = placeSize(LONGEST_SIGNATURE);
      const input = place(hash);
      const length = BigInt(hash.length);
      const isDone = isPrepared(context, "sign", scheme) &&
        symbols.EVP_PKEY_sign(context, out.pointer, size.pointer, input.pointer, length) === 1;
      if (isDone) return take(out, sizeAt(size));
      symbols.ERR_clear_error();
      return undefined;
    }));
}

/** Whether `signature` over `data` is good under a SubjectPublicKeyInfo. */
export function verify(
  spki: Bytes,
  scheme: SignatureScheme,
  data: Bytes,
  signature: Bytes,
): boolean {
  const key = publicKeys.get(hexOf(spki), () => checkingKeyOf(spki));
  if (key === undefined || !fits(keyKindOf(key.parsed), scheme)) return false;
  const { parsed, pointer } = key;
  const encoded = parsed.kind === "ec" && scheme.kind === "ecdsa"
    ? canonicalEcdsa(parsed.curve, scheme.encoding, signature)
    : signature;
  if (encoded === undefined || encoded.length > LONGEST_SIGNATURE) return false;
  return isGoodSignature(pointer, scheme, digest(scheme.hash, data), encoded);
}

function checkingKeyOf(spki: Bytes): CheckingKey | undefined {
  const parsed = parsePublicKey(spki);
  if (parsed === undefined) return undefined;
  const pointer = readKey("public", buildPublicKey(parsed));
  return pointer === undefined ? undefined : { parsed, pointer };
}

/** DER that we wrote ourselves, so that libcrypto's reader has no say in what is accepted. */
function canonicalEcdsa(
  curve: CurveFacts,
  encoding: "der" | "raw",
  signature: Bytes,
): OwnedBytes | undefined {
  const raw = encoding === "raw" ? signature : parseEcdsaSignature(signature, curve.length);
  return raw?.length === 2 * curve.length ? buildEcdsaSignature(raw) : undefined;
}

function isGoodSignature(
  key: Deno.PointerObject,
  scheme: SignatureScheme,
  hash: Bytes,
  signature: Bytes,
): boolean {
  return withContext(key, (context) =>
    inWorkspace(() => {
      const given = place(signature).pointer;
      const expected = place(hash).pointer;
      const isGood = isPrepared(context, "verify", scheme) &&
        symbols.EVP_PKEY_verify(
            context,
            given,
            BigInt(signature.length),
            expected,
            BigInt(hash.length),
          ) === 1;
      if (!isGood) symbols.ERR_clear_error();
      return isGood;
    }));
}
