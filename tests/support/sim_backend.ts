/**
 * AAA and the store of a simulation. Both take time; what the store was told is done halfway and
 * answered at the end, so that a crash may fall between the two. A withdrawn store command may
 * have been carried out or not.
 */
import { textOf, utf8 } from "../../core/bytes.ts";
import type { CryptoProvider } from "../../core/crypto/provider.ts";
import { verifyMschapv2 } from "../../core/eap/ms_chap.ts";
import type { Answer, Question, UserAttributes, Verdict } from "../../core/gateway/question.ts";
import type { SessionRecord } from "../../core/gateway/record.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { SimEapServer, type SimEapServerOptions } from "./sim_eap_server.ts";
import { simHashes, simUsers } from "./sim_settings.ts";

interface Pending {
  readonly id: number;
  readonly question: Question;
  readonly doneAt: number;
  readonly answeredAt: number;
  answer: Answer | undefined;
  isCancelled: boolean;
}

/** Who answers the gateway's questions. */
export class SimBackend {
  /** The records, as they would be found after a crash. */
  readonly store = new Map<string, SessionRecord>();
  /** Everything that was asked, oldest first. */
  readonly questions: Question[] = [];
  /** Attributes that AAA gives, by user. */
  readonly attributes = new Map<string, UserAttributes>();
  /** Names that AAA knows users by, by what they may call themselves instead. */
  readonly names = new Map<string, string>();
  /** Codes that users are asked for after their password. */
  readonly codes = new Map<string, string>();
  /** Users that AAA does not know any more. */
  readonly dismissed = new Set<string>();
  /** Speaks EAP for those who log in by relay. */
  eapServer: SimEapServer;
  /** Makes the store fail. */
  storeFails = false;
  /** How AAA answers: as it should, with a failure, with a rejection, or never. */
  aaa: "works" | "fails" | "rejects" | "silent" = "works";
  /** How long an answer takes, milliseconds. */
  answerMs = 5;
  /** How long AAA takes besides, milliseconds: somebody has to press a button. */
  thinkingMs = 0;
  readonly #crypto: CryptoProvider;
  readonly #random: SeededRandom;
  #pending: Pending[] = [];
  /** The store does one thing after the other. */
  #storeFreeAt = 0;

  constructor(crypto: CryptoProvider, random: SeededRandom) {
    this.#crypto = crypto;
    this.#random = random;
    this.eapServer = new SimEapServer(this.eapOptions());
  }

  /** What such a server is made from here. */
  eapOptions(): SimEapServerOptions {
    return {
      crypto: this.#crypto,
      random: this.#random,
      hashOf: (name) => simHashes.get(name),
      attributesOf: (name) => this.attributes.get(name) ?? {},
    };
  }

  /** Questions that wait for their answer. */
  get waiting(): number {
    return this.#pending.filter(({ isCancelled }) => !isCancelled).length;
  }

  /** Takes a question. */
  ask(id: number, question: Question, nowMs: number): void {
    this.questions.push(question);
    if (question.kind === "verify" && this.aaa === "silent") return;
    let doneAt = nowMs + this.answerMs / 2;
    if (question.kind === "verify") doneAt += this.thinkingMs;
    else {
      doneAt = Math.max(doneAt, this.#storeFreeAt);
      this.#storeFreeAt = doneAt;
    }
    this.#pending.push({
      id,
      question,
      doneAt,
      answeredAt: doneAt + this.answerMs / 2,
      answer: undefined,
      isCancelled: false,
    });
  }

  /** The answer is not wanted; whether the work is done is left to chance. */
  cancel(id: number): void {
    for (const pending of this.#pending) if (pending.id === id) pending.isCancelled = true;
    const isDropped = this.#random.chance();
    if (isDropped) this.#pending = this.#pending.filter((pending) => pending.id !== id);
  }

  /** The gateway died: what is not done is never done. */
  crash(): void {
    this.#pending = [];
    this.#storeFreeAt = 0;
  }

  /** When something falls due. */
  next(): number | undefined {
    const times = this.#pending.map((pending) =>
      pending.answer === undefined ? pending.doneAt : pending.answeredAt
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Does what is due and gives the answers that are. */
  take(nowMs: number): { readonly id: number; readonly answer: Answer }[] {
    const answers: { id: number; answer: Answer }[] = [];
    for (const pending of [...this.#pending]) {
      if (pending.doneAt <= nowMs) pending.answer ??= this.#do(pending.question);
      if (pending.answer === undefined || pending.answeredAt > nowMs) continue;
      this.#pending.splice(this.#pending.indexOf(pending), 1);
      if (!pending.isCancelled) answers.push({ id: pending.id, answer: pending.answer });
    }
    return answers;
  }

  #do(question: Question): Answer {
    switch (question.kind) {
      case "verify":
        if (this.aaa === "fails") return { kind: "failed", reason: "no RADIUS server answers" };
        return { kind: "verdict", verdict: this.#verdict(question) };
      case "store-record":
        if (this.storeFails) return { kind: "failed", reason: "the disk is full" };
        this.store.set(question.record.key, question.record);
        return { kind: "done" };
      case "delete-record":
        if (this.storeFails) return { kind: "failed", reason: "the disk is full" };
        this.store.delete(question.key);
        return { kind: "done" };
    }
  }

  #verdict({ userName, credential }: Question & { readonly kind: "verify" }): Verdict {
    const known = this.names.get(userName);
    const name = known ?? userName;
    const attributes = this.attributes.get(name) ?? {};
    const accept = {
      kind: "accept",
      attributes,
      ...(known === undefined ? {} : { userName: known }),
    } as const;
    const [user = ""] = name.split("@");
    if (this.aaa === "rejects" || this.dismissed.has(user)) return { kind: "reject" };
    if (credential.kind === "certificate") return accept;
    if (credential.kind === "eap") return this.eapServer.verify(credential);
    const code = this.codes.get(name);
    if (credential.kind === "password") {
      if (simUsers[name] !== credential.password) return { kind: "reject" };
      return code === undefined
        ? accept
        : { kind: "challenge", message: "Code of your device", state: utf8(name) };
    }
    if (credential.kind === "challenge-answer") {
      const isTheirs = textOf(credential.state ?? utf8("")) === name;
      return isTheirs && credential.answer === code ? accept : { kind: "reject" };
    }
    const hash = simHashes.get(name);
    if (hash === undefined || credential.kind !== "mschapv2") return { kind: "reject" };
    const mschapv2 = verifyMschapv2(this.#crypto, hash, credential, userName);
    return mschapv2 === undefined ? { kind: "reject" } : { ...accept, mschapv2 };
  }
}
