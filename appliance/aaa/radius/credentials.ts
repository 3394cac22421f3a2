/**
 * What a user presents, as attributes of an Access-Request, and what the answer means to it: PAP (RFC
 * 2865 §5.2), MS-CHAPv2 (RFC 2548), the answer to an Access-Challenge (RFC 2865 §4.4), and EAP (RFC
 * 3579).
 */
import {
  type Bytes,
  concatBytes,
  type Credential,
  type CryptoProvider,
  type Random,
  sameAuthenticatorResponse,
  utf8,
  type Verdict,
} from "../../../core/mod.ts";
import { eapAttributes, eapPacketIn, mskIn } from "./eap.ts";
import { rejectionMessage, replyMessage } from "./messages.ts";
import { makeMschapExchange, mschapAttributes, mschapProof, mschapSuccess } from "./mschap.ts";
import { type Attribute, type RadiusPacket, valuesOf } from "./packet.ts";

/** What a server is asked about. */
export type AskedCredential = Exclude<Credential, { readonly kind: "certificate" }>;

/** How to ask about one credential. */
export interface Plan {
  readonly attributes: readonly Attribute[];
  /** Only this server can say. */
  readonly server?: number;
  /** Whether only a signed answer will do, whatever the operator allows. */
  readonly mustBeSigned?: true;
  /** What the core gets besides the attributes; throws when the accept proves too little. */
  readonly settle: (packet: RadiusPacket) => Settled;
  /** What an Access-Challenge of a server asks for; throws when that makes no sense. */
  readonly challenge: (packet: RadiusPacket, server: number) => Verdict;
}

/** Parts of an accept that depend on what was asked. */
export type Settled = Omit<
  Verdict & { readonly kind: "accept" },
  "kind" | "attributes" | "userName"
>;

/** What plans are made with. */
export interface PlanOptions {
  readonly crypto: CryptoProvider;
  readonly random: Random;
  /** How passwords of forms are asked about. */
  readonly passwords: "pap" | "mschapv2";
}

/** Longest User-Password (RFC 2865 §5.2). */
const longestPassword = 128;

/** How to ask; `undefined` when no server could ever say yes. */
export function planOf(
  options: PlanOptions,
  userName: string,
  credential: AskedCredential,
): Plan | undefined {
  const { crypto, random, passwords } = options;
  const [identifier = 0] = random.bytes(1);
  switch (credential.kind) {
    case "mschapv2":
      return {
        attributes: mschapAttributes(credential, identifier),
        challenge: oneMoreForm,
        settle: (packet) => {
          const mschapv2 = mschapProof(packet, identifier);
          if (mschapv2 === undefined) {
            throw new Error("RADIUS server accepted without proof or keys");
          }
          return { mschapv2 };
        },
      };
    case "password": {
      if (passwords === "pap") return papPlan(credential.password, []);
      const made = makeMschapExchange(crypto, random, userName, credential.password);
      return {
        attributes: mschapAttributes(made.exchange, identifier),
        challenge: oneMoreForm,
        settle: (packet) => {
          const proof = mschapSuccess(packet, identifier) ?? "";
          if (sameAuthenticatorResponse(made.expected, proof)) return {};
          throw new Error("RADIUS server accepted without knowing the password");
        },
      };
    }
    case "challenge-answer": {
      const { server, attributes } = returned(credential.state);
      if (server === undefined) return undefined;
      const plan = papPlan(credential.answer, attributes);
      return plan === undefined ? undefined : { ...plan, server };
    }
    case "eap":
      return eapPlan(credential.packet, credential.state);
  }
}

/** What an Access-Reject means: its reason for the person, and the packet of a relayed method. */
export function rejection(packet: RadiusPacket): Verdict {
  const message = rejectionMessage(packet);
  const eapPacket = eapPacketIn(packet, "failure");
  return {
    kind: "reject",
    ...(message === undefined ? {} : { message }),
    ...(eapPacket === undefined ? {} : { eapPacket }),
  };
}

function eapPlan(packet: Bytes, state: Bytes | undefined): Plan | undefined {
  const carried = eapAttributes(packet);
  if (carried === undefined) return undefined;
  const { server, attributes } = returned(state);
  return {
    attributes: [...carried, ...attributes],
    mustBeSigned: true,
    ...(server === undefined ? {} : { server }),
    challenge: (challenge, from) => {
      const request = eapPacketIn(challenge, "request");
      if (request === undefined) throw new Error("RADIUS server challenged without EAP");
      return { kind: "eap-request", packet: request, state: challengeState(challenge, from) };
    },
    settle: (accept) => {
      const success = eapPacketIn(accept, "success");
      if (success === undefined) throw new Error("RADIUS server accepted without EAP-Success");
      const msk = mskIn(accept);
      return { eap: msk === undefined ? { packet: success } : { packet: success, msk } };
    },
  };
}

/** The state of a challenge: who asked, and what that server wants back (RFC 2865 §5.24). */
export function challengeState(packet: RadiusPacket, server: number): Bytes {
  const [state = new Uint8Array()] = valuesOf(packet, "State");
  return concatBytes(new Uint8Array([server]), state);
}

/** Such a state on its way back: for whom, and as what. */
function returned(state: Bytes | undefined): {
  readonly server: number | undefined;
  readonly attributes: readonly Attribute[];
} {
  const value = state?.subarray(1) ?? new Uint8Array();
  return { server: state?.[0], attributes: value.length === 0 ? [] : [{ name: "State", value }] };
}

function oneMoreForm(packet: RadiusPacket, server: number): Verdict {
  const message = replyMessage(packet) ?? defaultChallenge;
  return { kind: "challenge", message, state: challengeState(packet, server) };
}

const defaultChallenge = "One more answer is needed.";

function papPlan(password: string, more: readonly Attribute[]): Plan | undefined {
  const value = utf8(password);
  if (value.length > longestPassword) return undefined;
  return {
    attributes: [{ name: "User-Password", value }, ...more],
    challenge: oneMoreForm,
    settle: () => ({}),
  };
}
