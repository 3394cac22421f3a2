/**
 * Answers the core's questions: who may in, and what is to be kept. Counted, because the point of
 * reconnect is how rarely anybody is asked.
 */
import { type Answer, assertNever, type Question, type SessionRecord } from "../core/mod.ts";
import type { Credential, Endpoint, Verdict } from "../core/mod.ts";
import { reasonOf } from "./start_error.ts";

/** What else is known of a login. */
export interface VerifyContext {
  /** The peer. */
  readonly remote: Endpoint;
  /** The group that the user chose. */
  readonly group?: string;
  /** Given when nobody wants to know any more. */
  readonly signal: AbortSignal;
}

/** Whoever knows the users. */
export interface UserVerifier {
  verify(userName: string, credential: Credential, context: VerifyContext): Promise<Verdict>;
}

/** Whoever keeps records. */
export interface RecordKeeper {
  put(record: SessionRecord): Promise<void>;
  delete(name: string): Promise<void>;
}

/** Questions answered so far. */
export interface EffectCounters {
  readonly "aaa-accepted": number;
  readonly "aaa-rejected": number;
  readonly "aaa-challenged": number;
  readonly "aaa-failed": number;
  /** Logins by what users present, and of users whose certificate was verified already. */
  readonly "eap-passed": number;
  readonly "eap-failed": number;
  readonly "authorization-passed": number;
  readonly "authorization-failed": number;
  readonly "records-stored": number;
  readonly "records-deleted": number;
  readonly "store-errors": number;
}

/** Answers questions, and counts them. */
export class Effects {
  readonly #users: UserVerifier;
  readonly #store: RecordKeeper;
  /** What the store is at. BOUNDED by the questions that the gateway has open. */
  readonly #storing = new Set<Promise<void>>();
  #counters: EffectCounters = zeros;

  /** By these users and this store. */
  constructor(users: UserVerifier, store: RecordKeeper) {
    this.#users = users;
    this.#store = store;
  }

  /** What was answered so far. */
  get counters(): EffectCounters {
    return this.#counters;
  }

  /** Counts from zero again. */
  clearCounters(): void {
    this.#counters = zeros;
  }

  /** Resolves when all that the store was told until now is done, or has failed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#storing);
  }

  /** The answer; work that could not be done is an answer too. */
  async answer(question: Question, signal: AbortSignal): Promise<Answer> {
    try {
      switch (question.kind) {
        case "verify": {
          const { userName, credential, remote, group } = question;
          const verdict = await this.#users.verify(userName, credential, {
            remote,
            signal,
            ...(group === undefined ? {} : { group }),
          });
          this.#count(countedAs[verdict.kind]);
          if (verdict.kind === "accept") this.#count(`${workOf(credential)}-passed`);
          if (verdict.kind === "reject") this.#count(`${workOf(credential)}-failed`);
          return { kind: "verdict", verdict };
        }
        case "store-record":
          await this.#stored(this.#store.put(question.record));
          this.#count("records-stored");
          return { kind: "done" };
        case "delete-record":
          await this.#stored(this.#store.delete(question.key));
          this.#count("records-deleted");
          return { kind: "done" };
        default:
          return assertNever(question);
      }
    } catch (error) {
      if (question.kind === "verify") {
        this.#count("aaa-failed");
        this.#count(`${workOf(question.credential)}-failed`);
      } else this.#count("store-errors");
      return { kind: "failed", reason: reasonOf(error) };
    }
  }

  async #stored(work: Promise<void>): Promise<void> {
    this.#storing.add(work);
    try {
      await work;
    } finally {
      this.#storing.delete(work);
    }
  }

  #count(name: keyof EffectCounters): void {
    this.#counters = { ...this.#counters, [name]: this.#counters[name] + 1 };
  }
}

/** A certificate has proved who the user is; AAA only says what he may. */
function workOf({ kind }: Credential): "eap" | "authorization" {
  return kind === "certificate" ? "authorization" : "eap";
}

const countedAs = {
  accept: "aaa-accepted",
  reject: "aaa-rejected",
  challenge: "aaa-challenged",
  "eap-request": "aaa-challenged",
} as const satisfies Record<Verdict["kind"], keyof EffectCounters>;

const zeros: EffectCounters = {
  "aaa-accepted": 0,
  "aaa-rejected": 0,
  "aaa-challenged": 0,
  "aaa-failed": 0,
  "eap-passed": 0,
  "eap-failed": 0,
  "authorization-passed": 0,
  "authorization-failed": 0,
  "records-stored": 0,
  "records-deleted": 0,
  "store-errors": 0,
};
