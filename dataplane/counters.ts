/**
 * Names of everything the packet path counts.
 *
 * The names are stable: they appear in `show`, in metrics and in bug reports. Each is a slot in one
 * `Float64Array`, so that counting on the hot path is an addition and nothing else.
 */

/** Counter names in slot order. Append only. */
export const counterNames = [
  // What went well.
  "packets-in", // inner packets written to the TUN device
  "bytes-in", // their octets
  "packets-out", // ESP packets handed to the kernel
  "bytes-out", // inner octets in them
  "ike-in", // IKE datagrams given to the control plane
  "ike-out", // IKE datagrams sent
  "keepalive", // NAT keepalives received (RFC 3948 §2.3)
  "keepalive-sent", // NAT keepalives sent
  // Why a received datagram was dropped.
  "too-short", // cannot be an ESP packet of its SA
  "truncated", // longer than the receive buffer
  "unknown-spi", // no inbound SA with this SPI
  "replay", // sequence number seen before or left of the window
  "bad-icv", // integrity check failed
  "bad-padding", // pad length or pad octets wrong (RFC 4303 §2.4)
  "dummy", // next header 59 (RFC 4303 §2.6): legal and without content
  "bad-next-header", // neither IPv4 nor IPv6 in tunnel mode
  "bad-inner-header", // inner header or lengths inconsistent
  "selector", // inner packet outside the traffic selectors of its SA
  "tun-error", // the TUN device refused the packet
  "ike-overload", // an IKE datagram, while too many waited for the control plane
  "ike-init-overload", // the same for one that would begin an IKE SA
  // Why a packet from the TUN device was not sent.
  "bad-outbound-header", // not an IPv4 or IPv6 packet
  "no-sa", // no SA for this destination
  "selector-outbound", // an SA for this destination, but outside its traffic selectors
  "sequence-exhausted", // the SA has no sequence numbers left
  "send-error", // the kernel refused the datagram
  "ike-send-error", // the kernel refused an IKE datagram
  // What the control plane asked for in vain.
  "bad-install", // a Child SA whose keys or endpoints do not fit
  // More reasons why a received packet was dropped.
  "filtered", // inner packet that the user's filter does not permit
  "ecn-refused", // congestion marked on a packet whose sender knows no marks (RFC 6040 §4.2)
  "tun-full", // the TUN device had no room
  // More reasons why a packet from the TUN device was not sent.
  "too-big", // longer than the path to the peer takes, and not to be cut
  "send-full", // the kernel had no room for the datagram
  "tun-read-error", // the TUN device gave an error in place of a packet
  // In either direction.
  "hard-limit", // the SA has carried all the octets or packets that it may
  // What was done besides.
  "icmp-sent", // ICMP messages "too big" written to the TUN device
  "mss-clamped", // TCP SYNs in which a smaller segment size was set
] as const;

/** A counter name. */
export type CounterName = typeof counterNames[number];

/** Counters of drops that somebody should hear of when they happen for the first time. */
export const troubles = [
  "too-short",
  "truncated",
  "unknown-spi",
  "replay",
  "bad-icv",
  "bad-padding",
  "bad-next-header",
  "bad-inner-header",
  "selector",
  "tun-error",
  "tun-full",
  "tun-read-error",
  "ike-overload",
  "ike-init-overload",
  "sequence-exhausted",
  "hard-limit",
  "send-error",
  "send-full",
  "bad-install",
  "ecn-refused",
] as const satisfies readonly CounterName[];

/** Slot of each counter. */
export const Counter: { readonly [Name in CounterName]: number } = Object.fromEntries(
  counterNames.map((name, slot) => [name, slot]),
) as { [Name in CounterName]: number };

/** All counters at zero. */
export function newCounters(): Float64Array {
  return new Float64Array(counterNames.length);
}

/** The counters by name that are not 0. */
export function namedNonZero(counters: Float64Array): Partial<Record<CounterName, number>> {
  return Object.fromEntries(
    counterNames.flatMap((name, slot) => counters[slot] ? [[name, counters[slot]]] : []),
  );
}

/** The counters by name. */
export function namedCounters(counters: Float64Array): Record<CounterName, number> {
  return Object.fromEntries(
    counterNames.map((name, slot) => [name, counters[slot] ?? 0]),
  ) as Record<CounterName, number>;
}
