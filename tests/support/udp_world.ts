/** Real sockets in the place of a simulated world, so that a `SimPeer` talks to a gateway that runs. */
import type { CryptoProvider } from "../../core/crypto/provider.ts";
import { concatBytes } from "../../core/bytes.ts";
import { type Endpoint, equalEndpoints, formatIpAddress } from "../../core/wire/address.ts";
import { PlainSocket } from "../dataplane/support/plain_socket.ts";
import type { PeerWorld } from "./sim_peer.ts";
import type { SimPki } from "./sim_pki.ts";
import type { SimSocket } from "./sim_world.ts";

const MARKER = new Uint8Array(4);
/** How often sockets are looked at, milliseconds. */
const LOOK_MS = 2;
/** How long it is waited for more after something came, milliseconds. */
const QUIET_MS = 12;

/** Where peers send from addresses of this machine to one gateway, at its NAT traversal port. */
export class UdpWorld implements PeerWorld {
  readonly crypto: CryptoProvider;
  readonly pki: Pick<SimPki, "client">;
  readonly sockets: SimSocket[] = [];
  /** How long an answer may take; little where none is to come. */
  patienceMs = 5_000;
  readonly #gateway: string;
  readonly #open: { readonly endpoint: Endpoint; readonly socket: PlainSocket }[] = [];
  readonly #pause = new Int32Array(new SharedArrayBuffer(4));

  /** `gateway` is its address. */
  constructor(gateway: string, crypto: CryptoProvider, client: SimPki["client"]) {
    this.#gateway = gateway;
    this.crypto = crypto;
    this.pki = { client };
  }

  /** Sends an IKE message, behind the non-ESP marker. */
  send(from: Endpoint, _to: Endpoint, bytes: Uint8Array): void {
    this.sendRaw(from, concatBytes(MARKER, bytes), 4500);
  }

  /** Sends octets as they are. */
  sendRaw(from: Endpoint, bytes: Uint8Array, port: number): void {
    this.#socketOf(from).send(this.#gateway, port, [bytes]);
  }

  /** Waits until something has come and nothing more comes, `patienceMs` at the most. */
  run(_ms = 0): void {
    const end = performance.now() + this.patienceMs;
    let [heard, quietSince] = [0, 0];
    while (performance.now() < end) {
      const now = this.#deliver();
      if (now > 0) quietSince = performance.now();
      heard += now;
      if (heard > 0 && performance.now() - quietSince > QUIET_MS) return;
      Atomics.wait(this.#pause, 0, 0, LOOK_MS);
    }
  }

  /** Closes all sockets. */
  close(): void {
    for (const { socket } of this.#open) socket.close();
  }

  #deliver(): number {
    let count = 0;
    for (const { endpoint, socket } of this.#open) {
      for (const { bytes } of socket.take()) {
        count++;
        // Keepalives and answers at the port of the old protocol have no marker.
        if (bytes.length <= 4) continue;
        const peer = this.sockets.findLast((it) => equalEndpoints(it.endpoint, endpoint));
        peer?.receive(bytes.slice(4));
      }
    }
    return count;
  }

  #socketOf(endpoint: Endpoint): PlainSocket {
    const known = this.#open.find((it) => equalEndpoints(it.endpoint, endpoint));
    if (known !== undefined) return known.socket;
    const socket = new PlainSocket(formatIpAddress(endpoint.address), endpoint.port);
    this.#open.push({ endpoint, socket });
    return socket;
  }
}
