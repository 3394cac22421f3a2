/**
 * The gateway: all peers together. It sorts datagrams to IKE SAs, admits new ones, and owns what they
 * share: SPIs, timers, sessions, questions.
 *
 * Contract: `handle` takes one input and returns what is to be done, in order; then ask
 * `nextTimeout()`. The same inputs with the same random source give the same outputs. Nothing that a
 * peer sends makes `handle` throw. Before authentication a peer costs at most one half-open IKE SA,
 * and nothing at all once cookies are asked.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { equalBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { AuthHost } from "../exchange/auth_host.ts";
import {
  CiscoReassembly,
  isCiscoFragment,
  parseCiscoFragment,
} from "../eap/anyconnect/cisco_fragments.ts";
import { exchanges } from "../exchange/exchanges.ts";
import { IkeAuthResponder } from "../exchange/ike_auth_responder.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import { isInitialRequest } from "../exchange/ike_sa_init.ts";
import { SpiTable } from "../exchange/spi_table.ts";
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { CloseReason, Direction, SaWorld } from "../exchange/world.ts";
import { limits } from "../limits.ts";
import { ExchangeType } from "../message/constants.ts";
import type { MessageHeader } from "../message/header.ts";
import { parseMessage } from "../message/message.ts";
import type { ParsedMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { Moment, Monotonic } from "../moment.ts";
import { earlier } from "../moment.ts";
import type { Trust } from "../pki/chain.ts";
import type { CertificateId } from "../pki/revocation.ts";
import type { Random } from "../random.ts";
import { assertNever } from "../result.ts";
import type { Endpoint } from "../wire/address.ts";
import { CrashDetection } from "./crash_detection.ts";
import { CrashNotices } from "./crash_notices.ts";
import { Initiations } from "./initiations.ts";
import type { Command, DataplaneEvent, Input, SessionSelector } from "./input.ts";
import { messageTrace } from "./message_trace.ts";
import type { Output } from "./output.ts";
import { acceptsPath } from "./peer_address.ts";
import { OpenQuestions } from "./open_questions.ts";
import type { Policy } from "./policy.ts";
import { settingsOf, trustOf } from "./policy_terms.ts";
import type { Answer } from "./question.ts";
import type { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";
import type { GatewayLoad, GatewaySnapshot, SessionSnapshot } from "./snapshot.ts";
import { snapshotOf, snapshotsOf } from "./snapshot_of.ts";
import { SourceLimiter } from "./source_limiter.ts";
import { answerUnreadable } from "./unreadable.ts";
import { TimerQueue } from "./timer_queue.ts";
import { WallClock } from "./wall_clock.ts";

/** What a gateway is made from. */
export interface GatewayOptions {
  /** The configuration. */
  readonly policy: Policy;
  /** Algorithms. */
  readonly crypto: CryptoProvider;
  /** Randomness: the only source. */
  readonly random: Random;
  /** The present. */
  readonly now: Moment;
  /** 32 octets that outlive the process; without them nobody is told of lost IKE SAs (RFC 6290). */
  readonly crashSecret?: Bytes;
}

/** The responder of all peers. */
export class Gateway {
  #policy: Policy;
  readonly #random: Random;
  readonly #world: SaWorld;
  #settings: SaWorld["settings"];
  /** For logins that begin now; those under way keep the one that they began with. */
  #host: AuthHost;
  readonly #ciscoFragments = new CiscoReassembly();
  readonly #initiations: Initiations;
  readonly #failedReconnects = new SourceLimiter(limits.failedReconnectsPerMinute);
  readonly #failedLogins = new SourceLimiter(limits.failedLoginsPerMinute);
  readonly #sessions: Sessions;
  readonly #spis: SpiTable;
  readonly #crash: CrashDetection | undefined;
  readonly #notices = new CrashNotices();
  readonly #timers = new TimerQueue<IkeSa | Session>();
  readonly #questions = new OpenQuestions();
  /** BOUNDED: the names are words of this program. */
  readonly #counters = new Map<string, number>();
  readonly #clock: WallClock;
  #now: Monotonic;
  /** The step under way, for what is only to be told. */
  #step: Step;
  /** Whether an operator wants to be told of every message. */
  #tellsMessages = false;

  /** A gateway without sessions; `restore` is its first input when there are stored ones. */
  constructor({ policy, crypto, random, now, crashSecret }: GatewayOptions) {
    this.#policy = policy;
    this.#settings = settingsOf(policy);
    this.#random = random;
    this.#now = now.monotonic;
    this.#step = { at: now, outputs: [] };
    this.#clock = new WallClock(now);
    const trust = trustOf(policy);
    const clientCas = trust.anchors;
    this.#initiations = new Initiations({ policy, crypto, random, clientCas, now });
    const crash = crashSecret === undefined ? undefined : new CrashDetection(crypto, crashSecret);
    this.#crash = crash;
    this.#spis = new SpiTable(random, crash === undefined ? undefined : (spi) => crash.mark(spi));
    this.#world = this.#makeWorld(crypto, crash);
    this.#host = this.#makeHost(policy, trust);
    const currentPolicy = (): Policy => this.#policy;
    this.#sessions = new Sessions({
      get policy() {
        return currentPolicy();
      },
      random,
      tell: (step, question) => void this.#questions.ask(step, question),
      reschedule: (session, step) => this.#scheduleSession(session, step),
    });
  }

  /** Takes one input; what is to be done comes back in order. */
  handle(input: Input): readonly Output[] {
    const step: Step = { at: input.at, outputs: [] };
    this.#step = step;
    this.#now = input.at.monotonic;
    if (this.#clock.hasJumped(input.at)) this.#scheduleSessions(step);
    switch (input.kind) {
      case "datagram":
        this.#handleDatagram(step, input.bytes, input.local, input.remote);
        break;
      case "timeout":
        this.#handleTimeout(step);
        break;
      case "completion":
        this.#handleCompletion(step, input.id, input.answer);
        break;
      case "dataplane":
        this.#handleEvent(step, input.event);
        break;
      case "command":
        this.#handleCommand(step, input.command);
        break;
      default:
        assertNever(input);
    }
    return step.outputs;
  }

  /** When the next `timeout` input is due; an earlier one is harmless. */
  nextTimeout(): Monotonic | undefined {
    const next = earlier(this.#timers.next(), this.#notices.next);
    return earlier(next, this.#clock.nextLook(this.#now));
  }

  /** A picture for `show`. */
  snapshot(): GatewaySnapshot {
    return snapshotOf(this.#sessions, this.#initiations.size, this.#counters);
  }

  /** Pictures of the sessions that a selector means. */
  find(selector: SessionSelector): readonly SessionSnapshot[] {
    return snapshotsOf(this.#sessions, this.#sessions.matching(selector));
  }

  /** A picture of one session, by its number; what that costs does not grow with the others. */
  session(id: number): SessionSnapshot | undefined {
    const session = this.#sessions.byId(id);
    return session === undefined ? undefined : snapshotsOf(this.#sessions, [session])[0];
  }

  /** The number of the session whose packets arrive on this ESP SPI. */
  sessionOfEsp(inboundSpi: number): number | undefined {
    const sa = this.#spis.ikeSaOfEsp(inboundSpi);
    return sa === undefined ? undefined : this.#sessions.sessionOf(sa)?.id;
  }

  /** What is held in memory, for metrics. */
  load(): GatewayLoad {
    return {
      ikeSas: this.#spis.ikeSaCount,
      espSpis: this.#spis.espSpiCount,
      negotiating: this.#initiations.size,
      timers: this.#timers.size,
      questions: this.#questions.size,
    };
  }

  // --- inputs -------------------------------------------------------------------------------

  #handleDatagram(step: Step, bytes: Bytes, local: Endpoint, remote: Endpoint): void {
    if (isCiscoFragment(bytes)) {
      const message = this.#joinFragments(bytes);
      if (message === undefined) return;
      return this.#handleMessage(step, message, local, remote);
    }
    this.#handleMessage(step, bytes, local, remote);
  }

  /** A piece of a message in Cisco's way; whole messages come out, still to be authenticated. */
  #joinFragments(bytes: Bytes): Bytes | undefined {
    const parsed = parseCiscoFragment(bytes);
    if (!parsed.ok) {
      this.#count(`unreadable-${parsed.fault.kind}`);
      return undefined;
    }
    // Nothing is kept for a peer that there is no IKE SA with.
    if (this.#spis.ikeSaOf(parsed.value.header) === undefined) {
      this.#count("unknown-ike-spi");
      return undefined;
    }
    const outcome = this.#ciscoFragments.add(parsed.value, this.#now);
    if (outcome.kind === "refused") this.#count("fragment-refused");
    return outcome.kind === "complete" && !isCiscoFragment(outcome.message)
      ? outcome.message
      : undefined;
  }

  #handleMessage(step: Step, bytes: Bytes, local: Endpoint, remote: Endpoint): void {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) {
      this.#count(`unreadable-${parsed.fault.kind}`);
      const answer = answerUnreadable(bytes, parsed.fault);
      if (answer !== undefined) {
        step.outputs.push({ kind: "transmit", local, remote, bytes: answer });
      }
      return;
    }
    const message = parsed.value;
    const { header } = message;
    if (header.exchangeType === ExchangeType.IKE_SA_INIT) {
      if (isInitialRequest(message)) this.#handleInit(step, bytes, message, local, remote);
      else this.#count("init-not-initial");
      return;
    }
    const sa = this.#spis.ikeSaOf(header);
    if (
      sa === undefined || !equalBytes(sa.spiI, header.initiatorSpi) ||
      !equalBytes(sa.spiR, header.responderSpi)
    ) return this.#handleStray(step, bytes, message, local, remote);
    this.#guard(sa, step, () => {
      const heard = sa.lastInbound;
      sa.handleDatagram(step, bytes, message, local, remote);
      if (sa.lastInbound !== heard) this.#sessions.refresh(sa, step);
    });
  }

  /** A message for an IKE SA that is not there: one that we had is worth an answer (RFC 6290). */
  #handleStray(
    step: Step,
    bytes: Bytes,
    { header, encrypted }: ParsedMessage,
    local: Endpoint,
    remote: Endpoint,
  ): void {
    this.#count("unknown-ike-spi");
    if (encrypted === undefined || this.#spis.hasIkeSa(header)) return;
    const answer = this.#crash?.answer(this.#now, header, bytes.length, remote.address);
    if (answer === undefined) return;
    this.#count("crash-told");
    step.outputs.push({ kind: "transmit", local, remote, bytes: answer });
  }

  /** Tells clients whose IKE SA a restart has cost (RFC 6290). */
  #sendNotices(step: Step): void {
    for (const { record } of this.#notices.take(this.#now, (it) => this.#sessions.isLost(it))) {
      if (record?.ikeSa === undefined || this.#crash === undefined) continue;
      const { local, remote } = record.ikeSa;
      this.#count("crash-notice-sent");
      const bytes = this.#crash.notice(record.ikeSa);
      step.outputs.push({ kind: "transmit", local, remote, bytes });
    }
  }

  #handleInit(
    step: Step,
    bytes: Bytes,
    message: ParsedMessage,
    local: Endpoint,
    remote: Endpoint,
  ): void {
    const transmit = (response: OwnedBytes) => {
      if (this.#tellsMessages) {
        const parsed = parseMessage(response);
        if (parsed.ok) {
          this.#tellMessage("sent", parsed.value.header, parsed.value.payloads, remote);
        }
      }
      step.outputs.push({ kind: "transmit", local, remote, bytes: response });
    };
    this.#tellMessage("received", message.header, message.payloads, remote);
    const outcome = this.#initiations.handle(this.#world, step, bytes, message, local, remote);
    switch (outcome.kind) {
      case "dropped":
        return this.#count(outcome.cause);
      case "answered":
        this.#count(outcome.cause);
        transmit(outcome.response);
        return;
      case "begun": {
        const { sa, memory } = outcome;
        sa.authenticator = new IkeAuthResponder(this.#host, memory);
        this.#spis.addIkeSa(sa);
        this.#count("ike-sa-init-answered");
        this.#timers.set(sa, sa.nextDeadline());
        transmit(memory.response);
        return;
      }
      default:
        assertNever(outcome);
    }
  }

  #handleTimeout(step: Step): void {
    for (;;) {
      const owner = this.#timers.pop(this.#now);
      if (owner === undefined) return this.#sendNotices(step);
      if ("userName" in owner) this.#sessions.expire(owner, step);
      else this.#guard(owner, step, () => owner.handleTimeout(step));
    }
  }

  #handleCompletion(step: Step, id: number, answer: Answer): void {
    const sa = this.#questions.take(id);
    if (sa !== undefined) {
      this.#guard(sa, step, () => sa.authenticator?.complete(sa, step, id, answer));
    } else if (answer.kind === "failed") {
      this.#count("store-failed");
      trace(step, { level: "error", event: "store-failed", facts: { reason: answer.reason } });
    }
  }

  #handleEvent(step: Step, event: DataplaneEvent): void {
    switch (event.kind) {
      case "traffic-seen":
        for (const spi of event.inboundSpis) {
          this.#withEspSpi(spi, step, (sa) => {
            sa.sawTraffic(step);
            this.#sessions.refresh(sa, step);
          });
        }
        for (const spi of event.carryingSpis) {
          const sa = this.#spis.ikeSaOfEsp(spi);
          if (sa !== undefined) this.#sessions.used(sa, step);
        }
        return;
      case "soft-limit":
        return this.#withEspSpi(
          event.inboundSpi,
          step,
          (sa) => sa.rekeys.softLimit(step, event.inboundSpi),
        );
      case "hard-limit":
        return this.#withEspSpi(
          event.inboundSpi,
          step,
          (sa) => sa.rekeys.hardLimit(step, event.inboundSpi),
        );
      case "peer-moved":
        return this.#withEspSpi(
          event.inboundSpi,
          step,
          (sa) => {
            sa.peerMoved(step, event.remote);
            this.#sessions.refresh(sa, step);
          },
        );
      default:
        return assertNever(event);
    }
  }

  #withEspSpi(spi: number, step: Step, act: (sa: IkeSa) => void): void {
    const sa = this.#spis.ikeSaOfEsp(spi);
    if (sa !== undefined) this.#guard(sa, step, () => act(sa));
  }

  #handleCommand(step: Step, command: Command): void {
    switch (command.kind) {
      case "restore": {
        const lost = this.#sessions.restore(step, command.records);
        this.#endRevoked(step);
        return this.#expectLost(lost);
      }
      case "clear-sessions":
        this.#sessions.clear(step, command.selector);
        return;
      case "disconnect-session":
        return this.#sessions.disconnect(step, command.id);
      case "change-session":
        return this.#sessions.change(step, command.id, command.change);
      case "clear-stats":
        this.#sessions.clearStats();
        this.#counters.clear();
        return;
      case "rekey": {
        const sa = this.#sessions.byId(command.id)?.ikeSa;
        if (sa !== undefined) this.#guard(sa, step, () => sa.rekeys.rekeyNow(step, command.what));
        return;
      }
      case "debug":
        this.#tellsMessages = command.packets;
        return;
      case "reconfigure":
        return this.#reconfigure(step, command.policy);
      case "shutdown":
        return this.#sessions.shutdown(step);
      default:
        return assertNever(command);
    }
  }

  /** What is shared by all is exchanged; every part looks there when it decides. */
  #reconfigure(step: Step, policy: Policy): void {
    const { gatewayName, pools } = this.#policy;
    this.#policy = { ...policy, gatewayName, pools };
    this.#settings = settingsOf(this.#policy);
    const trust = trustOf(this.#policy);
    this.#host = this.#makeHost(this.#policy, trust);
    this.#initiations.reconfigure(this.#policy, trust.anchors);
    this.#endRevoked(step);
    this.#scheduleSessions(step);
  }

  /** Ends the sessions whose certificates have been taken back. */
  #endRevoked(step: Step): void {
    const isRevoked = this.#revokedAt(step);
    if (isRevoked !== undefined) this.#sessions.endRevoked(step, isRevoked);
  }

  /** Which certificates have been taken back by the lists in force now; `undefined` without lists. */
  #revokedAt({ at }: Step): ((id: CertificateId) => boolean) | undefined {
    const { revocation, clockSkewMs = 0 } = this.#host.trust;
    const { crypto } = this.#world;
    return revocation?.revokedAt({ at: at.wall, clockSkewMs, crypto });
  }

  /** Those who were up when the gateway ended. Cisco's clients know no token. */
  #expectLost(sessions: readonly Session[]): void {
    if (this.#crash === undefined) return;
    const lost = sessions.filter(({ peerType }) => peerType !== "AnyConnect");
    this.#notices.begin(lost, this.#now);
  }

  // --- shared ground of the IKE SAs ---------------------------------------------------------

  #makeWorld(crypto: CryptoProvider, crash: CrashDetection | undefined): SaWorld {
    const currentSettings = (): SaWorld["settings"] => this.#settings;
    return {
      crypto,
      random: this.#random,
      exchanges,
      get settings() {
        return currentSettings();
      },
      count: (name) => this.#count(name),
      newIkeSpi: () => this.#spis.newIkeSpi(),
      newEspSpi: (sa) => this.#spis.newEspSpi(sa),
      freeEspSpi: (spi) => this.#spis.freeEspSpi(spi),
      onRescheduled: (sa) => this.#timers.set(sa, sa.nextDeadline()),
      onMade: (sa) => {
        this.#spis.addIkeSa(sa);
        this.#timers.set(sa, sa.nextDeadline());
      },
      onRekeyed: (old, next, step) => {
        this.#spis.addSuccessor(next);
        this.#sessions.rekeyed(old, next, step);
        this.#timers.set(next, next.nextDeadline());
      },
      onClosed: (sa, reason, step) => this.#saClosed(sa, reason, step),
      onGone: (sa) => {
        this.#initiations.finish(sa, this.#now);
        this.#spis.removeIkeSa(sa);
        this.#timers.set(sa, undefined);
      },
      outlives: (sa) => this.#sessions.sessionOf(sa)?.record !== undefined,
      onConfirmed: (sa, step) => this.#sessions.confirm(sa, step),
      onMoved: (sa, step) => {
        this.#sessions.refresh(sa, step);
        trace(step, { level: "info", event: "peer-moved", remote: sa.remote });
      },
      acceptsPath: (sa, path) => acceptsPath(this.#policy, sa, path),
      onUpdateAnswered: () => {},
      ...(crash === undefined ? {} : {
        makeCrashToken: (spiI: Bytes, spiR: Bytes) => crash.tokenOf(spiI, spiR),
      }),
      onMessage: (direction, header, payloads) => this.#tellMessage(direction, header, payloads),
    };
  }

  #makeHost(policy: Policy, trust: Trust): AuthHost {
    return {
      policy,
      trust,
      findReconnect: (sa, step, idData) => this.#sessions.find(sa, step, idData),
      reconnectRefused: (sa) => {
        this.#sessions.countRefusal();
        return this.#mayFail(this.#failedReconnects, sa, "reconnect-refused-unanswered");
      },
      isLoginBlocked: (sa) => {
        const isBlocked = this.#failedLogins.isBlocked(sa.remote.address, this.#now);
        if (isBlocked) this.#count("login-blocked");
        return isBlocked;
      },
      isRevoked: (step, certificates) => {
        const isRevoked = this.#revokedAt(step);
        return isRevoked !== undefined && certificates.some(isRevoked);
      },
      loginRefused: (sa) => this.#failedLogins.fail(sa.remote.address, this.#now),
      ask: (sa, step, question) => {
        if (question.kind === "verify") this.#count("aaa-question");
        return this.#questions.ask(step, question, sa);
      },
      cancel: (step, id) => this.#questions.cancel(step, id),
      admit: (sa, step, login, wishes) => {
        // Whoever comes back replaces an SA that is there already.
        if (login.kind === "fresh" && this.#sessions.activeCount >= this.#policy.maxSa) {
          this.#count("sa-limit");
          return { kind: "no-address" };
        }
        return this.#sessions.admit(sa, step, login, wishes);
      },
      childToReplace: (id) => {
        const [newest] = [...this.#sessions.byId(id)?.ikeSa?.children.keys() ?? []].slice(-1);
        return newest;
      },
      filterOf: (id) => this.#sessions.byId(id)?.attributes.filter,
      activate: (sa, step, id, pairStored) => this.#sessions.activate(sa, step, id, pairStored),
      giveUp: (sa, step, id) => this.#sessions.giveUp(sa, step, id),
    };
  }

  /** Notes a failure of a source; false when it has used up what it may fail. */
  #mayFail(limiter: SourceLimiter, { remote }: IkeSa, counter: string): boolean {
    if (limiter.isBlocked(remote.address, this.#now)) {
      this.#count(counter);
      return false;
    }
    limiter.fail(remote.address, this.#now);
    return true;
  }

  #saClosed(sa: IkeSa, reason: CloseReason, step: Step): void {
    this.#initiations.fail(sa);
    if (reason === "half-open-timeout") this.#count("half-open-timeout");
    this.#sessions.lost(sa, step, reason);
  }

  /** Tells an operator who debugs of a message; `remote` where there is no IKE SA yet. */
  #tellMessage(
    direction: Direction,
    header: MessageHeader,
    payloads: readonly Payload[],
    remote?: Endpoint,
  ): void {
    if (!this.#tellsMessages) return;
    // The flag is the sender's, so it says which of the SPIs is ours.
    const isOurs = header.flags.initiator === (direction === "sent");
    const sa = this.#spis.ikeSa(isOurs ? header.initiatorSpi : header.responderSpi);
    const sessionId = sa === undefined ? undefined : this.#sessions.sessionOf(sa)?.id;
    const peer = remote ?? sa?.remote;
    trace(this.#step, {
      ...messageTrace(direction, header, payloads, this.#policy.attributeNumbers),
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(peer === undefined ? {} : { remote: peer }),
    });
  }

  #count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }

  /** Runs something on one SA; a broken invariant costs that SA and nothing else. */
  #guard(sa: IkeSa, step: Step, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#count("internal-error");
      trace(step, {
        level: "error",
        event: "internal-error",
        remote: sa.remote,
        facts: { error: error instanceof Error ? error.message : "unknown" },
      });
      sa.close(step, "internal-error");
    }
    if (sa.established !== undefined) this.#initiations.finish(sa, this.#now);
    this.#timers.set(sa, sa.nextDeadline());
  }

  // --- time ---------------------------------------------------------------------------------

  #scheduleSession(session: Session, step: Step): void {
    const { wall, monotonic } = this.#sessions.deadlinesOf(session);
    const end = wall === undefined ? undefined : this.#clock.reach(wall, step.at);
    this.#timers.set(session, earlier(monotonic, end));
  }

  #scheduleSessions(step: Step): void {
    for (const session of this.#sessions.all()) this.#scheduleSession(session, step);
  }
}
