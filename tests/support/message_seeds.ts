/** Good messages and opened SK contents for the mutators: recorded ones, and one of every payload. */
import { buildMessage, buildPayloads } from "../../core/message/message.ts";
import { hex } from "./hex.ts";
import { payloadKinds, randomPayload } from "./random_payload.ts";
import { readRecording, recordingPaths } from "./recordings.ts";
import { SeededRandom } from "./seeded_random.ts";

/** One seed. */
export interface MessageSeed {
  /** Where it is from. */
  readonly name: string;
  /** Type of the first payload. */
  readonly firstType: number;
  /** The message, or for a chain its payloads alone. */
  readonly bytes: Uint8Array;
}

/** Whole messages and opened chains. */
export interface MessageSeeds {
  /** With a header; for `parseMessage`. */
  readonly messages: readonly MessageSeed[];
  /** Without; for `parsePayloads`. */
  readonly chains: readonly MessageSeed[];
}

/** All seeds, without repetitions. Recordings that are not there are left out. */
export function readMessageSeeds(): MessageSeeds {
  const messages: MessageSeed[] = [];
  const chains: MessageSeed[] = [];
  const seen = new Set<string>();
  for (const path of recordingPaths) {
    for (const message of readRecording(path) ?? []) {
      const name = `${path} frame ${message.frame}`;
      // An SK is opaque to the parser, so one of a kind is enough; clear messages are all used.
      const key = message.next_payload === 46 ? `SK ${message.exchange}` : message.raw;
      if (!seen.has(key)) {
        messages.push({ name, firstType: message.next_payload, bytes: hex(message.raw) });
      }
      seen.add(key);
      const plain = message.decrypted?.inner_plain_without_padding;
      const firstType = message.outer_payloads.at(-1)?.inner_first;
      if (plain === undefined || firstType === undefined || plain === "" || seen.has(plain)) {
        continue;
      }
      seen.add(plain);
      chains.push({ name, firstType, bytes: hex(plain) });
    }
  }
  return { messages: [...messages, syntheticMessage()], chains: [...chains, syntheticChain()] };
}

/** Every kind of payload, small. */
function syntheticChain(): MessageSeed {
  const random = new SeededRandom(12);
  const payloads = payloadKinds.filter((kind) => kind !== "KE").map((kind) => {
    // The smallest of a few, since every octet is mutated.
    const some = random.list(20, () => randomPayload(random, kind));
    const size = (i: number): number => buildPayloads(some.slice(i, i + 1)).bytes.length;
    const order = some.map((_, i) => i).sort((a, b) => size(a) - size(b));
    const payload = some[order[3] ?? 0];
    if (payload === undefined) throw new RangeError("Cannot pick a payload");
    return payload;
  });
  const { first, bytes } = buildPayloads(payloads);
  return { name: "every payload", firstType: first, bytes };
}

function syntheticMessage(): MessageSeed {
  const header = {
    initiatorSpi: hex("0102030405060708"),
    responderSpi: hex("0000000000000000"),
    exchangeType: 34,
    flags: { initiator: true, response: false },
    messageId: 0,
  };
  const random = new SeededRandom(13);
  const payloads = [randomPayload(random, "SA"), randomPayload(random, "N")];
  return { name: "synthetic", firstType: 33, bytes: buildMessage(header, payloads) };
}
