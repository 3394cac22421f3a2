/**
 * The packet loop: waits in `poll` for commands, datagrams and inner packets, and moves them in batches.
 *
 * It has a half that receives, a half that sends, or both; see `loop_direction`. One turn serves every
 * descriptor that is ready with one batch, so none starves another; `poll` is level-triggered and returns
 * at once while more is there. Commands come first. Nothing is allocated per packet; IKE datagrams and
 * reports are few and may.
 */
import { assertNever } from "../core/result.ts";
import type { Endpoint } from "../core/wire/address.ts";
import type { Arena } from "./buffers.ts";
import {
  commandBytes,
  type LoopCommand,
  type LoopCounters,
  type LoopStart,
  parseCommand,
} from "./command.ts";
import { Counter, namedCounters, namedNonZero } from "./counters.ts";
import type { ChildSaCounters } from "./dataplane.ts";
import type { Reporter } from "./edge_reports.ts";
import { type ChildSa, SaCounter } from "./esp/child_sa.ts";
import type { EspCiphers } from "./esp/cipher.ts";
import type { OuterPath } from "./esp/outer_path.ts";
import { InboundHalf, inboundHalfBytes } from "./inbound_half.ts";
import { receiveRecord } from "./io/command_channel_linux.ts";
import { Poller } from "./io/poll_linux.ts";
import { pathBetween } from "./io/udp_linux.ts";
import { receives, sends } from "./loop_direction.ts";
import { LoopGround, loopGroundBytes } from "./loop_ground.ts";
import { OutboundHalf, outboundHalfBytes } from "./outbound_half.ts";
import { Stage } from "./stage_clock.ts";

/** Octets for what is waited for. */
const pollBytes = 1024;

/** Octets of the arena that a loop takes. */
export function packetLoopBytes({ direction, mtu }: LoopStart): number {
  return loopGroundBytes(mtu) + (receives(direction) ? inboundHalfBytes : 0) +
    (sends(direction) ? outboundHalfBytes : 0) + pollBytes;
}

/** The loop of one worker. */
export class PacketLoop {
  readonly #ground: LoopGround;
  readonly #inbound: InboundHalf | undefined;
  readonly #outbound: OutboundHalf | undefined;
  /** Waits for the commands, then for what the inbound half waits for, then for the outbound half's. */
  readonly #poller: Poller;
  readonly #commandBuffer = new Uint8Array(commandBytes);
  #isStopped = false;
  #now = 0;

  /** Lays out its buffers in an arena that has `packetLoopBytes` left, in which `ciphers` work too. */
  constructor(start: LoopStart, arena: Arena, ciphers: EspCiphers, report: Reporter) {
    const ground = this.#ground = new LoopGround(start, arena, ciphers, report);
    const { direction } = start;
    if (receives(direction)) this.#inbound = new InboundHalf(ground, () => this.#drainCommands());
    if (sends(direction)) this.#outbound = new OutboundHalf(ground);
    const fds = [...(this.#inbound?.fds ?? []), ...(this.#outbound?.fds ?? [])];
    this.#poller = new Poller(arena, [start.commandFd, ...fds]);
  }

  /** Moves packets until a stop command or the end of the command socket. Throws when a device is gone. */
  run(): void {
    const { clock, paths, edges } = this.#ground;
    const sockets = this.#inbound?.fds.length ?? 0;
    while (!this.#isStopped) {
      clock.enter(Stage.wait);
      this.#poller.wait(this.#patience());
      clock.enter(Stage.rest);
      this.#now = performance.now();
      if (this.#poller.isReady(0)) this.#drainCommands();
      for (let socket = 0; socket < sockets; socket++) {
        if (this.#poller.isReady(1 + socket)) this.#inbound?.receive(socket, this.#now);
      }
      if (this.#outbound !== undefined) {
        if (this.#poller.isReady(1 + sockets)) this.#outbound.transmit(this.#now);
        clock.enter(Stage.rest);
        this.#outbound.sendKeepalives(this.#now);
      }
      clock.enter(Stage.rest);
      paths.tend(this.#now);
      edges.tell(this.#now);
    }
    this.#ground.close();
  }

  /** Milliseconds until something must be done without a packet; -1 for never. */
  #patience(): number {
    const due = Math.min(this.#outbound?.dueAt ?? Infinity, this.#ground.edges.dueAt);
    return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.ceil(due - performance.now()));
  }

  #drainCommands(): void {
    while (!this.#isStopped) {
      const record = receiveRecord(this.#ground.start.commandFd, this.#commandBuffer);
      if (record === undefined) return;
      if (record.length === 0) this.#isStopped = true;
      else this.#obey(parseCommand(record));
      record.fill(0); // it may have held keys
    }
  }

  #obey(command: LoopCommand): void {
    const { table, report } = this.#ground;
    switch (command.kind) {
      case "install":
        this.#install(command);
        return;
      case "move": {
        const sa = table.findInbound(command.inboundSpi);
        const path = this.#path(command.local, command.remote);
        if (sa !== undefined && path !== undefined) this.#ground.paths.change(sa, path, this.#now);
        return;
      }
      case "confirm": {
        const sa = table.findInbound(command.inboundSpi);
        if (sa !== undefined) table.confirm(sa);
        return;
      }
      case "remove": {
        const { id, inboundSpi } = command;
        const sa = table.findInbound(inboundSpi);
        const counters = sa === undefined ? {} : { counters: carriedBy(sa) };
        report({ kind: "removed", id, ...counters });
        table.remove(inboundSpi);
        return;
      }
      case "filter":
        table.setFilter(command.inboundSpi, command.filter);
        return;
      case "counters":
        report({ kind: "counters", id: command.id, counters: this.#readCounters(command.only) });
        return;
      case "stop":
        this.#isStopped = true;
        return;
      default:
        assertNever(command);
    }
  }

  #install({ sa: install }: LoopCommand & { readonly kind: "install" }): void {
    const { table, paths } = this.#ground;
    const path = this.#path(install.local, install.remote);
    try {
      if (path === undefined) throw new RangeError("Cannot find a socket for the pair");
      const sa = table.install(install, path);
      this.#outbound?.noteInstalled(sa, this.#now);
      paths.measure(sa, this.#now);
    } catch (error) {
      // Checked by the control plane already: our mistake, and no reason to stop other peers' packets.
      if (!(error instanceof RangeError)) throw error;
      if (this.#outbound !== undefined) this.#ground.count(Counter["bad-install"]); // of two loops one
    }
  }

  #path(local: Endpoint, remote: Endpoint): OuterPath | undefined {
    return pathBetween(this.#ground.start.sockets, local, remote);
  }

  #readCounters(only: readonly number[] | undefined): LoopCounters {
    const { table, counters, clock } = this.#ground;
    const named = only?.map((spi) => table.findInbound(spi)) ?? [...table.all()];
    const perSa = named.filter((sa) => sa !== undefined).map(carriedBy);
    const stages = clock.read();
    return { totals: namedCounters(counters), perSa, ...(stages === undefined ? {} : { stages }) };
  }
}

function carriedBy({ inboundSpi, counters, drops }: ChildSa): ChildSaCounters {
  return {
    inboundSpi,
    packetsIn: counters[SaCounter.PACKETS_IN] ?? 0,
    bytesIn: counters[SaCounter.BYTES_IN] ?? 0,
    packetsOut: counters[SaCounter.PACKETS_OUT] ?? 0,
    bytesOut: counters[SaCounter.BYTES_OUT] ?? 0,
    dropsIn: counters[SaCounter.DROPS_IN] ?? 0,
    dropsOut: counters[SaCounter.DROPS_OUT] ?? 0,
    drops: namedNonZero(drops),
  };
}
