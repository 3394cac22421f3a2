/**
 * Stories as text: commands, and after each what happened, in the notation of RFC 7296 and in plain
 * words for everything that is not a message. Encrypted messages are shown by their content.
 *
 * A line `> command` is played, a line that begins with `#` is for the reader, and everything else
 * is what the play says. `playTranscript` gives the text as it ought to be; the test compares, or
 * writes it back when it was told to update.
 */
import { hexOf } from "../../core/bytes.ts";
import type { ClientOutput } from "../../core/client/events.ts";
import type { ClientLogin } from "../../core/exchange/initiator_settings.ts";
import { find } from "../../core/exchange/payloads.ts";
import type { Output } from "../../core/gateway/output.ts";
import type { Policy } from "../../core/gateway/policy.ts";
import type { Question } from "../../core/gateway/question.ts";
import { stripPadding } from "../../core/message/encrypted.ts";
import { formatEncrypted, formatMessage } from "../../core/message/format.ts";
import { parseMessage, parsePayloads } from "../../core/message/message.ts";
import type { Trace } from "../../core/trace.ts";
import type { Endpoint } from "../../core/wire/address.ts";
import { equalEndpoints, formatEndpoint, formatIpAddress } from "../../core/wire/address.ts";
import { AnyConnectPeer } from "./anyconnect_peer.ts";
import type { SimClient } from "./sim_client.ts";
import { quickCrypto, watchCrypto } from "./sim_crypto.ts";
import { anyConnectLogin, endpoint, gatewayEndpoint, simUsers } from "./sim_settings.ts";
import { calm, type Flight, type SimEvent, SimWorld } from "./sim_world.ts";
import { formatAnyConnect } from "./transcript_eap.ts";

/** The text as it ought to be: the commands and comments of `text`, with what they come to. */
export function playTranscript(text: string): string {
  const play = new Play();
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const command = line.startsWith("> ") ? line.slice(2).trim() : undefined;
    const isComment = line.startsWith("#");
    if (command === undefined && !isComment) continue;
    const last = lines.at(-1);
    if (last !== undefined && !(isComment && last.startsWith("#"))) lines.push("");
    if (isComment) lines.push(line);
    if (command === undefined) continue;
    lines.push(`> ${command}`, ...play.do(command).map((said) => `  ${said}`.trimEnd()));
  }
  return `${lines.join("\n")}\n`;
}

/** Initiators put these off for so long that a story is not interrupted by them. */
const CLIENT = { dpd: { intervalMs: 86_400_000, retryMs: 2_000 } };

/** What second factors are about, and what is typed instead of it and of passwords. */
const CODE = "482913";
const WRONG = "not-this";

const METHODS = { loginMethods: ["anyconnect-eap", "eap-mschapv2", "certificate"] } as const;

class Play {
  readonly #watch = watchCrypto(quickCrypto);
  readonly #world = new SimWorld(1, METHODS, calm, { crypto: this.#watch.crypto });
  readonly #clients = new Map<string, SimClient>();
  readonly #peers = new Map<string, AnyConnectPeer>();
  readonly #spis = new Map<number, string>();
  readonly #pairs = new Map<string, string>();
  readonly #sent = new Set<string>();
  #said: string[] = [];
  #losses: { readonly from: string; left: number }[] = [];

  constructor() {
    this.#world.watch = (event) => this.#say(event);
    this.#world.passes = (flight) => this.#passes(flight);
  }

  /** Plays one command; what happened. */
  do(command: string): readonly string[] {
    this.#said = [];
    const [verb = "", ...words] = command.split(" ");
    const known: Record<string, (...words: string[]) => void> = this.#verbs;
    const act = known[verb];
    if (act === undefined) throw new Error(`no such command: ${command}`);
    act(...words);
    return this.#said;
  }

  readonly #verbs = {
    client: (name: string, host: string, how = "eap", ...words: string[]): void => {
      const login = how === "anyconnect" ? { login: this.#anyConnect(name, words) } : {};
      const mobile = how === "mobike" ? { mobike: true } : {};
      this.#clients.set(
        name,
        this.#world.addClient(name, host, { ...CLIENT, ...login, ...mobile }),
      );
    },
    gateway: (what: string, ...words: string[]): void => this.#configure(what, words),
    "second-factor": (name: string): void => {
      this.#world.backend.codes.set(name, CODE);
    },
    store: (how: string): void => {
      this.#world.backend.storeFails = how === "fails";
    },
    peer: (name: string, host: string): void => {
      this.#peers.set(
        name,
        new AnyConnectPeer(this.#world, { host, seed: 900 + this.#peers.size }),
      );
    },
    says: (name: string, what: string, ...words: string[]): void => {
      this.#peerSays(this.#peer(name), what, words);
    },
    connect: (name: string): void => this.#world.connect(this.#client(name)),
    advance: (time: string): void => this.#world.run(milliseconds(time)),
    lose: (count: string, _: string, from: string): void => {
      this.#losses.push({ from, left: Number(count) });
    },
    offline: (name: string): void => {
      this.#client(name).online = false;
    },
    online: (name: string): void => {
      this.#client(name).online = true;
    },
    roam: (name: string, host: string): void => this.#world.roam(this.#client(name), host),
    rebind: (name: string, host: string, port: string): void => {
      this.#client(name).outer = endpoint(host, Number(port));
    },
    traffic: (name: string): void => this.#world.traffic(this.#client(name)),
    disconnect: (name: string): void => {
      this.#world.tellClient(this.#client(name), { kind: "disconnect", at: this.#world.at });
    },
    crash: (): void => this.#world.crash(),
    restart: (): void => this.#world.restart(),
    clear: (userName: string): void => this.#world.clear({ userName }),
    rekey: (what: string, _: string, who: string): void => {
      const kind = what === "ike" ? "ike" : "child";
      const { at, session: { id } } = this.#world;
      if (who === "gateway") return this.#world.command({ kind: "rekey", id, what: kind });
      this.#world.tellClient(this.#client(who), { kind: "rekey", at, what: kind });
    },
    /** Somebody who knows a session id, but not the token. */
    forge: (name: string, host: string): void => {
      const { sessionId } = this.#client(name).pair;
      const thief = this.#world.addClient("thief", host, { ...CLIENT, login: { kind: "none" } });
      this.#clients.set("thief", thief);
      this.#world.connect(thief, { sessionId, token: "x".repeat(43) });
    },
    show: (): void => this.#show(),
  };

  /** `certificate`, `certificate+password`, `wrong-password`, `group=NAME`, `code=right|wrong`. */
  #anyConnect(name: string, words: readonly string[]): ClientLogin {
    const { certificate, signer } = this.#world.pki.client;
    const after = (prefix: string): string | undefined =>
      words.find((word) => word.startsWith(prefix))?.slice(prefix.length);
    const code = after("code=");
    return anyConnectLogin(name, {
      ...(words.some((word) => word.startsWith("certificate"))
        ? { certificate: { certificates: [certificate], signer } }
        : {}),
      ...(words.includes("certificate") ? { user: undefined } : {}),
      ...(words.includes("wrong-password") ? { user: { name, password: WRONG } } : {}),
      group: after("group="),
      answer: () => code === undefined ? undefined : code === "right" ? CODE : WRONG,
    });
  }

  /** Starts the gateway anew with another policy; for the beginning of a story. */
  #configure(what: string, words: readonly string[]): void {
    const { policy } = this.#world;
    const { anyConnect, attributes } = policy;
    const [word = ""] = words;
    const groups = words.map((name) => ({ name }));
    const changes: Record<string, Partial<Policy>> = {
      mode: { anyConnect: { ...anyConnect, mode: word as typeof anyConnect.mode } },
      groups: { anyConnect: { ...anyConnect, groups } },
      banner: { attributes: { ...attributes, banner: words.join(" ") } },
      reconnect: { reconnect: { timeoutMs: 0 } },
    };
    const change = changes[what];
    if (change === undefined) throw new Error(`the gateway has no ${what}`);
    this.#world.policy = { ...policy, ...change };
    this.#world.restart();
  }

  #peerSays(peer: AnyConnectPeer, what: string, [who = "", how = "", group]: string[]): void {
    switch (what) {
      case "hello":
        return peer.begin();
      case "init":
        return peer.init(who === "" ? {} : { groupSelect: who });
      case "answers": {
        const password = how === "right" ? simUsers[who] ?? "" : WRONG;
        return peer.answer({ password, username: who }, group);
      }
      case "ack":
        return peer.acknowledge();
      case "proof":
        return peer.prove();
      case "again":
        return peer.repeat();
      default:
        throw new Error(`a peer cannot say ${what}`);
    }
  }

  #peer(name: string): AnyConnectPeer {
    const peer = this.#peers.get(name);
    if (peer === undefined) throw new Error(`no peer ${name}`);
    return peer;
  }

  #client(name: string): SimClient {
    const client = this.#clients.get(name);
    if (client === undefined) throw new Error(`no client ${name}`);
    return client;
  }

  #passes({ from }: Flight): boolean {
    const name = this.#nameOf(from);
    const loss = this.#losses.find((loss) => loss.from === name && loss.left > 0);
    if (loss === undefined) return true;
    loss.left--;
    return false;
  }

  // --- what is said -------------------------------------------------------------------------

  #say(event: SimEvent): void {
    switch (event.kind) {
      case "sent":
        return this.#sayFlight(event.flight, event.isLost);
      case "gateway":
        return this.#sayOutput(event.output);
      case "client":
        return this.#sayClient(event.client, event.output);
    }
  }

  #line(text: string): void {
    this.#said.push(`${(this.#world.nowMs / 1_000).toFixed(3).padStart(9)}  ${text}`);
  }

  #sayFlight(flight: Flight, isLost: boolean): void {
    const { from, to, bytes } = flight;
    const isAgain = this.#sent.has(hexOf(bytes));
    this.#sent.add(hexOf(bytes));
    const remarks = [...(isAgain ? ["again"] : []), ...(isLost ? ["lost"] : [])];
    const tail = remarks.length === 0 ? "" : `  (${remarks.join(", ")})`;
    this.#line(`${this.#nameOf(from)} -> ${this.#nameOf(to)}  ${this.#message(bytes)}${tail}`);
  }

  #message(bytes: Uint8Array): string {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return `unreadable (${parsed.fault.kind})`;
    const { header, payloads, encrypted } = parsed.value;
    if (encrypted === undefined) return formatMessage(header, payloads);
    const plaintext = this.#plaintextOf(encrypted.body);
    if (plaintext === undefined || encrypted.kind === "SKF") {
      return formatEncrypted(header, encrypted);
    }
    const inner = parsePayloads(encrypted.firstInnerPayload, plaintext, 0);
    if (!inner.ok) return "unreadable inside";
    const packet = find(inner.value, "EAP")?.packet ?? new Uint8Array(0);
    const said = formatAnyConnect(packet, (sessionId) => this.#pair(sessionId));
    const line = formatMessage(header, inner.value);
    return said === undefined ? line : line.replace(/EAP\(\w+\)/, () => `EAP(${said})`);
  }

  /** What was sealed into this body, with either kind of cipher. */
  #plaintextOf(body: Uint8Array): Uint8Array | undefined {
    const ciphertexts = [
      body.subarray(8),
      ...[16, 24, 32].map((icv) => body.subarray(16, body.length - icv)),
    ];
    for (const ciphertext of ciphertexts) {
      const padded = this.#watch.sealed.get(hexOf(ciphertext));
      if (padded !== undefined) return stripPadding(padded);
    }
    return undefined;
  }

  #sayOutput(output: Output): void {
    switch (output.kind) {
      case "transmit":
        return;
      case "install-child-sa": {
        const { inboundSpi, replaces, outboundWaits, inboundOnly } = output.sa;
        const instead = replaces === undefined ? "" : ` instead of ${this.#spi(replaces)}`;
        const waiting = inboundOnly === true
          ? ", to receive only"
          : outboundWaits
          ? ", sending waits"
          : "";
        return this.#line(`gateway installs ${this.#spi(inboundSpi)}${instead}${waiting}`);
      }
      case "remove-child-sa":
        return this.#line(`gateway removes ${this.#spi(output.inboundSpi)}`);
      case "move-child-sa": {
        const { inboundSpi, remote } = output;
        return this.#line(`gateway moves ${this.#spi(inboundSpi)} to ${formatEndpoint(remote)}`);
      }
      case "ask":
        return this.#line(`gateway asks: ${this.#question(output.question)}`);
      case "cancel":
        return this.#line("gateway withdraws a question");
      case "trace":
        return this.#sayTrace(output.trace);
    }
  }

  #sayTrace({ level, event, facts = {} }: Trace): void {
    if (level === "debug") return;
    const told = Object.entries(facts).filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    this.#line(`gateway traces ${event}${told.join("")}`);
  }

  #sayClient({ name }: SimClient, output: ClientOutput): void {
    if (output.kind !== "client") return;
    const { event } = output;
    switch (event.kind) {
      case "established": {
        const addresses = event.assignment.addresses.map(formatIpAddress).join(" ");
        const { pair } = event.assignment;
        const told = pair === undefined ? "no pair" : this.#pair(pair.sessionId);
        return this.#line(`${name} is up by ${event.how}: ${addresses}, ${told}`);
      }
      case "moved":
        return this.#line(`${name} has moved`);
      case "reconnecting":
        return this.#line(`${name} lost its SA (${event.why}), tries to ${event.how}`);
      case "pair-refused":
        return this.#line(`${name} forgets its pair: refused`);
      case "closed":
        return this.#line(`${name} is closed: ${event.why}`);
    }
  }

  #question(question: Question): string {
    switch (question.kind) {
      case "verify":
        return `verify ${question.userName} (${question.credential.kind})`;
      case "store-record": {
        const { userName, state, sessionId, previous } = question.record;
        const older = previous === undefined ? "" : ` and ${this.#pair(previous.sessionId)}`;
        return `store ${userName} ${state} with ${this.#pair(sessionId)}${older}`;
      }
      case "delete-record":
        return "delete a record";
    }
  }

  #show(): void {
    const { sessions, pools, negotiating } = this.#world.show;
    for (const session of sessions) {
      const { id, userName, state, addresses, peerType, reconnect, childSas, lastRemote } = session;
      const spis = childSas.map(({ inboundSpi }) => this.#spi(inboundSpi)).join(" ");
      const facts = [
        `session ${id}: ${userName} ${state}`,
        addresses.map(formatIpAddress).join(" "),
        `from ${lastRemote}`,
        ...(peerType === "AnyConnect" ? [peerType] : []),
        `reconnects ${reconnect?.count ?? "-"}`,
        ...(spis === "" ? [] : [spis]),
      ];
      this.#line(facts.join(", "));
    }
    const { success, failed, activeCapable, inactiveCapable } = this.#world.show.reconnect;
    const counters = [success + failed, success, failed, activeCapable, inactiveCapable];
    this.#line(`reconnect counters ${counters.join("/")}`);
    this.#line(`${pools[0]?.inUse ?? 0} leases, ${negotiating} half-open IKE SAs`);
  }

  #spi(spi: number): string {
    return named(this.#spis, spi, (n) => `SA ${n}`);
  }

  #pair(sessionId: string): string {
    return named(this.#pairs, sessionId, (n) => `pair ${n}`);
  }

  #nameOf(at: Endpoint): string {
    if (equalEndpoints(at, gatewayEndpoint)) return "gateway";
    for (const [name, { outer }] of this.#clients) if (equalEndpoints(outer, at)) return name;
    for (const [name, { peer }] of this.#peers) if (equalEndpoints(peer.endpoint, at)) return name;
    return formatEndpoint(at);
  }
}

/** The name of a thing, in the order in which things were first seen. */
function named<K>(names: Map<K, string>, key: K, make: (n: number) => string): string {
  const known = names.get(key) ?? make(names.size + 1);
  names.set(key, known);
  return known;
}

/** `500ms`, `30s` or `20m`. */
function milliseconds(text: string): number {
  const found = /^(\d+)(ms|s|m)$/.exec(text);
  if (found === null) throw new Error(`no such time: ${text}`);
  return Number(found[1]) * ({ ms: 1, s: 1_000, m: 60_000 }[found[2] ?? ""] ?? 0);
}
