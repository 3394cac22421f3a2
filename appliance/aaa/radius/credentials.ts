/**
 * What a user presents, as attributes of an Access-Request, and what an Access-Accept has to say to it:
 * PAP (RFC 2865 §5.2), MS-CHAPv2 (RFC 2548), and the answer to an Access-Challenge (RFC 2865 §4.4).
 */
import {
  type Bytes,
  concatBytes,
  type Credential,
  type CryptoProvider,
  type MschapProof,
  type Random,
  sameAuthenticatorResponse,
  utf8,
} from "../../../core/mod.ts";
import { makeMschapExchange, mschapAttributes, mschapProof, mschapSuccess } from "./mschap.ts";
import { type Attribute, type RadiusPacket, valuesOf } from "./packet.ts";

/** What a server is asked about. */
export type AskedCredential = Exclude<Credential, { readonly kind: "certificate" }>;

/** How to ask about one credential. */
export interface Plan {
  readonly attributes: readonly Attribute[];
  /** Only this server can say. */
  readonly server?: number;
  /** What the core gets besides the attributes; throws when the accept proves too little. */
  readonly settle: (packet: RadiusPacket) => { readonly mschapv2?: MschapProof };
}

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
        settle: (packet) => {
          const proof = mschapSuccess(packet, identifier) ?? "";
          if (sameAuthenticatorResponse(made.expected, proof)) return {};
          throw new Error("RADIUS server accepted without knowing the password");
        },
      };
    }
    case "challenge-answer": {
      const [server, ...state] = credential.state ?? [];
      if (server === undefined) return undefined;
      const attributes: Attribute[] = state.length === 0
        ? []
        : [{ name: "State", value: new Uint8Array(state) }];
      const plan = papPlan(credential.answer, attributes);
      return plan === undefined ? undefined : { ...plan, server };
    }
    case "eap":
      return undefined;
  }
}

/** The state of a challenge: who asked, and what that server wants back (RFC 2865 §5.24). */
export function challengeState(packet: RadiusPacket, server: number): Bytes {
  const [state = new Uint8Array()] = valuesOf(packet, "State");
  return concatBytes(new Uint8Array([server]), state);
}

function papPlan(password: string, more: readonly Attribute[]): Plan | undefined {
  const value = utf8(password);
  if (value.length > longestPassword) return undefined;
  return { attributes: [{ name: "User-Password", value }, ...more], settle: () => ({}) };
}
