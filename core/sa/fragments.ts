/**
 * Reassembly of fragmented messages (RFC 7383 §2.6).
 *
 * What comes here has been authenticated and decrypted, fragment by fragment, so only the peer
 * itself can fill the buffer; it is limited nevertheless. With a window of one there is at most one
 * message in pieces at a time in each direction: use one buffer for requests and one for responses.
 */
import { type Bytes, concatBytes, copyBytes, type OwnedBytes } from "../bytes.ts";
import { limits } from "../limits.ts";

/** An opened SKF payload. */
export interface Fragment {
  /** Message ID of the message it belongs to. */
  readonly messageId: number;
  /** Fragment Number, from 1. */
  readonly number: number;
  /** Total Fragments. */
  readonly total: number;
  /** Next Payload of the SKF payload; means something in the first fragment only. */
  readonly firstPayload: number;
  /** Its part of the payload chain. */
  readonly plaintext: Bytes;
}

/** What became of a fragment. */
export type FragmentOutcome =
  /** Others are missing. */
  | { readonly kind: "stored" }
  /** It was there already. */
  | { readonly kind: "duplicate" }
  /** Impossible numbers, a smaller total than seen before, or over a limit. */
  | { readonly kind: "refused" }
  /** It was the last one missing; the buffer is empty again. */
  | { readonly kind: "complete"; readonly firstPayload: number; readonly plaintext: OwnedBytes };

/** Collects the fragments of one message at a time. */
export class FragmentBuffer {
  #messageId: number | undefined;
  #total = 0;
  #firstPayload = 0;
  #bytes = 0;
  /** BOUNDED by `limits.fragmentsPerMessage`, and in octets by `limits.messageBytes`. */
  readonly #parts = new Map<number, OwnedBytes>();

  /** Adds a fragment, whose octets are copied. A new Message ID drops what was collected before. */
  add(fragment: Fragment): FragmentOutcome {
    const { messageId, number, total, plaintext } = fragment;
    if (number < 1 || number > total || total > limits.fragmentsPerMessage) {
      return { kind: "refused" };
    }
    if (messageId !== this.#messageId || total > this.#total) {
      // RFC 7383 §2.6: a larger total means that the peer cut the message anew into smaller pieces.
      this.clear();
      this.#messageId = messageId;
      this.#total = total;
    }
    if (total < this.#total) return { kind: "refused" };
    if (this.#parts.has(number)) return { kind: "duplicate" };
    if (this.#bytes + plaintext.length > limits.messageBytes) return { kind: "refused" };
    this.#parts.set(number, copyBytes(plaintext));
    this.#bytes += plaintext.length;
    if (number === 1) this.#firstPayload = fragment.firstPayload;
    return this.#parts.size === total ? this.#join() : { kind: "stored" };
  }

  /** Forgets everything, for instance when the exchange has ended. */
  clear(): void {
    this.#messageId = undefined;
    this.#total = 0;
    this.#firstPayload = 0;
    this.#bytes = 0;
    this.#parts.clear();
  }

  #join(): FragmentOutcome {
    const inOrder = [...this.#parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const firstPayload = this.#firstPayload;
    this.clear();
    return { kind: "complete", firstPayload, plaintext: concatBytes(...inOrder) };
  }
}
