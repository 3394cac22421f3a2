/** IPv4 and IPv6 addresses, prefixes and ranges: octets and text (RFC 4291, RFC 5952). */
import type { Bytes } from "../bytes.ts";

/** An address; `octets` has 4 or 16 of them. */
export interface IpAddress {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Network order. */
  readonly octets: Bytes;
}

/** A UDP endpoint. */
export interface Endpoint {
  /** The host. */
  readonly address: IpAddress;
  /** The UDP port. */
  readonly port: number;
}

/** All addresses from `first` to `last`, both included, of one family. */
export interface AddressRange {
  /** Lowest address. */
  readonly first: IpAddress;
  /** Highest address. */
  readonly last: IpAddress;
}
