/**
 * What the packet loop tells the control plane by itself: not every packet, but what has changed since the
 * last turn.
 */
import type { DataplaneEvent } from "../core/gateway/input.ts";
import type { Endpoint } from "../core/wire/address.ts";
import type { LoopReport } from "./command.ts";
import { Counter, type CounterName, counterNames, troubles } from "./counters.ts";
import type { ChildSa } from "./esp/child_sa.ts";
import { errnoName } from "./ffi/errno.ts";
import type { Forwarder } from "./forwarder.ts";

/** Traffic is reported at most this often. */
const seenIntervalMs = 1000;

/** Gives a report to the control plane, as a copy: what is in it must not be a view of more. */
export type Reporter = (report: LoopReport) => void;

/** Where a peer is, and if its pair has followed it, where we met it. */
interface Moved {
  readonly remote: Endpoint;
  readonly local: Endpoint | undefined;
}

/** The reports of one packet loop. */
export class EdgeReports {
  readonly #report: Reporter;
  readonly #forwarder: Forwarder;
  readonly #counters: Float64Array;
  readonly #moved = new Map<ChildSa, Moved>();
  /** Slots of the causes that did not happen yet. */
  #untold: readonly number[] = troubles.map((cause) => Counter[cause]);
  /** Error numbers by cause, where the kernel gave one. */
  readonly #errors = new Map<CounterName, number>();
  #seenReportedAt = Number.NEGATIVE_INFINITY;

  /** Reports what stands in the lists of `forwarder` and in `counters`. */
  constructor(report: Reporter, forwarder: Forwarder, counters: Float64Array) {
    this.#report = report;
    this.#forwarder = forwarder;
    this.#counters = counters;
  }

  /** The peer of a pair has a new endpoint; with `local`, the pair has followed it and sends from there. */
  noteMoved(sa: ChildSa, remote: Endpoint, local?: Endpoint): void {
    this.#moved.set(sa, { remote, local });
  }

  /** The kernel said why it refused. */
  noteError(cause: CounterName, errno: number): void {
    this.#errors.set(cause, errno);
  }

  /** When a report is due that waits for its time only. */
  get dueAt(): number {
    return this.#forwarder.seen.length === 0
      ? Number.POSITIVE_INFINITY
      : this.#seenReportedAt + seenIntervalMs;
  }

  /** Tells what there is. */
  tell(now: number): void {
    const { seen, confirmed, softLimited, hardLimited } = this.#forwarder;
    if (confirmed.length > 0) this.#tellConfirmed(confirmed);
    if (seen.length > 0 && now >= this.#seenReportedAt + seenIntervalMs) {
      this.#seenReportedAt = now;
      this.#tellSeen(seen);
    }
    if (softLimited.length > 0) this.#tellLimits("soft-limit", softLimited);
    if (hardLimited.length > 0) this.#tellLimits("hard-limit", hardLimited);
    if (this.#moved.size > 0) this.#tellMoved();
    for (let i = 0; i < this.#untold.length; i++) {
      if (this.#counters[this.#untold[i] as number] !== 0) return this.#tellTroubles();
    }
  }

  #tellConfirmed(pairs: ChildSa[]): void {
    for (const { inboundSpi, isRemoved } of pairs) {
      if (!isRemoved) this.#report({ kind: "confirmed", inboundSpi });
    }
    pairs.length = 0;
  }

  #tellMoved(): void {
    for (const [{ inboundSpi, isRemoved }, { remote, local }] of this.#moved) {
      if (isRemoved) continue;
      if (local !== undefined) this.#report({ kind: "followed", inboundSpi, local, remote });
      this.#event({ kind: "peer-moved", inboundSpi, remote });
    }
    this.#moved.clear();
  }

  #tellSeen(seen: ChildSa[]): void {
    const inboundSpis: number[] = [];
    const carryingSpis: number[] = [];
    for (const sa of seen) {
      const carries = sa.takeSeen();
      if (sa.isRemoved) continue;
      inboundSpis.push(sa.inboundSpi);
      if (carries) carryingSpis.push(sa.inboundSpi);
    }
    seen.length = 0;
    if (inboundSpis.length > 0) this.#event({ kind: "traffic-seen", inboundSpis, carryingSpis });
  }

  #tellLimits(kind: "soft-limit" | "hard-limit", pairs: ChildSa[]): void {
    for (const { inboundSpi, isRemoved } of pairs) {
      if (!isRemoved) this.#event({ kind, inboundSpi });
    }
    pairs.length = 0;
  }

  /** Each cause once: they may go on for ever, and the counters tell how often. */
  #tellTroubles(): void {
    const hasHappened = (slot: number): boolean => this.#counters[slot] !== 0;
    for (const slot of this.#untold.filter(hasHappened)) {
      const cause = counterNames[slot] as CounterName;
      const errno = this.#errors.get(cause);
      const detail = errno === undefined ? {} : { detail: errnoName(errno) };
      this.#report({ kind: "trouble", trouble: { cause, ...detail } });
    }
    this.#untold = this.#untold.filter((slot) => !hasHappened(slot));
  }

  #event(event: DataplaneEvent): void {
    this.#report({ kind: "event", event });
  }
}
