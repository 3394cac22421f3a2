/**
 * One IKE SA: its phase, its Child SAs, its timers, and what happens to messages that pass the
 * channel (RFC 7296 §1.3, §1.4, §2). Both roles live here: who began the SA (`originalInitiator`)
 * and who begins an exchange are different things.
 *
 * Contract: after every call that takes a `Step`, the owner asks `nextDeadline()` again.
 * A call at the wrong time, or with nothing to do, is harmless.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import { ExchangeType, NotifyType, ProtocolId } from "../message/constants.ts";
import type { ParsedMessage } from "../message/message.ts";
import { buildUnsupportedCritical, notify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import type { Moment, Monotonic } from "../moment.ts";
import { after, earlier } from "../moment.ts";
import type { IkeKeys } from "../sa/keymat.ts";
import { largestMessage } from "../sa/protection.ts";
import type { IkeSuite } from "../sa/suite.ts";
import type { Endpoint } from "../wire/address.ts";
import { equalAddresses } from "../wire/address.ts";
import type { PacketFilter } from "../gateway/packet_filter.ts";
import type { Answer } from "../gateway/question.ts";
import type { MessageSize } from "./channel.ts";
import { Channel } from "./channel.ts";
import type { ChildSa } from "./child_sa.ts";
import { removeChildSa } from "./child_sa.ts";
import type {
  AllowedSelectors,
  AuthenticationFacts,
  Dispute,
  IkeSaSeed,
  Phase,
} from "./ike_sa_seed.ts";
import type { NatFacts } from "./nat_announcement.ts";
import type { Path } from "./path.ts";
import { transmit } from "./path.ts";
import { RekeySchedule } from "./rekey_schedule.ts";
import { Requests } from "./requests.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";
import { Whereabouts } from "./whereabouts.ts";
import type { CloseReason, SaWorld } from "./world.ts";

/** Answers IKE_AUTH requests (responder) while the SA is authenticating. */
export interface Authenticator {
  /** One IKE_AUTH request. */
  handle(sa: IkeSa, step: Step, request: readonly Payload[]): void;
  /** The answer to a question that it asked. */
  complete(sa: IkeSa, step: Step, id: number, answer: Answer): void;
  /** The SA is gone; questions are no longer of interest. */
  abandon(sa: IkeSa, step: Step): void;
}

/** How long a finished SA repeats its last response. */
const LINGER_MS = 5_000;
/** How long unprotected doubts about the peer are unheard after one of them. */
const DOUBT_MS = 10_000;
/** How long an SA that has no further use waits for its DELETE. */
const UNUSED_MS = 60_000;

/** One IKE SA. */
export class IkeSa {
  readonly world: SaWorld;
  readonly originalInitiator: boolean;
  readonly spiI: OwnedBytes;
  readonly spiR: OwnedBytes;
  readonly suite: IkeSuite;
  readonly keys: IkeKeys;
  readonly fragmentation: boolean;
  readonly ciscoFragments: boolean;
  nat: NatFacts;
  /** BOUNDED by `limits.childSasPerIkeSa`. */
  readonly children = new Map<number, ChildSa>();
  /** Where it is, and its packets. */
  readonly where: Whereabouts;
  /** When it and its Child SAs are rekeyed. */
  readonly rekeys: RekeySchedule;
  phase: Phase = "authenticating";
  established: Moment | undefined;
  authentication: AuthenticationFacts | undefined;
  authenticator: Authenticator | undefined;
  /** What Child SAs of this IKE SA may carry, once that is known. */
  allowedSelectors: AllowedSelectors | undefined;
  /** What the peer may send on them; everything that fits the selectors, if there is none. */
  filter: PacketFilter | undefined;
  /** The token by which the peer is believed that it has lost the SA (RFC 6290). Secret. */
  crashToken: OwnedBytes | undefined;
  /** Whether the peer was told our own token. */
  hasToldCrashToken = false;
  /** When the peer has to have authenticated anew, on another IKE SA (RFC 4478); a rekey changes nothing. */
  authenticatedUntil: Monotonic | undefined;
  /** When it was made; after a rekey: when the first of its line was. */
  begun: Monotonic;
  lastInbound: Monotonic;

  readonly #channel: Channel;
  readonly #requests: Requests;
  #dispute: Dispute | undefined;
  /** End of the present phase where it has one. */
  #phaseEnd: Monotonic | undefined;
  #confirmed = false;
  #doubtAgainAt: Monotonic;
  /** Those of its line that were replaced and are not gone. BOUNDED by `limits.replacedIkeSas`. */
  #replaced: Set<IkeSa> | undefined;

  constructor(world: SaWorld, seed: IkeSaSeed, at: Moment) {
    this.world = world;
    this.originalInitiator = seed.originalInitiator;
    this.spiI = seed.spiI;
    this.spiR = seed.spiR;
    this.suite = seed.suite;
    this.keys = seed.keys;
    this.where = new Whereabouts(this, seed);
    this.rekeys = new RekeySchedule(this);
    this.fragmentation = seed.fragmentation;
    this.ciscoFragments = seed.ciscoFragments;
    this.nat = seed.nat;
    this.begun = at.monotonic;
    this.lastInbound = at.monotonic;
    this.#doubtAgainAt = at.monotonic;
    this.#phaseEnd = after(at.monotonic, limits.halfOpenMs);
    this.#channel = new Channel(world, seed, () => this.#messageSize());
    this.#requests = new Requests(this, this.#channel, at.monotonic);
  }

  /** Our SPI. */
  get localSpi(): OwnedBytes {
    return this.originalInitiator ? this.spiI : this.spiR;
  }

  /** The peer's SPI. */
  get peerSpi(): OwnedBytes {
    return this.originalInitiator ? this.spiR : this.spiI;
  }

  /** Our endpoint. */
  get local(): Endpoint {
    return this.where.local;
  }

  /** The peer's endpoint. */
  get remote(): Endpoint {
    return this.where.remote;
  }

  /** Message IDs for `show`. */
  get messageIds(): { readonly nextLocal: number; readonly nextRemote: number } {
    return this.#channel.messageIds;
  }

  /** Our request that waits for its response. */
  get current(): Task | undefined {
    return this.#requests.current;
  }

  // --- what happens to it -------------------------------------------------------------------

  /** A datagram for this SA's SPIs arrived. */
  handleDatagram(
    step: Step,
    bytes: Bytes,
    message: ParsedMessage,
    local: Endpoint,
    remote: Endpoint,
  ): void {
    if (this.phase === "closed") return;
    if (this.#isUnproven(remote)) return this.world.count("ike-auth-from-elsewhere");
    if (this.#isEarly(message)) return this.world.count("request-before-authentication");
    const received = this.#channel.receive(bytes, message);
    switch (received.kind) {
      case "dropped":
        this.world.count(received.cause);
        return;
      case "incomplete":
        return;
      case "repeated":
        if (this.#isRedirected(bytes, remote, received.datagrams)) {
          return this.world.count("retransmission-from-elsewhere");
        }
        this.world.count("retransmission-answered");
        transmit(step, { local, remote }, received.datagrams);
        return;
      case "malformed":
        this.world.count("malformed-payloads");
        trace(step, {
          level: "info",
          event: "malformed-payloads",
          remote,
          facts: { path: received.fault.path, fault: received.fault.kind },
        });
        // RFC 7296 §2.21.2: an authenticated request deserves an answer.
        if (received.isRequest && this.phase !== "lingering") {
          this.#sawRequest(step, { local, remote });
          this.reply(step, [faultNotify(received.fault)]);
        }
        return;
      case "request":
        if (this.phase === "lingering") return;
        this.#sawRequest(step, { local, remote });
        this.#handleRequest(step, received.exchangeType, received.payloads);
        return;
      case "response":
        this.#sawPeer(step, { local, remote });
        this.#handleResponse(step, received.payloads);
        return;
    }
  }

  /** A deadline came. */
  handleTimeout(step: Step): void {
    const now = step.at.monotonic;
    if (this.phase === "closed") return;
    if (this.#phaseEnd !== undefined && now >= this.#phaseEnd) return this.#endPhase(step);
    if (!this.#requests.retransmit(step)) {
      trace(step, { level: "info", event: "peer-silent", remote: this.remote });
      return this.close(step, "peer-silent");
    }
    if (this.phase !== "established") return;
    this.rekeys.tend(step);
    if (this.#wantsLivenessCheck(now)) this.request(step, this.world.exchanges.livenessCheck());
  }

  /** Packets of a Child SA arrived: the peer lives. */
  sawTraffic(step: Step): void {
    this.lastInbound = step.at.monotonic;
    this.#confirm(step);
  }

  /** Authenticated packets of a Child SA come from another endpoint now (RFC 7296 §2.23). */
  peerMoved(step: Step, remote: Endpoint): void {
    if (this.phase !== "established") return;
    this.lastInbound = step.at.monotonic;
    this.where.sawPackets(step, remote);
  }

  /** Something that anybody may have said says that the peer lost the SA: it is asked, but seldom. */
  doubt(step: Step): void {
    const now = step.at.monotonic;
    if (this.phase !== "established" || !this.#requests.isIdle || now < this.#doubtAgainAt) return;
    this.#doubtAgainAt = after(now, DOUBT_MS);
    this.request(step, this.world.exchanges.livenessCheck());
  }

  /** When it wants to be woken. */
  nextDeadline(): Monotonic | undefined {
    if (this.phase === "closed") return undefined;
    let next = this.#phaseEnd;
    const consider = (at: Monotonic | undefined) => {
      next = earlier(next, at);
    };
    consider(this.#requests.deadline);
    if (this.phase === "established") {
      consider(this.rekeys.deadline);
      if (this.current === undefined) {
        consider(after(this.lastInbound, this.world.settings.dpd.intervalMs));
      }
    }
    return next;
  }

  // --- what others make it do ---------------------------------------------------------------

  /** Queues a request of ours. */
  request(step: Step, task: Task): void {
    if (this.phase === "closed" || this.phase === "lingering") return;
    this.#requests.add(task);
    this.#requests.startNext(step);
    this.world.onRescheduled(this);
  }

  /** Queues a request of ours before all others. */
  requestNext(step: Step, task: Task): void {
    if (this.phase === "closed" || this.phase === "lingering") return;
    this.#requests.addFirst(task);
    this.#requests.startNext(step);
    this.world.onRescheduled(this);
  }

  /** Whether a request of ours waits for its turn. */
  hasWaiting(name: string): boolean {
    return this.#requests.hasWaiting(name);
  }

  /** Sends again what waits for its answer. */
  resend(step: Step): void {
    this.#requests.resend(step);
    this.world.onRescheduled(this);
  }

  /** Answers the request in progress. */
  reply(step: Step, payloads: readonly Payload[]): void {
    transmit(step, this.where.answerPath, this.#channel.reply(payloads));
  }

  /** Authentication made progress: the peer has `ms` for the next step, within the time for all. */
  extendHalfOpen(step: Step, ms: number): void {
    const limit = after(this.begun, limits.authenticationMs);
    const end = after(step.at.monotonic, ms);
    this.#phaseEnd = end < limit ? end : limit;
  }

  /** It is established, but of no use: it ends in `ms`. */
  endAfter(step: Step, ms: number): void {
    this.#phaseEnd = after(step.at.monotonic, ms);
    this.rekeys.stop();
  }

  /** Ends an SA that goes wrong: without a word where the session goes on without it (rule 4). */
  giveUp(step: Step, reason: CloseReason): void {
    if (this.world.outlives(this)) this.close(step, reason);
    else this.closeWithDelete(step, reason);
  }

  /** Authentication is complete. */
  establish(step: Step, facts: AuthenticationFacts): void {
    const { ikeMs } = this.world.settings.lifetimes;
    this.phase = "established";
    this.established = step.at;
    this.authentication = facts;
    this.authenticator = undefined;
    this.lastInbound = step.at.monotonic;
    const end = after(step.at.monotonic, ikeMs);
    const until = this.authenticatedUntil;
    this.#phaseEnd = until !== undefined && until < end ? until : end;
    this.rekeys.start(step);
  }

  /** Changes what the peer may send, on the pairs that stand and on those to come. */
  changeFilter(step: Step, filter: PacketFilter): void {
    this.filter = filter;
    for (const inboundSpi of this.children.keys()) {
      step.outputs.push({ kind: "filter-child-sa", inboundSpi, filter });
    }
  }

  /**
   * Hands everything that lives on to the SA that a rekey made, and waits for DELETE. Where many wait, of a
   * peer that does not delete what it rekeys, the oldest waits no longer.
   */
  becomeReplaced(step: Step, next: IkeSa): void {
    const replaced = this.#replaced ?? new Set();
    next.#replaced = this.#replaced = replaced.add(this);
    const [oldest] = replaced;
    if (replaced.size > limits.replacedIkeSas) oldest?.forget(step, "rekeyed");
    for (const [spi, child] of this.children) next.children.set(spi, child);
    this.children.clear();
    for (const task of this.#requests.takeWaiting()) {
      // Another rekey of ours that waited for its turn has come about.
      if (task.name !== "rekey-ike-sa") next.#requests.add(task);
    }
    this.#confirm(step);
    next.#confirmed = true;
    next.#dispute = undefined;
    next.begun = this.begun;
    next.where.inherit(this.where);
    next.hasToldCrashToken = this.hasToldCrashToken;
    next.allowedSelectors = this.allowedSelectors;
    next.filter = this.filter;
    next.authenticatedUntil = this.authenticatedUntil;
    if (this.authentication !== undefined) next.establish(step, this.authentication);
    this.phase = "replaced";
    this.#phaseEnd = after(step.at.monotonic, UNUSED_MS);
    this.rekeys.stop();
    next.#requests.startNext(step);
    // Last, so that the owner asks for a deadline that holds.
    this.world.onRekeyed(this, next, step);
  }

  /** It was made by a rekey that crossed ours: `dispute` is told what the peer does with it. */
  dispute(step: Step, dispute: Dispute): void {
    this.phase = "disputed";
    this.#dispute = dispute;
    this.#phaseEnd = after(step.at.monotonic, UNUSED_MS);
    this.world.onMade(this, step);
  }

  /** The other one of two counts: this one waits for DELETE. */
  becomeRedundant(step: Step): void {
    this.phase = "redundant";
    this.#dispute = undefined;
    this.#phaseEnd = after(step.at.monotonic, UNUSED_MS);
    this.world.count("ike-sa-redundant");
    this.world.onMade(this, step);
  }

  /** Ends the SA at once; nothing is sent. */
  close(step: Step, reason: CloseReason): void {
    if (this.phase === "closed" || this.phase === "lingering") return;
    this.#leave(step, reason);
    this.#vanish(step);
  }

  /** Ends the SA at once, and does not repeat any more what it said last. */
  forget(step: Step, reason: CloseReason): void {
    this.close(step, reason);
    if (this.phase === "lingering") this.#vanish(step);
  }

  /** Ends the SA, but repeats the response just sent to a peer that asks again. */
  linger(step: Step, reason: CloseReason): void {
    if (this.phase === "closed" || this.phase === "lingering") return;
    this.#leave(step, reason);
    this.phase = "lingering";
    this.#phaseEnd = after(step.at.monotonic, LINGER_MS);
  }

  /** Ends the SA with one DELETE that nobody waits for (design rule 7). */
  closeWithDelete(step: Step, reason: CloseReason): void {
    if (this.phase === "established") {
      this.farewell(step, [{ kind: "D", protocol: ProtocolId.IKE, spis: [] }]);
    }
    this.close(step, reason);
  }

  /** Says a last word that nobody waits for; to be followed by `close`. */
  farewell(step: Step, payloads: readonly Payload[]): void {
    const datagrams = this.#channel.sendUnanswered(ExchangeType.INFORMATIONAL, payloads);
    transmit(step, this, datagrams);
  }

  // --- inside -------------------------------------------------------------------------------

  #handleRequest(step: Step, exchangeType: number, payloads: readonly Payload[]): void {
    if (this.phase === "authenticating") {
      if (exchangeType === ExchangeType.IKE_AUTH && this.authenticator !== undefined) {
        this.authenticator.handle(this, step, payloads);
      } else if (exchangeType === ExchangeType.INFORMATIONAL) {
        // The initiator may refuse us in the middle of authentication (RFC 7296 §2.21.2), or only ask
        // whether we are there while a person types.
        this.reply(step, []);
        if (payloads.length > 0) this.linger(step, "authentication-failed");
      } else {
        this.reply(step, [notify(NotifyType.INVALID_SYNTAX)]);
      }
      return;
    }
    if (this.phase === "disputed" && !deletesIkeSa(payloads)) this.#dispute?.won(step);
    this.#confirm(step);
    this.world.exchanges.respond(this, step, exchangeType, payloads);
  }

  #handleResponse(step: Step, payloads: readonly Payload[]): void {
    const task = this.#requests.finish();
    task?.handle(this, step, payloads);
    if (this.phase !== "closed" && this.phase !== "lingering") this.#requests.startNext(step);
  }

  /**
   * Before authentication a peer is heard from the address that it began at alone: by knowing the keys it
   * has shown that it receives there, and nowhere else.
   */
  #isUnproven({ address }: Endpoint): boolean {
    return !this.originalInitiator && this.established === undefined &&
      (this.phase === "authenticating" || this.phase === "lingering") &&
      !equalAddresses(address, this.remote.address);
  }

  /** Whether somebody repeats a request, as if from elsewhere, so that others get a longer answer. */
  #isRedirected(
    { length }: Bytes,
    { address }: Endpoint,
    answer: readonly OwnedBytes[],
  ): boolean {
    return answer.reduce((sum, datagram) => sum + datagram.length, 0) > length &&
      !equalAddresses(address, this.where.askedFrom.remote.address);
  }

  #wantsLivenessCheck(now: Monotonic): boolean {
    return this.#requests.isIdle &&
      now >= after(this.lastInbound, this.world.settings.dpd.intervalMs);
  }

  #endPhase(step: Step): void {
    switch (this.phase) {
      case "authenticating":
        return this.close(step, "half-open-timeout");
      case "established":
        return this.giveUp(step, "lifetime-over");
      case "disputed":
      case "replaced":
      case "redundant":
        return this.close(step, "rekeyed");
      case "lingering":
      case "closed":
        return this.#vanish(step);
    }
  }

  #vanish(step: Step): void {
    this.phase = "closed";
    this.#replaced?.delete(this);
    this.world.onGone(this, step);
  }

  #leave(step: Step, reason: CloseReason): void {
    this.authenticator?.abandon(this, step);
    this.authenticator = undefined;
    for (const spi of [...this.children.keys()]) removeChildSa(this, step, spi);
    this.#requests.drop(step);
    this.#dispute?.lost();
    this.#dispute = undefined;
    this.rekeys.stop();
    this.world.onClosed(this, reason, step);
  }

  #sawRequest(step: Step, path: Path): void {
    this.where.askedFrom = path;
    this.#sawPeer(step, path);
  }

  #sawPeer(step: Step, path: Path): void {
    this.lastInbound = step.at.monotonic;
    this.where.sawMessage(step, path);
  }

  /**
   * A request that overtook the last response of IKE_AUTH. It comes again, and by then there is an SA to
   * answer for. A DELETE does not wait.
   */
  #isEarly({ header }: ParsedMessage): boolean {
    return this.phase === "authenticating" && this.originalInitiator && !header.flags.response &&
      header.exchangeType === ExchangeType.CREATE_CHILD_SA;
  }

  /** The peer has the last response of IKE_AUTH: without it nobody asks, sends packets or rekeys. */
  #confirm(step: Step): void {
    if (this.#confirmed) return;
    this.#confirmed = true;
    this.world.onConfirmed(this, step);
  }

  #messageSize(): MessageSize {
    const mostBytes = largestMessage(this.world.settings.fragmentMtu, this.remote.address.family);
    const cutting = this.fragmentation
      ? "before-sealing"
      : this.ciscoFragments
      ? "after-sealing"
      : "never";
    return { cutting, mostBytes };
  }
}

function deletesIkeSa(payloads: readonly Payload[]): boolean {
  return payloads.some((it) => it.kind === "D" && it.protocol === ProtocolId.IKE);
}

function faultNotify(fault: { readonly kind: string; readonly had?: number }): Payload {
  return fault.kind === "unsupported-critical" && fault.had !== undefined
    ? buildUnsupportedCritical(fault.had)
    : notify(NotifyType.INVALID_SYNTAX);
}
