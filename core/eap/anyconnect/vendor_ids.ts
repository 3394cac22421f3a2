/**
 * Vendor IDs (RFC 7296 §3.12) of Cisco's clients and gateways, as data.
 *
 * A known one tells what the peer announces; none is needed, and unknown ones are ignored. Not to be
 * announced: STRAP, which nobody outside has implemented, and FRAGMENTATION, which would make
 * clients prefer Cisco's fragments (`cisco_fragments.ts`) over those of RFC 7383.
 */
import { type Bytes, equalBytes, type OwnedBytes, utf8 } from "../../bytes.ts";

/** Names for the known ones. */
export type CiscoVendorId =
  /** The peer understands Cisco's reason in a Delete. */
  | "delete-reason"
  /** A device or program of Cisco. */
  | "copyright"
  /** Takes Cisco's fragments, and may send them. */
  | "fragmentation"
  /** GRE instead of ESP tunnels; nothing for remote access. */
  | "gre-mode"
  /** A key pair bound to the session token. */
  | "strap"
  /** AnyConnect-EAP. */
  | "anyconnect-eap"
  /** Stronger algorithms. */
  | "nge-level"
  /** A FlexVPN peer. */
  | "flexvpn";

interface KnownVendorId {
  readonly name: CiscoVendorId;
  readonly data: OwnedBytes;
  /** Devices append octets to a prefix. */
  readonly match: "exact" | "prefix";
  /** Whether this gateway announces it. */
  readonly announced: boolean;
}

/** MD5 of "FRAGMENTATION". */
const FRAGMENTATION = Uint8Array.of(
  ...[0x40, 0x48, 0xb7, 0xd5, 0x6e, 0xbc, 0xe8, 0x85],
  ...[0x25, 0xe7, 0xde, 0x7f, 0x00, 0xd6, 0xc2, 0xd3],
);

const COPYRIGHT = "CISCO(COPYRIGHT)&Copyright (c) 2009 Cisco Systems, Inc.";

/** In the order in which they are sent. */
const known: readonly KnownVendorId[] = [
  text("delete-reason", "CISCO-DELETE-REASON", true),
  text("copyright", COPYRIGHT, true),
  { name: "fragmentation", data: FRAGMENTATION, match: "exact", announced: false },
  { ...text("gre-mode", "CISCO-GRE-MODE", false), match: "prefix" },
  text("strap", "CISCO-ANYCONNECT-STRAP", false),
  text("anyconnect-eap", "CISCO-ANYCONNECT-EAP", true),
  text("nge-level", "CISCO-NGE-LEVEL", false),
  text("flexvpn", "FLEXVPN-SUPPORTED", true),
];

function text(name: CiscoVendorId, data: string, announced: boolean): KnownVendorId {
  return { name, data: utf8(data), match: "exact", announced };
}

/** What a Vendor ID payload announces; `undefined` when it is none of these. */
export function recognizeVendorId(data: Bytes): CiscoVendorId | undefined {
  return known.find((it) =>
    it.match === "exact"
      ? equalBytes(it.data, data)
      : equalBytes(it.data, data.subarray(0, it.data.length))
  )?.name;
}

/** The data of the Vendor ID payloads that a gateway sends to clients of Cisco. */
export const announcedVendorIds: readonly OwnedBytes[] = known
  .filter(({ announced }) => announced).map(({ data }) => data);
