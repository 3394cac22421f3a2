/**
 * Intel's Multi-Buffer Crypto for IPsec (Debian: libipsec-mb1) through FFI, for AES-GCM: one call a packet,
 * where libcrypto takes five, and with the wide AES instructions of newer processors.
 *
 * The library has its functions once for each generation of processors; whoever calls one that the
 * processor does not know is killed. So they are chosen here by what the kernel says of the processor.
 * They are the library's documented direct interface (`intel-ipsec-mb.h`), those for VAES exported beside it.
 *
 * The library is absent when the file, a function, the instructions or the permission is missing; then
 * `symbols` is empty and nobody may call it. Ask `isIpsecMbLoaded` first. Left out: its job manager.
 */

const pointer = "pointer" as const;
const u32 = "u32" as const;
const u64 = "u64" as const;

/** Key as octets; expanded key. */
const precompute = [pointer, pointer] as const;
/**
 * Expanded key, context, out, in, length, IV of 12 octets, AAD, its length, tag, its length. The first
 * length is in a register, where 32 bits are enough; the others are not, and take prepared bigints.
 */
const process = [
  ...[pointer, pointer, pointer, pointer] as const,
  ...[u32, pointer, pointer, u64, pointer, u64] as const,
] as const;

/** Generations, the fastest first: the end of the functions' names, and what the processor must have. */
const generations: readonly { readonly suffix: string; readonly needs: readonly string[] }[] = [
  {
    suffix: "vaes_avx512",
    needs: [
      ...["avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"],
      ...["vaes", "vpclmulqdq", "gfni", "avx512ifma", "sha_ni", "bmi2"],
    ],
  },
  { suffix: "avx_gen4", needs: ["avx2", "bmi2", "aes", "pclmulqdq"] },
  { suffix: "avx_gen2", needs: ["avx", "aes", "pclmulqdq"] },
];

function interfaceOf(suffix: string) {
  return {
    pre128: { name: `aes_gcm_pre_128_${suffix}`, parameters: precompute, result: "void" },
    pre256: { name: `aes_gcm_pre_256_${suffix}`, parameters: precompute, result: "void" },
    enc128: { name: `aes_gcm_enc_128_${suffix}`, parameters: process, result: "void" },
    enc256: { name: `aes_gcm_enc_256_${suffix}`, parameters: process, result: "void" },
    dec128: { name: `aes_gcm_dec_128_${suffix}`, parameters: process, result: "void" },
    dec256: { name: `aes_gcm_dec_256_${suffix}`, parameters: process, result: "void" },
  } as const;
}

type Symbols = Deno.DynamicLibrary<ReturnType<typeof interfaceOf>>["symbols"];

/** What the kernel says that every processor can do. */
function processorFlags(): ReadonlySet<string> {
  const text = Deno.readTextFileSync("/proc/cpuinfo");
  return new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(" "));
}

function load(): Symbols | undefined {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return undefined;
  try {
    const flags = processorFlags();
    const fit = generations.filter(({ needs }) => needs.every((flag) => flags.has(flag)));
    for (const { suffix } of fit) {
      try {
        return Deno.dlopen("libIPSec_MB.so.1", interfaceOf(suffix)).symbols;
      } catch {
        // this version of the library may have the next one
      }
    }
  } catch {
    // not to be told what the processor can do is as good as that it can do nothing
  }
  return undefined;
}

const loaded = load();

/** Whether `symbols` may be called. */
export const isIpsecMbLoaded: boolean = loaded !== undefined;

/** The functions; empty unless `isIpsecMbLoaded`. */
export const symbols: Symbols = loaded ?? {} as Symbols;
