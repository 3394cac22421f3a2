/**
 * One Child SA pair as the packet loop keeps it (RFC 4301 §4.4.2): ciphers, numbers, selectors, the
 * way to the peer, counters.
 */
import type { ChildSaInstall } from "../../core/gateway/output.ts";
import { counterNames } from "../counters.ts";
import type { CompiledFilter } from "../ip/packet_filter.ts";
import { SelectorList } from "../ip/selector.ts";
import type { EspCiphers, EspOpener, EspSealer } from "./cipher.ts";
import type { OuterPath } from "./outer_path.ts";
import { ReplayWindow } from "./replay_window.ts";
import { OutboundSequence } from "./sequence.ts";

/** Slots of `ChildSa.counters`; octets are those of inner packets. */
export const SaCounter = {
  PACKETS_IN: 0,
  BYTES_IN: 1,
  PACKETS_OUT: 2,
  BYTES_OUT: 3,
  DROPS_IN: 4,
  DROPS_OUT: 5,
  /** When something was last sent, milliseconds of the packet loop's clock. */
  LAST_SENT: 6,
} as const;

/** Number of slots. */
const saCounterSlots = 7;

/** Whether outbound packets may use a pair. */
export type OutboundState =
  /** They do. */
  | "active"
  /** Not before the first packet arrives on it, or the pair it replaces is gone. */
  | "waiting"
  /** Another pair has taken over. */
  | "superseded";

/** The pair. Mutable, owned by the packet loop. */
export class ChildSa {
  /** What the control plane said. The keys are not kept here. */
  readonly inboundSpi: number;
  /** SPI of packets we send. */
  readonly outboundSpi: number;
  /** 64-bit sequence numbers. */
  readonly extended: boolean;
  /** The pair this one takes over from; when that one goes, the one before it. */
  replaces: number | undefined;
  /** Follow the peer to a new endpoint. */
  readonly followPeer: boolean;
  /** Only report where the peer is. */
  readonly followWaits: boolean;
  /** When that was last reported, by the packet loop's clock. */
  movedReportedAt = Number.NEGATIVE_INFINITY;
  /** Octets, of one direction, after which to ask for a rekey. */
  readonly softLimitBytes: number;
  /** The same for packets. */
  readonly softLimitPackets: number;
  /** Octets, of one direction, after which it carries nothing more (RFC 4301 §4.4.2.1). */
  readonly hardLimitBytes: number;
  /** The same for packets. */
  readonly hardLimitPackets: number;
  /** Inner addresses on our side. */
  readonly localSelectors: SelectorList;
  /** Inner addresses on the peer's side. */
  readonly remoteSelectors: SelectorList;
  /** Opens received packets. */
  readonly opener: EspOpener;
  /** Seals packets to send. */
  readonly sealer: EspSealer;
  /** Numbers received. */
  readonly window: ReplayWindow;
  /** Numbers sent. */
  readonly sequence: OutboundSequence;
  /** By `SaCounter`. */
  readonly counters: Float64Array = new Float64Array(saCounterSlots);
  /** Packets dropped on it, by `Counter`. */
  readonly drops: Float64Array = new Float64Array(counterNames.length);
  /** The way to the peer. */
  path: OuterPath;
  /** Whether outbound packets may use it. */
  outbound: OutboundState;
  /** What the peer may send, of the table's making; `undefined` for all within the selectors. */
  filter: CompiledFilter | undefined = undefined;
  /** An authenticated packet has come since the last report. */
  isSeen = false;
  /** Which one it is of all that the table has taken: the higher the newer. */
  serial = 0;
  /** The rekey was asked for. */
  isSoftLimitReported = false;
  /** That it carries nothing more was said. */
  isHardLimitReported = false;
  /** The pair is gone; reports about it are pointless. */
  isRemoved = false;
  /** How many packets had come by the last report. */
  #reportedPackets = 0;

  /** Makes ciphers and state; throws `RangeError` for a suite or keys that do not fit. */
  constructor(
    install: ChildSaInstall,
    ciphers: EspCiphers,
    path: OuterPath,
    windowPackets: number,
  ) {
    this.inboundSpi = install.inboundSpi;
    this.outboundSpi = install.outboundSpi;
    this.extended = install.suite.esn;
    this.replaces = install.replaces;
    this.followPeer = install.followPeer;
    this.followWaits = install.followWaits === true;
    this.softLimitBytes = install.softLimitBytes ?? Number.POSITIVE_INFINITY;
    this.softLimitPackets = install.softLimitPackets ?? Number.POSITIVE_INFINITY;
    this.hardLimitBytes = install.hardLimitBytes ?? Number.POSITIVE_INFINITY;
    this.hardLimitPackets = install.hardLimitPackets ?? Number.POSITIVE_INFINITY;
    this.window = new ReplayWindow(windowPackets);
    this.localSelectors = new SelectorList(install.localSelectors);
    this.remoteSelectors = new SelectorList(install.remoteSelectors);
    this.opener = ciphers.createOpener(install.suite, install.inboundKeys);
    this.sealer = ciphers.createSealer(install.suite, install.outboundKeys);
    this.sequence = new OutboundSequence(install.suite.esn);
    this.path = path;
    this.outbound = install.inboundOnly === true
      ? "superseded"
      : install.outboundWaits
      ? "waiting"
      : "active";
  }

  /** Adds one packet to a direction: `slot` counts packets, the slot behind it octets. */
  countPacket(slot: number, bytes: number): void {
    this.counters[slot] = (this.counters[slot] as number) + 1;
    this.counters[slot + 1] = (this.counters[slot + 1] as number) + bytes;
  }

  /** Adds one to a slot. */
  countDrop(slot: number): void {
    this.counters[slot] = (this.counters[slot] as number) + 1;
  }

  /** Adds one to the drops of a cause. */
  countCause(cause: number): void {
    this.drops[cause] = (this.drops[cause] as number) + 1;
  }

  /** Whether a direction has carried all that it may: `slot` counts packets, the slot behind it octets. */
  isSpent(slot: number): boolean {
    return (this.counters[slot] as number) >= this.hardLimitPackets ||
      (this.counters[slot + 1] as number) >= this.hardLimitBytes;
  }

  /** Whether the control plane should rekey for what a direction has carried, and has not been told. */
  isSoftLimitDue(slot: number): boolean {
    return !this.isSoftLimitReported &&
      ((this.counters[slot] as number) >= this.softLimitPackets ||
        (this.counters[slot + 1] as number) >= this.softLimitBytes ||
        this.sequence.nearEnd);
  }

  /** A report is made: whether it is to say that packets went on to the inside since the last one. */
  takeSeen(): boolean {
    const packets = this.counters[SaCounter.PACKETS_IN] as number;
    const carries = packets !== this.#reportedPackets;
    this.#reportedPackets = packets;
    this.isSeen = false;
    return carries;
  }

  /** Frees the keys. */
  close(): void {
    this.isRemoved = true;
    this.opener.close();
    this.sealer.close();
  }
}
