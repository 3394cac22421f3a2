/**
 * Accounting by RADIUS (RFC 2866, RFC 2869 §2.1 and §5.1 to 5.3): Start, Interim-Update and Stop, those
 * of one session in their order. A record that no server takes is lost, counted and told; keeping it
 * for later is left out, as are Accounting-On and -Off.
 */
import { utf8 } from "../../../core/mod.ts";
import type { Log } from "../../log.ts";
import { reasonOf } from "../../start_error.ts";
import type { AccountEvent } from "../account.ts";
import type { RadiusClient } from "./client.ts";
import { type Attribute, Code, number32 } from "./packet.ts";

/** What accounting works with. */
export interface RadiusAccountingOptions {
  readonly client: RadiusClient;
  readonly log: Log;
  /** NAS-Identifier. */
  readonly nasIdentifier: string;
}

/** Records that wait for servers, at most. */
const longestQueue = 10_000;

/** Acct-Status-Type (RFC 2866 §5.1). */
const statusTypes = { start: 1, stop: 2, interim: 3 } as const satisfies Record<
  AccountEvent["kind"],
  number
>;

/** Acct-Terminate-Cause (RFC 2866 §5.10) of the words for why a session ended. */
const terminateCauses: Readonly<Record<string, number>> = {
  "user-request": 1, // User Request
  "reconnect-timeout": 2, // Lost Carrier
  "peer-silent": 2,
  "idle-timeout": 4, // Idle Timeout
  "session-lifetime": 5, // Session Timeout
  "lifetime-over": 5,
  "operator": 6, // Admin Reset
  "disconnected": 6,
  "shutdown": 11, // NAS Reboot
  "evicted": 13, // Port Preempted
  "user-limit": 13,
  "superseded": 13,
};
const nasError = 9;

/** Service-Type Framed, NAS-Port-Type Virtual. */
const framed = 2;
const virtual = 5;

/** Sends records. */
export class RadiusAccounting {
  readonly #options: RadiusAccountingOptions;
  /** The last record of a session that waits. BOUNDED by `longestQueue`. */
  readonly #tails = new Map<string, Promise<void>>();
  #waiting = 0;
  #lost = 0;

  /** By this client. */
  constructor(options: RadiusAccountingOptions) {
    this.#options = options;
  }

  /** Records that no server took. */
  get lost(): number {
    return this.#lost;
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#lost = 0;
  }

  /** Sends a record when those of its session before it are through. */
  tell(event: AccountEvent): void {
    const { id } = event.account;
    if (this.#waiting >= longestQueue) return this.#lose(event, "too many records wait");
    this.#waiting += 1;
    const before = this.#tails.get(id) ?? Promise.resolve();
    const tail = before.then(() => this.#send(event)).finally(() => {
      this.#waiting -= 1;
      if (this.#tails.get(id) === tail) this.#tails.delete(id);
    });
    this.#tails.set(id, tail);
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  async #send(event: AccountEvent): Promise<void> {
    const { client, nasIdentifier } = this.#options;
    const attributes = accountingAttributes(event, nasIdentifier);
    try {
      await client.ask({ code: Code.ACCOUNTING_REQUEST, attributes });
    } catch (error) {
      this.#lose(event, reasonOf(error));
    }
  }

  #lose({ kind, account }: AccountEvent, reason: string): void {
    this.#lost += 1;
    const facts = { user: account.userName, record: kind, reason };
    this.#options.log.tell("warning", "radius-accounting-lost", facts);
  }
}

/** The attributes of a record. */
export function accountingAttributes(event: AccountEvent, nasIdentifier: string): Attribute[] {
  const { account, at, kind } = event;
  const seconds = Math.floor(at / 1000);
  const attributes: Attribute[] = [
    { name: "Acct-Status-Type", value: number32(statusTypes[kind]) },
    { name: "Acct-Session-Id", value: utf8(account.id) },
    { name: "User-Name", value: utf8(account.userName) },
    { name: "NAS-Identifier", value: utf8(nasIdentifier) },
    { name: "NAS-Port-Type", value: number32(virtual) },
    { name: "Service-Type", value: number32(framed) },
    { name: "Calling-Station-Id", value: utf8(account.remote) },
    { name: "Event-Timestamp", value: number32(seconds) },
    ...account.addresses.map(({ family, octets }): Attribute => ({
      name: family === 4 ? "Framed-IP-Address" : "Framed-IPv6-Address",
      value: octets,
    })),
    ...account.class.map((value): Attribute => ({ name: "Class", value })),
  ];
  if (kind === "start") return attributes;
  const { octetsIn, octetsOut } = event.usage;
  const lasted = Math.max(0, Math.floor((at - account.firstLogin) / 1000));
  attributes.push(
    { name: "Acct-Session-Time", value: number32(lasted) },
    { name: "Acct-Input-Octets", value: number32(octetsIn % 2 ** 32) },
    { name: "Acct-Input-Gigawords", value: number32(Math.floor(octetsIn / 2 ** 32)) },
    { name: "Acct-Output-Octets", value: number32(octetsOut % 2 ** 32) },
    { name: "Acct-Output-Gigawords", value: number32(Math.floor(octetsOut / 2 ** 32)) },
  );
  if (kind === "stop") {
    const cause = terminateCauses[event.why] ?? nasError;
    attributes.push({ name: "Acct-Terminate-Cause", value: number32(cause) });
  }
  return attributes;
}
