/**
 * Arithmetic of libcrypto that key exchange is made of: powers modulo a prime and multiples of points.
 *
 * Both are its constant-time functions for secret exponents and scalars. Groups are built once and kept as long
 * as the thread; numbers and points of one call are wiped and freed at its end.
 */
import type { Bytes, OwnedBytes } from "../../core/bytes.ts";
import { minimalOctets } from "../../core/crypto/big_octets.ts";
import type { CurveFacts, CurveName } from "../../core/crypto/curves.ts";
import { demand, LibcryptoError } from "./libcrypto_object.ts";
import { inWorkspace, place, room, take } from "./libcrypto_workspace.ts";
import { symbols } from "./libcrypto.ts";

/** Numbers of the curves in libcrypto's object table. */
const CURVE_NUMBERS: Readonly<Record<CurveName, number>> = {
  "P-256": 415,
  "P-384": 715,
  "P-521": 716,
};

/** SEC 1 form 4 | x | y. */
const UNCOMPRESSED = 4;

/** The object that a constructor gave; throws when memory is short. */
function made(value: Deno.PointerValue, what: string): Deno.PointerObject {
  if (value !== null) return value;
  symbols.ERR_clear_error();
  throw new LibcryptoError(`make ${what}`);
}

let sharedContext: Deno.PointerObject | undefined;

/** Room for intermediate results, one per thread. */
function numberContext(): Deno.PointerObject {
  return sharedContext ??= made(symbols.BN_CTX_new(), "a number context");
}

/** A new big number, to be freed by the caller. */
function newNumber(octets: Bytes): Deno.PointerObject {
  return inWorkspace(() =>
    made(symbols.BN_bin2bn(place(octets).pointer, octets.length, null), "a number")
  );
}

function withNumber<T>(octets: Bytes, work: (number: Deno.PointerObject) => T): T {
  const number = newNumber(octets);
  try {
    return work(number);
  } finally {
    symbols.BN_clear_free(number);
  }
}

/** A prime and what Montgomery multiplication needs to know of it. */
interface Modulus {
  readonly prime: Deno.PointerObject;
  readonly montgomery: Deno.PointerObject;
}

/** BOUNDED by the MODP groups. */
const moduli = new Map<bigint, Modulus>();

function modulusOf(prime: bigint): Modulus {
  const known = moduli.get(prime);
  if (known !== undefined) return known;
  const number = newNumber(minimalOctets(prime));
  const montgomery = made(symbols.BN_MONT_CTX_new(), "a Montgomery context");
  demand(symbols.BN_MONT_CTX_set(montgomery, number, numberContext()), "prepare a modulus");
  const modulus = { prime: number, montgomery };
  moduli.set(prime, modulus);
  return modulus;
}

/** base to the power of a secret exponent modulo a prime, padded to `length`. */
export function powerOf(base: Bytes, exponent: Bytes, prime: bigint, length: number): OwnedBytes {
  const modulus = modulusOf(prime);
  return withNumber(
    base,
    (b) =>
      withNumber(exponent, (e) =>
        withNumber(new Uint8Array(0), (result) => {
          demand(
            symbols.BN_mod_exp_mont_consttime(
              result,
              b,
              e,
              modulus.prime,
              numberContext(),
              modulus.montgomery,
            ),
            "compute a power",
          );
          return inWorkspace(() => {
            const out = room(length);
            if (symbols.BN_bn2binpad(result, out.pointer, length) !== length) {
              demand(0, "write a number");
            }
            return take(out);
          });
        })),
  );
}

/** BOUNDED by the curves. */
const curveGroups = new Map<CurveName, Deno.PointerObject>();

function curveGroup(name: CurveName): Deno.PointerObject {
  const known = curveGroups.get(name);
  if (known !== undefined) return known;
  const group = made(symbols.EC_GROUP_new_by_curve_name(CURVE_NUMBERS[name]), "a curve");
  curveGroups.set(name, group);
  return group;
}

function withPoint<T>(group: Deno.PointerObject, work: (point: Deno.PointerObject) => T): T {
  const point = made(symbols.EC_POINT_new(group), "a point");
  try {
    return work(point);
  } finally {
    symbols.EC_POINT_clear_free(point);
  }
}

/** The point that belongs to a secret scalar, 4 | x | y. */
export function basePointTimes(curve: CurveFacts, scalar: Bytes): OwnedBytes {
  const group = curveGroup(curve.name);
  return withNumber(scalar, (number) =>
    withPoint(group, (point) => {
      const context = numberContext();
      demand(
        symbols.EC_POINT_mul(group, point, number, null, null, context),
        "multiply a base point",
      );
      return octetsOfPoint(curve, group, point);
    }));
}

/** A secret multiple of a point 4 | x | y; `undefined` when it is not on the curve. */
export function pointTimes(
  curve: CurveFacts,
  octets: Bytes,
  scalar: Bytes,
): OwnedBytes | undefined {
  const group = curveGroup(curve.name);
  return withNumber(scalar, (number) =>
    withPoint(group, (point) => {
      if (!isPoint(group, point, octets)) return undefined;
      return withPoint(group, (result) => {
        const context = numberContext();
        demand(
          symbols.EC_POINT_mul(group, result, null, point, number, context),
          "multiply a point",
        );
        return octetsOfPoint(curve, group, result);
      });
    }));
}

/** Sets `point` from octets; false when they are no point of the curve (RFC 6989 §2.3). */
function isPoint(group: Deno.PointerObject, point: Deno.PointerObject, octets: Bytes): boolean {
  return inWorkspace(() => {
    const placed = place(octets);
    const size = BigInt(octets.length);
    const done = symbols.EC_POINT_oct2point(group, point, placed.pointer, size, numberContext());
    if (done === 1) return true;
    symbols.ERR_clear_error();
    return false;
  });
}

function octetsOfPoint(
  curve: CurveFacts,
  group: Deno.PointerObject,
  point: Deno.PointerObject,
): OwnedBytes {
  return inWorkspace(() => {
    const out = room(1 + 2 * curve.length);
    const size = BigInt(out.length);
    const context = numberContext();
    const written = symbols.EC_POINT_point2oct(
      group,
      point,
      UNCOMPRESSED,
      out.pointer,
      size,
      context,
    );
    if (written !== size) demand(0, "write a point");
    return take(out);
  });
}
