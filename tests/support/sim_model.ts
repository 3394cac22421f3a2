/**
 * A gateway's sessions as somebody outside would keep them, in the most naive way: who has which
 * address by which pair. It is told what the packet path and the store are told and what clients
 * hear, knows nothing of IKE, and must agree with the real one after every step.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Output } from "../../core/gateway/output.ts";
import type { SessionPair, SessionRecord } from "../../core/gateway/record.ts";
import { equalAddresses, formatIpAddress, type IpAddress } from "../../core/wire/address.ts";
import type { ClientEvent } from "../../core/client/events.ts";
import type { SimEvent, SimWorld } from "./sim_world.ts";

/** One session that can be come back to. */
interface Account {
  readonly user: string;
  readonly addresses: string;
  /** Whether anybody was ever let in on it. */
  isOpen: boolean;
  isOver: boolean;
  /** It was over, and a crash came before the store had forgotten it. */
  readonly isDoubtful: boolean;
}

/** The naive gateway. */
export class SimModel {
  readonly #world: SimWorld;
  /** By the key of the record. */
  readonly #accounts = new Map<string, Account>();
  /** Keys of all records that there ever were, by the pairs that the store was told of. */
  readonly #keys = new Map<string, string>();
  /** Inner addresses that the packet path carries, by inbound SPI. */
  readonly #carried = new Map<number, readonly string[]>();
  /** The account that a client has been let in on last. */
  readonly #held = new Map<string, string>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Something that can be seen from outside happened. */
  feed(event: SimEvent): void {
    if (event.kind === "crash") return this.#crashed();
    if (event.kind === "gateway") return this.#did(event.output);
    if (event.kind !== "client" || event.output.kind !== "client") return;
    this.#heard(event.client.name, event.output.event);
  }

  /** Compares; between two steps, with the gateway up. */
  check(): void {
    const live = [...this.#accounts.values()].filter(({ isOver }) => !isOver);
    const addresses = live.flatMap((account) => account.addresses.split(" "));
    equal(new Set(addresses).size, addresses.length, "model: one holder an address");
    const carried = new Set([...this.#carried.values()].flat());
    const expected = live.filter(({ isOpen }) => isOpen).map(({ user, addresses }) => {
      const isActive = addresses.split(" ").some((address) => carried.has(address));
      return `${user} has ${addresses}, ${isActive ? "active" : "inactive"}`;
    });
    const { sessions } = this.#world.show;
    const shown = sessions.filter(({ reconnect }) => reconnect !== undefined)
      .map(({ userName, addresses, state }) => `${userName} has ${textOf(addresses)}, ${state}`);
    deepEqual(shown.sort(), expected.sort(), "model: who has what");
  }

  #did(output: Output): void {
    if (output.kind === "remove-child-sa") this.#carried.delete(output.inboundSpi);
    if (output.kind === "install-child-sa") {
      const addresses = output.sa.remoteSelectors
        .filter(({ startAddress, endAddress }) => equalAddresses(startAddress, endAddress))
        .map(({ startAddress }) => formatIpAddress(startAddress));
      this.#carried.set(output.sa.inboundSpi, addresses);
      for (const account of this.#accounts.values()) {
        const isTheirs = account.addresses.split(" ").some((address) =>
          addresses.includes(address)
        );
        if (isTheirs && !account.isOver) account.isOpen = true;
      }
    }
    if (output.kind !== "ask") return;
    const { question } = output;
    if (question.kind === "store-record") this.#stored(question.record);
    if (question.kind === "delete-record") {
      const account = this.#accounts.get(question.key);
      if (account !== undefined) account.isOver = true;
    }
  }

  #stored(record: SessionRecord): void {
    const account = this.#accounts.get(record.key) ?? accountOf(record);
    this.#accounts.set(record.key, account);
    ok(!account.isOver, "model: nobody comes back from the dead");
    equal(account.user, record.userName, "model: a session keeps its user");
    equal(account.addresses, textOf(record.addresses), "model: a session keeps its addresses");
    this.#keys.set(pairText(record), record.key);
  }

  /** What the store has is what there is, and everybody waits. */
  #crashed(): void {
    const before = new Map(this.#accounts);
    this.#accounts.clear();
    this.#carried.clear();
    for (const record of this.#world.backend.store.values()) {
      const known = before.get(record.key);
      const isWhole = this.#keys.get(pairText(record)) === record.key;
      ok(known !== undefined && isWhole, "model: a record is whole, old or new");
      const isDoubtful = known.isDoubtful || known.isOver;
      this.#accounts.set(record.key, { ...known, isOpen: true, isOver: false, isDoubtful });
    }
  }

  #heard(client: string, event: ClientEvent): void {
    const held = this.#held.get(client);
    const account = held === undefined ? undefined : this.#accounts.get(held);
    if (event.kind === "pair-refused") {
      const isGone = account === undefined || account.isOver || account.isDoubtful;
      ok(isGone, "model: a good pair is never refused");
    }
    if (event.kind !== "established") return;
    const { addresses, pair } = event.assignment;
    const isReturn = event.how === "reconnect";
    if (isReturn && account !== undefined) {
      equal(textOf(addresses), account.addresses, "model: who comes back has what was there");
    }
    const key = pair === undefined ? undefined : this.#keys.get(pairText(pair));
    ok(pair === undefined || key !== undefined, "model: a pair is stored before it is shown");
    if (isReturn && key !== undefined) equal(key, held, "model: who comes back is who was there");
    if (key !== undefined) this.#held.set(client, key);
    else if (!isReturn) this.#held.delete(client);
  }
}

function accountOf({ userName, addresses }: SessionRecord): Account {
  const user = userName;
  const state = { isOpen: false, isOver: false, isDoubtful: false };
  return { user, addresses: textOf(addresses), ...state };
}

function pairText({ sessionId, token }: SessionPair): string {
  return `${sessionId} ${token}`;
}

function textOf(addresses: readonly IpAddress[]): string {
  return addresses.map(formatIpAddress).join(" ");
}
