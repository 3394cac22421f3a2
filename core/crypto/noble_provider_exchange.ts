/**
 * Key exchange of the portable provider: MODP by big integers (RFC 3526), ECP (RFC 5903), Curve25519
 * (RFC 8031). Peer values are checked as RFC 6989 §2 asks. The MODP arithmetic is **not** constant time.
 */
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import type { Random } from "../random.ts";
import { integerOf, octetsOf, powerModulo } from "./big_octets.ts";
import { type CurveName, curveOfGroup } from "./curves.ts";
import { checkPrivateKey, drawPrivateKey } from "./key_pair.ts";
import { isModpValue, MODP_GENERATOR, modpPrimeOf } from "./modp_primes.ts";
import type { KeyPair } from "./provider.ts";
import { groupOf } from "./transforms.ts";

/** noble's curve of a name. */
export const NOBLE_CURVES = { "P-256": p256, "P-384": p384, "P-521": p521 } as const;

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
    const value = powerModulo(MODP_GENERATOR, integerOf(privateKey), prime);
    return octetsOf(value, groupOf(group)?.publicLength ?? 0);
  }
  const curve = curveOfGroup(group);
  if (curve === undefined) return x25519.getPublicKey(privateKey);
  return NOBLE_CURVES[curve.name].getPublicKey(privateKey, false).slice(1);
}

/** g^ir, or `undefined` when the peer's value is not acceptable. */
export function deriveSharedSecret(pair: KeyPair, peer: Bytes): OwnedBytes | undefined {
  const { group, privateKey } = pair;
  checkPrivateKey(group, privateKey);
  if (peer.length !== groupOf(group)?.publicLength) return undefined;
  const prime = modpPrimeOf(group);
  if (prime !== undefined) return deriveModp(privateKey, peer, prime);
  const curve = curveOfGroup(group);
  return curve === undefined
    ? deriveX25519(privateKey, peer)
    : deriveEcp(curve.name, privateKey, peer);
}

function deriveModp(privateKey: Bytes, peer: Bytes, prime: bigint): OwnedBytes | undefined {
  const value = integerOf(peer);
  if (!isModpValue(value, prime)) return undefined;
  return octetsOf(powerModulo(value, integerOf(privateKey), prime), peer.length);
}

/** noble checks that the point is on the curve (RFC 6989 §2.3) and throws if it is not. */
function deriveEcp(curve: CurveName, privateKey: Bytes, peer: Bytes): OwnedBytes | undefined {
  try {
    const point = concatBytes(UNCOMPRESSED, peer);
    const shared = NOBLE_CURVES[curve].getSharedSecret(privateKey, point, false);
    return shared.slice(1, 1 + privateKey.length);
  } catch {
    return undefined;
  }
}

/** noble throws when the result is all zero (RFC 8031 §3.2). */
function deriveX25519(privateKey: Bytes, peer: Bytes): OwnedBytes | undefined {
  try {
    return x25519.getSharedSecret(privateKey, peer);
  } catch {
    return undefined;
  }
}
