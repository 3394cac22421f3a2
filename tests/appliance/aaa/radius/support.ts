/** What the tests of RADIUS share. */
import { createHash, createHmac } from "node:crypto";
import type { RadiusClient, RadiusQuestion } from "../../../../appliance/aaa/radius/client.ts";
import type { AccessLists } from "../../../../appliance/aaa/access_list/lists.ts";
import { type Attribute, buildPacket, Code } from "../../../../appliance/aaa/radius/packet.ts";
import { RadiusVerifier } from "../../../../appliance/aaa/radius/verifier.ts";
import { providerOfMachine } from "../../../../appliance/crypto.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import type { Facts, Log } from "../../../../appliance/log.ts";
import { type Credential, utf8, type Verdict } from "../../../../core/mod.ts";

/** A log that nobody reads. */
export const silentLog: Log = { tell: () => {}, trace: () => {}, close: () => {} };

/** A log that keeps events and their facts. */
export function keepingLog(): Log & { readonly told: readonly (readonly [string, Facts])[] } {
  const told: [string, Facts][] = [];
  return {
    told,
    tell: (_, event, facts = {}) => void told.push([event, facts]),
    trace: () => {},
    close: () => {},
  };
}

/** The secret of these tests. */
export const secret = utf8("xyzzy5461");

/** A server's answer to a request, signed as it should be. */
export function answerTo(
  request: Uint8Array,
  code: number,
  attributes: readonly Attribute[] = [],
  signs = true,
  key: Uint8Array = secret,
): Uint8Array {
  const [, identifier = 0] = request;
  const authenticator = request.slice(4, 20);
  const signature: Attribute = { name: "Message-Authenticator", value: new Uint8Array(16) };
  const all = signs ? [signature, ...attributes] : attributes;
  const bytes = buildPacket({ code, identifier, authenticator, attributes: all });
  if (bytes === undefined) throw new Error("the answer is too long");
  if (signs) bytes.set(createHmac("md5", key).update(bytes).digest(), 22);
  return resigned(bytes, authenticator, key);
}

/** The same with a Response Authenticator that fits, whatever else is wrong with it. */
export function resigned(
  bytes: Uint8Array,
  requestAuthenticator: Uint8Array,
  key: Uint8Array = secret,
): Uint8Array {
  const copy = bytes.slice();
  copy.set(requestAuthenticator, 4);
  copy.set(createHash("md5").update(copy).update(key).digest(), 4);
  return copy;
}

/** What a verifier made of the same accept, asked several times. */
export interface Asked {
  readonly questions: readonly RadiusQuestion[];
  readonly verdicts: readonly (Verdict | undefined)[];
  readonly log: ReturnType<typeof keepingLog>;
  readonly verifier: RadiusVerifier;
}

/** Asks a verifier whose servers accept with these attributes. */
export async function asked(
  { attributes = [], ignoresUnknown = false, accessLists = new Map(), times = 1 }: {
    readonly attributes?: readonly Attribute[];
    readonly ignoresUnknown?: boolean;
    readonly accessLists?: AccessLists;
    readonly times?: number;
  },
  credential: Credential = { kind: "password", password: "secret" },
): Promise<Asked> {
  const questions: RadiusQuestion[] = [];
  const packet = { code: Code.ACCESS_ACCEPT, identifier: 0, authenticator: new Uint8Array(16) };
  const client = {
    ask: (question: RadiusQuestion) => {
      questions.push(question);
      return Promise.resolve({ packet: { ...packet, attributes }, server: 0 });
    },
  } as unknown as RadiusClient;
  const log = keepingLog();
  const verifier = new RadiusVerifier({
    client,
    crypto: providerOfMachine(),
    random: systemRandom,
    log,
    nasIdentifier: "gw",
    passwords: "pap",
    ignoresUnknown,
    accessLists,
    local: { verify: () => Promise.resolve({ kind: "reject" }) },
    fallsBack: false,
  });
  const remote = {
    address: { family: 4, octets: Uint8Array.of(192, 0, 2, 9) },
    port: 4500,
  } as const;
  const { signal } = new AbortController();
  const verdicts: (Verdict | undefined)[] = [];
  for (let time = 0; time < times; time++) {
    // An accept without proof is an error, which is no matter here.
    verdicts.push(
      await verifier.verify("alice", credential, { remote, signal }).catch(() => undefined),
    );
  }
  return { questions, verdicts, log, verifier };
}
