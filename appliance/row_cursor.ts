/**
 * Values in few octets that are read quickly: numbers first, then all text in one piece, then octets, each
 * of these three in the order it was put in. Text in one piece is decoded by one call, and octets are views:
 * each call and each buffer of its own would cost as much as all the rest of a value.
 *
 * Head: where the text begins, and where the octets begin (2 octets each).
 */
import { type Bytes, concatBytes, type OwnedBytes, textOf, utf8 } from "../core/mod.ts";

const headBytes = 4;

const scratch = new DataView(new ArrayBuffer(8));

/** Puts a value together. */
export class RowWriter {
  readonly #numbers: number[] = [];
  #text = "";
  readonly #octets: Bytes[] = [];
  #fits = true;

  /** A number of 8 bits. */
  u8(value: number): void {
    this.#fits &&= value <= 0xff;
    this.#numbers.push(value);
  }

  /** A number of 16 bits. */
  u16(value: number): void {
    this.#fits &&= value <= 0xffff;
    this.#numbers.push(value >>> 8, value & 0xff);
  }

  /** A number of 32 bits. */
  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  /** Any number. */
  f64(value: number): void {
    scratch.setFloat64(0, value);
    this.u32(scratch.getUint32(0));
    this.u32(scratch.getUint32(4));
  }

  /** A text of less than 64 K code units. */
  text(value: string): void {
    this.u16(value.length);
    this.#text += value;
  }

  /** Less than 64 K octets. */
  octets(value: Bytes): void {
    this.u16(value.length);
    this.#octets.push(value);
  }

  /** All of it; `undefined` when something was too large for its place. */
  finish(): OwnedBytes | undefined {
    const text = utf8(this.#text);
    const textAt = headBytes + this.#numbers.length;
    const octetsAt = textAt + text.length;
    if (!this.#fits || octetsAt > 0xffff) return undefined;
    const head = Uint8Array.of(textAt >>> 8, textAt & 0xff, octetsAt >>> 8, octetsAt & 0xff);
    return concatBytes(head, Uint8Array.from(this.#numbers), text, ...this.#octets);
  }
}

/** Takes a value apart, in the order in which it was put together. Throws `RangeError` past its end. */
export class RowReader {
  readonly #row: Bytes;
  readonly #view: DataView;
  readonly #text: string;
  #numberAt = headBytes;
  #textAt = 0;
  #octetsAt: number;

  /** A reader of what `RowWriter` made. */
  constructor(row: Bytes) {
    this.#row = row;
    this.#view = new DataView(row.buffer, row.byteOffset, row.byteLength);
    this.#octetsAt = this.#view.getUint16(2);
    this.#text = textOf(row.subarray(this.#view.getUint16(0), this.#octetsAt));
  }

  /** A number of 8 bits. */
  u8(): number {
    return this.#view.getUint8(this.#numberAt++);
  }

  /** A number of 16 bits. */
  u16(): number {
    const at = this.#numberAt;
    this.#numberAt += 2;
    return this.#view.getUint16(at);
  }

  /** A number of 32 bits. */
  u32(): number {
    const at = this.#numberAt;
    this.#numberAt += 4;
    return this.#view.getUint32(at);
  }

  /** Any number. */
  f64(): number {
    const at = this.#numberAt;
    this.#numberAt += 8;
    return this.#view.getFloat64(at);
  }

  /** A text. */
  text(): string {
    const at = this.#textAt;
    this.#textAt += this.u16();
    return this.#text.slice(at, this.#textAt);
  }

  /** Octets, as a view of the row. */
  octets(): Bytes {
    const at = this.#octetsAt;
    this.#octetsAt += this.u16();
    return this.#row.subarray(at, this.#octetsAt);
  }
}

/** Whether the first text of a row is this one, which need not be decoded for that. */
export function startsWithText(text: string): (row: Bytes) => boolean {
  const start = utf8(text);
  return (row) => {
    const at = (row[0] ?? 0) << 8 | (row[1] ?? 0);
    const length = (row[headBytes] ?? 0) << 8 | (row[headBytes + 1] ?? 0);
    if (length !== text.length) return false;
    return start.every((octet, i) => row[at + i] === octet);
  };
}
