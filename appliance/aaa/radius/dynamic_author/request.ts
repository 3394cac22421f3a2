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
 * | Filter-Id, Cisco-AVPair `ip:inacl#N=` | CoA: what the user may send, where a reader of filters is there |
 * | Message-Authenticator, Event-Timestamp, Proxy-State, and State in a CoA | about the request itself |
 *
 * Left out: Service-Type of whatever value (Authorize Only, RFC 5176 §3.2), Cisco's `subscriber:command=`.
 */
import {
  bitsOf,
  copyBytes,
  fail,
  formatIpAddress,
  type IpAddress,
  ok,
  type PacketFilter,
  parseIpAddress,
  type Result,
  type SessionChange,
  type SessionSelector,
  textOf,
} from "../../../../core/mod.ts";
import type { AttributeName } from "../attributes.ts";
import { type Attribute, Code, type ParsedPacket, readNumber32, valuesOf } from "../packet.ts";
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

/** A filter, none, or the attribute that makes none. */
export type FilterReading =
  | { readonly kind: "none" }
  | { readonly kind: "filter"; readonly filter: PacketFilter }
  | { readonly kind: "unusable"; readonly attribute: AttributeName };

/** What requests are read by. */
export interface RequestRules {
  /** Our NAS-Identifier. */
  readonly nasIdentifier: string;
  /** Whether an address is one of this host. */
  readonly isOwnAddress: (address: IpAddress) => boolean;
  /** Reads Filter-Id and `ip:inacl#`; without it both are unsupported. */
  readonly readFilter: ((attributes: readonly Attribute[]) => FilterReading) | undefined;
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
  const misfit = misfitOf(packet, rules) ?? foreignNas(packet, rules);
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
function misfitOf(packet: ParsedPacket, { readFilter }: RequestRules): Refusal | undefined {
  const { attributes, unknown: [unknown] } = packet;
  const isChange = packet.code === Code.COA_REQUEST;
  if (attributes.some(({ name }) => name === "Service-Type")) {
    return refused("unsupported-service", "Service-Type");
  }
  if (unknown !== undefined) return refused("unsupported-attribute", unknown);
  const stray = attributes.find((one) => {
    if (everywhere.has(one.name)) return false;
    if (!isChange) return true;
    return !(changes.has(one.name) || (readFilter !== undefined && isOfFilter(one)));
  });
  if (stray !== undefined) return refused("unsupported-attribute", stray.name);
  const twice = single.find((name) => valuesOf(packet, name).length > 1);
  return twice === undefined ? undefined : refused("invalid-request", twice);
}

function isOfFilter({ name, value }: Attribute): boolean {
  return name === "Filter-Id" || (name === "Cisco-AVPair" && /^ip:inacl#/.test(textOf(value)));
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
  const filter = readFilter?.(packet.attributes) ?? { kind: "none" };
  if (filter.kind === "unusable") {
    return fail(refused("invalid-attribute-value", filter.attribute));
  }
  const change: SessionChange = {
    ...(lifetime.value === undefined ? {} : { sessionLifetimeSeconds: lifetime.value }),
    ...(idle.value === undefined ? {} : { idleTimeoutSeconds: idle.value }),
    ...(filter.kind === "none" ? {} : { filter: filter.filter }),
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
