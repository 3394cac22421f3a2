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
  // Why a packet from the TUN device was not sent.
  "bad-outbound-header", // not an IPv4 or IPv6 packet
  "no-sa", // no SA for this destination
  "selector-outbound", // an SA for this destination, but outside its traffic selectors
  "sequence-exhausted", // the SA has no sequence numbers left
  "send-error", // the kernel refused the datagram
  "ike-send-error", // the kernel refused an IKE datagram
  // What the control plane asked for in vain.
  "bad-install", // a Child SA whose keys or endpoints do not fit
  // More reasons to drop a received datagram.
  "filtered", // inner packet that the user's filter does not permit
] as const;

/** A counter name. */
export type CounterName = typeof counterNames[number];

/** Slot of each counter. */
export const Counter: { readonly [Name in CounterName]: number } = Object.fromEntries(
  counterNames.map((name, slot) => [name, slot]),
) as { [Name in CounterName]: number };

/** All counters at zero. */
export function newCounters(): Float64Array {
  return new Float64Array(counterNames.length);
}

/** The counters by name. */
export function namedCounters(counters: Float64Array): Record<CounterName, number> {
  return Object.fromEntries(
    counterNames.map((name, slot) => [name, counters[slot] ?? 0]),
  ) as Record<CounterName, number>;
}
