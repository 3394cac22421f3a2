/** PUZZLE and the Puzzle Solution payload (RFC 8019 §8). */
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import { NotifyType } from "./constants.ts";
import { notify } from "./notify.ts";
import type { NotifyPayload, PuzzleSolutionPayload } from "./payload.ts";

/** What a PUZZLE asks for. */
export interface PuzzleTerms {
  /** `PrfId` of the function to work with. */
  readonly prf: number;
  /** Zero bits that each result has to end in; 0 leaves that to whoever solves it. */
  readonly bits: number;
}

/** PUZZLE (RFC 8019 §8.1). */
export function buildPuzzle({ prf, bits }: PuzzleTerms): NotifyPayload {
  const writer = new Writer(3);
  writer.u16(prf);
  writer.u8(bits);
  return notify(NotifyType.PUZZLE, writer.finish());
}

/** What a PUZZLE asks for; `undefined` when it is malformed. */
export function parsePuzzle({ data }: NotifyPayload): PuzzleTerms | undefined {
  const reader = new Reader(data);
  const terms = { prf: reader.u16("prf"), bits: reader.u8("difficulty") };
  reader.end();
  return reader.fault === undefined ? terms : undefined;
}

/** Puzzle Solution payload, both directions: four keys of one length, one behind the other (RFC 8019 §8.2). */
export const puzzleSolutionCodec: PayloadCodec<PuzzleSolutionPayload> = {
  parse(body: Reader): PuzzleSolutionPayload {
    return { kind: "PS", data: body.rest() };
  },

  build(writer: Writer, payload: PuzzleSolutionPayload): void {
    writer.bytes(payload.data);
  },
};
