/** Two ends of a tunnel in one arena, without sockets: what one seals, the other opens. */
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { encryptionOf, integrityOf } from "../../../core/crypto/transforms.ts";
import type { ChildSaInstall } from "../../../core/gateway/output.ts";
import { Encr, Integ } from "../../../core/message/constants.ts";
import type { TrafficSelector } from "../../../core/message/payload.ts";
import type { EspKeys, EspSuite } from "../../../core/sa/suite.ts";
import { type IpAddress, parseIpAddress } from "../../../core/wire/address.ts";
import { Arena } from "../../../dataplane/buffers.ts";
import { type CounterName, namedCounters, newCounters } from "../../../dataplane/counters.ts";
import type { EspCiphers } from "../../../dataplane/esp/cipher.ts";
import { type OuterPath, outerPath } from "../../../dataplane/esp/outer_path.ts";
import { addTrailer, writeEspHeader } from "../../../dataplane/esp/packet.ts";
import { createPortableEspCiphers } from "../../../dataplane/esp/portable_cipher.ts";
import { Forwarder, type ForwardingRules } from "../../../dataplane/forwarder.ts";
import { SaTable } from "../../../dataplane/sa_table.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** Suites that are negotiated in practice. */
export const gcm: EspSuite = {
  encryption: Encr.AES_GCM_16,
  keyBits: 256,
  integrity: Integ.NONE,
  esn: false,
};

/** A path to nowhere. */
export const nowhere: OuterPath = outerPath(0, new Uint32Array(4), new Uint32Array(0));

/** Packets that replay windows reach back unless told. */
export const windowPackets = 2048;

/** The traffic class is copied, TCP is left alone. */
const plainRules: ForwardingRules = { outerClassMask: 0xff, clampMtu: 0 };

/** What may differ between ends. */
export interface EndOptions {
  readonly rules?: ForwardingRules;
  readonly windowPackets?: number;
}

/** An address from text. */
export function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  if (parsed === undefined) throw new TypeError(`Cannot read address ${text}`);
  return parsed;
}

/** A selector from text: `ADDRESS` or `FIRST-LAST`, with protocol and ports where they matter. */
export function selector(range: string, more: Partial<TrafficSelector> = {}): TrafficSelector {
  const [first = "", last = first] = range.split("-");
  return {
    protocol: 0,
    startPort: 0,
    endPort: 0xffff,
    startAddress: address(first),
    endAddress: address(last),
    ...more,
  };
}

/** Keys of the right lengths for a suite. */
export function keysFor(suite: EspSuite, seed: number): EspKeys {
  const random = new SeededRandom(seed);
  const encryption = encryptionOf(suite.encryption, suite.keyBits)!;
  const integrity = integrityOf(suite.integrity)?.keyLength ?? 0;
  return {
    encryption: random.bytes(encryption.keyLength + encryption.saltLength),
    integrity: random.bytes(encryption.aead === undefined ? integrity : 0),
  };
}

/** A pair between 10.0.0.1 (here) and 10.0.0.2 (there) unless told. `more` changes any field. */
export function pair(more: Partial<ChildSaInstall> = {}): ChildSaInstall {
  const suite = more.suite ?? gcm;
  const endpoint = { address: address("192.0.2.1"), port: 4500 };
  return {
    inboundSpi: 0x1001,
    outboundSpi: 0x2001,
    suite,
    inboundKeys: keysFor(suite, 1),
    outboundKeys: keysFor(suite, 2),
    localSelectors: [selector("10.0.0.1")],
    remoteSelectors: [selector("10.0.0.2")],
    local: endpoint,
    remote: endpoint,
    followPeer: false,
    outboundWaits: false,
    ...more,
  };
}

/** The other end's view of a pair. */
export function mirrored(install: ChildSaInstall): ChildSaInstall {
  return {
    ...install,
    inboundSpi: install.outboundSpi,
    outboundSpi: install.inboundSpi,
    inboundKeys: install.outboundKeys,
    outboundKeys: install.inboundKeys,
    localSelectors: install.remoteSelectors,
    remoteSelectors: install.localSelectors,
  };
}

/** A packet path without sockets. */
export class End {
  readonly counters = newCounters();
  readonly table: SaTable;
  readonly forwarder: Forwarder;

  constructor(arena: Arena, ciphers: EspCiphers, options: EndOptions = {}) {
    this.table = new SaTable(ciphers, options.windowPackets ?? windowPackets);
    const rules = options.rules ?? plainRules;
    this.forwarder = new Forwarder(arena.view, this.table, this.counters, rules);
  }

  /** Counters that are not zero. */
  get counted(): Partial<Record<CounterName, number>> {
    return Object.fromEntries(
      Object.entries(namedCounters(this.counters)).filter(([, value]) => value !== 0),
    );
  }
}

/** Two ends that share an arena; inner packets lie at `at`. */
export class Tunnel {
  readonly arena: Arena;
  readonly at: number;
  readonly here: End;
  readonly there: End;

  /** Ends with the ciphers that `make` gives for the arena: the portable ones unless told. */
  constructor(
    make: (arena: Uint8Array) => EspCiphers = portable,
    options: EndOptions = {},
    roomBytes = 8192,
  ) {
    this.arena = new Arena(roomBytes + 8192);
    this.at = this.arena.reserve(roomBytes) + 64;
    const ciphers = make(this.arena.bytes);
    this.here = new End(this.arena, ciphers, options);
    this.there = new End(this.arena, ciphers, options);
  }

  /** Installs a pair at both ends. */
  install(install: ChildSaInstall): void {
    this.here.table.install(install, nowhere);
    this.there.table.install(mirrored(install), nowhere);
  }

  /**
   * Puts a packet where `Forwarder.seal` finds it, and seals it, maybe as a further segment; the ESP packet,
   * a copy.
   */
  seal(end: End, inner: Uint8Array, isAlike = false): Uint8Array | undefined {
    this.arena.bytes.fill(0xa5, this.at - 64, this.at + inner.length + 64);
    this.arena.bytes.set(inner, this.at);
    const isGood = isAlike
      ? end.forwarder.sealAlike(this.at, inner.length)
      : end.forwarder.seal(this.at, inner.length);
    end.table.ciphers.flush();
    return this.#result(end, isGood);
  }

  /** Opens an ESP packet, which came with a traffic class; the inner packet, a copy. */
  open(end: End, packet: Uint8Array, outerClass = 0): Uint8Array | undefined {
    this.arena.bytes.set(packet, this.at);
    return this.#result(end, end.forwarder.open(this.at, packet.length, outerClass));
  }

  #result({ forwarder }: End, isGood: boolean): Uint8Array | undefined {
    const { outOffset, outLength } = forwarder;
    return isGood ? this.arena.bytes.slice(outOffset, outOffset + outLength) : undefined;
  }
}

/** An ESP packet of `tunnel.here` with any content, as a peer with the right keys could make it. */
export function craftEsp(
  tunnel: Tunnel,
  content: Uint8Array,
  nextHeader: number,
  padding?: Uint8Array,
): Uint8Array {
  const plaintext = new Uint8Array(content.length + 300);
  plaintext.set(content);
  const length = addTrailer(new DataView(plaintext.buffer), 0, content.length, 4, nextHeader);
  if (padding !== undefined) plaintext.set(padding.subarray(0, length - 1), content.length);
  return sealPlaintext(tunnel, plaintext.subarray(0, length));
}

/** Seals a plaintext of any octets with its trailer, for `tunnel.there`. */
export function sealPlaintext({ arena, at, here }: Tunnel, plaintext: Uint8Array): Uint8Array {
  const sa = here.table.findInbound(0x1001)!;
  sa.sequence.take();
  const start = at - sa.sealer.layout.plaintextAt;
  arena.bytes.set(plaintext, at);
  writeEspHeader(arena.view, start, sa.outboundSpi, sa.sequence.low);
  const length = sa.sealer.seal(start, plaintext.length, 0);
  here.table.ciphers.flush();
  return arena.bytes.slice(start, start + length);
}

/** The portable ciphers with a seeded random source. */
export function portable(arena: Uint8Array): EspCiphers {
  return createPortableEspCiphers(nobleProvider, arena, new SeededRandom(1));
}
