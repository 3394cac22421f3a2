/**
 * The inner loop of the Internet checksum in WebAssembly, four times as fast as the same in JavaScript.
 *
 * The module is short enough to be written down instruction by instruction. It works in the memory of the
 * arena, which therefore is a WebAssembly memory.
 */

/** Sums the 16-bit words, in little-endian order, from `at` up to `end`: 32 octets or a multiple of that. */
export type SumBlocks = (at: number, end: number) => number;

/** Octets that the loop takes at a time. */
export const sumBlockBytes = 32;

// deno-fmt-ignore
const code = [
  0x01, 0x02, 0x7b,             // two local variables of type v128, numbers 2 and 3
  0x03, 0x40,                   // loop
  0x20, 0x02, 0x20, 0x00,       //   local.get 2, local.get 0
  0xfd, 0x00, 0x00, 0x00,       //   v128.load
  0xfd, 0x7f,                   //   i32x4.extadd_pairwise_i16x8_u
  0xfd, 0xae, 0x01, 0x21, 0x02, //   i32x4.add, local.set 2
  0x20, 0x03, 0x20, 0x00,       //   local.get 3, local.get 0
  0xfd, 0x00, 0x00, 0x10,       //   v128.load offset=16
  0xfd, 0x7f,                   //   i32x4.extadd_pairwise_i16x8_u
  0xfd, 0xae, 0x01, 0x21, 0x03, //   i32x4.add, local.set 3
  0x20, 0x00, 0x41, 0x20, 0x6a, //   local.get 0, i32.const 32, i32.add
  0x22, 0x00, 0x20, 0x01, 0x49, //   local.tee 0, local.get 1, i32.lt_u
  0x0d, 0x00, 0x0b,             //   br_if 0, end
  0x20, 0x02, 0x20, 0x03,       // local.get 2, local.get 3
  0xfd, 0xae, 0x01, 0x21, 0x02, // i32x4.add, local.set 2
  0x20, 0x02, 0xfd, 0x1b, 0x00, // local.get 2, i32x4.extract_lane 0
  0x20, 0x02, 0xfd, 0x1b, 0x01, // local.get 2, i32x4.extract_lane 1
  0x6a,                         // i32.add
  0x20, 0x02, 0xfd, 0x1b, 0x02, // local.get 2, i32x4.extract_lane 2
  0x6a,                         // i32.add
  0x20, 0x02, 0xfd, 0x1b, 0x03, // local.get 2, i32x4.extract_lane 3
  0x6a, 0x0b,                   // i32.add, end
];

// deno-fmt-ignore
const module = [
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x07, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f,       // type 0: (i32, i32) -> i32
  0x02, 0x08, 0x01, 0x01, 0x6d, 0x01, 0x6d, 0x02, 0x00, 0x01, // import memory "m" "m"
  0x03, 0x02, 0x01, 0x00,                                     // function 0 is of type 0
  0x07, 0x05, 0x01, 0x01, 0x73, 0x00, 0x00,                   // export function 0 as "s"
  0x0a, code.length + 2, 0x01, code.length, ...code,
];

/** The loop for one memory; `undefined` where the engine or the processor does not have what it needs. */
export function createSumBlocks(memory: WebAssembly.Memory): SumBlocks | undefined {
  try {
    const compiled = new WebAssembly.Module(Uint8Array.from(module));
    const { exports } = new WebAssembly.Instance(compiled, { m: { m: memory } });
    return exports.s as SumBlocks;
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return undefined;
    throw error;
  }
}
