/** IKE_SA_INIT as initiator (RFC 7296 §1.2, §2.6, RFC 8019 §7.1): until an IKE SA with keys exists. */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { copyBytes, equalBytes } from "../bytes.ts";
import type { KeyPair } from "../crypto/provider.ts";
import { limits } from "../limits.ts";
import { ExchangeType, NotifyType, ProtocolId, TransformType } from "../message/constants.ts";
import type { ParsedMessage } from "../message/message.ts";
import { buildMessage } from "../message/message.ts";
import {
  buildCookie,
  buildSignatureHashes,
  findErrorNotify,
  findNotify,
  notify,
  parseCookie,
  parseSignatureHashes,
} from "../message/notify.ts";
import type { Payload, Proposal } from "../message/payload.ts";
import { parsePuzzle } from "../message/puzzle.ts";
import type { Monotonic } from "../moment.ts";
import { deriveIkeKeys } from "../sa/keymat.ts";
import { RequesterWindow } from "../sa/message_window.ts";
import { confirmChoice, ikeSuiteOf, offerOf } from "../sa/proposal.ts";
import type { Puzzle } from "../sa/puzzle.ts";
import { PuzzleSolver } from "../sa/puzzle.ts";
import { announcedHashes } from "../sa/signature_auth.ts";
import type { Endpoint } from "../wire/address.ts";
import { IkeSa } from "./ike_sa.ts";
import type { InitMemory } from "./ike_sa_init.ts";
import { groupWanted, offeredGroup } from "./key_exchange_offer.ts";
import { announceNat, natFacts } from "./nat_announcement.ts";
import { find } from "./payloads.ts";
import type { Step } from "./step.ts";
import type { SaWorld } from "./world.ts";

/** What a response comes to. */
export type InitResponse =
  | { readonly kind: "sa"; readonly sa: IkeSa; readonly memory: InitMemory }
  /** The request was changed as the responder wished and sent again, or will be when its puzzle is solved. */
  | { readonly kind: "retried" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "ignored" };

const EMPTY_SPI = new Uint8Array(8);
/** Patient with a gateway that restarts, quick to notice that it is back. */
const PLAN = { firstMs: 400, transmissions: 18, backoff: 1.15, longestMs: 5_000 } as const;
/** How often a responder may ask for another group or cookie. */
const MOST_RETRIES = 4;
/** Octets of a request at least: a responder that says no more than it was told has room for all it wants. */
const ROOM_BYTES = 400;
/** How hard a puzzle we choose where the responder leaves it to us (RFC 8019 §7.1.3). */
const OWN_CHOICE_BITS = 10;

/** What may differ between initiators. */
export interface InitInitiatorOptions {
  /** What we announce besides the standard. */
  readonly vendorIds: readonly Bytes[];
  /** The hardest puzzle that is solved; 0 solves none. */
  readonly puzzleBits: number;
}

/** One attempt to begin an IKE SA. */
export class IkeSaInitInitiator {
  readonly #world: SaWorld;
  readonly #local: Endpoint;
  readonly #remote: Endpoint;
  readonly #window: RequesterWindow;
  readonly spiI: OwnedBytes;
  readonly #nonceI: OwnedBytes;
  readonly #offer: readonly Proposal[];
  readonly #announced: readonly Payload[];
  #pair: KeyPair | undefined;
  readonly #puzzleBits: number;
  #cookie: OwnedBytes | undefined;
  /** The puzzle that came with the cookie, while it is being solved, and when to go on with it. */
  #work: { readonly solver: PuzzleSolver; at: Monotonic } | undefined;
  #solution: OwnedBytes | undefined;
  #request: OwnedBytes = EMPTY_SPI;
  #retries = 0;

  /** Nothing is sent yet. */
  constructor(
    world: SaWorld,
    local: Endpoint,
    remote: Endpoint,
    { vendorIds, puzzleBits }: InitInitiatorOptions,
  ) {
    this.#puzzleBits = puzzleBits;
    this.#world = world;
    this.#local = local;
    this.#remote = remote;
    this.#window = new RequesterWindow(0, world.random);
    this.spiI = world.newIkeSpi();
    this.#nonceI = world.random.bytes(32);
    this.#offer = offerOf(world.settings.ikeProposals, new Uint8Array(0), true);
    // Made once: a request that comes with a cookie is otherwise the same (§2.6).
    this.#announced = [
      ...announceNat(world, this.spiI, EMPTY_SPI, remote),
      notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
      buildSignatureHashes(announcedHashes),
      ...vendorIds.map((data) => ({ kind: "V", data } as const)),
    ];
  }

  /** Sends the first request. */
  start(step: Step): void {
    const group = offeredGroup(this.#offer);
    if (group === undefined) throw new RangeError("Cannot begin an IKE SA: no group is offered");
    this.#pair = this.#world.crypto.generateKeyPair(group, this.#world.random);
    this.#request = this.#build(this.#pair);
    this.#window.begin([this.#request], step.at.monotonic, PLAN);
    this.#transmit(step, this.#request);
  }

  /** When `retransmit` has something to do. */
  get deadline(): Monotonic | undefined {
    return this.#work?.at ?? this.#window.deadline;
  }

  /** Whether requests differed, so that the responder may have answered another one than the last. */
  get hasVariants(): boolean {
    return this.#retries > 0;
  }

  /** Works on, or sends again what is due; false when it comes to nothing. */
  retransmit(step: Step): boolean {
    if (this.#work !== undefined) {
      this.#solution = this.#work.solver.work(limits.puzzleTriesAtOnce);
      this.#work.at = step.at.monotonic;
      if (this.#solution === undefined) return true;
      this.#work = undefined;
      return this.#retry(step).kind !== "refused";
    }
    const due = this.#window.onTimeout(step.at.monotonic);
    if (due.kind === "retransmit") {
      for (const datagram of due.datagrams) this.#transmit(step, datagram);
    }
    return due.kind !== "give-up";
  }

  /** A response to our SPI. */
  handle(step: Step, bytes: Bytes, message: ParsedMessage, local: Endpoint): InitResponse {
    const { header, payloads } = message;
    if (!header.flags.response || header.flags.initiator || header.messageId !== 0) {
      return { kind: "ignored" };
    }
    const cookie = findNotify(payloads, NotifyType.COOKIE);
    const demanded = cookie === undefined ? undefined : parseCookie(cookie);
    if (demanded !== undefined) {
      // The answer to a copy of what we sent before; heeded, it would make us sign what nobody answers.
      if (this.#work !== undefined) return { kind: "ignored" };
      if (this.#cookie !== undefined) {
        if (!this.#window.isRepeated || equalBytes(demanded, this.#cookie)) {
          return { kind: "ignored" };
        }
      }
      this.#cookie = copyBytes(demanded);
      this.#solution = undefined;
      const puzzle = this.#puzzleIn(payloads, this.#cookie);
      if (puzzle === undefined) return this.#retry(step);
      const solver = new PuzzleSolver(this.#world.crypto, puzzle);
      this.#work = { solver, at: step.at.monotonic };
      return { kind: "retried" };
    }
    const error = findErrorNotify(payloads);
    if (error !== undefined) {
      const group = groupWanted(error, this.#offer);
      if (group !== undefined && group === this.#pair?.group) return { kind: "ignored" };
      if (group !== undefined) {
        this.#pair = this.#world.crypto.generateKeyPair(group, this.#world.random);
        return this.#retry(step);
      }
      // Not authenticated: it may be a forgery, but nothing better will come of waiting.
      return { kind: "refused", reason: `notify-${error.notifyType}` };
    }
    return this.#finish(step, bytes, message, local);
  }

  #finish(step: Step, bytes: Bytes, message: ParsedMessage, local: Endpoint): InitResponse {
    const { header, payloads } = message;
    const answer = find(payloads, "SA");
    const nonce = find(payloads, "Nonce");
    const ke = find(payloads, "KE");
    if (answer === undefined || nonce === undefined || ke === undefined) return { kind: "ignored" };
    if (nonce.data.length < 16 || header.responderSpi.every((octet) => octet === 0)) {
      return { kind: "ignored" };
    }
    const chosen = confirmChoice(this.#offer, answer.proposals, {
      protocol: ProtocolId.IKE,
      withKe: true,
    });
    if (chosen === undefined || this.#pair === undefined) return { kind: "ignored" };
    const suite = ikeSuiteOf(chosen);
    if (ke.group !== suite.group || suite.group !== this.#pair.group) return { kind: "ignored" };
    const sharedSecret = this.#world.crypto.deriveSharedSecret(this.#pair, ke.data);
    if (sharedSecret === undefined) return { kind: "ignored" };
    this.#window.finish(0);
    const spiR = copyBytes(header.responderSpi);
    const nonceR = copyBytes(nonce.data);
    const hashes = findNotify(payloads, NotifyType.SIGNATURE_HASH_ALGORITHMS);
    const sa = new IkeSa(this.#world, {
      originalInitiator: true,
      spiI: this.spiI,
      spiR,
      suite,
      keys: deriveIkeKeys(
        this.#world.crypto,
        suite,
        sharedSecret,
        this.#nonceI,
        nonceR,
        this.spiI,
        spiR,
      ),
      local,
      remote: this.#remote,
      firstMessageId: 1,
      fragmentation: findNotify(payloads, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) !== undefined,
      ciscoFragments: false,
      nat: natFacts(this.#world, this.spiI, spiR, payloads, { local, remote: this.#remote }),
      seenAs: findNotify(payloads, NotifyType.NAT_DETECTION_DESTINATION_IP)?.data,
    }, step.at);
    return {
      kind: "sa",
      sa,
      memory: {
        request: this.#request,
        response: copyBytes(bytes),
        nonceI: this.#nonceI,
        nonceR,
        peerHashes: hashes === undefined ? undefined : parseSignatureHashes(hashes),
      },
    };
  }

  /** A puzzle beside a cookie that we take upon us; else the cookie has to do (RFC 8019 §7.1.2). */
  #puzzleIn(payloads: readonly Payload[], subject: Bytes): Puzzle | undefined {
    const found = findNotify(payloads, NotifyType.PUZZLE);
    const terms = found === undefined ? undefined : parsePuzzle(found);
    const isOffered = this.#offer.some(({ transforms }) =>
      transforms.some(({ type, id }) => type === TransformType.PRF && id === terms?.prf)
    );
    if (terms === undefined || !isOffered || terms.bits > this.#puzzleBits) return undefined;
    const bits = terms.bits === 0 ? Math.min(OWN_CHOICE_BITS, this.#puzzleBits) : terms.bits;
    return bits === 0 ? undefined : { prf: terms.prf, bits, subject };
  }

  #retry(step: Step): InitResponse {
    if (this.#pair === undefined || ++this.#retries > MOST_RETRIES) {
      return { kind: "refused", reason: "too-many-retries" };
    }
    this.#request = this.#build(this.#pair);
    this.#window.replace([this.#request], step.at.monotonic);
    this.#transmit(step, this.#request);
    return { kind: "retried" };
  }

  #build(pair: KeyPair): OwnedBytes {
    const payloads: readonly Payload[] = [
      ...(this.#cookie === undefined ? [] : [buildCookie(this.#cookie)]),
      ...(this.#solution === undefined ? [] : [{ kind: "PS", data: this.#solution } as const]),
      { kind: "SA", proposals: this.#offer },
      { kind: "KE", group: pair.group, data: pair.publicValue },
      { kind: "Nonce", data: this.#nonceI },
      ...this.#announced,
    ];
    const build = (more: readonly Payload[]) =>
      buildMessage({
        initiatorSpi: this.spiI,
        responderSpi: EMPTY_SPI,
        exchangeType: ExchangeType.IKE_SA_INIT,
        flags: { initiator: true, response: false },
        messageId: 0,
      }, [...payloads, ...more]);
    const message = build([]);
    const missing = ROOM_BYTES - message.length;
    return missing <= 0 ? message : build([{ kind: "V", data: new Uint8Array(missing) }]);
  }

  #transmit(step: Step, bytes: OwnedBytes): void {
    step.outputs.push({ kind: "transmit", local: this.#local, remote: this.#remote, bytes });
  }
}
