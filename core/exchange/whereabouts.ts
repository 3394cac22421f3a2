/**
 * Where an IKE SA is, where the packets of its Child SAs go, and what makes it move (RFC 7296 §2.23,
 * RFC 4555 §3.5 to §3.8).
 *
 * Without MOBIKE the SA is wherever the last authentic message or packet came from. With MOBIKE a
 * message moves nothing unless it says so, which leaves it free to try a way; packets still do. Where
 * policy wants it, a new way has to be proven before the packets take it.
 */
import type { OwnedBytes } from "../bytes.ts";
import { copyBytes } from "../bytes.ts";
import type { Endpoint } from "../wire/address.ts";
import { CheckAddress } from "./check_address.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { IkeSaSeed } from "./ike_sa_seed.ts";
import type { Path } from "./path.ts";
import { equalPaths } from "./path.ts";
import type { Step } from "./step.ts";

/** The ways of one IKE SA. */
export class Whereabouts implements Path {
  readonly #sa: IkeSa;
  local: Endpoint;
  remote: Endpoint;
  /** Where the packets of its Child SAs go. */
  traffic: Path;
  /** Which way the request came that is being answered. */
  askedFrom: Path;
  /**
   * Our part in MOBIKE, where both sides speak it: that of the initiator or the responder of the first
   * IKE SA, whoever began the rekeys since.
   */
  mobility: "initiator" | "responder" | undefined;
  /** Counts the changes of `local` and `remote`: what was asked before the last one proves nothing. */
  changes = 0;
  /** A way that the packets take once it is proven. */
  unproven: Path | undefined;
  /** Whether a proof is under way or waits for its turn. */
  isChecking = false;
  /** NAT_DETECTION_DESTINATION_IP of the peer's last message that had one: as whom it sees us. */
  seenAs: OwnedBytes | undefined;

  /** At first everything takes the way of the first message. */
  constructor(sa: IkeSa, { local, remote, seenAs }: IkeSaSeed) {
    this.#sa = sa;
    this.local = local;
    this.remote = remote;
    this.traffic = { local, remote };
    this.askedFrom = this.traffic;
    this.seenAs = seenAs === undefined ? undefined : copyBytes(seenAs);
  }

  /** Whether the packet path only reports a peer that moved, and waits for the proof. */
  get followWaits(): boolean {
    return this.mobility === "responder" && this.#sa.world.settings.mobike === "check-first";
  }

  /** Where an answer goes: who follows nobody answers nobody else either. */
  get answerPath(): Path {
    return this.#sa.world.settings.followPeer ? this.askedFrom : this;
  }

  /** Takes everything over from the IKE SA that this one replaces. */
  inherit(old: Whereabouts): void {
    this.local = old.local;
    this.remote = old.remote;
    this.traffic = old.traffic;
    this.mobility = old.mobility;
    this.changes = old.changes;
    this.unproven = old.unproven;
    this.isChecking = old.isChecking;
    // The hash covers the SPIs, so the next one differs: one update more than needed (RFC 4555 §3.8).
    this.seenAs = old.seenAs;
  }

  /** An authentic message came this way. */
  sawMessage(step: Step, path: Path): void {
    const isFixed = !this.#sa.world.settings.followPeer || this.mobility !== undefined;
    if (!isFixed && !equalPaths(this, path)) this.arrive(step, path);
  }

  /** Authentic packets, the newest ones of a Child SA, come from there. */
  sawPackets(step: Step, remote: Endpoint): void {
    if (!this.#sa.world.settings.followPeer) return;
    const path = { local: this.traffic.local, remote };
    if (this.followWaits) {
      if (!equalPaths(this.traffic, path)) this.prove(step, path);
    } else if (!equalPaths(this, path)) this.arrive(step, path);
  }

  /** The IKE SA itself is elsewhere; what waits for an answer is asked again from or at the new place. */
  move(step: Step, { local, remote }: Path): void {
    this.local = local;
    this.remote = remote;
    this.changes++;
    this.#sa.resend(step);
  }

  /** IKE SA and packets are there from now on. */
  arrive(step: Step, path: Path): void {
    if (!equalPaths(this, path)) this.move(step, path);
    if (equalPaths(this.traffic, path)) return;
    this.moveTraffic(step, path);
    // The float from port 500 to 4500 during IKE_AUTH is no news (RFC 7296 §2.23).
    if (this.#sa.phase === "established") this.#sa.world.onMoved(this.#sa, step);
  }

  /** Packets of the Child SAs take this way from now on. */
  moveTraffic(step: Step, { local, remote }: Path): void {
    this.traffic = { local, remote };
    for (const { inboundSpi } of this.#sa.children.values()) {
      step.outputs.push({ kind: "move-child-sa", inboundSpi, local, remote });
    }
  }

  /** The peer has to show that it receives at the end of this way (RFC 4555 §3.7). */
  prove(step: Step, path: Path): void {
    if (this.unproven === undefined || !equalPaths(this.unproven, path)) this.unproven = path;
    if (this.isChecking) return;
    this.isChecking = true;
    this.#sa.request(step, new CheckAddress());
  }
}
