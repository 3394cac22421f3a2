/**
 * Asks a silent server for a sign of life by Status-Server (RFC 5997): a few packets, each a new one as
 * §4.2 wants it. Nothing but life is read from the answer, so it need not be signed by
 * Message-Authenticator; its Response Authenticator has to be right.
 */
import type { Bytes, Random } from "../../../core/mod.ts";
import type { Channel, Slot } from "./channel.ts";
import { type Attribute, Code } from "./packet.ts";
import { openAnswer, sealRequest } from "./protection.ts";
import type { RadiusCounter } from "./tally.ts";

/** Packets in vain that are proof of death. */
const mostPackets = 3;

/** What ports of either kind answer. */
const lifeCodes: readonly number[] = [Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE];

/** What a probing is made from. */
export interface ProbingOptions {
  readonly secret: Bytes;
  readonly channel: Channel;
  /** Who asks. */
  readonly attributes: readonly Attribute[];
  /** How long each packet is waited for, milliseconds. */
  readonly pauseMs: number;
  readonly random: Random;
  /** An answer that is not believed. */
  readonly dropped: (cause: RadiusCounter) => void;
  /** It lives. */
  readonly answered: () => void;
  /** It does not, as far as this can tell. */
  readonly failed: () => void;
}

/** One round of asking. */
export class Probing {
  readonly #options: ProbingOptions;
  readonly #slots: Slot[] = [];
  #sent = 0;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins at once. */
  constructor(options: ProbingOptions) {
    this.#options = options;
    void this.#next();
  }

  /** Nobody wants to know any more. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const slot of this.#slots.splice(0)) slot.release("abandoned");
  }

  async #next(): Promise<void> {
    const { channel, secret, attributes, random, pauseMs, failed } = this.#options;
    if (this.#isOver) return;
    if (this.#sent === mostPackets) {
      this.stop();
      return failed();
    }
    this.#sent += 1;
    this.#timer = setTimeout(() => void this.#next(), pauseMs);
    let take = (_: Bytes): void => {};
    let slot: Slot;
    try {
      slot = await channel.open({ take: (bytes) => take(bytes), lost: () => {} });
    } catch {
      return; // As good as a packet that is lost.
    }
    if (this.#isOver) return slot.release("abandoned");
    this.#slots.push(slot);
    const nonce = random.bytes(16);
    const { identifier } = slot;
    const sealed = sealRequest(secret, {
      code: Code.STATUS_SERVER,
      identifier,
      attributes,
      nonce,
    });
    if (sealed === undefined) return;
    take = (bytes) => this.#take(slot, sealed.authenticator, bytes);
    slot.send(sealed.bytes);
  }

  #take(slot: Slot, authenticator: Bytes, bytes: Bytes): void {
    const { secret, dropped, answered } = this.#options;
    const opened = openAnswer(secret, authenticator, bytes, false);
    if (!opened.ok) {
      dropped(opened.fault);
      return slot.distrust();
    }
    if (!lifeCodes.includes(opened.value.code)) return dropped("unexpected-code");
    this.stop();
    answered();
  }
}
