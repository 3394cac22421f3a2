/**
 * Intel's Multi-Buffer Crypto for IPsec (Debian: libipsec-mb1) through FFI: AES-GCM with one call a packet,
 * where libcrypto takes five, and AES-CBC and HMAC for many packets side by side, each in a lane of the
 * processor's widest registers.
 *
 * The library has its functions once for each generation of processors; whoever calls one that the
 * processor does not know is killed. So they are chosen here by what the kernel says of the processor.
 * GCM's are the library's documented direct interface (`intel-ipsec-mb.h`), those for VAES exported beside
 * it. Bursts are handed over as an array of structures, whose form is that of version 1.3 only.
 *
 * What the library, the processor or the permission does not give is absent; then `symbols` or `bursts` is
 * empty and nobody may call it. Ask `isIpsecMbLoaded` and `hasBursts` first.
 */

const pointer = "pointer" as const;
const i32 = "i32" as const;
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

/** A generation of processors, and how the names of its functions end. */
interface Generation {
  readonly needs: readonly string[];
  readonly gcm: string;
  readonly burst: string;
  readonly keys: string;
}

const avx512 = [
  "avx512f",
  "avx512dq",
  "avx512cd",
  "avx512bw",
  "avx512vl",
  "aes",
  "pclmulqdq",
  "bmi2",
];

/** The fastest first. */
const generations: readonly Generation[] = [
  {
    needs: [...avx512, "vaes", "vpclmulqdq", "gfni", "avx512ifma", "sha_ni"],
    gcm: "vaes_avx512",
    burst: "avx512_t2",
    keys: "avx512",
  },
  { needs: avx512, gcm: "avx512", burst: "avx512_t1", keys: "avx512" },
  { needs: ["avx2", "bmi2", "aes", "pclmulqdq"], gcm: "avx_gen4", burst: "avx2_t1", keys: "avx2" },
  { needs: ["avx", "aes", "pclmulqdq"], gcm: "avx_gen2", burst: "avx_t1", keys: "avx" },
];

const gcmFunctions = {
  pre128: { name: "aes_gcm_pre_128_{gcm}", parameters: precompute, result: "void" },
  pre256: { name: "aes_gcm_pre_256_{gcm}", parameters: precompute, result: "void" },
  enc128: { name: "aes_gcm_enc_128_{gcm}", parameters: process, result: "void" },
  enc256: { name: "aes_gcm_enc_256_{gcm}", parameters: process, result: "void" },
  dec128: { name: "aes_gcm_dec_128_{gcm}", parameters: process, result: "void" },
  dec256: { name: "aes_gcm_dec_256_{gcm}", parameters: process, result: "void" },
} as const;

/** Key as octets; expanded for encryption; for decryption. */
const expand = [pointer, pointer, pointer] as const;
/** Block; state. */
const oneBlock = [pointer, pointer] as const;
/** Manager, jobs, how many, cipher, direction, octets of the key; the number done. */
const cipherBurst = [pointer, pointer, u32, i32, i32, i32] as const;
/** Manager, jobs, how many, hash; the number done. */
const hashBurst = [pointer, pointer, u32, i32] as const;

const burstFunctions = {
  version: { name: "imb_get_version", parameters: [], result: u32 },
  allocate: { name: "alloc_mb_mgr", parameters: [u64], result: pointer },
  initialize: { name: "init_mb_mgr_{keys}", parameters: [pointer], result: "void" },
  expand128: { name: "aes_keyexp_128_{keys}", parameters: expand, result: "void" },
  expand192: { name: "aes_keyexp_192_{keys}", parameters: expand, result: "void" },
  expand256: { name: "aes_keyexp_256_{keys}", parameters: expand, result: "void" },
  sha256Block: { name: "sha256_one_block_{keys}", parameters: oneBlock, result: "void" },
  sha384Block: { name: "sha384_one_block_{keys}", parameters: oneBlock, result: "void" },
  sha512Block: { name: "sha512_one_block_{keys}", parameters: oneBlock, result: "void" },
  cipher: { name: "submit_cipher_burst_nocheck_{burst}", parameters: cipherBurst, result: u32 },
  hash: { name: "submit_hash_burst_nocheck_{burst}", parameters: hashBurst, result: u32 },
} as const;

/** The functions as this generation has them: the words in braces are the ends of their names. */
function namedFor<T extends Deno.ForeignLibraryInterface>(functions: T, generation: Generation): T {
  const name = (text: string): string =>
    text.replace(/\{(gcm|burst|keys)\}/, (_, word: "gcm" | "burst" | "keys") => generation[word]);
  const entries = Object.entries(functions as Readonly<Record<string, { readonly name: string }>>);
  return Object.fromEntries(entries.map(([key, it]) => [key, { ...it, name: name(it.name) }])) as T;
}

type GcmSymbols = Deno.DynamicLibrary<typeof gcmFunctions>["symbols"];
type BurstSymbols = Deno.DynamicLibrary<typeof burstFunctions>["symbols"];

const library = "libIPSec_MB.so.1";
/** Versions 1.3.x: one octet for each part. */
const burstVersion = 0x0103;

/** What the kernel says that every processor can do. */
function processorFlags(): ReadonlySet<string> {
  const text = Deno.readTextFileSync("/proc/cpuinfo");
  return new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(" "));
}

/** The first generation that fits the processor and the library. */
function load<T>(open: (generation: Generation) => T): T | undefined {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return undefined;
  let flags: ReadonlySet<string>;
  try {
    flags = processorFlags();
  } catch {
    return undefined; // not to be told is as good as that it can do nothing
  }
  for (const generation of generations) {
    if (!generation.needs.every((flag) => flags.has(flag))) continue;
    try {
      return open(generation);
    } catch {
      // this library may have the next one
    }
  }
  return undefined;
}

function loadBursts(): BurstSymbols | undefined {
  const found = load((generation) =>
    Deno.dlopen(library, namedFor(burstFunctions, generation)).symbols
  );
  return found !== undefined && found.version() >>> 8 === burstVersion ? found : undefined;
}

const loadedGcm = load((generation) =>
  Deno.dlopen(library, namedFor(gcmFunctions, generation)).symbols
);
const loadedBursts = loadBursts();

/** Whether `symbols` may be called. */
export const isIpsecMbLoaded: boolean = loadedGcm !== undefined;

/** AES-GCM; empty unless `isIpsecMbLoaded`. */
export const symbols: GcmSymbols = loadedGcm ?? {} as GcmSymbols;

/** Whether `bursts` may be called. */
export const hasBursts: boolean = loadedBursts !== undefined;

/** AES-CBC and HMAC; empty unless `hasBursts`. */
export const bursts: BurstSymbols = loadedBursts ?? {} as BurstSymbols;
