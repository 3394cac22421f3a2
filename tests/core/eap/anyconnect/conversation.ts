/** Both sides of a login in memory: our gateway, a client of ours or of a test's own making, and AAA. */
import { textOf } from "../../../../core/bytes.ts";
import { nobleProvider } from "../../../../core/crypto/noble_provider.ts";
import { EapClient, type EapClientStep } from "../../../../core/eap/client.ts";
import type { EapStep } from "../../../../core/eap/conversation.ts";
import {
  AnyConnectClient,
  type AnyConnectClientOptions,
} from "../../../../core/eap/anyconnect/client.ts";
import type { ClientProof } from "../../../../core/eap/anyconnect/client_certificate.ts";
import {
  buildClientDocument,
  type ClientDocument,
  type ClientHeader,
  type InitDocument,
} from "../../../../core/eap/anyconnect/client_documents.ts";
import {
  type AnyConnectMessage,
  buildTlvs,
  parseTlvs,
} from "../../../../core/eap/anyconnect/framing.ts";
import {
  type GatewayDocument,
  parseGatewayDocument,
} from "../../../../core/eap/anyconnect/gateway_documents.ts";
import { englishTexts } from "../../../../core/eap/anyconnect/login_forms.ts";
import {
  type AnyConnectOptions,
  AnyConnectServer,
} from "../../../../core/eap/anyconnect/server.ts";
import { parseEapPacket } from "../../../../core/eap/packet.ts";
import { EapServer } from "../../../../core/eap/server.ts";
import type { Credential, Verdict } from "../../../../core/gateway/question.ts";
import type { SessionPair } from "../../../../core/gateway/record.ts";
import { purposes } from "../../../../core/pki/build.ts";
import { utf8 } from "../../../../core/bytes.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";
import { certify, certifyCa, NOW, signerOf } from "../../pki/authority.ts";
import { packetAround } from "./recorded.ts";

/** What the test's clients say of themselves. */
export const header: ClientHeader = {
  version: "5.1.0.136",
  device: { platform: "linux-64", computerName: "laptop" },
  macAddresses: ["82-00-11-aa-bb-cc"],
};

/** What a session comes back with. */
export const pair: SessionPair = { sessionId: "abcdefghijklmnopqr", token: "T0".repeat(21) + "x" };

/** What the clients' signatures cover. */
export const signedOctets = utf8("octets of the initiator's AUTH");

const authority = certifyCa("ca");
const alice = certify("alice", "ca", [purposes("CLIENT_AUTH")]);

/** What a gateway checks certificates against. */
export function proof(): ClientProof {
  return {
    crypto: nobleProvider,
    octets: signedOctets,
    prfHash: "sha256",
    hasRfc7427: false,
    anchors: [authority],
    at: NOW,
    allowSha1: false,
  };
}

/** The certificate of alice. */
export const certificate: AnyConnectClientOptions["certificate"] = {
  certificates: [alice.der],
  signer: signerOf("alice"),
  octets: () => signedOctets,
  prfHash: () => "sha256",
};

/** A gateway whose conversation has not begun. */
export function newMethod(changes: Partial<AnyConnectOptions> = {}, seed = 1): AnyConnectServer {
  return new AnyConnectServer({
    random: new SeededRandom(seed),
    mode: { kind: "password" },
    groups: [],
    texts: englishTexts,
    tries: 3,
    version: "1.0",
    csport: 443,
    banner: undefined,
    serverCertHash: undefined,
    ...changes,
  });
}

/** The same in its EAP conversation. */
export function newServer(changes: Partial<AnyConnectOptions> = {}, seed = 1): EapServer {
  return new EapServer({
    method: newMethod(changes, seed),
    asksIdentity: false,
    firstIdentifier: 1,
  });
}

/** A client of ours. */
export function newClient(changes: Partial<AnyConnectClientOptions> = {}): AnyConnectClient {
  return new AnyConnectClient({
    header,
    user: { name: "alice", password: "p&w" },
    certificate: undefined,
    group: undefined,
    groupAccess: "vpn.example.test",
    answer: () => undefined,
    ...changes,
  });
}

/** Who is let in: alice, with her password and then, if asked for, 123456. */
export function judge(userName: string, credential: Credential, asksCode = false): Verdict {
  const accept: Verdict = { kind: "accept", attributes: {} };
  if (userName !== "alice") return { kind: "reject" };
  switch (credential.kind) {
    case "password":
      if (credential.password !== "p&w") return { kind: "reject" };
      return asksCode
        ? { kind: "challenge", message: "Code?", inputLabel: "Code:", state: utf8("s1") }
        : accept;
    case "challenge-answer": {
      const isSame = credential.state !== undefined && textOf(credential.state) === "s1";
      return isSame && credential.answer === "123456" ? accept : { kind: "reject" };
    }
    case "certificate":
      return accept;
    case "mschapv2":
    case "eap":
      return { kind: "reject" };
  }
}

/** How a login went. */
export interface Outcome {
  readonly server: EapStep;
  readonly client: EapClientStep;
  /** What was said, gateway first. */
  readonly documents: readonly string[];
  readonly questions: readonly string[];
}

/** Runs both sides against each other to the end. */
export function run(
  server: EapServer,
  method: AnyConnectClient,
  asksCode = false,
): Outcome {
  const client = new EapClient("", method);
  const documents: string[] = [];
  const questions: string[] = [];
  let step = server.start();
  for (let turn = 0; turn < 100; turn++) {
    if (step.kind === "verify") {
      questions.push(`${step.userName} ${step.credential.kind}`);
      step = server.complete(judge(step.userName, step.credential, asksCode));
      continue;
    }
    if (step.kind === "grant") {
      questions.push(`${step.userName} granted`);
      step = server.granted(pair);
      continue;
    }
    if (step.kind === "ignore") throw new TypeError("the gateway ignored our own client");
    documents.push(nameOf(step.packet));
    const answer = client.handle(step.packet);
    if (answer.kind !== "respond") return { server: step, client: answer, documents, questions };
    documents.push(nameOf(answer.packet));
    step = server.handle(answer.packet);
  }
  throw new TypeError("no end");
}

/** The type of the document in a packet, or the kind of packet. */
export function nameOf(packet: Uint8Array): string {
  const parsed = parseEapPacket(packet);
  if (!parsed.ok) return "rubbish";
  if (!("data" in parsed.value)) return parsed.value.kind;
  return /type="([a-z-]+)"/.exec(textOf(parsed.value.data))?.[1] ?? "no document";
}

/** A client's packet with this document. */
export function packetOf(
  identifier: number,
  document: ClientDocument | string | Uint8Array,
  more: AnyConnectMessage = {},
): Uint8Array {
  const xml = typeof document === "string"
    ? utf8(document)
    : document instanceof Uint8Array
    ? document
    : buildClientDocument(document);
  return packetAround(2, identifier, buildTlvs({ ...more, xml }));
}

/** The document in a gateway's packet. */
export function documentOf(step: EapStep): GatewayDocument {
  if (step.kind !== "request") throw new TypeError(`no request but ${step.kind}`);
  const message = parseTlvs(step.packet.subarray(12));
  const xml = message.ok ? message.value.xml : undefined;
  const document = parseGatewayDocument(xml ?? new Uint8Array(0));
  if (!document.ok) throw new TypeError(JSON.stringify(document.fault));
  return document.value;
}

/** A plain init. */
export const init: InitDocument = {
  kind: "init",
  header,
  authMethods: [],
  hasNoCertificate: false,
};

/** The answer to a form, with its opaque. */
export function replyTo(
  step: EapStep,
  answers: Readonly<Record<string, string>>,
  groupSelect?: string,
): ClientDocument {
  const document = documentOf(step);
  const opaque = document.kind === "auth-request" ? document.opaque : undefined;
  const list = Object.entries(answers).map(([name, value]) => ({ name, value }));
  return { kind: "auth-reply", header, opaque, answers: list, groupSelect };
}

/** The reason of a failure step. */
export function reasonOf(step: EapStep): string | undefined {
  return step.kind === "failure" ? step.reason : undefined;
}
