/**
 * A server of AAA that speaks EAP-MSCHAPv2 itself, for relays: our own `EapServer` behind questions. It
 * offers another method first where it is told to, and knows its conversations by their state.
 */
import { textOf, utf8 } from "../../core/bytes.ts";
import type { CryptoProvider } from "../../core/crypto/provider.ts";
import type { EapStep } from "../../core/eap/conversation.ts";
import { verifyMschapv2 } from "../../core/eap/ms_chap.ts";
import { Mschapv2Server } from "../../core/eap/mschapv2.ts";
import { buildEapPacket, EapType, parseEapPacket } from "../../core/eap/packet.ts";
import { EapServer } from "../../core/eap/server.ts";
import type { Credential, UserAttributes, Verdict } from "../../core/gateway/question.ts";
import type { Random } from "../../core/random.ts";

/** What a server is made from. */
export interface SimEapServerOptions {
  readonly crypto: CryptoProvider;
  readonly random: Random;
  /** NT hash of a user's password. */
  readonly hashOf: (userName: string) => Uint8Array | undefined;
  readonly attributesOf: (userName: string) => UserAttributes;
  /** A type to offer before EAP-MSCHAPv2, which peers are to refuse. */
  readonly offersFirst?: number;
}

/** The server. */
export class SimEapServer {
  readonly #options: SimEapServerOptions;
  readonly #talks = new Map<string, EapServer | undefined>();

  constructor(options: SimEapServerOptions) {
    this.#options = options;
  }

  /** What it says to a packet. */
  verify({ packet, state }: Credential & { readonly kind: "eap" }): Verdict {
    const parsed = parseEapPacket(packet);
    if (!parsed.ok || parsed.value.kind !== "response") return { kind: "reject" };
    const { identifier, method } = parsed.value;
    if (state === undefined) return this.#begin(identifier);
    const name = textOf(state);
    if (!this.#talks.has(name)) return { kind: "reject" };
    const talk = this.#talks.get(name);
    if (talk !== undefined) return this.#verdictOf(name, talk, talk.handle(packet));
    return method.type === EapType.NAK ? this.#offer(name, identifier) : { kind: "reject" };
  }

  #begin(identifier: number): Verdict {
    const name = `talk ${this.#talks.size}`;
    const { offersFirst } = this.#options;
    if (offersFirst === undefined) return this.#offer(name, identifier);
    this.#talks.set(name, undefined);
    const packet = buildEapPacket({
      kind: "request",
      identifier: (identifier + 7) & 0xff,
      method: { type: offersFirst },
      data: new Uint8Array([0x20]),
    });
    return { kind: "eap-request", packet, state: utf8(name) };
  }

  /** Its identifiers are its own. */
  #offer(name: string, identifier: number): Verdict {
    const { random } = this.#options;
    const method = new Mschapv2Server({ random, serverName: "radius.example.test" });
    const firstIdentifier = (identifier + 40) & 0xff;
    const talk = new EapServer({ method, asksIdentity: false, firstIdentifier });
    this.#talks.set(name, talk);
    return this.#verdictOf(name, talk, talk.start());
  }

  #verdictOf(name: string, talk: EapServer, step: EapStep): Verdict {
    switch (step.kind) {
      case "request":
        return { kind: "eap-request", packet: step.packet, state: utf8(name) };
      case "verify": {
        const { userName, credential } = step;
        return this.#verdictOf(name, talk, talk.complete(this.#judge(userName, credential)));
      }
      case "success": {
        const { packet, attributes, userName, msk } = step;
        const eap = msk === undefined ? { packet } : { packet, msk };
        return { kind: "accept", attributes, userName, eap };
      }
      case "failure":
        return { kind: "reject", eapPacket: step.packet };
      case "grant":
      case "ignore":
        return { kind: "reject" };
    }
  }

  #judge(userName: string, credential: Credential): Verdict {
    const { crypto, hashOf, attributesOf } = this.#options;
    const hash = hashOf(userName);
    if (hash === undefined || credential.kind !== "mschapv2") return { kind: "reject" };
    const mschapv2 = verifyMschapv2(crypto, hash, credential, userName);
    if (mschapv2 === undefined) return { kind: "reject" };
    return { kind: "accept", attributes: attributesOf(userName), mschapv2 };
  }
}
