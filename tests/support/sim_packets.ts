/**
 * Packets through a simulation, for claims about loss: the real SA tables of both ends, fed with what
 * gateway and client want installed, and a stream of packets each way that takes as long as IKE does.
 *
 * Order is kept as on one link: what was sent behind a message arrives behind it.
 */
import type { Output } from "../../core/gateway/output.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import { equalEndpoints } from "../../core/wire/address.ts";
import { InnerHeader } from "../../dataplane/ip/header.ts";
import { SaTable } from "../../dataplane/sa_table.ts";
import { nowhere, portable, windowPackets } from "../dataplane/support/ends.ts";
import { innerPacket } from "../dataplane/support/inner_packet.ts";
import type { SimClient } from "./sim_client.ts";
import type { SimWorld } from "./sim_world.ts";

/** An address behind the gateway. */
const target = "10.50.0.1";

interface Packet {
  readonly at: number;
  /** The SPI in its header. */
  readonly spi: number;
  /** Where it goes. */
  readonly remote: Endpoint;
}

/** One end's packet path. */
class End {
  readonly table = new SaTable(portable(new Uint8Array(4096)), windowPackets);
  /** Where the peer of each pair is. */
  readonly remotes = new Map<number, Endpoint>();
  readonly header = new InnerHeader();
  readonly packet: Uint8Array<ArrayBuffer>;
  /** Under way from here. */
  flights: Packet[] = [];
  sent = 0;

  constructor(source: string, destination: string) {
    this.packet = innerPacket({ source, destination });
  }

  apply(output: Output): void {
    switch (output.kind) {
      case "install-child-sa":
        this.table.install(output.sa, nowhere);
        this.remotes.set(output.sa.inboundSpi, output.sa.remote);
        return;
      case "move-child-sa":
        this.remotes.set(output.inboundSpi, output.remote);
        return;
      case "remove-child-sa":
        this.table.remove(output.inboundSpi);
        this.remotes.delete(output.inboundSpi);
    }
  }

  /** Sends one packet; false when there is no pair for it. */
  send(at: number): boolean {
    this.sent++;
    const view = new DataView(this.packet.buffer);
    if (!this.header.parse(view, 0, this.packet.length)) throw new Error("bad inner packet");
    this.header.parseUpper(view, 0);
    const sa = this.table.findOutbound(this.header);
    const remote = sa === undefined ? undefined : this.remotes.get(sa.inboundSpi);
    if (sa === undefined || remote === undefined) return false;
    this.flights.push({ at, spi: sa.outboundSpi, remote });
    return true;
  }

  /** Takes a packet in; false when nobody here knows its SPI. */
  receive({ spi }: Packet): boolean {
    const sa = this.table.findInbound(spi);
    if (sa === undefined) return false;
    this.table.confirm(sa);
    return true;
  }
}

/** The packets between the gateway and one client that has logged in. */
export class SimPackets {
  readonly #world: SimWorld;
  readonly #client: SimClient;
  readonly #gatewayEnd: End;
  readonly #clientEnd: End;
  readonly #latencyMs: number;
  readonly #stepMs: number;
  /** Packets that did not arrive, and why. */
  readonly lost: string[] = [];

  /** Watches `world` from now on; the network's latency must be constant and a multiple of `stepMs`. */
  constructor(world: SimWorld, client: SimClient, stepMs = 5) {
    const inner = client.address;
    if (inner === undefined) throw new Error(`${client.name} has no address`);
    this.#world = world;
    this.#client = client;
    this.#latencyMs = world.network.latencyMs[0];
    this.#stepMs = stepMs;
    this.#gatewayEnd = new End(target, inner);
    this.#clientEnd = new End(inner, target);
    for (const sa of world.installed.values()) {
      this.#gatewayEnd.apply({ kind: "install-child-sa", sa });
    }
    for (const sa of client.installed.values()) {
      this.#clientEnd.apply({ kind: "install-child-sa", sa });
    }
    world.watch = (event) => {
      if (event.kind === "gateway") this.#gatewayEnd.apply(event.output);
      if (event.kind === "client" && event.client === client && event.output.kind !== "client") {
        this.#clientEnd.apply(event.output);
      }
    };
  }

  /** Packets sent so far, both ways. */
  get sent(): number {
    return this.#gatewayEnd.sent + this.#clientEnd.sent;
  }

  /** Pairs that both ends hold. */
  get pairs(): readonly [gateway: number, client: number] {
    return [[...this.#gatewayEnd.table.all()].length, [...this.#clientEnd.table.all()].length];
  }

  /** Lets time pass with a packet each way in every step. */
  run(ms: number): void {
    const end = this.#world.nowMs + ms;
    while (this.#world.nowMs < end) {
      this.#world.run(this.#stepMs);
      this.#send("gateway", this.#gatewayEnd);
      this.#send("client", this.#clientEnd);
      this.#deliver("gateway", this.#gatewayEnd, this.#clientEnd);
      this.#deliver("client", this.#clientEnd, this.#gatewayEnd);
    }
  }

  #send(name: string, from: End): void {
    if (from.send(this.#world.nowMs + this.#latencyMs)) return;
    this.lost.push(`${this.#world.nowMs} ms: ${name} has no pair to send on`);
  }

  #deliver(name: string, from: End, to: End): void {
    const { nowMs } = this.#world;
    const due = from.flights.filter(({ at }) => at <= nowMs);
    from.flights = from.flights.filter(({ at }) => at > nowMs);
    for (const packet of due) {
      const isAstray = name === "gateway" && !equalEndpoints(packet.remote, this.#client.outer);
      if (isAstray) this.lost.push(`${nowMs} ms: ${name}'s packet went where the client was`);
      else if (!to.receive(packet)) {
        this.lost.push(`${nowMs} ms: ${name}'s packet came on a pair that is gone`);
      }
    }
  }
}
