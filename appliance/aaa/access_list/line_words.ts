/**
 * The words of a line, one after the other.
 *
 * The first thing that goes wrong is kept as a fault; from then on there are no more words, so a parser
 * is straight-line code whose result counts only if `fault` is still `undefined`.
 */

/** What is wrong with a line, and where. */
export interface LineFault {
  /** Which word, counted from 1. */
  readonly place: number;
  /** The word; none where the line ends too early. */
  readonly found: string | undefined;
  /** What should stand there. */
  readonly wanted: string;
}

/** Says a fault, to stand behind "wanted". */
export function lineFaultText({ place, found, wanted }: LineFault): string {
  return found === undefined
    ? `${wanted} behind the last word`
    : `${wanted} instead of ${JSON.stringify(found)}, word ${place}`;
}

/** A cursor over words. */
export class LineWords {
  readonly #words: readonly string[];
  #at = 0;
  #fault: LineFault | undefined;

  /** The words of `text`. */
  constructor(text: string) {
    this.#words = text.split(/\s+/).filter((word) => word !== "");
  }

  /** The first fault. */
  get fault(): LineFault | undefined {
    return this.#fault;
  }

  /** The next word in small letters, still to be taken; empty behind the last one. */
  get next(): string {
    if (this.#fault !== undefined) return "";
    return (this.#words[this.#at] ?? "").toLowerCase();
  }

  /** Goes on behind the next word. */
  take(): void {
    this.#at++;
  }

  /** Takes the next word if it is this one. */
  takeIf(word: string): boolean {
    if (this.next !== word) return false;
    this.#at++;
    return true;
  }

  /** The next word is not what it must be; with `back` of 1, the one that was taken last. */
  refuse(wanted: string, back: 0 | 1 = 0): void {
    const at = this.#at - back;
    this.#fault ??= { place: at + 1, found: this.#words[at], wanted };
  }
}
