/**
 * Keeps account of sessions from what the driver passes by: traces say what happens, a picture of the
 * gateway says of whom, the packet path says how much.
 *
 * A session starts once, however often its user comes back, and stops when nobody can come back to it;
 * silence is neither. What a Child SA carried is read before it is removed. Sessions of before a
 * restart go on without a second start; what they carried until then is not known any more. One that is
 * over before it was looked at (`gatherMs`) is not accounted for.
 */
import {
  type GatewaySnapshot,
  type SessionSnapshot,
  type Trace,
  type Wall,
} from "../../core/mod.ts";
import type { DataplaneCounters } from "../../dataplane/mod.ts";
import type { Clock } from "../clock.ts";
import type { Packets } from "../driver.ts";
import type { Log } from "../log.ts";
import type { Account, AccountEvent, Usage } from "./account.ts";

/** Milliseconds in which events are gathered, so that many logins cost one picture. */
const gatherMs = 50;

/** A report is at most this late, milliseconds. */
const interimTickMs = 10_000;

/** What a ledger is made from. */
export interface LedgerOptions {
  readonly snapshot: () => GatewaySnapshot;
  readonly counters: () => Promise<DataplaneCounters>;
  readonly clock: Clock;
  /** Between two reports of one session; 0 for reports of returns only. */
  readonly interimMs: number;
  /** Takes what is to be told, in order. */
  readonly tell: (event: AccountEvent) => void;
}

/** A session that was started. */
interface Entry {
  account: Account;
  /** What Child SAs carried that are gone. */
  past: Usage;
  /** Inbound SPIs of the others. */
  readonly spis: Set<number>;
  nextInterim: number;
}

/** A trace that matters, when it came. */
interface Happening {
  readonly event: string;
  readonly session: number;
  readonly why: string;
  readonly at: Wall;
}

const watched: ReadonlySet<string> = new Set([
  "session-started",
  "session-reconnected",
  "session-ended",
]);

/** The accounts of one gateway. */
export class Ledger {
  readonly #options: LedgerOptions;
  /** By session number. BOUNDED by the gateway's sessions. */
  readonly #entries = new Map<number, Entry>();
  #happenings: Happening[] = [];
  #reading: Promise<DataplaneCounters> | undefined;
  #work: Promise<void> = Promise.resolve();
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #interims: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  /** A ledger without entries. */
  constructor(options: LedgerOptions) {
    this.#options = options;
    if (options.interimMs > 0) {
      const everyMs = Math.min(options.interimMs, interimTickMs);
      this.#interims = setInterval(() => this.#gatherSoon(), everyMs);
    }
  }

  /** Goes on with the sessions that are there already. */
  adopt(): void {
    for (const session of this.#options.snapshot().sessions) this.#open(session);
  }

  /** A log whose traces are heard here. */
  tapLog(log: Log): Log {
    return {
      tell: (level, event, facts) => log.tell(level, event, facts),
      trace: (trace) => {
        this.#hear(trace);
        log.trace(trace);
      },
      close: () => log.close(),
    };
  }

  /** A packet path that is read before it forgets. */
  tapPackets(packets: Packets): Packets {
    return {
      transmit: (local, remote, bytes) => packets.transmit(local, remote, bytes),
      installChildSa: (sa) => {
        packets.installChildSa(sa);
        this.#gatherSoon();
      },
      moveChildSa: (spi, local, remote) => packets.moveChildSa(spi, local, remote),
      removeChildSa: (spi) => {
        this.#settle(spi);
        packets.removeChildSa(spi);
      },
      filterChildSa: (spi, filter) => packets.filterChildSa(spi, filter),
    };
  }

  /** Tells what is left to tell and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#interims);
    clearTimeout(this.#gathering);
    this.#work = this.#work.then(() => this.#enter());
    await this.#work;
  }

  #hear({ event, sessionId, facts }: Trace): void {
    if (sessionId === undefined || !watched.has(event)) return;
    const at = this.#options.clock.now().wall;
    this.#happenings.push({ event, session: sessionId, why: String(facts?.["why"]), at });
    this.#gatherSoon();
  }

  #gatherSoon(): void {
    if (this.#closed) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#work = this.#work.then(() => this.#enter());
    }, gatherMs);
  }

  /** Enters what happened since the last time. */
  async #enter(): Promise<void> {
    const counters = await this.#options.counters().catch(() => undefined);
    const live = new Map(counters?.perSa.map((sa) => [sa.inboundSpi, sa]));
    const happenings = this.#happenings;
    this.#happenings = [];
    const sessions = new Map(this.#options.snapshot().sessions.map((one) => [one.id, one]));
    for (const [number, entry] of this.#entries) this.#refresh(entry, sessions.get(number));
    const usageOf = ({ past, spis }: Entry): Usage =>
      [...spis].reduce((sum, spi) => plus(sum, live.get(spi)), past);
    for (const { event, session, why, at } of happenings) {
      const entry = this.#entries.get(session);
      const now = sessions.get(session);
      if (event === "session-started" && entry === undefined && now !== undefined) {
        const { account } = this.#open(now);
        this.#options.tell({ kind: "start", account, at });
      } else if (event === "session-reconnected" && entry !== undefined) {
        this.#interim(entry, usageOf(entry), at);
      } else if (event === "session-ended" && entry !== undefined) {
        this.#entries.delete(session);
        const { account } = entry;
        this.#options.tell({ kind: "stop", account, usage: usageOf(entry), why, at });
      }
    }
    const { interimMs, clock } = this.#options;
    const { wall, monotonic } = clock.now();
    if (interimMs === 0) return;
    for (const entry of this.#entries.values()) {
      if (entry.nextInterim <= monotonic) this.#interim(entry, usageOf(entry), wall);
    }
  }

  #interim(entry: Entry, usage: Usage, at: Wall): void {
    entry.nextInterim = this.#nextInterim();
    this.#options.tell({ kind: "interim", account: entry.account, usage, at });
  }

  #nextInterim(): number {
    return this.#options.clock.now().monotonic + this.#options.interimMs;
  }

  #open(session: SessionSnapshot): Entry {
    const { id, userName, addresses, firstLogin, accounting } = session;
    const account = {
      id: accounting.id,
      userName,
      addresses,
      class: accounting.class,
      remote: hostOf(session.lastRemote),
      firstLogin,
    };
    const entry: Entry = {
      account,
      past: nothing,
      spis: new Set(),
      nextInterim: this.#nextInterim(),
    };
    this.#entries.set(id, entry);
    this.#refresh(entry, session);
    return entry;
  }

  /** The packet path forgets this SA as soon as it is told to. */
  #settle(spi: number): void {
    // Whatever is removed while one reading is under way shares it.
    this.#reading ??= this.#options.counters().finally(() => this.#reading = undefined);
    this.#reading.then(({ perSa }) => {
      for (const entry of this.#entries.values()) {
        if (!entry.spis.delete(spi)) continue;
        entry.past = plus(entry.past, perSa.find(({ inboundSpi }) => inboundSpi === spi));
        return;
      }
    }, () => {});
  }

  #refresh(entry: Entry, session: SessionSnapshot | undefined): void {
    if (session === undefined) return;
    entry.account = { ...entry.account, remote: hostOf(session.lastRemote) };
    for (const { inboundSpi } of session.childSas) entry.spis.add(inboundSpi);
  }
}

const nothing: Usage = { octetsIn: 0, octetsOut: 0 };

function plus(
  { octetsIn, octetsOut }: Usage,
  sa: { readonly bytesIn: number; readonly bytesOut: number } | undefined,
): Usage {
  if (sa === undefined) return { octetsIn, octetsOut };
  return { octetsIn: octetsIn + sa.bytesIn, octetsOut: octetsOut + sa.bytesOut };
}

/** The host of `192.0.2.1:4500` or `[2001:db8::1]:4500`. */
function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
