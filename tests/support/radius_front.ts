/**
 * A RADIUS server before our relay: for peers of EAP that speak RADIUS and not IKE, such as `eapol_test`.
 * It does what the exchange IKE_AUTH does with a relay, and shows the MSK as keys in its accept.
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import {
  type Attribute,
  buildPacket,
  Code,
  parsePacket,
  type RadiusPacket,
  valuesOf,
} from "../../appliance/aaa/radius/packet.ts";
import type { UserVerifier, VerifyContext } from "../../appliance/effects.ts";
import { concatBytes, textOf, utf8 } from "../../core/bytes.ts";
import type { EapStep } from "../../core/eap/conversation.ts";
import { EapRelay } from "../../core/eap/relay.ts";

/** What the front shares with its peers. */
export const frontSecret = "secret of the front";

type Ended = EapStep & { readonly kind: "success" | "failure" };

/** A front, with whom it let in. */
export class RadiusFront implements AsyncDisposable {
  readonly #socket = createSocket("udp4");
  readonly #verifier: UserVerifier;
  readonly #context: VerifyContext;
  readonly #relays: EapRelay[] = [];
  /** How conversations ended, in order. */
  readonly ends: Ended[] = [];
  /** Questions to the server behind. */
  questions = 0;

  private constructor(verifier: UserVerifier, context: VerifyContext) {
    this.#verifier = verifier;
    this.#context = context;
  }

  /** Opens one on loopback. */
  static async start(verifier: UserVerifier, context: VerifyContext): Promise<RadiusFront> {
    const front = new RadiusFront(verifier, context);
    const socket = front.#socket;
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    socket.on("message", (bytes, from) => {
      front.#answer(new Uint8Array(bytes)).then(
        (answer) => socket.send(answer, from.port, from.address),
        (error) => console.log(`the front cannot answer: ${error}`),
      );
    });
    return front;
  }

  /** Where it listens. */
  get port(): number {
    return this.#socket.address().port;
  }

  async #answer(request: Uint8Array): Promise<Uint8Array> {
    const parsed = parsePacket(request);
    if (!parsed.ok) throw new Error(parsed.fault);
    const packet = concatBytes(...valuesOf(parsed.value, "EAP-Message"));
    const [state] = valuesOf(parsed.value, "State");
    const number = state === undefined ? this.#begin(packet[1] ?? 0) : Number(textOf(state));
    const relay = this.#relays[number];
    if (relay === undefined) throw new Error("no such conversation");
    let step = relay.handle(packet);
    if (step.kind === "verify") {
      this.questions += 1;
      step = relay.complete(
        await this.#verifier.verify(step.userName, step.credential, this.#context),
      );
    }
    if (step.kind === "success" || step.kind === "failure") this.ends.push(step);
    return seal(parsed.value, number, step);
  }

  /** The peer has said its name already, under this identifier. */
  #begin(identifier: number): number {
    const relay = new EapRelay(identifier);
    relay.start();
    return this.#relays.push(relay) - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

function seal(request: RadiusPacket, number: number, step: EapStep): Uint8Array {
  if (!("packet" in step)) throw new Error(`a peer's packet came to ${step.kind}`);
  const attributes: Attribute[] = [
    { name: "Message-Authenticator", value: new Uint8Array(16) },
    { name: "State", value: utf8(String(number)) },
  ];
  for (let at = 0; at < step.packet.length; at += 253) {
    attributes.push({ name: "EAP-Message", value: step.packet.subarray(at, at + 253) });
  }
  const { authenticator, identifier } = request;
  if (step.kind === "success" && step.msk !== undefined) {
    const half = (from: number): Uint8Array => step.msk?.slice(from, from + 32) ?? new Uint8Array();
    attributes.push(
      { name: "MS-MPPE-Recv-Key", value: salted(authenticator, half(0)) },
      { name: "MS-MPPE-Send-Key", value: salted(authenticator, half(32)) },
    );
  }
  const code = step.kind === "request"
    ? Code.ACCESS_CHALLENGE
    : step.kind === "success"
    ? Code.ACCESS_ACCEPT
    : Code.ACCESS_REJECT;
  const bytes = buildPacket({ code, identifier, authenticator, attributes });
  if (bytes === undefined) throw new Error("the answer is too long");
  bytes.set(createHmac("md5", frontSecret).update(bytes).digest(), 22);
  bytes.set(createHash("md5").update(bytes).update(frontSecret).digest(), 4);
  return bytes;
}

/** A key hidden as RFC 2548 §2.4.2 has it. */
function salted(authenticator: Uint8Array, key: Uint8Array): Uint8Array {
  const salt = new Uint8Array(randomBytes(2));
  salt[0] = (salt[0] ?? 0) | 0x80;
  const plain = new Uint8Array(Math.ceil((key.length + 1) / 16) * 16);
  plain[0] = key.length;
  plain.set(key, 1);
  let previous = concatBytes(authenticator, salt);
  for (let at = 0; at < plain.length; at += 16) {
    const mask = createHash("md5").update(frontSecret).update(previous).digest();
    for (const [i, octet] of mask.entries()) plain[at + i] = (plain[at + i] ?? 0) ^ octet;
    previous = plain.slice(at, at + 16);
  }
  return concatBytes(salt, plain);
}
