/** Pieces that several layouts share. */
import type { EndpointFacts, SelectorFacts } from "./facts.ts";

/** `HH:MM:SS`; hours may have more than two digits. */
export function clockText(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const whole = Math.max(0, Math.floor(seconds));
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** An uptime as IOS prints it: `HH:MM:SS` on the first day, then `3d18h`, then `2w3d`, then `1y2w`. */
export function uptimeText(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  if (days < 1) return clockText(seconds);
  if (days < 7) return `${days}d${String(Math.floor(seconds / 3600) % 24).padStart(2, "0")}h`;
  if (days < 365) return `${Math.floor(days / 7)}w${days % 7}d`;
  return `${Math.floor(days / 365)}y${Math.floor((days % 365) / 7)}w`;
}

/** `192.0.2.1/4500`, also for IPv6. */
export function slashed(endpoint: EndpointFacts): string {
  return `${endpoint.address}/${endpoint.port}`;
}

/** Whether a text is an IPv6 address. */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** The IPv4 netmask of a prefix length. */
export function maskText(length: number): string {
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join(".");
}

/** Pairs of selectors of one family, ours first. */
export function selectorPairs(
  local: readonly SelectorFacts[],
  remote: readonly SelectorFacts[],
): readonly (readonly [SelectorFacts, SelectorFacts])[] {
  return local.flatMap((ours) =>
    remote.filter((theirs) => isIpv6(theirs.first) === isIpv6(ours.first))
      .map((theirs) => [ours, theirs] as const)
  );
}
