/**
 * The one place where a peer's octets are read: a bounds-checked cursor.
 *
 * The first thing that goes wrong is kept as a `WireFault`; from then on every read yields zero,
 * `remaining` is zero and nothing throws, so a parser is straight-line code whose result counts only
 * if `fault` is still `undefined`. Offsets are absolute: those of the outermost buffer. Readers made
 * with `sub` share the fault of their parent.
 */
import type { Bytes } from "../bytes.ts";
import { fail, ok, type Result } from "../result.ts";
import type { WireFault } from "./fault.ts";

/** What `Reader.fail` may add to a fault. */
export interface FaultDetails {
  /** Absolute offset; the cursor's where not given. */
  readonly offset?: number;
  /** The value found. */
  readonly had?: number;
  /** The value or number of octets that was needed. */
  readonly needed?: number;
}

const nothing = new Uint8Array(0);

/** What a reader made with `sub` has besides: a message has a hundred of them, so no views are made. */
interface Part {
  readonly parent: Reader;
  /** Of the parent's octets. */
  readonly start: number;
  readonly end: number;
}

/** A cursor over octets. */
export class Reader {
  readonly #bytes: Bytes;
  readonly #end: number;
  /** Absolute offset of the first of `#bytes`. */
  readonly #base: number;
  readonly #name: string;
  readonly #parent: Reader | undefined;
  readonly #root: Reader;
  #at: number;
  #fault: WireFault | undefined;

  /** A reader of all of `bytes`, whose first octet has the absolute offset `base`. */
  constructor(bytes: Bytes, base = 0, name = "", part?: Part) {
    this.#bytes = bytes;
    this.#base = base;
    this.#at = part?.start ?? 0;
    this.#end = part?.end ?? bytes.length;
    this.#name = name;
    this.#parent = part?.parent;
    this.#root = part === undefined ? this : part.parent.#root;
  }

  /** The first fault of this reader, its parents and children. */
  get fault(): WireFault | undefined {
    return this.#root.#fault;
  }

  /** Absolute offset of the next octet. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** Octets left; none after a fault. */
  get remaining(): number {
    return this.#root.#fault === undefined ? this.#end - this.#at : 0;
  }

  /** An unsigned number of 8 bits. */
  u8(field: string): number {
    return this.#has(1, field) ? this.#next() : 0;
  }

  /** An unsigned number of 16 bits. */
  u16(field: string): number {
    return this.#has(2, field) ? this.#next16() : 0;
  }

  /** An unsigned number of 32 bits. */
  u32(field: string): number {
    return this.#has(4, field) ? this.#next32() : 0;
  }

  /** An unsigned number of 64 bits. */
  u64(field: string): bigint {
    return this.#has(8, field) ? BigInt(this.#next32()) << 32n | BigInt(this.#next32()) : 0n;
  }

  /** A view of the next `length` octets; empty after a fault. */
  bytes(length: number, field: string): Bytes {
    if (!this.#has(length, field)) return nothing;
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** A view of everything that is left. */
  rest(): Bytes {
    return this.bytes(this.remaining, "rest");
  }

  /** A reader of the next `length` octets alone, whose faults carry `name` in their path. */
  sub(length: number, name: string): Reader {
    const start = this.#at;
    if (this.#has(length, name)) this.#at += length;
    return new Reader(this.#bytes, this.#base, name, { parent: this, start, end: this.#at });
  }

  /** Records a fault, unless there is one already. */
  fail(kind: WireFault["kind"], field: string, details: FaultDetails = {}): void {
    this.#root.#fault ??= {
      kind,
      path: this.#path(field),
      ...details,
      offset: details.offset ?? this.offset,
    };
  }

  /** Records a fault when octets are left over. */
  end(): void {
    if (this.remaining > 0) this.fail("trailing-octets", "", { had: this.remaining, needed: 0 });
  }

  /** The value, if nothing went wrong. */
  result<T>(value: T): Result<T, WireFault> {
    const { fault } = this;
    return fault === undefined ? ok(value) : fail(fault);
  }

  #has(length: number, field: string): boolean {
    if (this.#root.#fault !== undefined) return false;
    const left = this.#end - this.#at;
    if (length >= 0 && length <= left) return true;
    this.fail("short", field, { had: left, needed: length });
    return false;
  }

  /** The next octet, which is there. A view for wider numbers would cost more than all that it reads. */
  #next(): number {
    return this.#bytes[this.#at++] as number;
  }

  #next16(): number {
    return this.#next() << 8 | this.#next();
  }

  #next32(): number {
    return this.#next16() * 0x10000 + this.#next16();
  }

  #path(field: string): string {
    const names = field === "" ? [] : [field];
    // deno-lint-ignore no-this-alias -- walks up the chain of readers
    for (let reader: Reader | undefined = this; reader !== undefined; reader = reader.#parent) {
      if (reader.#name !== "") names.unshift(reader.#name);
    }
    return names.join(".");
  }
}
