/**
 * Accounting records as RADIUS has them (RFC 2866, RFC 2869 §2.1 and §5.1 to 5.3): Start,
 * Interim-Update, Stop, Accounting-On and Accounting-Off.
 *
 * | attribute | what it says |
 * | --- | --- |
 * | Acct-Session-Id | the session, from the first login to the end; of On and Off the record's id |
 * | NAS-Identifier, NAS-IP-Address or NAS-IPv6-Address | the gateway, the same in all records of a session |
 * | Calling-Station-Id, Called-Station-Id | the outer addresses of user and gateway now, without ports |
 * | Framed-IP-Address, Framed-IPv6-Address | the inner ones |
 * | Event-Timestamp, Acct-Delay-Time | when it happened, and seconds from then to this try |
 * | Acct-Authentic | RADIUS or Local, where that is known |
 * | Acct-Session-Time | seconds since the first login, waiting for a return included |
 * | Acct-Input-…, Acct-Output-… | from and to the user, over all SAs: octets in 64 bits, packets |
 * | Acct-Terminate-Cause | see `terminate_cause.ts` |
 * | Cisco-AVPair `rejoin:record-id=…` | the record: the same whenever it is sent again, and no other's |
 * | Cisco-AVPair `rejoin:event=…` | reconnect, roam or restored: why an Interim-Update comes now |
 *
 * Not sent: NAS-Port, which would be another number after every return and make another session of it
 * for servers that hash it; Tunnel-Client-Endpoint, which Calling-Station-Id says already.
 */
import { type IpAddress, utf8 } from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import type { Account, AccountRecord, Authentic, Usage } from "../account.ts";
import type { Delivery } from "../accounting_queue.ts";
import { type AttributeName, framedService, virtualPort } from "./attributes.ts";
import type { RadiusClient } from "./client.ts";
import { type Attribute, Code, number32 } from "./packet.ts";
import { terminateCauseOf } from "./terminate_cause.ts";

/** What accounting works with. */
export interface RadiusAccountingOptions {
  readonly client: Pick<RadiusClient, "ask">;
  readonly clock: Clock;
  /** NAS-Identifier. */
  readonly nasIdentifier: string;
}

/** Acct-Status-Type (RFC 2866 §5.1). */
const statusTypes = { start: 1, stop: 2, interim: 3, on: 7, off: 8 } as const satisfies Record<
  AccountRecord["kind"],
  number
>;

/** Acct-Authentic (RFC 2866 §5.6). */
const authentics = { radius: 1, local: 2 } as const satisfies Record<Authentic, number>;

/** Sends records. */
export class RadiusAccounting {
  readonly #options: RadiusAccountingOptions;

  /** By this client. */
  constructor(options: RadiusAccountingOptions) {
    this.#options = options;
  }

  /** Sends a record once to every server in turn, until one has it. */
  async deliver(record: AccountRecord, account: Account | undefined): Promise<Delivery> {
    const { client, clock, nasIdentifier } = this.#options;
    const delayMs = clock.now().wall - record.at;
    const attributes = accountingAttributes(record, account, { nasIdentifier, delayMs });
    try {
      await client.ask({ code: Code.ACCOUNTING_REQUEST, attributes });
      return "acknowledged";
    } catch (error) {
      return error instanceof RangeError ? "not-sendable" : "unanswered";
    }
  }
}

/** What a record does not say itself. */
export interface SendingFacts {
  readonly nasIdentifier: string;
  /** How long ago it happened. */
  readonly delayMs: number;
}

/** The attributes of a record. */
export function accountingAttributes(
  record: AccountRecord,
  account: Account | undefined,
  { nasIdentifier, delayMs }: SendingFacts,
): Attribute[] {
  const nasAddress = "nasAddress" in record ? record.nasAddress : account?.nasAddress;
  return [
    number("Acct-Status-Type", statusTypes[record.kind]),
    text("Acct-Session-Id", account?.id ?? record.id),
    text("NAS-Identifier", nasIdentifier),
    ...address("NAS-IP-Address", "NAS-IPv6-Address", nasAddress),
    number("NAS-Port-Type", virtualPort),
    number("Event-Timestamp", secondsOf(record.at)),
    number("Acct-Delay-Time", secondsOf(delayMs)),
    text("Cisco-AVPair", `rejoin:record-id=${record.id}`),
    ...(account === undefined ? [] : sessionAttributes(record, account)),
  ];
}

function sessionAttributes(record: AccountRecord, account: Account): Attribute[] {
  if (record.kind === "on" || record.kind === "off") return [];
  const { authentic, firstLogin } = account;
  const attributes: Attribute[] = [
    text("User-Name", account.userName),
    number("Service-Type", framedService),
    text("Calling-Station-Id", record.remote),
    ...(record.local === undefined ? [] : [text("Called-Station-Id", record.local)]),
    ...(authentic === undefined ? [] : [number("Acct-Authentic", authentics[authentic])]),
    ...account.addresses.flatMap((one) => address("Framed-IP-Address", "Framed-IPv6-Address", one)),
    ...account.class.map((value): Attribute => ({ name: "Class", value })),
  ];
  if (record.kind === "start") return attributes;
  attributes.push(
    number("Acct-Session-Time", secondsOf(record.at - firstLogin)),
    ...usageAttributes(record.usage),
  );
  if (record.kind === "stop") {
    attributes.push(number("Acct-Terminate-Cause", terminateCauseOf(record.why)));
  } else if (record.turn !== undefined) {
    attributes.push(text("Cisco-AVPair", `rejoin:event=${record.turn}`));
  }
  return attributes;
}

/** 64 bits of octets (RFC 2869 §5.1 and 5.2); packets have 32. */
function usageAttributes({ octetsIn, octetsOut, packetsIn, packetsOut }: Usage): Attribute[] {
  const word = 2 ** 32;
  return [
    number("Acct-Input-Octets", octetsIn % word),
    number("Acct-Input-Gigawords", Math.floor(octetsIn / word)),
    number("Acct-Input-Packets", packetsIn % word),
    number("Acct-Output-Octets", octetsOut % word),
    number("Acct-Output-Gigawords", Math.floor(octetsOut / word)),
    number("Acct-Output-Packets", packetsOut % word),
  ];
}

function number(name: AttributeName, value: number): Attribute {
  return { name, value: number32(value) };
}

function text(name: AttributeName, value: string): Attribute {
  return { name, value: utf8(value) };
}

function address(
  ip4: AttributeName,
  ip6: AttributeName,
  value: IpAddress | undefined,
): readonly Attribute[] {
  return value === undefined ? [] : [{ name: value.family === 4 ? ip4 : ip6, value: value.octets }];
}

/** Whole seconds, never negative: clocks are set back at times. */
function secondsOf(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}
