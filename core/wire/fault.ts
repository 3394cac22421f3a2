/** What is wrong with a peer's octets, as a value. */

/** A parse failure. Octet offsets count from the start of the datagram or file handed in. */
export interface WireFault {
  /** The sort of failure. */
  readonly kind:
    | "short"
    | "bad-length"
    | "bad-value"
    | "trailing-octets"
    | "unsupported-critical"
    | "too-many"
    | "missing"
    | "unexpected";
  /** Where, in octets. */
  readonly offset: number;
  /** The field, outermost first, for instance `SA.proposal.transform.length`. */
  readonly path: string;
  /** The value found, where there is one. */
  readonly had?: number;
  /** The value or number of octets that was needed. */
  readonly needed?: number;
}
