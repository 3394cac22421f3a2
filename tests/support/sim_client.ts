/** One client of a simulation: what it was told, and what its packet path holds. */
import type { Client } from "../../core/client/client.ts";
import type { ClientEvent } from "../../core/client/events.ts";
import type { ClientSettings } from "../../core/exchange/initiator_settings.ts";
import type { ChildSaInstall } from "../../core/gateway/output.ts";
import type { SessionPair } from "../../core/gateway/record.ts";
import type { Trace } from "../../core/trace.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import { formatIpAddress } from "../../core/wire/address.ts";

/** A client and its surroundings. */
export class SimClient {
  readonly name: string;
  readonly settings: ClientSettings;
  client: Client;
  /** Everything it was told, oldest first. */
  readonly events: ClientEvent[] = [];
  /** Its packet path. */
  readonly installed = new Map<number, ChildSaInstall>();
  /** What the client itself traced. */
  readonly traces: Trace[] = [];
  /** Its own endpoint. */
  local: Endpoint;
  /** Where the gateway sees it: another endpoint when a NAT stands between. */
  outer: Endpoint;
  /** Whether its network is there. */
  online = true;

  constructor(name: string, settings: ClientSettings, client: Client) {
    const { local } = settings;
    this.name = name;
    this.settings = settings;
    this.client = client;
    this.local = local;
    this.outer = local;
  }

  /** The last event of a kind. */
  last<K extends ClientEvent["kind"]>(kind: K): Extract<ClientEvent, { kind: K }> | undefined {
    const found = this.events.filter((event) => event.kind === kind).at(-1);
    return found as Extract<ClientEvent, { kind: K }> | undefined;
  }

  /** How often it was told this. */
  count(kind: ClientEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  /** Its first inner address by the last assignment, as text. */
  get address(): string | undefined {
    const [first] = this.last("established")?.assignment.addresses ?? [];
    return first === undefined ? undefined : formatIpAddress(first);
  }

  /** The pair it would use; throws when it has none. */
  get pair(): SessionPair {
    const { pair } = this.client;
    if (pair === undefined) throw new Error(`${this.name} has no pair`);
    return pair;
  }

  /** How the last attempt was made, if it came to something. */
  get how(): "login" | "reconnect" | undefined {
    return this.last("established")?.how;
  }
}
