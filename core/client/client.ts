/**
 * A client of one gateway: logs in, keeps its tunnel, and comes back by itself (design.md section 3,
 * seen from the other side).
 *
 * Contract: like `Gateway`, one input in, ordered outputs back, then `nextTimeout()`. A loss of the
 * IKE SA is answered with the session pair where there is one; a refused pair falls back to a login;
 * a refused login ends the client.
 */
import type { Bytes } from "../bytes.ts";
import { equalBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { announcedVendorIds } from "../eap/anyconnect/vendor_ids.ts";
import { hearUnprotected } from "../exchange/crash_token.ts";
import { exchanges } from "../exchange/exchanges.ts";
import { IkeAuthInitiator, type LoginRefusal } from "../exchange/ike_auth_initiator.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import { IkeSaInitInitiator } from "../exchange/ike_sa_init_initiator.ts";
import { DeleteIkeSa } from "../exchange/informational.ts";
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import type { CloseReason, SaWorld } from "../exchange/world.ts";
import { SpiTable } from "../exchange/spi_table.ts";
import { moveTo } from "../exchange/update_addresses.ts";
import type { SessionPair } from "../gateway/record.ts";
import { ExchangeType } from "../message/constants.ts";
import type { MessageHeader } from "../message/header.ts";
import { parseMessage } from "../message/message.ts";
import type { Monotonic } from "../moment.ts";
import { after, earlier } from "../moment.ts";
import type { Random } from "../random.ts";
import { assertNever } from "../result.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Assignment, ClientSettings } from "../exchange/initiator_settings.ts";
import type { ClientEvent, ClientInput, ClientOutput } from "./events.ts";
import { Reauthentication } from "./reauthentication.ts";

/** What a client is made from. */
export interface ClientOptions {
  /** The configuration. */
  readonly settings: ClientSettings;
  /** Algorithms. */
  readonly crypto: CryptoProvider;
  /** Randomness: the only source. */
  readonly random: Random;
}

type How = "login" | "reconnect";

/** A change of address that the gateway was told and has not answered. */
interface Move {
  readonly since: Monotonic;
  /** When we come back by token instead. */
  readonly until: Monotonic;
}

type State =
  | { readonly kind: "idle" }
  | {
    readonly kind: "initiating";
    readonly init: IkeSaInitInitiator;
    readonly how: How;
    readonly since: Monotonic;
  }
  | {
    readonly kind: "authenticating";
    readonly sa: IkeSa;
    readonly how: How;
    readonly since: Monotonic;
  }
  | { readonly kind: "up"; readonly move?: Move }
  /** Logging out; nothing brings us back. */
  | { readonly kind: "leaving" }
  | { readonly kind: "pausing"; readonly until: Monotonic; readonly how: How }
  | { readonly kind: "closed" };

/** The gateway, or we, do not want this login. */
interface Refusal extends LoginRefusal {
  readonly how: How;
  /** Whether both sides had the same first message in mind: AUTH covers it. */
  readonly isSure: boolean;
}

/** Between two attempts that nobody answered. */
const PAUSE_MS = 1_000;
/** How long the gateway has to answer that we are elsewhere: three transmissions. */
const MOVE_MS = 3_000;

/** The initiator. */
export class Client {
  readonly #settings: ClientSettings;
  readonly #world: SaWorld;
  readonly #spis: SpiTable;
  #local: Endpoint;
  #state: State = { kind: "idle" };
  /** The SA that carries the tunnel. */
  #sa: IkeSa | undefined;
  #pair: SessionPair | undefined;
  readonly #reauthentication = new Reauthentication();
  /** Whether a refusal of our proof was not believed: the next one is. */
  #hasDoubted = false;
  /** BOUNDED: the tunnel's SA, its predecessor under rekey or of another session, and one attempt. */
  readonly #sas = new Set<IkeSa>();
  /** Outputs and events of the step under way, in order. */
  #outputs: ClientOutput[] = [];

  /** A client that has not begun. */
  constructor({ settings, crypto, random }: ClientOptions) {
    this.#settings = settings;
    this.#local = settings.local;
    this.#spis = new SpiTable(random);
    const { ikeProposals, espProposals, lifetimes, dpd, fragmentMtu } = settings;
    this.#world = {
      crypto,
      random,
      exchanges,
      settings: {
        ikeProposals,
        espProposals,
        lifetimes,
        dpd,
        fragmentMtu,
        followPeer: false,
        mobike: "move-first",
        outerAddresses: [],
        takesCrashTokens: true,
      },
      count: () => {},
      newIkeSpi: () => this.#spis.newIkeSpi(),
      newEspSpi: (sa) => this.#spis.newEspSpi(sa),
      freeEspSpi: (spi) => this.#spis.freeEspSpi(spi),
      onRescheduled: () => {},
      onMade: (sa) => {
        this.#spis.addIkeSa(sa);
        this.#sas.add(sa);
      },
      onRekeyed: (old, next) => {
        this.#spis.addSuccessor(next);
        this.#sas.add(next);
        if (this.#sa === old) this.#sa = next;
      },
      onClosed: (sa, reason, step) => this.#saClosed(sa, reason, step),
      onGone: (sa) => {
        this.#spis.removeIkeSa(sa);
        this.#sas.delete(sa);
      },
      outlives: () => this.#pair !== undefined,
      onConfirmed: () => {},
      onMoved: () => {},
      acceptsPath: () => false,
      onUpdateAnswered: (sa, error, step) => this.#updateAnswered(sa, error, step),
    };
  }

  /** The pair that would be used now. */
  get pair(): SessionPair | undefined {
    return this.#pair;
  }

  /** Takes one input; what is to be done comes back in order. */
  handle(input: ClientInput): readonly ClientOutput[] {
    this.#outputs = [];
    // Client events stand in the same list as the core's outputs, so order is kept.
    const step: Step = { at: input.at, outputs: this.#outputs as Step["outputs"] };
    switch (input.kind) {
      case "datagram":
        this.#handleDatagram(step, input.bytes, input.local, input.remote);
        break;
      case "timeout":
        this.#handleTimeout(step);
        break;
      case "dataplane":
        this.#handleEvent(step, input);
        break;
      case "connect":
        // Anew: an attempt that still waits for its answer must not come up beside this one.
        this.#dropSas(step);
        this.#pair = input.pair;
        this.#attempt(step, input.pair === undefined ? "login" : "reconnect");
        break;
      case "network-changed":
        this.#networkChanged(step, input.local);
        break;
      case "disconnect":
        this.#disconnect(step);
        break;
      case "rekey":
        this.#sa?.rekeys.rekeyNow(step, input.what);
        break;
      default:
        assertNever(input);
    }
    return this.#outputs;
  }

  /** When the next `timeout` input is due. */
  nextTimeout(): Monotonic | undefined {
    let next = deadlineOf(this.#state, this.#reauthentication.deadline);
    for (const sa of this.#sas) next = earlier(next, sa.nextDeadline());
    return next;
  }

  // --- inputs -------------------------------------------------------------------------------

  #handleDatagram(step: Step, bytes: Bytes, local: Endpoint, remote: Endpoint): void {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return;
    const { header } = parsed.value;
    if (header.exchangeType === ExchangeType.IKE_SA_INIT) {
      const state = this.#state;
      if (state.kind !== "initiating" || !equalBytes(header.initiatorSpi, state.init.spiI)) return;
      const outcome = state.init.handle(step, bytes, parsed.value, local);
      if (outcome.kind === "refused") return this.#pause(step, state.how, outcome.reason);
      if (outcome.kind !== "sa") return;
      const { sa, memory } = outcome;
      this.#spis.addIkeSa(sa);
      this.#sas.add(sa);
      this.#state = { kind: "authenticating", sa, how: state.how, since: state.since };
      const { how, since, init } = state;
      new IkeAuthInitiator({
        settings: this.#settings,
        memory,
        pair: how === "reconnect" ? this.#pair : undefined,
        host: {
          onEstablished: (sa, step, assignment) =>
            this.#established(sa, step, how, since, assignment),
          onRefused: (_, step, refusal) =>
            this.#refused(step, { ...refusal, how, isSure: !init.hasVariants }),
        },
      }).start(sa, step);
      return;
    }
    const sa = this.#spis.ikeSaOf(header);
    const { encrypted, payloads } = parsed.value;
    if (encrypted !== undefined) sa?.handleDatagram(step, bytes, parsed.value, local, remote);
    else if (sa !== undefined && isFor(sa, header)) hearUnprotected(sa, step, payloads);
  }

  #handleTimeout(step: Step): void {
    const state = this.#state;
    if (state.kind === "initiating" && !state.init.retransmit(step)) {
      this.#pause(step, state.how, "no-answer");
    } else if (state.kind === "pausing" && step.at.monotonic >= state.until) {
      this.#attempt(step, state.how);
    } else if (state.kind === "up" && state.move && step.at.monotonic >= state.move.until) {
      this.#comeBack(step, "network-changed");
    } else if (state.kind === "up" && this.#reauthentication.isDue(step.at.monotonic)) {
      this.#reauthenticate(step);
    }
    for (const sa of [...this.#sas]) sa.handleTimeout(step);
  }

  #handleEvent(step: Step, { event }: ClientInput & { readonly kind: "dataplane" }): void {
    switch (event.kind) {
      case "traffic-seen":
        for (const spi of event.inboundSpis) this.#spis.ikeSaOfEsp(spi)?.sawTraffic(step);
        return;
      case "soft-limit":
        return this.#spis.ikeSaOfEsp(event.inboundSpi)?.rekeys.softLimit(step, event.inboundSpi);
      case "hard-limit":
        return this.#spis.ikeSaOfEsp(event.inboundSpi)?.rekeys.hardLimit(step, event.inboundSpi);
      case "peer-moved":
        return;
      default:
        assertNever(event);
    }
  }

  #networkChanged(step: Step, local: Endpoint): void {
    this.#local = local;
    if (this.#state.kind === "idle" || this.#state.kind === "closed") return;
    if (this.#state.kind === "leaving") {
      this.#dropSas(step);
      return this.#close("disconnected");
    }
    const sa = this.#sa;
    if (this.#state.kind === "up" && sa?.where.mobility !== undefined) {
      const now = step.at.monotonic;
      const since = this.#state.move?.since ?? now;
      this.#state = { kind: "up", move: { since, until: after(now, MOVE_MS) } };
      return moveTo(sa, step, { local, remote: sa.remote });
    }
    this.#comeBack(step, "network-changed");
  }

  /** The gateway has answered that we are elsewhere. */
  #updateAnswered(sa: IkeSa, error: number | undefined, step: Step): void {
    const state = this.#state;
    if (sa !== this.#sa || state.kind !== "up" || state.move === undefined) return;
    if (error !== undefined) return this.#comeBack(step, `notify-${error}`);
    this.#state = { kind: "up" };
    this.#tell({ kind: "moved", tookMs: step.at.monotonic - state.move.since });
  }

  /** Gives the IKE SA up for a new one. */
  #comeBack(step: Step, why: string): void {
    const how: How = this.#pair === undefined ? "login" : "reconnect";
    this.#tell({ kind: "reconnecting", why, how });
    this.#dropSas(step);
    this.#attempt(step, how);
  }

  /** Begins an IKE SA beside the one that stands until the other is there (RFC 4478). */
  #reauthenticate(step: Step): void {
    const isByUser = this.#pair === undefined || this.#reauthentication.needsUser;
    const how: How = isByUser ? "login" : "reconnect";
    // Without a user the tunnel stands as long as it may.
    if (how === "login" && this.#settings.login.kind === "none") {
      return this.#reauthentication.forget();
    }
    this.#tell({ kind: "reconnecting", why: "reauthentication", how });
    this.#attempt(step, how);
  }

  #disconnect(step: Step): void {
    const sa = this.#sa;
    this.#pair = undefined;
    if (sa?.phase === "established") {
      for (const other of [...this.#sas]) if (other !== sa) other.close(step, "taken-over");
      this.#state = { kind: "leaving" };
      return sa.request(step, new DeleteIkeSa("cleared"));
    }
    this.#dropSas(step);
    this.#close("disconnected");
  }

  // --- attempts -----------------------------------------------------------------------------

  #attempt(step: Step, how: How): void {
    const init = new IkeSaInitInitiator(
      this.#world,
      this.#local,
      this.#settings.gateway,
      {
        vendorIds: this.#settings.login.kind === "anyconnect-eap" ? announcedVendorIds : [],
        puzzleBits: this.#settings.puzzleBits,
      },
    );
    this.#state = { kind: "initiating", init, how, since: step.at.monotonic };
    init.start(step);
  }

  #pause(step: Step, how: How, reason: string): void {
    trace(step, { level: "info", event: "attempt-failed", facts: { reason, how } });
    this.#state = { kind: "pausing", until: after(step.at.monotonic, PAUSE_MS), how };
  }

  #established(
    sa: IkeSa,
    step: Step,
    how: How,
    since: Monotonic,
    assignment: Assignment,
  ): void {
    const old = this.#sa;
    this.#sa = sa;
    this.#state = { kind: "up" };
    this.#hasDoubted = false;
    // The gateway replaces the IKE SA of a session that comes back; another session it has to be told of.
    if (how === "reconnect") old?.close(step, "taken-over");
    else old?.request(step, new DeleteIkeSa("taken-over"));
    const { authLifetimeSeconds } = assignment;
    this.#reauthentication.told(
      this.#world,
      step.at.monotonic,
      how === "reconnect",
      authLifetimeSeconds,
    );
    // Not asked or not given again: the pair that was good enough stays so.
    if (assignment.pair !== undefined || how === "login") this.#pair = assignment.pair;
    this.#tell({ kind: "established", how, assignment, tookMs: step.at.monotonic - since });
  }

  #refused(step: Step, { how, reason, of, isSure }: Refusal): void {
    trace(step, { level: "warning", event: "login-refused", facts: { reason, how } });
    if (of === "proof" && !isSure && !this.#hasDoubted) {
      this.#hasDoubted = true;
      return this.#pause(step, how, reason);
    }
    if (how === "reconnect" && of !== "client") {
      this.#pair = undefined;
      this.#tell({ kind: "pair-refused" });
      if (this.#settings.login.kind !== "none") return this.#attempt(step, "login");
    }
    const old = this.#sa;
    this.#sa = undefined;
    old?.closeWithDelete(step, "taken-over");
    this.#close(reason);
  }

  #saClosed(sa: IkeSa, reason: CloseReason, step: Step): void {
    const state = this.#state;
    if (state.kind === "authenticating" && state.sa === sa) {
      // Over in the middle of IKE_AUTH; a refusal has changed the state before.
      return this.#pause(step, state.how, reason);
    }
    if (this.#sa !== sa) return;
    this.#sa = undefined;
    if (reason === "cleared" || state.kind === "leaving") return this.#close("disconnected");
    if (reason === "taken-over" || state.kind !== "up") return;
    if (reason === "peer-deleted") {
      // The gateway ended the session: the pair is void (design rule 5).
      this.#pair = undefined;
      return this.#close("deleted-by-gateway");
    }
    const how: How = this.#pair === undefined ? "login" : "reconnect";
    this.#tell({ kind: "reconnecting", why: reason, how });
    this.#attempt(step, how);
  }

  #dropSas(step: Step): void {
    this.#state = { kind: "idle" };
    this.#sa = undefined;
    for (const sa of [...this.#sas]) sa.close(step, "taken-over");
  }

  #close(why: string): void {
    this.#state = { kind: "closed" };
    this.#tell({ kind: "closed", why });
  }

  #tell(event: ClientEvent): void {
    this.#outputs.push({ kind: "client", event });
  }
}

function isFor({ spiI, spiR }: IkeSa, { initiatorSpi, responderSpi }: MessageHeader): boolean {
  return equalBytes(spiI, initiatorSpi) && equalBytes(spiR, responderSpi);
}

function deadlineOf(
  state: State,
  reauthenticationAt: Monotonic | undefined,
): Monotonic | undefined {
  switch (state.kind) {
    case "initiating":
      return state.init.deadline;
    case "pausing":
      return state.until;
    case "up":
      return earlier(state.move?.until, reauthenticationAt);
    default:
      return undefined;
  }
}
