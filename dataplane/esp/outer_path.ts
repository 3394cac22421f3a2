/** The way to a peer, and how long the packets may be that it carries whole. */
import type { EspLayout } from "./cipher.ts";
import { trailerBytes } from "./packet.ts";

/** Stands for "not known": no IP packet is longer. */
export const anyLength = 0xffff;

/** Octets of the outer IP and UDP header. */
const outerHeaders = { 4: 28, 6: 48 } as const;

/** Words of an IPv4 socket address; an IPv6 one has more. */
const words4 = 4;

/** The way to a peer. What the words mean is the business of the sockets. */
export interface OuterPath {
  /** Which socket. */
  readonly socket: number;
  /** The peer's socket address. */
  readonly name: Uint32Array;
  /** Control messages that choose our source address; may be empty. */
  readonly control: Uint32Array;
  /** Whether the outer header is IPv6. */
  readonly isIpv6: boolean;
  /** Longer ESP packets are sent one by one: the kernel cuts no run of them for this way. */
  segmentLimit: number;
  /** Inner packets that may not be cut and are longer do not fit. */
  innerLimit: number;
  /** When the limits were last looked up, milliseconds of the packet loop's clock. */
  measuredAt: number;
  /** How many packets the pair had carried then. */
  packetsThen: number;
  /** Whether the limits have proved wrong. */
  isStale: boolean;
}

/** A way of which nothing else is known yet. */
export function outerPath(socket: number, name: Uint32Array, control: Uint32Array): OuterPath {
  return {
    socket,
    name,
    control,
    isIpv6: name.length > words4,
    segmentLimit: anyLength,
    innerLimit: anyLength,
    measuredAt: 0,
    packetsThen: 0,
    isStale: false,
  };
}

/** The longest ESP packet in a UDP datagram that a link or path with this MTU takes. */
export function longestEsp(mtu: number, path: OuterPath): number {
  return mtu - outerHeaders[path.isIpv6 ? 6 : 4];
}

/** The longest inner packet of which the ESP packet has `length` octets at most (RFC 4303 §2.4). */
export function longestInner(length: number, { overhead, alignment }: EspLayout): number {
  return Math.floor((length - overhead) / alignment) * alignment - trailerBytes;
}
