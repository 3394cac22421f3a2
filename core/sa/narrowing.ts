/**
 * Traffic selectors: narrowing (RFC 7296 §2.9) and the selectors we make ourselves.
 *
 * A selector is a box of addresses, ports and protocols, so narrowing is the intersection of every
 * offered box with every allowed one. OPAQUE ports (RFC 7296 §3.13.1: start 65535, end 0) are a
 * value of their own which only "any port" includes.
 */
import { copyBytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { TrafficSelector } from "../message/payload.ts";
import {
  addressFromBigInt,
  type AddressPrefix,
  type AddressRange,
  compareAddresses,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
  prefixToRange,
  rangeToPrefixes,
} from "../wire/address.ts";

const ANY_PROTOCOL = 0;
const LAST_PORT = 65535;

/**
 * The part of `offered` that `allowed` permits, in the order offered; empty means TS_UNACCEPTABLE.
 *
 * A box inside another one that is already there is left out. The result is cut at
 * `limits.selectorsPerPayload`: any subset is a legal answer.
 */
export function narrowSelectors(
  offered: readonly TrafficSelector[],
  allowed: readonly TrafficSelector[],
): TrafficSelector[] {
  const narrowed: TrafficSelector[] = [];
  for (const offer of offered) {
    for (const permit of allowed) {
      const both = intersectSelectors(offer, permit);
      if (both === undefined || narrowed.some((kept) => selectorContains(kept, both))) continue;
      if (narrowed.length === limits.selectorsPerPayload) return narrowed;
      narrowed.push(both);
    }
  }
  return narrowed;
}

/** What two selectors have in common. Its addresses are copies, for it becomes part of an SA. */
export function intersectSelectors(
  a: TrafficSelector,
  b: TrafficSelector,
): TrafficSelector | undefined {
  if (a.startAddress.family !== b.startAddress.family) return undefined;
  if (a.protocol !== b.protocol && a.protocol !== ANY_PROTOCOL && b.protocol !== ANY_PROTOCOL) {
    return undefined;
  }
  const ports = intersectPorts(a, b);
  const startAddress = isAtMost(a.startAddress, b.startAddress) ? b.startAddress : a.startAddress;
  const endAddress = isAtMost(a.endAddress, b.endAddress) ? a.endAddress : b.endAddress;
  if (ports === undefined || !isAtMost(startAddress, endAddress)) return undefined;
  return {
    protocol: a.protocol === ANY_PROTOCOL ? b.protocol : a.protocol,
    ...ports,
    startAddress: copyAddress(startAddress),
    endAddress: copyAddress(endAddress),
  };
}

function copyAddress({ family, octets }: IpAddress): IpAddress {
  return { family, octets: copyBytes(octets) };
}

type Ports = Pick<TrafficSelector, "startPort" | "endPort">;

function intersectPorts(a: Ports, b: Ports): Ports | undefined {
  if (isOpaque(a) || isOpaque(b)) {
    const others = isOpaque(a) ? b : a;
    const opaque = { startPort: LAST_PORT, endPort: 0 };
    return isOpaque(others) || isAnyPort(others) ? opaque : undefined;
  }
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  return startPort > endPort ? undefined : { startPort, endPort };
}

function isAnyPort({ startPort, endPort }: Ports): boolean {
  return startPort === 0 && endPort === LAST_PORT;
}

function isOpaque({ startPort, endPort }: Ports): boolean {
  return startPort === LAST_PORT && endPort === 0;
}

/** Whether everything in `inner` is in `outer`. */
export function selectorContains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  if (outer.startAddress.family !== inner.startAddress.family) return false;
  const portsFit = isOpaque(inner) || isOpaque(outer)
    ? isAnyPort(outer) || (isOpaque(inner) && isOpaque(outer))
    : outer.startPort <= inner.startPort && inner.endPort <= outer.endPort;
  return portsFit &&
    (outer.protocol === ANY_PROTOCOL || outer.protocol === inner.protocol) &&
    isAtMost(outer.startAddress, inner.startAddress) &&
    isAtMost(inner.endAddress, outer.endAddress);
}

/** All traffic from the first to the last address of a range. */
export function selectorOfRange({ first, last }: AddressRange): TrafficSelector {
  return {
    protocol: ANY_PROTOCOL,
    startPort: 0,
    endPort: LAST_PORT,
    startAddress: first,
    endAddress: last,
  };
}

/** All traffic of one address. */
export function selectorOfAddress(address: IpAddress): TrafficSelector {
  return selectorOfRange({ first: address, last: address });
}

/** All traffic of an address block. */
export function selectorOfPrefix(prefix: AddressPrefix): TrafficSelector {
  return selectorOfRange(prefixToRange(prefix));
}

/** All traffic of an address family. */
export function anySelector(family: 4 | 6): TrafficSelector {
  return selectorOfPrefix({ address: addressFromBigInt(family, 0n), length: 0 });
}

/** `10.9.0.0/24`, `10.0.0.1-10.0.0.9`, and with protocol and ports `10.9.0.1/32[6/443]`. */
export function formatSelector(selector: TrafficSelector): string {
  const { protocol, startAddress: first, endAddress: last } = selector;
  // Not every selector of a peer is a range: its end may lie before its start.
  const [prefix, ...more] = rangeToPrefixes({ first, last });
  const addresses = prefix !== undefined && more.length === 0
    ? formatPrefix(prefix)
    : `${formatIpAddress(first)}-${formatIpAddress(last)}`;
  const isWhole = protocol === ANY_PROTOCOL && isAnyPort(selector);
  return isWhole ? addresses : `${addresses}[${protocol}${formatPorts(selector)}]`;
}

function formatPorts(ports: Ports): string {
  if (isAnyPort(ports)) return "";
  if (isOpaque(ports)) return "/opaque";
  const { startPort, endPort } = ports;
  return startPort === endPort ? `/${startPort}` : `/${startPort}-${endPort}`;
}

function isAtMost(a: IpAddress, b: IpAddress): boolean {
  return compareAddresses(a, b) <= 0;
}
