/**
 * Our own requests on one IKE SA: one at a time, in order (RFC 7296 §2.3, a window of one), repeated
 * until they are answered (§2.1, §2.4).
 */
import { limits } from "../limits.ts";
import type { Monotonic } from "../moment.ts";
import { patientPlan, type RetransmissionPlan } from "../sa/message_window.ts";
import type { Channel } from "./channel.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Path } from "./path.ts";
import { transmit } from "./path.ts";
import type { Step } from "./step.ts";
import type { Task } from "./task.ts";

/** The requests of one IKE SA. */
export class Requests {
  readonly #sa: IkeSa;
  readonly #channel: Channel;
  /** BOUNDED: one task a Child SA, and one of each other kind. */
  readonly #queue: Task[] = [];
  #current: Task | undefined;
  /** When the request under way was last known to be unanswered by a living peer. */
  #askedAt: Monotonic;

  /** None at first; `channel` is that of `sa`. */
  constructor(sa: IkeSa, channel: Channel, now: Monotonic) {
    this.#sa = sa;
    this.#channel = channel;
    this.#askedAt = now;
  }

  /** What waits for its response. */
  get current(): Task | undefined {
    return this.#current;
  }

  /** Whether nothing is under way or waits for its turn. */
  get isIdle(): boolean {
    return this.#current === undefined && this.#queue.length === 0;
  }

  /** When something is due. */
  get deadline(): Monotonic | undefined {
    return this.#channel.deadline;
  }

  /** Adds one behind all others. */
  add(task: Task): void {
    this.#queue.push(task);
  }

  /** Adds one before all others. */
  addFirst(task: Task): void {
    this.#queue.unshift(task);
  }

  /** Whether one with this name waits for its turn. */
  hasWaiting(name: string): boolean {
    return this.#queue.some((task) => task.name === name);
  }

  /** Takes out what still waits for its turn. */
  takeWaiting(): readonly Task[] {
    return this.#queue.splice(0);
  }

  /** Sends the next one, when none is under way. */
  startNext(step: Step): void {
    while (this.#current === undefined) {
      const task = this.#queue.shift();
      if (task === undefined) return;
      const payloads = task.build(this.#sa, step);
      if (payloads === undefined) continue;
      const now = step.at.monotonic;
      this.#current = task;
      this.#askedAt = now;
      const plan = task.isLivenessCheck === true
        ? livenessPlan(this.#sa.world.settings.dpd.retryMs)
        : task.isPatient === true
        ? patientPlan
        : undefined;
      const datagrams = this.#channel.send(now, task.exchangeType, payloads, plan);
      transmit(step, this.#pathOf(task), datagrams);
    }
  }

  /** The response has come; whose it is. */
  finish(): Task | undefined {
    const task = this.#current;
    this.#current = undefined;
    return task;
  }

  /** Repeats what is due; false when the peer is silent for good. */
  retransmit(step: Step): boolean {
    const task = this.#current;
    if (task === undefined) return true;
    const now = step.at.monotonic;
    // A peer whose ESP arrives is alive, however long its IKE takes (RFC 7296 §2.4, design rule 12).
    if (task.isLivenessCheck === true && this.#sa.lastInbound > this.#askedAt) {
      this.#channel.renewRequest();
      this.#askedAt = now;
    }
    const due = this.#channel.retransmit(now);
    if (due === "gave-up") return false;
    if (due !== undefined) {
      this.#sa.world.count("retransmission-sent");
      transmit(step, this.#pathOf(task), due);
    }
    return true;
  }

  /** Asks once more, and as patiently as at first: one of the two sides is elsewhere (RFC 4555 §3.5). */
  resend(step: Step): void {
    const task = this.#current;
    if (task === undefined) return;
    transmit(step, this.#pathOf(task), this.#channel.restartRequest(step.at.monotonic));
  }

  /** Gives everything up without a response. */
  drop(step: Step): void {
    this.#queue.length = 0;
    this.#current?.abandon?.(this.#sa, step);
    this.#current = undefined;
    this.#channel.abandonRequest();
  }

  /** Where a request goes: where the IKE SA is, unless it has a way of its own. */
  #pathOf(task: Task): Path {
    return task.route?.(this.#sa) ?? this.#sa;
  }
}

/** How DPD repeats itself. */
function livenessPlan(retryMs: number): RetransmissionPlan {
  return {
    firstMs: retryMs,
    transmissions: limits.dpdTransmissions,
    backoff: 1,
    longestMs: retryMs,
  };
}
