/**
 * A peer that says exactly what a test tells it to: an initiator made of messages and keys alone,
 * without any of the exchange code, so that a misunderstanding there does not cancel out.
 */
import { concatBytes, copyBytes, equalBytes, type OwnedBytes, utf8 } from "../../core/bytes.ts";
import type { CryptoProvider, KeyPair } from "../../core/crypto/provider.ts";
import { EapClient } from "../../core/eap/client.ts";
import { Mschapv2Client } from "../../core/eap/mschapv2_client.ts";
import {
  AuthMethod,
  CertEncoding,
  ConfigAttribute,
  ConfigType,
  ExchangeType,
  IdType,
  NotifyType,
  ProtocolId,
} from "../../core/message/constants.ts";
import { find } from "../../core/exchange/payloads.ts";
import type { IkeHeader, MessageHeader } from "../../core/message/header.ts";
import { idBody } from "../../core/message/identification.ts";
import { buildMessage, parseMessage, parsePayloads } from "../../core/message/message.ts";
import { buildSignatureHashes, notify } from "../../core/message/notify.ts";
import type { NotifyPayload, Payload, Proposal } from "../../core/message/payload.ts";
import type { SessionPair } from "../../core/gateway/record.ts";
import { authOctets, sharedKeyAuth } from "../../core/sa/auth_octets.ts";
import { FragmentBuffer } from "../../core/sa/fragments.ts";
import { IvCounter } from "../../core/sa/iv_counter.ts";
import { deriveIkeKeys, deriveRekeyedIkeKeys, type IkeKeys } from "../../core/sa/keymat.ts";
import { anySelector } from "../../core/sa/narrowing.ts";
import { ikeSuiteOf, offerOf } from "../../core/sa/proposal.ts";
import { directionKeys, openMessage, sealChain, sealMessage } from "../../core/sa/protection.ts";
import { announcedHashes, signAuth } from "../../core/sa/signature_auth.ts";
import type { IkeSuite } from "../../core/sa/suite.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import { SeededRandom } from "./seeded_random.ts";
import { endpoint, gatewayEndpoint, proposals, simNumbers } from "./sim_settings.ts";
import type { SimPki } from "./sim_pki.ts";
import type { SimSocket } from "./sim_world.ts";

/** A message as a peer sees it. */
export interface Heard {
  readonly header: IkeHeader;
  readonly payloads: readonly Payload[];
  /** As it came; of a message in fragments the last one. */
  readonly bytes: OwnedBytes;
}

/** Where a peer lives: a simulation, or real sockets. */
export interface PeerWorld {
  readonly crypto: CryptoProvider;
  readonly pki: Pick<SimPki, "client">;
  /** Peers that hear what is sent to their endpoints. */
  readonly sockets: SimSocket[];
  /** Puts a datagram on the wire. */
  send(from: Endpoint, to: Endpoint, bytes: Uint8Array): void;
  /** Lets time pass, in which datagrams arrive. */
  run(ms: number): void;
}

/** What a peer is made from. */
export interface PeerOptions {
  readonly host?: string;
  readonly seed?: number;
  /** IKE proposals in strongSwan's notation. */
  readonly ike?: readonly string[];
  readonly esp?: readonly string[];
  /** The same peer on another IKE SA: it has the socket already. */
  readonly sameAs?: SimPeer;
}

/** One scripted initiator, with at most one IKE SA. */
export class SimPeer implements SimSocket {
  readonly world: PeerWorld;
  readonly random: SeededRandom;
  readonly ikeOffer: readonly Proposal[];
  readonly espOffer: readonly Proposal[];
  readonly nonceI: OwnedBytes;
  spiI: OwnedBytes;
  spiR: OwnedBytes = new Uint8Array(8);
  nonceR: OwnedBytes = new Uint8Array(0);
  /** The IKE_SA_INIT messages that AUTH covers. */
  initRequest: OwnedBytes = new Uint8Array(0);
  initResponse: OwnedBytes = new Uint8Array(0);
  suite: IkeSuite | undefined;
  keys: IkeKeys | undefined;
  endpoint: Endpoint;
  /** SPI under which its Child SA receives. */
  espSpi: OwnedBytes;
  nextId = 0;
  /** Datagrams that came, oldest first. */
  readonly inbox: OwnedBytes[];
  readonly #ivs = new IvCounter();
  #pair: KeyPair | undefined;
  readonly #fragments = new FragmentBuffer();

  constructor(world: PeerWorld, options: PeerOptions = {}) {
    const { host = "198.51.100.99", seed = 99, ike, esp, sameAs } = options;
    this.world = world;
    this.random = new SeededRandom(seed);
    this.endpoint = sameAs?.endpoint ?? endpoint(host, 4500);
    this.inbox = sameAs?.inbox ?? [];
    this.spiI = this.random.bytes(8);
    this.nonceI = this.random.bytes(32);
    this.espSpi = this.random.bytes(4);
    this.espSpi[0] = 0xc0;
    this.ikeOffer = offerOf(
      proposals("ike", ...ike ?? ["aes128gcm16-prfsha256-ecp256"]),
      new Uint8Array(0),
      true,
    );
    this.espOffer = proposals("esp", ...esp ?? ["aes128gcm16-noesn"]);
    if (sameAs === undefined) world.sockets.push(this);
  }

  receive(bytes: Uint8Array): void {
    this.inbox.push(copyBytes(bytes));
  }

  // --- IKE_SA_INIT --------------------------------------------------------------------------

  /** The payloads of an ordinary IKE_SA_INIT request. */
  initPayloads(group = 19): Payload[] {
    const pair = this.world.crypto.generateKeyPair(group, this.random);
    this.#pair = pair;
    return [
      { kind: "SA", proposals: this.ikeOffer },
      { kind: "KE", group, data: pair.publicValue },
      { kind: "Nonce", data: this.nonceI },
      notify(NotifyType.NAT_DETECTION_SOURCE_IP, this.random.bytes(20)),
      notify(NotifyType.NAT_DETECTION_DESTINATION_IP, this.random.bytes(20)),
      buildSignatureHashes(announcedHashes),
      // As long as those of real clients: nobody is told more than they said, before they show a cookie.
      { kind: "V", data: utf8("a peer of simulations, scripted by its test") },
    ];
  }

  /** An IKE_SA_INIT request in octets. */
  buildInit(payloads: readonly Payload[]): OwnedBytes {
    return buildMessage({
      initiatorSpi: this.spiI,
      responderSpi: new Uint8Array(8),
      exchangeType: ExchangeType.IKE_SA_INIT,
      flags: { initiator: true, response: false },
      messageId: 0,
    }, payloads);
  }

  /** Sends octets and gives what comes back within 100 ms. */
  exchange(bytes: Uint8Array): readonly OwnedBytes[] {
    const before = this.inbox.length;
    this.world.send(this.endpoint, gatewayEndpoint, bytes);
    this.world.run(100);
    return this.inbox.slice(before);
  }

  /** Begins an IKE SA; the payloads of the response. */
  init(change: (payloads: Payload[]) => readonly Payload[] = (same) => same): readonly Payload[] {
    const request = this.buildInit(change(this.initPayloads()));
    const [response] = this.exchange(request);
    if (response === undefined) return [];
    return this.takeInit(request, response);
  }

  /** Takes the response to `request` and derives keys if it is a good one. */
  takeInit(request: OwnedBytes, response: OwnedBytes): readonly Payload[] {
    const parsed = parseMessage(response);
    if (!parsed.ok) throw new Error(`unreadable response: ${JSON.stringify(parsed.fault)}`);
    const { header, payloads } = parsed.value;
    const sa = find(payloads, "SA");
    const ke = find(payloads, "KE");
    const nonce = find(payloads, "Nonce");
    if (sa === undefined || ke === undefined || nonce === undefined) return payloads;
    const [chosen] = sa.proposals;
    if (chosen === undefined || this.#pair === undefined) return payloads;
    const { crypto } = this.world;
    const secret = crypto.deriveSharedSecret(this.#pair, ke.data);
    if (secret === undefined) throw new Error("the gateway's public value is bad");
    this.initRequest = request;
    this.initResponse = response;
    this.spiR = copyBytes(header.responderSpi);
    this.nonceR = copyBytes(nonce.data);
    this.suite = ikeSuiteOf(chosen);
    const { nonceI, nonceR, spiI, spiR } = this;
    this.keys = deriveIkeKeys(crypto, this.suite, secret, nonceI, nonceR, spiI, spiR);
    this.nextId = 1;
    return payloads;
  }

  // --- protected messages -------------------------------------------------------------------

  /** A protected message, in one piece unless a size is given. */
  seal(
    exchangeType: number,
    payloads: readonly Payload[],
    messageId = this.nextId,
    { response = false, maxBytes }: { response?: boolean; maxBytes?: number } = {},
  ): readonly OwnedBytes[] {
    const header = this.#header(exchangeType, messageId, response);
    return sealMessage(this.#sealing(), header, payloads, maxBytes);
  }

  /** The same for a chain of payloads in octets, good or bad. */
  sealChain(
    exchangeType: number,
    firstPayload: number,
    chain: Uint8Array,
    messageId = this.nextId,
  ): OwnedBytes {
    const header = this.#header(exchangeType, messageId, false);
    const [whole] = sealChain(this.#sealing(), header, firstPayload, chain, undefined);
    return whole!;
  }

  /**
   * Opens a message of the gateway; `undefined` for a fragment that is not the last one, and for one
   * of another IKE SA.
   */
  open(bytes: OwnedBytes): Heard | undefined {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) throw new Error(`unreadable: ${JSON.stringify(parsed.fault)}`);
    const { header, payloads, encrypted } = parsed.value;
    if (encrypted === undefined) return { header, payloads, bytes };
    if (!equalBytes(header.responderSpi, this.spiR)) return undefined;
    const { keys, suite } = this.#established();
    const opening = { crypto: this.world.crypto, suite, keys: directionKeys(keys, "responder") };
    const opened = openMessage(opening, bytes, parsed.value);
    if (!opened.ok) throw new Error(`cannot open: ${opened.fault}`);
    let { firstPayload, plaintext } = opened.value;
    if (opened.value.fragment !== undefined) {
      const piece = { messageId: header.messageId, ...opened.value.fragment };
      const joined = this.#fragments.add({ ...piece, firstPayload, plaintext });
      if (joined.kind !== "complete") return undefined;
      ({ firstPayload, plaintext } = joined);
    }
    const inner = parsePayloads(firstPayload, plaintext, 0);
    if (!inner.ok) throw new Error(`unreadable payloads: ${JSON.stringify(inner.fault)}`);
    return { header, payloads: inner.value, bytes };
  }

  /** Sends a request and waits for its response. */
  request(exchangeType: number, payloads: readonly Payload[]): readonly Payload[] {
    const id = this.nextId++;
    return this.responseTo(this.seal(exchangeType, payloads, id), id);
  }

  /** Sends datagrams of a request and gives the payloads of the response; throws without one. */
  responseTo(datagrams: readonly Uint8Array[], messageId: number): readonly Payload[] {
    const before = this.inbox.length;
    for (const bytes of datagrams) this.world.send(this.endpoint, gatewayEndpoint, bytes);
    this.world.run(100);
    const heard = this.inbox.slice(before).map((bytes) => this.open(bytes));
    const response = heard.find((message) =>
      message?.header.flags.response === true && message.header.messageId === messageId
    );
    if (response === undefined) throw new Error(`no response to request ${messageId}`);
    return response.payloads;
  }

  /** Requests that the gateway sent since `from`. */
  requests(from = 0): readonly Heard[] {
    return this.inbox.slice(from).flatMap((bytes) => {
      const heard = this.open(bytes);
      return heard === undefined || heard.header.flags.response ? [] : [heard];
    });
  }

  /** Answers a request of the gateway. */
  answer({ header }: Heard, payloads: readonly Payload[]): void {
    const { exchangeType, messageId } = header;
    for (const bytes of this.seal(exchangeType, payloads, messageId, { response: true })) {
      this.world.send(this.endpoint, gatewayEndpoint, bytes);
    }
    this.world.run(100);
  }

  // --- IKE_AUTH -----------------------------------------------------------------------------

  /** CP, SA, TSi and TSr of an ordinary first request. */
  wishes(
    { pair = true, ip4 = true, ip6 = false }: { pair?: boolean; ip4?: boolean; ip6?: boolean } = {},
  ): Payload[] {
    const types = [
      ...(ip4 ? [ConfigAttribute.INTERNAL_IP4_ADDRESS] : []),
      ...(ip6 ? [ConfigAttribute.INTERNAL_IP6_ADDRESS] : []),
      ...(pair ? [...simNumbers["session-id"], ...simNumbers["session-token"]] : []),
    ];
    const attributes = types.map((type) => ({ type, value: new Uint8Array(0) }));
    const selectors = [anySelector(4), anySelector(6)];
    return [
      { kind: "CP", configType: ConfigType.REQUEST, attributes },
      { kind: "SA", proposals: offerOf(this.espOffer, this.espSpi, false) },
      { kind: "TSi", selectors },
      { kind: "TSr", selectors },
    ];
  }

  /** IDi and AUTH by shared key, as a client that comes back sends them. */
  pairProof({ sessionId, token }: SessionPair, idType: number = IdType.KEY_ID): Payload[] {
    const { suite } = this.#established();
    const id = utf8(sessionId);
    const octets = this.#octets(idBody(idType, id));
    const data = sharedKeyAuth(this.world.crypto, suite.prf, utf8(token), octets);
    return [
      { kind: "IDi", idType, data: id },
      { kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data },
    ];
  }

  /** Comes back by a pair; the response. */
  comeBack(pair: SessionPair, idType?: number): readonly Payload[] {
    this.init();
    return this.request(ExchangeType.IKE_AUTH, [...this.pairProof(pair, idType), ...this.wishes()]);
  }

  /** IDi, CERT and AUTH by the certificate of alice, by method 14 or an older one. */
  certificateProof(isModern = true): Payload[] {
    const { certificate, signer } = this.world.pki.client;
    const data = utf8("alice@example.test");
    const octets = this.#octets(idBody(IdType.RFC822_ADDR, data));
    const auth = signAuth(signer, octets, {
      peerHashes: isModern ? announcedHashes : undefined,
      legacyRsaHash: "sha256",
    });
    return [
      { kind: "IDi", idType: IdType.RFC822_ADDR, data },
      { kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data: certificate },
      { kind: "AUTH", ...auth },
    ];
  }

  /** Logs in by certificate; the response of IKE_AUTH. */
  login(wishes: readonly Payload[] = this.wishes()): readonly Payload[] {
    this.init();
    return this.request(ExchangeType.IKE_AUTH, [...this.certificateProof(), ...wishes]);
  }

  /** The first request of a login by EAP; the response. */
  beginEap(user: string): readonly Payload[] {
    return this.request(ExchangeType.IKE_AUTH, [
      { kind: "IDi", idType: IdType.RFC822_ADDR, data: utf8(`${user}@example.test`) },
      ...this.wishes(),
    ]);
  }

  /** Answers EAP until it succeeds or fails; the last response and the MSK. */
  runEap(
    user: string,
    password: string,
    first: readonly Payload[],
  ): { readonly last: readonly Payload[]; readonly msk: OwnedBytes | undefined } {
    const { crypto } = this.world;
    const options = { crypto, random: this.random, userName: user, password };
    const eap = new EapClient(user, new Mschapv2Client(options));
    let last = first;
    for (let i = 0; i < 10; i++) {
      const packet = find(last, "EAP")?.packet;
      if (packet === undefined) return { last, msk: undefined };
      const next = eap.handle(packet);
      if (next.kind === "success") return { last, msk: next.msk };
      if (next.kind !== "respond") return { last, msk: undefined };
      last = this.request(ExchangeType.IKE_AUTH, [{ kind: "EAP", packet: next.packet }]);
    }
    throw new Error("EAP does not end");
  }

  /** The AUTH payload after EAP. */
  proofByMsk(user: string, msk: OwnedBytes): Payload {
    const { suite } = this.#established();
    const octets = this.#octets(idBody(IdType.RFC822_ADDR, utf8(`${user}@example.test`)));
    const data = sharedKeyAuth(this.world.crypto, suite.prf, msk, octets);
    return { kind: "AUTH", method: AuthMethod.SHARED_KEY_MIC, data };
  }

  /** DELETE of the IKE SA. */
  logout(): readonly Payload[] {
    return this.request(ExchangeType.INFORMATIONAL, [
      { kind: "D", protocol: ProtocolId.IKE, spis: [] },
    ]);
  }

  /** Rekeys the IKE SA; the same peer on the one that this makes. */
  rekeyIke(nonceI: Uint8Array): SimPeer {
    const { crypto } = this.world;
    const { suite, keys } = this.#established();
    const spiI = this.random.bytes(8);
    const pair = crypto.generateKeyPair(19, this.random);
    const response = this.request(ExchangeType.CREATE_CHILD_SA, [
      { kind: "SA", proposals: offerOf(this.ikeOffer, spiI, true) },
      { kind: "Nonce", data: nonceI },
      { kind: "KE", group: 19, data: pair.publicValue },
    ]);
    const chosen = find(response, "SA")!.proposals[0]!;
    const nonceR = find(response, "Nonce")!.data;
    const secret = crypto.deriveSharedSecret(pair, find(response, "KE")!.data)!;
    const next = new SimPeer(this.world, { seed: 77, sameAs: this });
    next.spiI = spiI;
    next.spiR = copyBytes(chosen.spi);
    next.suite = ikeSuiteOf(chosen);
    next.espSpi = this.espSpi;
    next.keys = deriveRekeyedIkeKeys(
      ...[crypto, suite.prf, keys.d, next.suite, secret, nonceI, nonceR] as const,
      next.spiI,
      next.spiR,
    );
    return next;
  }

  /** The pair in a response. */
  pairIn(payloads: readonly Payload[]): SessionPair | undefined {
    const attributes = find(payloads, "CP")?.attributes ?? [];
    const text = (type: number | undefined): string | undefined => {
      const found = attributes.find((attribute) => attribute.type === type);
      return found === undefined ? undefined : new TextDecoder().decode(found.value);
    };
    const sessionId = text(simNumbers["session-id"][0]);
    const token = text(simNumbers["session-token"][0]);
    return sessionId === undefined || token === undefined ? undefined : { sessionId, token };
  }

  #octets(body: Uint8Array): OwnedBytes {
    const { keys, suite } = this.#established();
    const { crypto } = this.world;
    return authOctets(crypto, suite.prf, this.initRequest, this.nonceR, keys.pi, body);
  }

  #header(exchangeType: number, messageId: number, response: boolean): MessageHeader {
    return {
      initiatorSpi: this.spiI,
      responderSpi: this.spiR,
      exchangeType,
      flags: { initiator: true, response },
      messageId,
    };
  }

  #sealing(): Parameters<typeof sealMessage>[0] {
    const { keys, suite } = this.#established();
    const { crypto } = this.world;
    const ours = directionKeys(keys, "initiator");
    return { crypto, suite, keys: ours, random: this.random, ivs: this.#ivs };
  }

  #established(): { readonly keys: IkeKeys; readonly suite: IkeSuite } {
    const { keys, suite } = this;
    if (keys === undefined || suite === undefined) throw new Error("no IKE SA yet");
    return { keys, suite };
  }
}

/** The notify types among some payloads. */
export function notifiesOf(payloads: readonly Payload[]): number[] {
  return payloads.flatMap((payload) => payload.kind === "N" ? [payload.notifyType] : []);
}

/** The first notify of a type. */
export function notifyIn(payloads: readonly Payload[], type: number): NotifyPayload | undefined {
  for (const payload of payloads) {
    if (payload.kind === "N" && payload.notifyType === type) return payload;
  }
  return undefined;
}

/** Four octets as a number. */
export function spiNumber(spi: Uint8Array): number {
  return new DataView(concatBytes(spi).buffer).getUint32(0);
}
