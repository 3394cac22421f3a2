/**
 * What a Disconnect-Request or CoA-Request asks for (RFC 5176 §2.1, §2.2, §3), or why it is refused. Every
 * attribute is mandatory: what is not understood, or has no place in this kind of request, refuses it.
 *
 * | attribute | what it does |
 * | --- | --- |
 * | User-Name, Acct-Session-Id, Framed-IP-Address, Framed-IPv6-Address, Calling-Station-Id | name sessions; all given ones must hold. The last is the peer's outer address |
 * | NAS-Identifier, NAS-IP-Address, NAS-IPv6-Address | must be ours |
 * | Session-Timeout | CoA: seconds from now until the session ends; 0 is no limit |
 * | Idle-Timeout | CoA: seconds without a packet from the user, counted from the last one; 0 is no limit |
 * | Filter-Id, Cisco-AVPair `ip:inacl#N=`, `ipv6:inacl#N=` | CoA: what the user may send, in place of what was said before |
 * | Message-Authenticator, Event-Timestamp, Proxy-State, and State in a CoA | about the request itself |
 *
 * Left out: Service-Type of whatever value (Authorize Only, RFC 5176 §3.2), Cisco's `subscriber:command=`,
 * taking a filter away, and filters for the other direction.
 */
import {
  bitsOf,
  copyBytes,
  fail,
  formatIpAddress,
  type IpAddress,
  ok,
  parseIpAddress,
  type Result,
  type SessionChange,
  type SessionSelector,
  textOf,
} from "../../../../core/mod.ts";
import type { AttributeName } from "../attributes.ts";
import type { FilterReading } from "../filters.ts";
import {
  type Attribute,
  Code,
  type ParsedPacket,
  type RadiusPacket,
  readNumber32,
  valuesOf,
} from "../packet.ts";
import type { ErrorCause } from "./error_cause.ts";

/** What a request comes to. */
export type DynamicRequest =
  | { readonly kind: "disconnect"; readonly selector: SessionSelector }
  | {
    readonly kind: "change";
    readonly selector: SessionSelector;
    readonly change: SessionChange;
  }
  | Refusal;

/** Why nothing is done. */
export interface Refusal {
  readonly kind: "refused";
  readonly cause: ErrorCause;
  /** The attribute that it is about: its name, or its number. */
  readonly attribute?: string;
}

/** What requests are read by. */
export interface RequestRules {
  /** Our NAS-Identifier. */
  readonly nasIdentifier: string;
  /** Whether an address is one of this host. */
  readonly isOwnAddress: (address: IpAddress) => boolean;
  /** The filter of a packet. */
  readonly readFilter: (packet: RadiusPacket) => FilterReading;
}

/** Longest time that a session is given: as with `--session-lifetime`. */
const longestSeconds = 25_920_000;

const everywhere: ReadonlySet<AttributeName> = new Set([
  "User-Name",
  "Framed-IP-Address",
  "Framed-IPv6-Address",
  "Calling-Station-Id",
  "Acct-Session-Id",
  "NAS-Identifier",
  "NAS-IP-Address",
  "NAS-IPv6-Address",
  "Message-Authenticator",
  "Event-Timestamp",
  "Proxy-State",
]);

const changes: ReadonlySet<AttributeName> = new Set(["Session-Timeout", "Idle-Timeout", "State"]);

/** RFC 5176 §3.6: at most one of each. */
const single: readonly AttributeName[] = [
  "User-Name",
  "Calling-Station-Id",
  "Acct-Session-Id",
  "NAS-Identifier",
  "NAS-IP-Address",
  "NAS-IPv6-Address",
  "Session-Timeout",
  "Idle-Timeout",
  "State",
  "Event-Timestamp",
];

/** Reads an authentic request. */
export function readDynamicRequest(packet: ParsedPacket, rules: RequestRules): DynamicRequest {
  const misfit = misfitOf(packet) ?? foreignNas(packet, rules);
  if (misfit !== undefined) return misfit;
  const selector = selectorOf(packet);
  if (!selector.ok) return selector.fault;
  if (packet.code === Code.DISCONNECT_REQUEST) {
    return { kind: "disconnect", selector: selector.value };
  }
  const change = changeOf(packet, rules);
  return change.ok
    ? { kind: "change", selector: selector.value, change: change.value }
    : change.fault;
}

function refused(cause: ErrorCause, attribute?: string): Refusal {
  return { kind: "refused", cause, ...(attribute === undefined ? {} : { attribute }) };
}

/** An attribute that has no place in the request, or stands there too often. */
function misfitOf(packet: ParsedPacket): Refusal | undefined {
  const { attributes, unknown: [unknown] } = packet;
  const isChange = packet.code === Code.COA_REQUEST;
  if (attributes.some(({ name }) => name === "Service-Type")) {
    return refused("unsupported-service", "Service-Type");
  }
  if (unknown !== undefined) return refused("unsupported-attribute", unknown);
  const stray = attributes.find((one) => {
    const isOfChange = isChange && (changes.has(one.name) || isOfFilter(one));
    return !isOfChange && !everywhere.has(one.name);
  });
  if (stray !== undefined) return refused("unsupported-attribute", stray.name);
  const twice = single.find((name) => valuesOf(packet, name).length > 1);
  return twice === undefined ? undefined : refused("invalid-request", twice);
}

function isOfFilter({ name, value }: Attribute): boolean {
  return name === "Filter-Id" ||
    (name === "Cisco-AVPair" && /^(ip|ipv6):inacl/i.test(textOf(value)));
}

/** Which NAS is meant, where the request says so (RFC 5176 §3). */
function foreignNas(packet: ParsedPacket, rules: RequestRules): Refusal | undefined {
  const [identifier] = valuesOf(packet, "NAS-Identifier");
  if (identifier !== undefined && textOf(identifier) !== rules.nasIdentifier) {
    return refused("nas-identification-mismatch", "NAS-Identifier");
  }
  for (const [name, family] of [["NAS-IP-Address", 4], ["NAS-IPv6-Address", 6]] as const) {
    const addresses = addressesOf(packet, name, family);
    if (!addresses.ok) return addresses.fault;
    if (!addresses.value.every(rules.isOwnAddress)) {
      return refused("nas-identification-mismatch", name);
    }
  }
  return undefined;
}

function selectorOf(packet: ParsedPacket): Result<SessionSelector, Refusal> {
  const addresses: IpAddress[] = [];
  for (const [name, family] of [["Framed-IP-Address", 4], ["Framed-IPv6-Address", 6]] as const) {
    const some = addressesOf(packet, name, family);
    if (!some.ok) return some;
    addresses.push(...some.value);
  }
  const [userName] = valuesOf(packet, "User-Name");
  const [accountingId] = valuesOf(packet, "Acct-Session-Id");
  const [remote] = valuesOf(packet, "Calling-Station-Id");
  const selector: SessionSelector = {
    ...(userName === undefined ? {} : { userName: textOf(userName) }),
    ...(accountingId === undefined ? {} : { accountingId: textOf(accountingId) }),
    ...(remote === undefined ? {} : { remote: addressText(textOf(remote)) }),
    ...(addresses.length === 0 ? {} : { addresses }),
  };
  // A selector without conditions would mean everybody.
  return Object.keys(selector).length === 0 ? fail(refused("missing-attribute")) : ok(selector);
}

function changeOf(
  packet: ParsedPacket,
  { readFilter }: RequestRules,
): Result<SessionChange, Refusal> {
  const lifetime = secondsOf(packet, "Session-Timeout");
  if (!lifetime.ok) return lifetime;
  const idle = secondsOf(packet, "Idle-Timeout");
  if (!idle.ok) return idle;
  const reading = readFilter(packet);
  if (reading.kind === "unusable") {
    return fail(refused("invalid-attribute-value", reading.attribute));
  }
  const [outbound] = reading.outbound;
  if (outbound !== undefined) return fail(refused("invalid-attribute-value", "Filter-Id"));
  const change: SessionChange = {
    ...(lifetime.value === undefined ? {} : { sessionLifetimeSeconds: lifetime.value }),
    ...(idle.value === undefined ? {} : { idleTimeoutSeconds: idle.value }),
    ...(reading.filter === undefined ? {} : { filter: reading.filter }),
  };
  return Object.keys(change).length === 0 ? fail(refused("missing-attribute")) : ok(change);
}

function addressesOf(
  packet: ParsedPacket,
  name: AttributeName,
  family: 4 | 6,
): Result<readonly IpAddress[], Refusal> {
  const values = valuesOf(packet, name);
  return values.every(({ length }) => length === bitsOf(family) / 8)
    ? ok(values.map((octets) => ({ family, octets: copyBytes(octets) })))
    : fail(refused("invalid-attribute-value", name));
}

function secondsOf(
  packet: ParsedPacket,
  name: AttributeName,
): Result<number | undefined, Refusal> {
  const [octets] = valuesOf(packet, name);
  if (octets === undefined) return ok(undefined);
  const seconds = readNumber32(octets);
  return seconds === undefined
    ? fail(refused("invalid-attribute-value", name))
    : ok(Math.min(seconds, longestSeconds));
}

/** An address in the form in which sessions have it; any other text as it is. */
function addressText(text: string): string {
  const address = parseIpAddress(text);
  return address === undefined ? text : formatIpAddress(address);
}
