/**
 * System calls by way of the C library.
 *
 * Calls on the hot path take `pointer` arguments that were made at the start; the others take
 * `buffer`. Sizes are declared as 32-bit: under 2 GB that is right on x86-64 and aarch64, and a 64-bit
 * parameter would cost a bigint per call. Call as `libc.name(...)`, one place in the source for one
 * function: a call site that sees two functions is twenty times slower.
 *
 * Variadic functions (`open`, `ioctl`) are called as ordinary ones, which the Linux calling
 * conventions of both machines allow.
 */
import { DataplaneError } from "../error.ts";
import { errnoName } from "./errno.ts";

const symbols = {
  // Setting up.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  ioctlNumber: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  __errno_location: { parameters: [], result: "pointer" },
  // Moving packets.
  poll: { parameters: ["pointer", "u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "pointer", "u32"], result: "i32" },
  readv: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  writev: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  recvmmsg: { parameters: ["i32", "pointer", "u32", "i32", "pointer"], result: "i32" },
  sendmmsg: { parameters: ["i32", "pointer", "u32", "i32"], result: "i32" },
} as const;

function load(): Deno.DynamicLibrary<typeof symbols>["symbols"] {
  const machine = `${Deno.build.os} ${Deno.build.arch}`;
  if (machine !== "linux x86_64" && machine !== "linux aarch64") {
    throw new DataplaneError(
      "no-libc",
      `Cannot move packets on ${machine}: needs Linux on x86_64 or aarch64`,
    );
  }
  try {
    return Deno.dlopen("libc.so.6", symbols).symbols;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataplaneError("no-libc", `Cannot load libc.so.6: ${reason}`);
  }
}

/** The functions. */
export const libc: Deno.DynamicLibrary<typeof symbols>["symbols"] = load();

const errnoPointer = libc.__errno_location();
if (errnoPointer === null) throw new DataplaneError("no-libc", "Cannot find errno of this thread");
const errnoCell = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoPointer, 4));

/** The error number of the call just made on this thread. Read it at once. */
export function errno(): number {
  return errnoCell[0] as number;
}

/** The error for a failed call that has no better name: what was tried and the error number. */
export function systemError(attempt: string, number: number): DataplaneError {
  return new DataplaneError("system", `Cannot ${attempt}: ${errnoName(number)}`);
}

/** `text` as the C library wants it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text + "\0"));
}

/** A pointer into fixed memory that lives as long as the program uses it. */
export function pointerTo(base: Deno.PointerObject, offset: number): Deno.PointerObject {
  const pointer = Deno.UnsafePointer.offset(base, offset);
  if (pointer === null) throw new RangeError("Cannot make a pointer from address 0");
  return pointer;
}

/** The address of fixed memory, as pointer and as number. */
export function addressOf(
  memory: Uint8Array<ArrayBuffer>,
): { readonly pointer: Deno.PointerObject; readonly address: number } {
  const pointer = Deno.UnsafePointer.of(memory);
  if (pointer === null) throw new RangeError("Cannot take the address of empty memory");
  return { pointer, address: Number(Deno.UnsafePointer.value(pointer)) };
}
