/**
 * The secret half of a key exchange pair, drawn from random octets.
 *
 * It is made here, once for all providers, so that the same random stream gives the same pair whichever
 * library computes the public half. RFC 7296 §2.12 leaves the choice to the sender; FIPS 186-5 A.2.2 is the
 * rejection that keeps elliptic scalars even.
 */
import type { OwnedBytes } from "../bytes.ts";
import type { Random } from "../random.ts";
import { curveOfGroup, isScalarOf } from "./curves.ts";
import { groupOf } from "./transforms.ts";

/** A random source that gives this many bad candidates in a row is broken (P-256: 2^-32 each). */
const MOST_DRAWS = 100;

/** A fresh secret exponent (MODP), scalar (ECP) or scalar before clamping (X25519). */
export function drawPrivateKey(group: number, random: Random): OwnedBytes {
  const facts = groupOf(group);
  if (facts === undefined) throw new RangeError(`Cannot make key pair: group ${group} is unknown`);
  const curve = curveOfGroup(group);
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const candidate = random.bytes(facts.privateLength);
    if (curve?.name === "P-521") candidate[0] = (candidate[0] ?? 0) & 1; // 521 bits of 528
    if (
      curve !== undefined ? isScalarOf(curve, candidate) : candidate.some((octet) => octet !== 0)
    ) {
      return candidate;
    }
  }
  throw new RangeError("Cannot make key pair: the random source repeats itself");
}

/** Throws `RangeError` unless `privateKey` has the shape that `drawPrivateKey` gives. */
export function checkPrivateKey(group: number, privateKey: OwnedBytes): void {
  const curve = curveOfGroup(group);
  const isGood = curve !== undefined
    ? isScalarOf(curve, privateKey)
    : privateKey.length === groupOf(group)?.privateLength;
  if (!isGood) {
    throw new RangeError(`Cannot use private key: wrong length or range for group ${group}`);
  }
}
