/**
 * Key exchange over libcrypto: MODP (RFC 3526), ECP (RFC 5903), Curve25519 (RFC 8031).
 *
 * The secrets come from `core/crypto/key_pair.ts`, so the pairs are those of the portable provider. Peer values
 * are checked here once (RFC 6989 §2) and not a second time by the library, which would cost up to ten times
 * as much.
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../../core/bytes.ts";
import { integerOf } from "../../core/crypto/big_octets.ts";
import { curveOfGroup } from "../../core/crypto/curves.ts";
import { checkPrivateKey, drawPrivateKey } from "../../core/crypto/key_pair.ts";
import { isModpValue, MODP_GENERATOR, modpPrimeOf } from "../../core/crypto/modp_primes.ts";
import type { KeyPair } from "../../core/crypto/provider.ts";
import { groupOf } from "../../core/crypto/transforms.ts";
import type { Random } from "../../core/random.ts";
import { basePointTimes, pointTimes, powerOf } from "./libcrypto_number.ts";
import { demand, LibcryptoError } from "./libcrypto_object.ts";
import { inWorkspace, place, placeSize, room, take } from "./libcrypto_workspace.ts";
import { symbols } from "./libcrypto.ts";

/** X25519 in libcrypto's object table. */
const X25519_NUMBER = 1034;
const X25519_LENGTH = 32;

/** The octet in front of x | y in SEC 1, which IKE leaves out. */
const UNCOMPRESSED = Uint8Array.of(4);

/** A fresh pair. */
export function generateKeyPair(group: number, random: Random): KeyPair {
  const privateKey = drawPrivateKey(group, random);
  return { group, privateKey, publicValue: publicValueOf(group, privateKey) };
}

function publicValueOf(group: number, privateKey: Bytes): OwnedBytes {
  const prime = modpPrimeOf(group);
  if (prime !== undefined) {
    const base = Uint8Array.of(Number(MODP_GENERATOR));
    return powerOf(base, privateKey, prime, groupOf(group)?.publicLength ?? 0);
  }
  const curve = curveOfGroup(group);
  return curve === undefined
    ? publicX25519(privateKey)
    : basePointTimes(curve, privateKey).slice(1);
}

/** g^ir, or `undefined` when the peer's value is not acceptable. */
export function deriveSharedSecret(pair: KeyPair, peer: Bytes): OwnedBytes | undefined {
  const { group, privateKey } = pair;
  checkPrivateKey(group, privateKey);
  if (peer.length !== groupOf(group)?.publicLength) return undefined;
  const prime = modpPrimeOf(group);
  if (prime !== undefined) {
    if (!isModpValue(integerOf(peer), prime)) return undefined;
    return powerOf(peer, privateKey, prime, peer.length);
  }
  const curve = curveOfGroup(group);
  if (curve === undefined) return deriveX25519(privateKey, peer);
  const point = pointTimes(curve, concatBytes(UNCOMPRESSED, peer), privateKey);
  return point?.slice(1, 1 + curve.length);
}

/** Runs `work` with an X25519 key of libcrypto, made from raw octets. */
function withX25519<T>(
  half: "private" | "public",
  octets: Bytes,
  work: (key: Deno.PointerObject) => T,
): T {
  const size = BigInt(octets.length);
  const key = inWorkspace(() => {
    const { pointer } = place(octets);
    return half === "private"
      ? symbols.EVP_PKEY_new_raw_private_key(X25519_NUMBER, null, pointer, size)
      : symbols.EVP_PKEY_new_raw_public_key(X25519_NUMBER, null, pointer, size);
  });
  if (key === null) throw new LibcryptoError("make an X25519 key");
  try {
    return work(key);
  } finally {
    symbols.EVP_PKEY_free(key);
  }
}

function publicX25519(privateKey: Bytes): OwnedBytes {
  return withX25519("private", privateKey, (key) =>
    inWorkspace(() => {
      const out = room(X25519_LENGTH);
      const size = placeSize(X25519_LENGTH);
      demand(
        symbols.EVP_PKEY_get_raw_public_key(key, out.pointer, size.pointer),
        "read an X25519 key",
      );
      return take(out);
    }));
}

/** libcrypto fails when the result is all zero (RFC 8031 §3.2). */
function deriveX25519(privateKey: Bytes, peer: Bytes): OwnedBytes | undefined {
  return withX25519("private", privateKey, (key) =>
    withX25519("public", peer, (peerKey) => {
      const context = symbols.EVP_PKEY_CTX_new(key, null);
      if (context === null) throw new LibcryptoError("make an X25519 context");
      try {
        demand(symbols.EVP_PKEY_derive_init(context), "start X25519");
        demand(symbols.EVP_PKEY_derive_set_peer(context, peerKey), "set an X25519 peer");
        return inWorkspace(() => {
          const out = room(X25519_LENGTH);
          const size = placeSize(X25519_LENGTH);
          if (symbols.EVP_PKEY_derive(context, out.pointer, size.pointer) === 1) return take(out);
          symbols.ERR_clear_error();
          return undefined;
        });
      } finally {
        symbols.EVP_PKEY_CTX_free(context);
      }
    }));
}
