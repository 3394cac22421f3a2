/**
 * Everything bad that one machine can send to a running gateway, in order, over UDP; `hostile_test.ts`
 * runs it in a namespace and looks at what the gateway and others make of it.
 *
 *     hostile_program.ts GATEWAY CLIENT-CERT CLIENT-KEY ADDRESS…
 *
 * Prints one line for each kind of attack; exits with status 1 when the gateway answers as it should not.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, hexOf, utf8 } from "../../core/bytes.ts";
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import { find } from "../../core/exchange/payloads.ts";
import { limits } from "../../core/limits.ts";
import {
  AuthMethod,
  CertEncoding,
  Encr,
  ExchangeType,
  IdType,
  NotifyType,
  ProtocolId,
  TransformType,
} from "../../core/message/constants.ts";
import { buildMessage, buildPayloads, parseMessage } from "../../core/message/message.ts";
import type { Payload } from "../../core/message/payload.ts";
import { certificatesIn, privateKeyIn } from "../../core/pki/pem.ts";
import { anySelector } from "../../core/sa/narrowing.ts";
import { offerOf } from "../../core/sa/proposal.ts";
import { garble, lieAbout } from "./lies.ts";
import { readMessageSeeds } from "./message_seeds.ts";
import { readPcap } from "./pcap.ts";
import { SeededRandom } from "./seeded_random.ts";
import { notifiesOf, notifyIn, SimPeer } from "./sim_peer.ts";
import { UdpWorld } from "./udp_world.ts";
import { listVectors, readVector } from "./vectors.ts";

const [gateway = "", clientCert = "", clientKey = "", ...hosts] = Deno.args;
const { AUTHENTICATION_FAILED, COOKIE, INVALID_SYNTAX, NO_PROPOSAL_CHOSEN } = NotifyType;
const { CREATE_CHILD_SA, IKE_AUTH, INFORMATIONAL } = ExchangeType;
/** Little time for an answer where none is to come. */
const NO_ANSWER_MS = 150;
const random = new SeededRandom(660);
const world = new UdpWorld(gateway, nobleProvider, readClient());
let peers = 0;

function readClient(): UdpWorld["pki"]["client"] {
  const certificates = certificatesIn(Deno.readTextFileSync(clientCert));
  const key = privateKeyIn(Deno.readTextFileSync(clientKey));
  const certificate = certificates.ok ? certificates.value[0] : undefined;
  const signer = key.ok ? nobleProvider.importPrivateKey(key.value) : undefined;
  if (certificate === undefined || signer === undefined) throw new Error("Cannot read the client");
  return { certificate, signer };
}

/** A peer that nobody has seen before, at the next of the addresses. */
function stranger(): SimPeer {
  const host = hosts[peers % hosts.length]!;
  world.sockets.length = 0;
  return new SimPeer(world, { seed: 7_000 + peers++, host });
}

/** Sends without waiting for an answer; how many came all the same. */
function unanswered(peer: SimPeer, datagrams: readonly Uint8Array[]): number {
  const before = peer.inbox.length;
  for (const bytes of datagrams) world.send(peer.endpoint, peer.endpoint, bytes);
  return heardSince(peer, before);
}

function heardSince(peer: SimPeer, before: number): number {
  const { patienceMs } = world;
  world.patienceMs = NO_ANSWER_MS;
  world.run();
  world.patienceMs = patienceMs;
  return peer.inbox.length - before;
}

function attack(name: string, run: () => Record<string, number>): void {
  const began = performance.now();
  const facts = Object.entries(run()).map(([key, value]) => `${value} ${key}`).join(", ");
  console.log(`${name}: ${facts} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
}

/** Octets of all corpora and captures that are there, without anything about them. */
function* recordedOctets(): Generator<Uint8Array> {
  const captures = [
    "own/strongswan-recordings",
    "own/freeradius-recordings",
    ...["openswan/ikev2", "scapy", "tcpdump", "wireshark"].map((it) => `thirdparty/captures/${it}`),
    "thirdparty/malformed/tcpdump",
    "thirdparty/malformed/zeek",
    "thirdparty/radius/tcpdump",
  ];
  for (const folder of captures) {
    for (const name of listVectors(folder)) {
      const file = /\.pcap(ng)?$/.test(name) ? readVector(`${folder}/${name}`) : undefined;
      if (file !== undefined) yield* readPcap(file).map(({ payload }) => payload);
    }
  }
  for (const name of listVectors("thirdparty/fuzz/ike-seeds", ".bin")) {
    yield readVector(`thirdparty/fuzz/ike-seeds/${name}`) ?? new Uint8Array(0);
  }
  for (const { messages, chains } of [readMessageSeeds()]) {
    yield* messages.map(({ bytes }) => bytes);
    yield* chains.map(({ bytes }) => bytes);
  }
}

/** Files of a corpus of certificates and the like, a part of them. */
function* corpusFiles(count: number): Generator<Uint8Array> {
  for (const folder of ["certs", "certs-crash", "crls", "ids", "ocsp_rsp-crash"]) {
    const path = `thirdparty/fuzz/strongswan/${folder}`;
    const names = listVectors(path);
    const every = Math.max(1, Math.floor(names.length / count));
    for (const [i, name] of names.entries()) {
      const file = i % every === 0 ? readVector(`${path}/${name}`) : undefined;
      if (file !== undefined) yield file.slice(0, 4_000);
    }
  }
}

attack("captures and corpora, as they are", () => {
  const peer = stranger();
  let octets = 0;
  let datagrams = 0;
  for (const bytes of recordedOctets()) {
    const whole = bytes.slice(0, 60_000);
    for (const port of [500, 4500]) world.sendRaw(peer.endpoint, whole, port);
    world.send(peer.endpoint, peer.endpoint, whole);
    octets += 3 * whole.length;
    datagrams += 3;
    if (datagrams % 90 === 0) heardSince(peer, 0);
  }
  ok(datagrams > 100, `${datagrams}`);
  return { datagrams, octets, answers: heardSince(peer, 0) };
});

attack("octets of chance, and near misses of IKE_SA_INIT", () => {
  const peer = stranger();
  const init = peer.buildInit(peer.initPayloads());
  const rounds = 400;
  for (let i = 0; i < rounds; i++) {
    world.sendRaw(peer.endpoint, random.bytes(random.below(200)), random.pick([500, 4500]));
    world.send(peer.endpoint, peer.endpoint, garble(init, random));
    if (i % 50 === 0) heardSince(peer, 0);
  }
  return { datagrams: 2 * rounds, answers: heardSince(peer, 0) };
});

attack("SPIs that are guessed", () => {
  const peer = stranger();
  const rounds = 500;
  const before = peer.inbox.length;
  for (let i = 0; i < rounds; i++) {
    const message = buildMessage({
      initiatorSpi: random.bytes(8),
      responderSpi: random.bytes(8),
      exchangeType: random.pick([IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL]),
      flags: { initiator: true, response: false },
      messageId: random.below(4),
    }, [{ kind: "D", protocol: ProtocolId.IKE, spis: [] }]);
    world.send(peer.endpoint, peer.endpoint, message);
    // ESP: an SPI above 255, a number, and anything.
    const esp = concatBytes(Uint8Array.of(1), random.bytes(80));
    world.sendRaw(peer.endpoint, esp, 4500);
  }
  const answers = heardSince(peer, before);
  equal(answers, 0, "what is not even sealed gets no answer");
  return { datagrams: 2 * rounds };
});

attack("Message IDs", () => {
  const peer = stranger();
  ok(find(peer.login(), "CP") !== undefined, "a certificate is good for a login");
  const empty = (id: number): readonly Uint8Array[] => peer.seal(INFORMATIONAL, [], id);
  const id = peer.nextId++;
  const first = empty(id);
  const [answer] = peer.exchange(first[0]!);
  const [again] = peer.exchange(first[0]!);
  equal(hexOf(again!), hexOf(answer!), "the same request has the same answer, octet for octet");
  for (const wrong of [id + 2, id + 3, 0x7fff_ffff, 0xffff_ffff, id - 2, 0]) {
    equal(unanswered(peer, empty(wrong >>> 0)), 0, `Message ID ${wrong}`);
  }
  const responses = [0, 1, id].map((n) => peer.seal(INFORMATIONAL, [], n, { response: true })[0]!);
  equal(unanswered(peer, responses), 0, "answers to nothing");
  deepEqual(peer.request(INFORMATIONAL, []), [], "and the right one is right");
  peer.logout();
  return { "that are wrong": 9 };
});

attack("fragments that never end", () => {
  const peer = stranger();
  peer.login();
  const long: Payload[] = Array.from(
    { length: 90 },
    () => ({ kind: "V", data: random.bytes(240) }),
  );
  const id = peer.nextId;
  let sent = 0;
  // Cut ever smaller, so that each starts anew; the last one is always missing.
  for (const maxBytes of [1_200, 900, 700, 600, 500, 450, 420, 400]) {
    const cut = peer.seal(INFORMATIONAL, long, id, { maxBytes });
    for (let round = 0; round < 3; round++) {
      equal(unanswered(peer, cut.slice(0, -1)), 0, "a message that is not whole");
      sent += cut.length - 1;
    }
  }
  const tooMany = peer.seal(INFORMATIONAL, long, id, { maxBytes: 200 });
  equal(unanswered(peer, tooMany), 0, "more than there may be");
  deepEqual(peer.responseTo(peer.seal(INFORMATIONAL, [], id), id), [], "and a whole one is taken");
  peer.nextId++;
  peer.logout();
  return { fragments: sent + tooMany.length };
});

attack("lies inside of SK by a peer that is logged in", () => {
  const corpus = readMessageSeeds().chains;
  const rounds = 240;
  let [answered, logins] = [0, 0];
  let peer: SimPeer | undefined;
  for (let i = 0; i < rounds; i++) {
    if (peer === undefined) {
      peer = stranger();
      ok(find(peer.login(), "CP") !== undefined, `login ${logins}: the gateway lets people in`);
      logins++;
    }
    const exchangeType = random.pick([CREATE_CHILD_SA, INFORMATIONAL]);
    const { first, bytes } = buildPayloads(honest(peer, exchangeType));
    const { content } = lieAbout(
      {
        exchangeType,
        initiator: true,
        response: false,
        messageId: peer.nextId,
        firstPayload: first,
        plaintext: `${hexOf(bytes)}00`,
      },
      random,
      corpus,
    );
    const chain = Uint8Array.from(content.plaintext.match(/../g) ?? [], (it) => parseInt(it, 16));
    const id = peer.nextId++;
    const plain = chain.slice(0, Math.min(30_000, Math.max(0, chain.length - 1)));
    const sealed = peer.sealChain(content.exchangeType, content.firstPayload, plain, id);
    if (peer.exchange(sealed).length > 0) answered++;
    // What it asked for may have been done: an SA that is rekeyed or deleted is not its own any more.
    if (i % 8 === 7) {
      world.patienceMs = 250;
      try {
        peer.logout();
      } catch {
        // it had none any more
      }
      world.patienceMs = 5_000;
      peer = undefined;
    }
    world.patienceMs = 250;
  }
  world.patienceMs = 5_000;
  ok(answered > rounds / 3, `${answered}`);
  return { lies: rounds, answered, logins };
});

/** What a peer might well ask. */
function honest(peer: SimPeer, exchangeType: number): readonly Payload[] {
  if (exchangeType === INFORMATIONAL) {
    return [{ kind: "D", protocol: ProtocolId.ESP, spis: [random.bytes(4)] }, {
      kind: "V",
      data: random.bytes(8),
    }];
  }
  const selectors = [anySelector(4)];
  return [
    { kind: "SA", proposals: offerOf(peer.espOffer, random.bytes(4), true) },
    { kind: "Nonce", data: random.bytes(32) },
    { kind: "TSi", selectors },
    { kind: "TSr", selectors },
  ];
}

attack("downgrades", () => {
  // What somebody on the way took out of the offer is missed by AUTH.
  const stripped = stranger();
  stripped.init();
  stripped.initRequest = stripped.buildInit(stripped.initPayloads());
  const signed = [...stripped.certificateProof(), ...stripped.wishes()];
  deepEqual(notifiesOf(stripped.request(IKE_AUTH, signed)), [AUTHENTICATION_FAILED]);
  // Algorithms that nobody should use any more: DES, 3DES, none; groups of 768 and 1024 bits.
  for (
    const [encryption, group] of [[2, 14], [3, 14], [Encr.NULL, 14], [12, 1], [12, 2], [12, 22]]
  ) {
    const weak = stranger();
    const payloads = weak.init(([, ...rest]) => [
      {
        kind: "SA",
        proposals: [{
          number: 1,
          protocol: ProtocolId.IKE,
          spi: new Uint8Array(0),
          transforms: [
            {
              type: TransformType.ENCR,
              id: encryption!,
              keyBits: encryption === 12 ? 128 : undefined,
            },
            { type: TransformType.PRF, id: 5 },
            { type: TransformType.INTEG, id: 12 },
            { type: TransformType.KE, id: group! },
          ].map(({ keyBits, ...it }) => keyBits === undefined ? it : { ...it, keyBits }),
        }],
      },
      ...rest,
    ]);
    deepEqual(notifiesOf(payloads), [NO_PROPOSAL_CHOSEN], `${encryption} ${group}`);
  }
  // A shared key that is none, for an identity that nobody has.
  const shared = stranger();
  shared.init();
  const pair = { sessionId: "A".repeat(18), token: "" };
  const guess = shared.request(IKE_AUTH, [...shared.pairProof(pair), ...shared.wishes()]);
  deepEqual(notifiesOf(guess), [AUTHENTICATION_FAILED]);
  // NULL authentication, and a method that does not exist.
  for (const method of [13, 0, 255]) {
    const peer = stranger();
    peer.init();
    const nobody = peer.request(IKE_AUTH, [
      { kind: "IDi", idType: IdType.RFC822_ADDR, data: utf8("alice") },
      { kind: "AUTH", method, data: new Uint8Array(32) },
      ...peer.wishes(),
    ]);
    deepEqual(notifiesOf(nobody), [AUTHENTICATION_FAILED], `method ${method}`);
  }
  return { attempts: 11 };
});

attack("certificates and identities of the corpora", () => {
  let [files, refused] = [0, 0];
  for (const data of corpusFiles(8)) {
    const peer = stranger();
    peer.init();
    const isIdentity = files % 4 === 3;
    const payloads = peer.request(IKE_AUTH, [
      {
        kind: "IDi",
        idType: IdType.DER_ASN1_DN,
        data: isIdentity ? data.slice(0, 1_000) : utf8("CN=nobody"),
      },
      { kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data },
      { kind: "AUTH", method: AuthMethod.RSA_SIGNATURE, data: random.bytes(256) },
      ...peer.wishes(),
    ]);
    files++;
    if (notifiesOf(payloads).includes(AUTHENTICATION_FAILED)) refused++;
  }
  equal(refused, files);
  return { files };
});

attack("identities that are absurdly long", () => {
  const peer = stranger();
  peer.init();
  const long = { kind: "IDi", idType: IdType.FQDN, data: random.bytes(60_000) } as const;
  deepEqual(notifiesOf(peer.request(IKE_AUTH, [long, ...peer.wishes()])), [INVALID_SYNTAX]);
  const other = stranger();
  other.init();
  const asked = find(other.beginEap("alice"), "EAP")!.packet;
  const identity = new Uint8Array(60_000).fill(0x78);
  identity.set([2, asked[1]!, identity.length >> 8, identity.length & 0xff, 1]);
  const refused = find(other.request(IKE_AUTH, [{ kind: "EAP", packet: identity }]), "EAP");
  equal(refused?.packet[0], 4, "EAP-Failure");
  return { octets: long.data.length + identity.length };
});

attack("rekeys and Child SAs without end by a peer that is logged in", () => {
  let peer = stranger();
  peer.login();
  const [rekeys, children] = [60, 60];
  for (let i = 0; i < rekeys; i++) peer = peer.rekeyIke(random.bytes(32));
  let made = 0;
  for (let i = 0; i < children; i++) {
    if (find(peer.request(CREATE_CHILD_SA, honest(peer, CREATE_CHILD_SA)), "SA")) made++;
  }
  equal(made, limits.childSasPerIkeSa - 1, "besides the first one");
  deepEqual(peer.request(INFORMATIONAL, []), [], "and the last IKE SA is as good as the first");
  peer.logout();
  return { rekeys, "Child SAs asked for": children, made };
});

/** Begins an IKE SA, with the cookie that it is asked for; whether that is one, and whether it was asked. */
function begin(peer: SimPeer): { readonly isBegun: boolean; readonly isAsked: boolean } {
  const usual = peer.initPayloads();
  const plain = peer.buildInit(usual);
  const [first] = peer.exchange(plain);
  const parsed = first === undefined ? undefined : parseMessage(first);
  const cookie = parsed?.ok === true ? notifyIn(parsed.value.payloads, COOKIE) : undefined;
  const request = cookie === undefined ? plain : peer.buildInit([cookie, ...usual]);
  const answer = cookie === undefined ? first : peer.exchange(request)[0];
  if (answer !== undefined) peer.takeInit(request, answer);
  return { isBegun: peer.keys !== undefined, isAsked: cookie !== undefined };
}

attack("logins that never end", () => {
  // A source of its own, since it is not heard for a while afterwards.
  const host = hosts.at(-1)!;
  let [begun, cookies] = [0, 0];
  const rounds = limits.halfOpenPerSource + 6;
  world.patienceMs = NO_ANSWER_MS;
  for (let i = 0; i < rounds; i++) {
    world.sockets.length = 0;
    const { isBegun, isAsked } = begin(new SimPeer(world, { seed: 50_000 + i, host }));
    if (isBegun) begun++;
    if (isAsked) cookies++;
  }
  world.patienceMs = 5_000;
  ok(begun > rounds / 2 && begun <= limits.halfOpenPerSource, `${begun}`);
  const other = stranger();
  ok(begin(other).isBegun, "others are heard");
  const login = [...other.certificateProof(), ...other.wishes()];
  ok(find(other.request(IKE_AUTH, login), "CP") !== undefined, "and get in");
  other.logout();
  return { rounds, begun, cookies };
});

world.close();
