/** The NIST curves that sign and exchange keys (RFC 5903, RFC 5480 §2.1.1.1): names, sizes and orders. */
import { parseHex } from "../bytes.ts";
import { Group } from "../message/constants.ts";
import type { Bytes } from "../bytes.ts";

/** A curve, named as FIPS 186 does. */
export type CurveName = "P-256" | "P-384" | "P-521";

/** What is the same for every use of a curve. */
export interface CurveFacts {
  /** Its name. */
  readonly name: CurveName;
  /** Object identifier in keys and certificates. */
  readonly oid: string;
  /** The `Group` of key exchanges on it. */
  readonly group: number;
  /** Octets of a coordinate and of a scalar. */
  readonly length: number;
  /** Order of the base point, big-endian: scalars are 1 up to one below it. */
  readonly order: Bytes;
}

function order(hex: string): Bytes {
  return parseHex(hex) ?? new Uint8Array(0);
}

const CURVES: readonly CurveFacts[] = [
  {
    name: "P-256",
    oid: "1.2.840.10045.3.1.7",
    group: Group.ECP_256,
    length: 32,
    order: order("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
  },
  {
    name: "P-384",
    oid: "1.3.132.0.34",
    group: Group.ECP_384,
    length: 48,
    order: order(
      "ffffffffffffffffffffffffffffffffffffffffffffffff" +
        "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
  },
  {
    name: "P-521",
    oid: "1.3.132.0.35",
    group: Group.ECP_521,
    length: 66,
    order: order(
      "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa" +
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
  },
];

/** The curve with a name. */
export function curveNamed(name: CurveName): CurveFacts {
  const found = CURVES.find((curve) => curve.name === name);
  if (found === undefined) throw new RangeError(`Cannot find curve ${name}`);
  return found;
}

/** The curve with an object identifier. */
export function curveOfOid(oid: string): CurveFacts | undefined {
  return CURVES.find((curve) => curve.oid === oid);
}

/** The curve of a key exchange `Group`. */
export function curveOfGroup(group: number): CurveFacts | undefined {
  return CURVES.find((curve) => curve.group === group);
}

/** Whether 0 < scalar < order; the time depends on the length only. */
export function isScalarOf(curve: CurveFacts, scalar: Bytes): boolean {
  if (scalar.length !== curve.length) return false;
  let borrow = 0;
  let any = 0;
  for (let i = curve.length - 1; i >= 0; i--) {
    const octet = scalar[i] ?? 0;
    any |= octet;
    borrow = ((octet - (curve.order[i] ?? 0) - borrow) >> 8) & 1;
  }
  return borrow === 1 && any !== 0;
}
