/**
 * A scripted client of AnyConnect-EAP: says any document at any time, asks for every attribute that
 * a client of Cisco's was seen to ask for, and brings along what real ones bring and we ignore.
 */
import { type OwnedBytes, utf8 } from "../../core/bytes.ts";
import {
  buildClientDocument,
  type ClientDocument,
  type ClientHeader,
} from "../../core/eap/anyconnect/client_documents.ts";
import {
  ANYCONNECT_METHOD,
  type AnyConnectMessage,
  buildTlvs,
  parseTlvs,
} from "../../core/eap/anyconnect/framing.ts";
import {
  type GatewayDocument,
  parseGatewayDocument,
} from "../../core/eap/anyconnect/gateway_documents.ts";
import { ANYCONNECT_IDENTITY } from "../../core/eap/anyconnect/identity.ts";
import { buildEapPacket, parseEapPacket } from "../../core/eap/packet.ts";
import { find } from "../../core/exchange/payloads.ts";
import {
  AuthMethod,
  ConfigType,
  ExchangeType,
  IdType,
  NotifyType,
} from "../../core/message/constants.ts";
import { idBody } from "../../core/message/identification.ts";
import { notify } from "../../core/message/notify.ts";
import type { ConfigurationAttribute, Payload } from "../../core/message/payload.ts";
import { authOctets, sharedKeyAuth } from "../../core/sa/auth_octets.ts";
import { SimPeer } from "./sim_peer.ts";
import type { SimWorld } from "./sim_world.ts";

const header: ClientHeader = { version: "5.1.8.105", macAddresses: [] };

/** A notify of Cisco's whose meaning nobody outside knows. */
const CISCO_PRIVATE_NOTIFY = 40_963;

const nothing = new Uint8Array(0);

function asked(...types: readonly number[]): readonly ConfigurationAttribute[] {
  return types.map((type) => ({ type, value: nothing }));
}

function numbersUpTo(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** CFG_REQUEST of a client of Cisco's, as debug prints of an ASA show it. */
export const ciscoWishes: readonly ConfigurationAttribute[] = [
  ...asked(1, 2, 3, 4, 5),
  { type: 7, value: utf8("AnyConnect Windows 5.1.8.105") },
  ...asked(8, 13),
  { type: 28_682, value: utf8("laptop") },
  ...asked(...numbersUpTo(28_704, 28_710), 28_672, 28_684),
  { type: 28_711, value: Uint8Array.of(0x05, 0xdc) },
  ...asked(28_674, 28_712, 28_675, 28_679, 28_683, ...numbersUpTo(28_717, 28_727), 28_729),
];

function isHashes(payload: Payload): boolean {
  return payload.kind === "N" && payload.notifyType === NotifyType.SIGNATURE_HASH_ALGORITHMS;
}

/** What a peer is made from. */
export interface AnyConnectPeerOptions {
  readonly host?: string;
  readonly seed?: number;
  /** ID type of IDi. */
  readonly idType?: number;
  /** Attributes of the CFG_REQUEST. */
  readonly wishes?: readonly ConfigurationAttribute[];
  /** IKE proposals in strongSwan's notation. */
  readonly ike?: readonly string[];
  /** Whether IKE_SA_INIT has SIGNATURE_HASH_ALGORITHMS; not by default. */
  readonly announcesHashes?: boolean;
}

/** One client that does as it is told. */
export class AnyConnectPeer {
  readonly peer: SimPeer;
  /** The last document that came. */
  document: GatewayDocument | undefined;
  /** Payloads of the last response. */
  last: readonly Payload[] = [];
  /** Identifier of the last EAP request. */
  identifier = 0;
  readonly #idType: number;
  readonly #wishes: readonly ConfigurationAttribute[];
  readonly #announcesHashes: boolean;
  #sent: readonly OwnedBytes[] = [];

  constructor(world: SimWorld, options: AnyConnectPeerOptions = {}) {
    const { idType = IdType.CISCO_GROUP, wishes = ciscoWishes, announcesHashes = false, ...rest } =
      options;
    this.#announcesHashes = announcesHashes;
    this.peer = new SimPeer(world, rest);
    this.#idType = idType;
    this.#wishes = wishes;
  }

  /** IKE_SA_INIT and the first IKE_AUTH request, with everything that is to be ignored. */
  begin(): void {
    const configType = ConfigType.REQUEST;
    const stray = { kind: "CP", configType, attributes: asked(28_730) } as const;
    const vendor = { kind: "V", data: this.peer.random.bytes(20) } as const;
    this.peer.init((payloads) => [
      ...payloads.filter((payload) => this.#announcesHashes || !isHashes(payload)),
      stray,
      vendor,
    ]);
    const wishes = this.peer.wishes().map((payload) =>
      payload.kind === "CP" ? { ...payload, attributes: this.#wishes } : payload
    );
    this.#request([
      { kind: "IDi", idType: this.#idType, data: ANYCONNECT_IDENTITY },
      notify(NotifyType.INITIAL_CONTACT),
      ...wishes,
      notify(NotifyType.EAP_ONLY_AUTHENTICATION),
      notify(CISCO_PRIVATE_NOTIFY, utf8("whatever")),
      vendor,
    ]);
  }

  /** The first document, or one that begins anew. */
  init(change: Partial<ClientDocument & { readonly kind: "init" }> = {}): void {
    this.say({
      kind: "init",
      header,
      opaque: this.#opaque,
      authMethods: [],
      hasNoCertificate: false,
      ...change,
    });
  }

  /** Answers a form. */
  answer(answers: Readonly<Record<string, string>>, groupSelect?: string): void {
    const list = Object.entries(answers).map(([name, value]) => ({ name, value }));
    this.say({ kind: "auth-reply", header, opaque: this.#opaque, answers: list, groupSelect });
  }

  /** The answer to `complete`. */
  acknowledge(): void {
    this.say({ kind: "ack", header });
  }

  /** Says a document, under the identifier that was asked unless another is given. */
  say(document: ClientDocument, more: AnyConnectMessage = {}, identifier = this.identifier): void {
    const data = buildTlvs({ ...more, xml: buildClientDocument(document) });
    const method = ANYCONNECT_METHOD;
    const packet = buildEapPacket({ kind: "response", identifier, method, data });
    this.#request([{ kind: "EAP", packet }]);
  }

  /** The last request once more, octet for octet. */
  repeat(): void {
    this.last = this.peer.responseTo(this.#sent, this.peer.nextId - 1);
  }

  /** AUTH after EAP-Success. */
  prove(): void {
    const { peer } = this;
    const { keys, suite, initRequest, nonceR, world: { crypto } } = peer;
    if (keys === undefined || suite === undefined) throw new Error("no IKE SA yet");
    const body = idBody(this.#idType, ANYCONNECT_IDENTITY);
    const octets = authOctets(crypto, suite.prf, initRequest, nonceR, keys.pi, body);
    const data = sharedKeyAuth(crypto, suite.prf, keys.pi, octets);
    this.#request([{ kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data }]);
  }

  /** A whole login with a password. */
  login(username: string, password: string): readonly Payload[] {
    this.begin();
    this.init();
    this.answer({ password, username });
    this.acknowledge();
    this.prove();
    return this.last;
  }

  /** Code of the last EAP packet: 1 a request, 3 success, 4 failure; `undefined` without one. */
  get eapCode(): number | undefined {
    return find(this.last, "EAP")?.packet[0];
  }

  get #opaque(): Extract<GatewayDocument, { kind: "auth-request" }>["opaque"] {
    return this.document?.kind === "auth-request" ? this.document.opaque : undefined;
  }

  #request(payloads: readonly Payload[]): void {
    const id = this.peer.nextId++;
    this.#sent = this.peer.seal(ExchangeType.IKE_AUTH, payloads, id);
    this.last = this.peer.responseTo(this.#sent, id);
    const packet = find(this.last, "EAP")?.packet;
    const eap = packet === undefined ? undefined : parseEapPacket(packet);
    if (eap?.ok !== true || eap.value.kind !== "request") return;
    this.identifier = eap.value.identifier;
    const message = parseTlvs(eap.value.data);
    if (!message.ok || message.value.xml === undefined) throw new Error("no document");
    const document = parseGatewayDocument(message.value.xml);
    if (!document.ok) throw new Error("unreadable document");
    this.document = document.value;
  }
}
