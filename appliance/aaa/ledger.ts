/**
 * Keeps account of sessions from what the driver passes by: traces say what happens, pictures of
 * single sessions of whom, the packet path how much.
 *
 * A session starts once, however often its user comes back, and stops when nobody can come back to it;
 * silence is neither. The account of a session that outlives the gateway goes on from what was kept of
 * it, so that no counter ever goes back; what was carried in the last minute before a crash may be
 * missing. What a Child SA carried is told by the packet path when it is removed, and a reading that is
 * asked for after that comes after that: so whoever waits for a reading knows everything.
 */
import {
  formatIpAddress,
  hostOfEndpoint,
  type IpAddress,
  type LoginMethod,
  type Random,
  type SessionSnapshot,
  type Trace,
  type Wall,
} from "../../core/mod.ts";
import type { ChildSaCounters, DataplaneCounters } from "../../dataplane/mod.ts";
import type { Clock } from "../clock.ts";
import type { Packets } from "../driver.ts";
import type { Log } from "../log.ts";
import {
  type Account,
  type AccountNews,
  type AccountTurn,
  type Authentic,
  noUsage,
  plusUsage,
  type Usage,
} from "./account.ts";
import type { AccountSheet } from "./account_sheet.ts";

/** Milliseconds in which events are gathered, so that many of them cost one reading. */
const gatherMs = 50;
/** A live session's usage is kept this often, milliseconds; a crash forgets no more. */
const noteMs = 60_000;
/** Reports of one session because it moved are so far apart, milliseconds: a peer may move at will. */
const roamQuietMs = 10_000;
/** Shortest interval that a server may want (RFC 2869 §5.16), milliseconds. */
const shortestIntervalMs = 60_000;
/** Milliseconds between the reports of two restored sessions, so that not all of them come at once. */
const restoredApartMs = 5;

/** Whoever is told. */
export interface Teller {
  tell(account: Account, at: Wall, news: AccountNews): void;
  note(account: Account, usage: Usage, seen: Wall, parked: string | undefined): void;
}

/** What a ledger is made from. */
export interface LedgerOptions {
  readonly session: (id: number) => SessionSnapshot | undefined;
  /** The number of the session that a Child SA belongs to. */
  readonly sessionOfEsp: (inboundSpi: number) => number | undefined;
  /** Reads Child SAs by their inbound SPIs. */
  readonly counters: (only: readonly number[]) => Promise<Pick<DataplaneCounters, "perSa">>;
  readonly teller: Teller;
  /** Between two reports of a session for which AAA names no interval; 0 for reports of turns only. */
  readonly intervalMs: number;
  /** The address that the gateway is known by, if any. */
  readonly nasAddress: IpAddress | undefined;
  /** Who proves logins of this kind, where that is known. */
  readonly authenticOf: (method: LoginMethod) => Authentic | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** A session that was started. Times are monotonic milliseconds. */
interface Entry {
  account: Account;
  /** What was carried by Child SAs that are gone. */
  past: Usage;
  /** The others by inbound SPI, as last read. */
  readonly live: Map<number, Usage>;
  parked: string | undefined;
  /** 0 for none. */
  readonly intervalMs: number;
  reportAt: number;
  reportedAt: number;
  /** What the next report is about. */
  turn: AccountTurn | undefined;
  noteAt: number;
}

/** Something to say as soon as it is known what was carried. */
interface Happening {
  readonly entry: Entry;
  readonly at: Wall;
  /** `undefined` to keep it and say nothing. */
  readonly news: ((usage: Usage) => AccountNews) | undefined;
}

/** The accounts of one gateway. */
export class Ledger {
  readonly #options: LedgerOptions;
  /** By session number. BOUNDED by the gateway's sessions. */
  readonly #entries = new Map<number, Entry>();
  /** Whose a Child SA is, from its installation until it is known what it carried. */
  readonly #holders = new Map<number, Entry>();
  #happenings: Happening[] = [];
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** A ledger without entries. */
  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /**
   * Goes on with a session that the gateway took out of its store: after its sheet, or with a Start
   * when it has none, because nobody accounted for it then, or one that is closed, because the gateway
   * died between the end of the account and that of the session.
   */
  adopt(session: SessionSnapshot, sheet: AccountSheet | undefined): void {
    const entry = this.#open(session, sheet?.account);
    entry.parked = sheet?.parked ?? "gateway-died";
    entry.past = sheet?.usage ?? noUsage;
    if (sheet === undefined || !sheet.isOpen) {
      this.#options.teller.tell(entry.account, session.firstLogin, { kind: "start" });
    } else {
      entry.turn = "restored";
      entry.reportAt = this.#now() + this.#entries.size * restoredApartMs;
    }
    this.#note(entry);
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

  /** A packet path of which it is known whose Child SAs are whose. */
  tapPackets(packets: Packets): Packets {
    return {
      transmit: (local, remote, bytes) => packets.transmit(local, remote, bytes),
      installChildSa: (sa) => {
        packets.installChildSa(sa);
        const id = this.#options.sessionOfEsp(sa.inboundSpi);
        const entry = id === undefined ? undefined : this.#entries.get(id);
        if (entry !== undefined) this.#hold(entry, sa.inboundSpi);
      },
      moveChildSa: (spi, local, remote) => packets.moveChildSa(spi, local, remote),
      removeChildSa: (spi) => packets.removeChildSa(spi),
      filterChildSa: (spi, filter) => packets.filterChildSa(spi, filter),
    };
  }

  /** What a Child SA had carried when it was removed. */
  settle(counters: ChildSaCounters): void {
    const { inboundSpi } = counters;
    const entry = this.#holders.get(inboundSpi);
    if (entry === undefined) return;
    this.#holders.delete(inboundSpi);
    entry.live.delete(inboundSpi);
    entry.past = plusUsage(entry.past, usageOf(counters));
  }

  /** Reports what is due. To be called every second. */
  look(): void {
    const now = this.#now();
    for (const entry of this.#entries.values()) {
      if (entry.reportAt <= now) this.#report(entry);
      else if (entry.noteAt <= now && entry.live.size > 0) this.#note(entry);
    }
  }

  /** Tells what is left to tell and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#gathering);
    for (const entry of this.#entries.values()) this.#note(entry);
    this.#work = this.#work.then(() => this.#enter());
    await this.#work;
  }

  #hear({ event, sessionId, facts }: Trace): void {
    if (sessionId === undefined || this.#isClosed) return;
    const entry = this.#entries.get(sessionId);
    switch (event) {
      case "session-started": {
        const session = this.#options.session(sessionId);
        if (entry !== undefined || session === undefined) return;
        const { account } = this.#open(session, undefined);
        return this.#options.teller.tell(account, this.#wall(), { kind: "start" });
      }
      case "session-reconnected":
        if (entry === undefined) return;
        if (entry.turn === "restored") this.#report(entry);
        this.#follow(entry, sessionId);
        entry.parked = undefined;
        entry.turn = "reconnect";
        this.#report(entry);
        return this.#note(entry);
      case "session-moved":
        if (entry === undefined || !this.#follow(entry, sessionId)) return;
        entry.turn ??= "roam";
        entry.reportAt = Math.min(entry.reportAt, entry.reportedAt + roamQuietMs);
        if (entry.reportAt <= this.#now()) this.#report(entry);
        return;
      case "session-parked":
        if (entry === undefined) return;
        entry.parked = String(facts?.["reason"]);
        return this.#note(entry);
      case "session-ended": {
        if (entry === undefined) return;
        this.#entries.delete(sessionId);
        const why = String(facts?.["why"]);
        return this.#gather(entry, (usage) => ({ kind: "stop", usage, why }));
      }
    }
  }

  #open(session: SessionSnapshot, before: Account | undefined): Entry {
    const { authenticOf, nasAddress, intervalMs } = this.#options;
    const { accounting: { id, class: classes }, attributes: { interimSeconds } } = session;
    const authentic = authenticOf(session.method);
    const account: Account = {
      id,
      userName: session.userName,
      addresses: session.addresses,
      class: classes,
      firstLogin: session.firstLogin,
      ...(authentic === undefined ? {} : { authentic }),
      ...(nasAddress === undefined ? {} : { nasAddress }),
      ...before,
      ...outerOf(session),
    };
    const wanted = interimSeconds === undefined
      ? intervalMs
      : Math.max(interimSeconds * 1000, shortestIntervalMs);
    const now = this.#now();
    const entry: Entry = {
      account,
      past: noUsage,
      live: new Map(),
      parked: undefined,
      intervalMs: wanted,
      // The first ones come early by chance: who logged in together does not report together.
      reportAt: wanted === 0 ? Number.POSITIVE_INFINITY : now + wanted * (1 + this.#chance()) / 2,
      reportedAt: Number.NEGATIVE_INFINITY,
      turn: undefined,
      noteAt: now + noteMs * this.#chance(),
    };
    this.#entries.set(session.id, entry);
    for (const { inboundSpi } of session.childSas) this.#hold(entry, inboundSpi);
    return entry;
  }

  #hold(entry: Entry, inboundSpi: number): void {
    this.#holders.set(inboundSpi, entry);
    entry.live.set(inboundSpi, noUsage);
  }

  /** Takes over where the peer is now; whether that is another host than before. */
  #follow(entry: Entry, sessionId: number): boolean {
    const session = this.#options.session(sessionId);
    if (session === undefined) return false;
    const { remote } = entry.account;
    entry.account = { ...entry.account, ...outerOf(session) };
    return entry.account.remote !== remote;
  }

  #report(entry: Entry): void {
    const { turn, intervalMs } = entry;
    const now = this.#now();
    entry.turn = undefined;
    entry.reportedAt = now;
    entry.reportAt = intervalMs === 0 ? Number.POSITIVE_INFINITY : now + intervalMs;
    this.#gather(entry, (usage) => ({
      kind: "interim",
      usage,
      ...(turn === undefined ? {} : { turn }),
    }));
  }

  #note(entry: Entry): void {
    this.#gather(entry, undefined);
  }

  #gather(entry: Entry, news: Happening["news"]): void {
    entry.noteAt = this.#now() + noteMs;
    this.#happenings.push({ entry, at: this.#wall(), news });
    if (this.#isClosed) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#work = this.#work.then(() => this.#enter());
    }, gatherMs);
  }

  /** Says what happened until now, after a reading that knows all of it. */
  async #enter(): Promise<void> {
    const happenings = this.#happenings;
    this.#happenings = [];
    const spis = new Set(happenings.flatMap(({ entry }) => [...entry.live.keys()]));
    if (spis.size > 0) await this.#read([...spis]);
    const { teller } = this.#options;
    for (const { entry, at, news } of happenings) {
      const usage = [...entry.live.values()].reduce(plusUsage, entry.past);
      if (news === undefined) teller.note(entry.account, usage, at, entry.parked);
      else this.#tell(entry, at, news(usage));
    }
  }

  #tell(entry: Entry, at: Wall, news: AccountNews): void {
    this.#options.teller.tell(entry.account, at, news);
    if (news.kind !== "stop") return;
    // Child SAs of which nothing was told were never installed, or the packet path is gone.
    for (const spi of entry.live.keys()) this.#holders.delete(spi);
  }

  /** Without an answer what was read last stands. */
  async #read(spis: readonly number[]): Promise<void> {
    const reading = await this.#options.counters(spis).catch(() => undefined);
    for (const counters of reading?.perSa ?? []) {
      const { inboundSpi } = counters;
      this.#holders.get(inboundSpi)?.live.set(inboundSpi, usageOf(counters));
    }
  }

  #now(): number {
    return this.#options.clock.now().monotonic;
  }

  #wall(): Wall {
    return this.#options.clock.now().wall;
  }

  /** A number from 0 up to 1. */
  #chance(): number {
    const [high = 0, low = 0] = this.#options.random.bytes(2);
    return (high * 256 + low) / 65_536;
  }
}

function usageOf({ bytesIn, bytesOut, packetsIn, packetsOut }: ChildSaCounters): Usage {
  return { octetsIn: bytesIn, octetsOut: bytesOut, packetsIn, packetsOut };
}

/** Outer addresses without ports; ours is known only while an IKE SA stands. */
function outerOf({ lastRemote, ikeSa }: SessionSnapshot): Pick<Account, "remote" | "local"> {
  const remote = hostOfEndpoint(lastRemote);
  return ikeSa === undefined ? { remote } : { remote, local: formatIpAddress(ikeSa.local.address) };
}
