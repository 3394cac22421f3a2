/**
 * Near misses by chance, for campaigns: of what a sealed message says, and of octets on the wire. The
 * exhaustive ones are in `mutate.ts`. Each changes a few things and says which.
 */
import { concatBytes, hexOf, type OwnedBytes, parseHex } from "../../core/bytes.ts";
import type { MessageSeed } from "./message_seeds.ts";
import { type Span, spansOf } from "./mutate.ts";
import type { SealedContent } from "./sealed_tap.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** A payload chain, changed. */
interface Chain {
  firstType: number;
  bytes: OwnedBytes;
}

/** Numbers that lengths and counts like to go wrong at. */
const EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 255, 256, 257, 0x7fff, 0x8000, 0xffff];

/** Octets of content that leave room for the rest of a message. */
const MOST_BYTES = 65_000;

/** Payloads to mix in: of recorded sessions, and one of every kind. */
export type Corpus = readonly MessageSeed[];

/** Some other thing that a sealed message could have said. */
export function lieAbout(
  content: SealedContent,
  random: SeededRandom,
  corpus: Corpus,
): { readonly name: string; readonly content: SealedContent } {
  let result = content;
  const names: string[] = [];
  for (let i = random.pick([1, 1, 1, 2, 3]); i > 0; i--) {
    const [name, lie] = random.pick(Object.entries(random.chance(0.85) ? chainLies : headerLies));
    names.push(name);
    result = { ...result, ...lie(result, random, corpus) };
    // What does not fit into a datagram is sent as far as it fits.
    result = { ...result, plaintext: result.plaintext.slice(0, 2 * MOST_BYTES) };
  }
  return { name: names.join(", "), content: result };
}

/** Octets that differ from those given in a few places, or in length. */
export function garble(bytes: Uint8Array, random: SeededRandom): OwnedBytes {
  let result = concatBytes(bytes);
  for (let i = random.pick([1, 1, 2, 3]); i > 0; i--) {
    result = random.pick(octetLies)(result, random);
  }
  // A length that is right lets the rest be looked at.
  if (result.length >= 28 && random.chance(0.8)) {
    new DataView(result.buffer).setUint32(24, result.length);
  }
  return result;
}

type Lie = (content: SealedContent, random: SeededRandom, corpus: Corpus) => Partial<SealedContent>;

const headerLies: Readonly<Record<string, Lie>> = {
  anotherExchange: (_, random) => {
    return { exchangeType: random.pick([34, 35, 36, 37, 38, 43, random.below(256)]) };
  },
  anotherMessageId: ({ messageId }, random) => {
    const near = [messageId + 1, messageId - 1, messageId + 2, 0, 0xffff_ffff, random.u32()];
    return { messageId: random.pick(near) >>> 0 };
  },
  otherFlags: ({ initiator, response }, random) => {
    return random.chance() ? { response: !response } : { initiator: !initiator };
  },
  otherFragment: ({ fragment = [1, 1] }, random) => {
    const [number, total] = fragment;
    const numbers = [0, 1, total, total + 1, number + 1, 0xffff];
    const totals = [0, 1, total, total + 1, total - 1, 64, 65, 0xffff];
    return { fragment: [random.pick(numbers) & 0xffff, random.pick(totals) & 0xffff] };
  },
};

const chainLies: Readonly<Record<string, Lie>> = {
  anotherFirstPayload: (_, random) => {
    return { firstPayload: random.pick([0, 33, 41, 42, 46, 47, 53, random.below(256)]) };
  },
  wrongPadding: ({ plaintext }, random) => {
    const last = random.pick([0, 1, 255, random.below(256)]);
    return { plaintext: `${plaintext.slice(0, -2)}${last.toString(16).padStart(2, "0")}` };
  },
  otherOctets: (content, random) => {
    return inChain(content, (chain) => {
      chain.bytes = random.pick(octetLies)(chain.bytes, random);
    });
  },
  payloadLeftOut: (content, random) => {
    return inSpans(content, (spans) => spans.splice(random.below(spans.length), 1));
  },
  payloadDoubled: (content, random) => {
    return inSpans(content, (spans) => {
      const at = random.below(spans.length);
      const copies = random.pick([1, 1, 2, 70, 200]);
      spans.splice(at, 0, ...new Array<Piece>(copies).fill(spans[at]!));
    });
  },
  payloadsSwapped: (content, random) => {
    return inSpans(content, (spans) => {
      const [moved] = spans.splice(random.below(spans.length), 1);
      spans.splice(random.below(spans.length + 1), 0, moved!);
    });
  },
  payloadMixedIn: (content, random, corpus) => {
    return inSpans(content, (spans) => {
      const seed = random.pick(corpus);
      const others = piecesOf(seed.bytes, seed.firstType);
      if (others.length === 0) return;
      spans.splice(random.below(spans.length + 1), 0, random.pick(others));
    });
  },
  bodyOfAnother: (content, random, corpus) => {
    return inSpans(content, (spans) => {
      const at = random.below(spans.length);
      const seed = random.pick(corpus);
      const others = piecesOf(seed.bytes, seed.firstType);
      const same = others.filter(({ type }) => type === spans[at]!.type);
      if (same.length > 0) spans[at] = random.pick(same);
    });
  },
  wholeOfAnother: (_, random, corpus) => {
    const seed = random.pick(corpus);
    return { firstPayload: seed.firstType, plaintext: `${hexOf(seed.bytes)}00` };
  },
  bodyOfAnotherLength: (content, random) => {
    return inSpans(content, (spans) => {
      const at = random.below(spans.length);
      const { type, body } = spans[at]!;
      const edge = random.pick([0, 1, 4, 8, body.length - 1, body.length + 1, 257, 5_000]);
      const longer = concatBytes(body, random.bytes(Math.max(0, edge - body.length)));
      spans[at] = { type, body: longer.slice(0, Math.max(0, edge)) };
    });
  },
  otherBody: (content, random) => {
    return inSpans(content, (spans) => {
      const at = random.below(spans.length);
      const { type, body } = spans[at]!;
      spans[at] = { type, body: random.pick(octetLies)(concatBytes(body), random) };
    });
  },
  otherBodyTwice: (content, random) => {
    return inSpans(content, (spans) => {
      const at = random.below(spans.length);
      const { type, body } = spans[at]!;
      const once = random.pick(octetLies)(concatBytes(body), random);
      spans.splice(at, 1, { type, body: once }, { type, body });
    });
  },
  anotherType: (content, random) => {
    return inSpans(content, (spans) => {
      const at = random.below(spans.length);
      spans[at] = { type: random.between(33, 54), body: spans[at]!.body };
    });
  },
};

type OctetLie = (bytes: OwnedBytes, random: SeededRandom) => OwnedBytes;

const octetLies: readonly OctetLie[] = [
  (bytes, random) =>
    changed(bytes, random, 1, (view, at) => {
      view.setUint8(at, view.getUint8(at) ^ (1 << random.below(8)));
    }),
  (bytes, random) => changed(bytes, random, 1, (view, at) => view.setUint8(at, random.below(256))),
  (bytes, random) =>
    changed(bytes, random, 2, (view, at) => {
      view.setUint16(at, random.pick([...EDGES, bytes.length - at]));
    }),
  (bytes, random) =>
    changed(bytes, random, 4, (view, at) => {
      view.setUint32(at, random.pick([0, 1, 0xffff_ffff, 0x8000_0000, random.u32()]));
    }),
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.slice(random.below(Math.min(bytes.length, 16) + 1)),
  (bytes, random) => concatBytes(bytes, random.bytes(random.pick([1, 4, 8, 300]))),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    const more = random.bytes(random.pick([1, 2, 4, 8]));
    return concatBytes(bytes.subarray(0, at), more, bytes.subarray(at));
  },
];

function changed(
  bytes: OwnedBytes,
  random: SeededRandom,
  width: number,
  change: (view: DataView, at: number) => void,
): OwnedBytes {
  if (bytes.length < width) return bytes;
  const result = bytes.slice();
  // Lengths, types and counts stand in front.
  const reach = random.chance() ? Math.min(result.length, 32) : result.length;
  change(new DataView(result.buffer), random.below(reach - width + 1));
  return result;
}

/** A payload without its generic header. */
interface Piece {
  readonly type: number;
  readonly body: Uint8Array;
}

function piecesOf(bytes: Uint8Array, firstType: number): Piece[] {
  const spans: readonly Span[] = spansOf(bytes, firstType, 0);
  return spans.map(({ type, start, end }) => ({ type, body: bytes.subarray(start + 4, end) }));
}

function joined(pieces: readonly Piece[]): Chain {
  const parts = pieces.flatMap(({ body }, i) => {
    const head = new Uint8Array(4);
    head[0] = pieces[i + 1]?.type ?? 0;
    new DataView(head.buffer).setUint16(2, (body.length + 4) & 0xffff);
    return [head, body];
  });
  return { firstType: pieces[0]?.type ?? 0, bytes: concatBytes(...parts) };
}

function inChain(content: SealedContent, change: (chain: Chain) => void): Partial<SealedContent> {
  const plaintext = parseHex(content.plaintext) ?? new Uint8Array(1);
  const chain = { firstType: content.firstPayload, bytes: plaintext.slice(0, -1) };
  change(chain);
  // Few messages have padding; none is needed.
  return { firstPayload: chain.firstType, plaintext: `${hexOf(chain.bytes)}00` };
}

/** Changes the list of payloads; a message without any is left as it is. */
function inSpans(
  content: SealedContent,
  change: (pieces: Piece[]) => unknown,
): Partial<SealedContent> {
  return inChain(content, (chain) => {
    const pieces = piecesOf(chain.bytes, chain.firstType);
    if (pieces.length === 0) return;
    change(pieces);
    Object.assign(chain, joined(pieces));
  });
}
