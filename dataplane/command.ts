/**
 * What the control plane tells the packet loop, and what the packet loop reports.
 *
 * Commands travel as JSON records through a socket that the packet loop polls, because a thread that
 * waits in `poll` does not see messages. Reports are ordinary worker messages.
 */
import { type Bytes, textOf } from "../core/bytes.ts";
import type { DataplaneEvent } from "../core/gateway/input.ts";
import type { ChildSaInstall } from "../core/gateway/output.ts";
import type { PacketFilter } from "../core/gateway/packet_filter.ts";
import { buildOctetsJson, parseOctetsJson } from "../core/octets_json.ts";
import type { Endpoint } from "../core/wire/address.ts";
import type {
  ChildSaCounters,
  DataplaneCounters,
  DataplaneTrouble,
  FragmentMode,
  IkeDatagram,
} from "./dataplane.ts";
import type { IkeLine } from "./datagram.ts";
import type { EspCryptoName } from "./esp/cipher.ts";
import type { DataplaneFeature } from "./features.ts";
import type { UdpSocket } from "./io/udp_socket_linux.ts";
import type { LoopDirection } from "./loop_direction.ts";
import type { StageTimes } from "./stage_clock.ts";

/** A command. */
export type LoopCommand =
  | { readonly kind: "install"; readonly sa: ChildSaInstall }
  | {
    readonly kind: "move";
    readonly inboundSpi: number;
    readonly local: Endpoint;
    readonly remote: Endpoint;
  }
  /** The first packet has arrived on a pair, says another loop. */
  | { readonly kind: "confirm"; readonly inboundSpi: number }
  | { readonly kind: "remove"; readonly id: number; readonly inboundSpi: number }
  | { readonly kind: "filter"; readonly inboundSpi: number; readonly filter?: PacketFilter }
  /** `only` names the pairs that are read; all of them without it. */
  | { readonly kind: "counters"; readonly id: number; readonly only?: readonly number[] }
  | { readonly kind: "stop" };

/** The first message to the worker, and the only one that is a worker message. */
export interface LoopStart {
  /** Which way packets go in this loop. */
  readonly direction: LoopDirection;
  /** Sockets by number. */
  readonly sockets: readonly UdpSocket[];
  /** The TUN device. */
  readonly tunFd: number;
  /** What the kernel does for us. */
  readonly features: readonly DataplaneFeature[];
  /** Largest inner packet. */
  readonly mtu: number;
  /** The end of the command socket that is the loop's. */
  readonly commandFd: number;
  /** Which crypto provider; `undefined` for the fastest. */
  readonly crypto: EspCryptoName | undefined;
  /** Silence before a NAT keepalive, milliseconds; `undefined` for none. */
  readonly natKeepaliveMs: number | undefined;
  /** Packets that replay windows reach back. */
  readonly replayWindow: number;
  /** What becomes of packets that the path does not take whole. */
  readonly fragments: FragmentMode;
  /** Lower the segment size in TCP SYNs to what fits. */
  readonly clampsMss: boolean;
  /** Let the outer header show the inner DSCP. */
  readonly copiesDscp: boolean;
  /** Take the time of every stage. */
  readonly profiles: boolean;
  /** What `IkeLines` share. */
  readonly ikeLines: SharedArrayBuffer;
}

/** What one loop has counted. */
export interface LoopCounters extends Pick<DataplaneCounters, "totals" | "perSa"> {
  /** Where its time went, if it is profiled. */
  readonly stages?: StageTimes;
}

/** A report. */
export type LoopReport =
  | { readonly kind: "ready"; readonly cryptoName: EspCryptoName }
  | { readonly kind: "ike"; readonly datagram: IkeDatagram; readonly line: IkeLine }
  | { readonly kind: "event"; readonly event: DataplaneEvent }
  | { readonly kind: "trouble"; readonly trouble: DataplaneTrouble }
  | { readonly kind: "counters"; readonly id: number; readonly counters: LoopCounters }
  /** The answer to `remove`; without counters there was no such pair. */
  | { readonly kind: "removed"; readonly id: number; readonly counters?: ChildSaCounters }
  /** For loops that do not receive: the first packet has arrived on a pair (RFC 7296 §2.8). */
  | { readonly kind: "confirmed"; readonly inboundSpi: number }
  /** For them, too: packets to the peer go another way from now on. */
  | {
    readonly kind: "followed";
    readonly inboundSpi: number;
    readonly local: Endpoint;
    readonly remote: Endpoint;
  }
  /** The loop has ended as told. */
  | { readonly kind: "stopped" }
  /** The loop has ended because of an error. */
  | { readonly kind: "failed"; readonly message: string };

/** Octets of the largest command: 64 selectors on each side are under 32 KB, and so is a filter. */
export const commandBytes = 262_144;

/** Pairs that one command may name, at most eleven octets each; for more, all are read. */
export const mostNamedPairs = 8192;

const encoder = new TextEncoder();

/** A command as one record. */
export function buildCommand(command: LoopCommand): Uint8Array<ArrayBuffer> {
  return encoder.encode(buildOctetsJson(command));
}

/** The command in a record, which `buildCommand` made. */
export function parseCommand(bytes: Bytes): LoopCommand {
  return parseOctetsJson(textOf(bytes)) as LoopCommand;
}
