/**
 * What a Disconnect-Request or CoA-Request asks for (RFC 5176 §2.1, §2.2, §3), or why it is refused. Every
 * attribute is mandatory: what is not understood, or has no place in this kind of request, refuses it
 * (`attributes.ts` has the table). All sessions are meant of which all that is given holds.
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
import { longestSeconds } from "../../policy_items.ts";
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
import { dynamicRowOf } from "./attributes.ts";
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
  const { attributes, unknown: [unknown], code } = packet;
  const carrier = code === Code.COA_REQUEST ? "CoA-Request" : "Disconnect-Request";
  if (attributes.some(({ name }) => name === "Service-Type")) {
    return refused("unsupported-service", "Service-Type");
  }
  if (unknown !== undefined) return refused("unsupported-attribute", unknown);
  for (const attribute of attributes) {
    const { name } = attribute;
    const row = dynamicRowOf(name, carrier);
    if (row === undefined || isOtherPair(attribute)) return refused("unsupported-attribute", name);
    if (!row.repeats && valuesOf(packet, name).length > 1) return refused("invalid-request", name);
  }
  return undefined;
}

/** Whether it is a pair of Cisco's that is not about what a user may send. */
function isOtherPair({ name, value }: Attribute): boolean {
  return name === "Cisco-AVPair" && !/^(ip|ipv6):inacl/i.test(textOf(value));
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
