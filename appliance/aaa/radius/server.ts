/**
 * One RADIUS server: the way to it, the questions that wait for its answer, and whether it is there.
 *
 * Over UDP a question is repeated with growing pauses (RFC 5080 §2.2.1), always the very same packet
 * from the same socket, so that a server which is slow because a person has to press a button knows it
 * for what it is. Over TLS it is said once on each connection.
 *
 * Silence towards everybody makes a server dead: when a question waited all its time meanwhile, when
 * several questions waited as long as the server's patience lasts, or when Status-Server packets stay
 * unanswered too. Whoever waits for it then is told and may ask elsewhere; an answer is still welcome.
 */
import type { Bytes, Random } from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { Attempt, type Listener, type Request } from "./attempt.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import { Complaints } from "./complaints.ts";
import {
  type HealthPicture,
  type Purpose,
  type RadiusTimes,
  ServerHealth,
  type Standing,
} from "./health.ts";
import type { Candidate } from "./order.ts";
import { type Attribute, Code } from "./packet.ts";
import { Probing } from "./probing.ts";
import { type RadiusCounter, Tally } from "./tally.ts";

/** So many questions in vain are no accident. */
const severalQuestions = 3;
/** How often silence is looked at, as a part of the first pause. */
const looksPerPause = 4;
/** Status-Server packets per first pause. */
const probesPerPause = 4;
/** A dead server is asked for a sign of life at least so often, milliseconds. */
const longestProbePauseMs = 30_000;

/** What a server is made from. */
export interface ServerOptions {
  readonly index: number;
  /** For people. */
  readonly name: string;
  /** Shared with it, as it is now: a question goes by one to its end. */
  readonly secret: () => Bytes;
  /** Makes the way to it. */
  readonly openChannel: (events: ChannelEvents) => Channel;
  /** Believes answers to Access-Requests without Message-Authenticator. */
  readonly allowUnsigned: boolean;
  /** For what that is counted which belongs to no question. */
  readonly purpose: Purpose;
  readonly times: RadiusTimes;
  /** What says who asks in Status-Server packets; without it none are sent. */
  readonly status: readonly Attribute[] | undefined;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

/** A server for `show`. */
export interface ServerPicture extends HealthPicture {
  readonly tallies: Readonly<Record<Purpose, Tally>>;
  /** Questions that wait for its answer. */
  readonly outstanding: Readonly<Record<Purpose, number>>;
}

/** One server. */
export class RadiusServer implements Candidate {
  readonly #options: ServerOptions;
  readonly #channel: Channel;
  readonly #health: ServerHealth;
  readonly #complaints: Complaints;
  readonly #tallies = { access: new Tally(), accounting: new Tally() };
  /** Questions that wait. BOUNDED by the channel, and by who asks. */
  readonly #attempts = new Map<Attempt, Purpose>();
  #trial: Attempt | undefined;
  #lastAsked = 0;
  #looking: ReturnType<typeof setTimeout> | undefined;
  #probing: Probing | undefined;
  #nextProbing: ReturnType<typeof setTimeout> | undefined;
  #answersProbes = false;
  #closed = false;

  /** Opens nothing yet. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#health = new ServerHealth(options.times, this.#now());
    this.#complaints = new Complaints(options.log, options.name);
    this.#channel = options.openChannel({
      stray: (cause) => this.#drop(options.purpose, cause),
      broken: (reason) => this.#complaints.broken(reason, this.#now()),
    });
  }

  /** Its place in the list. */
  get index(): number {
    return this.#options.index;
  }

  /** What people call it. */
  get name(): string {
    return this.#options.name;
  }

  /** What it is good for. */
  get standing(): Standing {
    const standing = this.#health.standing(this.#now());
    // No user has to wait for what Status-Server finds out.
    return standing === "due" && this.#answersProbes ? "dead" : standing;
  }

  /** Until when it is asked last. */
  get deadUntil(): number {
    return this.#health.deadUntil;
  }

  /** Whether a question is finding out if it still is dead. */
  get isOnTrial(): boolean {
    return this.#trial !== undefined;
  }

  /** Questions that wait for its answer. */
  get outstanding(): number {
    return this.#attempts.size;
  }

  /** The turn at which it was last asked. */
  get lastAsked(): number {
    return this.#lastAsked;
  }

  /** What `show` shows. */
  get picture(): ServerPicture {
    const outstanding = { access: 0, accounting: 0 };
    for (const purpose of this.#attempts.values()) outstanding[purpose] += 1;
    return { ...this.#health.picture(this.#now()), tallies: this.#tallies, outstanding };
  }

  /** Counts from zero again. */
  clearCounters(): void {
    for (const tally of Object.values(this.#tallies)) tally.clear();
    this.#health.clear(this.#now());
  }

  /** Puts a question. `turn` counts up with each one, `isFailover` says that another was silent. */
  ask(request: Request, turn: number, isFailover: boolean, listener: Listener): Attempt {
    this.#lastAsked = turn;
    const purpose = request.code === Code.ACCESS_REQUEST ? "access" : "accounting";
    const tally = this.#tallies[purpose];
    if (isFailover) tally.count("failovers");
    const isTrial = this.standing === "due";
    const attempt = new Attempt({
      ...this.#options,
      secret: this.#options.secret(),
      channel: this.#channel,
      request,
      listener,
      report: {
        count: (name) => tally.count(name),
        dropped: (cause) => this.#drop(purpose, cause),
        heard: (tookMs) => {
          tally.answered(tookMs);
          this.#heard({ purpose, tookMs });
        },
        timedOut: (began) => this.#timedOut(began),
        unreachable: (reason) => this.#unreachable(reason),
        over: () => this.#forget(attempt),
      },
    });
    this.#attempts.set(attempt, purpose);
    if (isTrial) this.#trial ??= attempt;
    this.#lookSoon();
    return attempt;
  }

  /** Stops everything; nobody is told. */
  close(): void {
    this.#closed = true;
    for (const attempt of [...this.#attempts.keys()]) attempt.cancel();
    clearTimeout(this.#looking);
    clearTimeout(this.#nextProbing);
    this.#probing?.stop();
    this.#channel.close();
  }

  #forget(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    if (this.#trial === attempt) this.#trial = undefined;
  }

  #drop(purpose: Purpose, cause: RadiusCounter): void {
    this.#tallies[purpose].count(cause);
    this.#complaints.dropped(cause, this.#now(), this.#health.lastHeard);
  }

  #heard(answer?: { readonly purpose: Purpose; readonly tookMs: number }): void {
    if (!this.#health.heard(this.#now(), answer)) return;
    clearTimeout(this.#nextProbing);
    const { log, name } = this.#options;
    log.tell("info", "radius-server-alive", { server: name });
  }

  #unreachable(reason: string): void {
    this.#complaints.broken(reason, this.#now());
    this.#die();
  }

  /** A server that answered others in the meantime is slow, not dead. */
  #timedOut(began: number): void {
    if (this.#health.lastHeard >= began) return;
    this.#channel.renew();
    this.#die();
  }

  #die(): void {
    const { log, name } = this.#options;
    if (this.#health.die(this.#now())) {
      const wasHeard = this.#health.lastHeard > Number.NEGATIVE_INFINITY;
      const event = wasHeard ? "radius-server-dead" : "radius-server-never-answered";
      log.tell("warning", event, { server: name });
    }
    for (const attempt of [...this.#attempts.keys()]) attempt.doubt();
    this.#probeLater();
  }

  #lookSoon(): void {
    if (this.#closed || this.#looking !== undefined || this.#attempts.size === 0) return;
    this.#looking = setTimeout(() => {
      this.#looking = undefined;
      this.#look();
      this.#lookSoon();
    }, this.#options.times.firstPauseMs / looksPerPause);
  }

  /** Whether those who wait should wait on. */
  #look(): void {
    const { times, status } = this.#options;
    const now = this.#now();
    const inVain = [...this.#attempts.keys()].filter(({ began, isDoubted }) =>
      !isDoubted && began > this.#health.lastHeard && now - began >= times.firstPauseMs
    );
    const [first] = inVain;
    if (first === undefined) return;
    if (status !== undefined) return this.#probe();
    if (now - first.began < this.#health.patienceMs()) return;
    if (inVain.length >= severalQuestions || this.isOnTrial) this.#die();
  }

  #probe(): void {
    const { status, times, purpose } = this.#options;
    if (status === undefined) return;
    this.#probing ??= new Probing({
      ...this.#options,
      secret: this.#options.secret(),
      channel: this.#channel,
      attributes: status,
      pauseMs: times.firstPauseMs / probesPerPause,
      dropped: (cause) => this.#drop(purpose, cause),
      answered: () => {
        this.#probing = undefined;
        this.#answersProbes = true;
        this.#tallies[purpose].count("status-responses");
        this.#heard();
      },
      failed: () => {
        this.#probing = undefined;
        this.#die();
      },
    });
  }

  #probeLater(): void {
    const { times, status } = this.#options;
    if (this.#closed || status === undefined || times.deadMs === 0) return;
    clearTimeout(this.#nextProbing);
    const wait = Math.min(times.deadMs, longestProbePauseMs);
    this.#nextProbing = setTimeout(() => this.#probe(), wait);
  }

  #now(): number {
    return this.#options.clock.now().monotonic;
  }
}
