/**
 * Which cryptography this process uses: libcrypto when it loads, else the portable provider.
 *
 * The environment variable `REJOIN_CRYPTO` forces one: `libcrypto` or `noble`.
 */
import { nobleProvider } from "../core/crypto/noble_provider.ts";
import type { CryptoProvider } from "../core/crypto/provider.ts";
import type { Random } from "../core/random.ts";
import type { EspCiphers } from "./esp/cipher.ts";
import { createPortableEspCiphers } from "./esp/portable_cipher.ts";
import { createLibcryptoEspCiphers } from "./ffi/libcrypto_esp.ts";
import { libcryptoFault, loadLibcryptoProvider } from "./ffi/libcrypto_provider.ts";

const VARIABLE = "REJOIN_CRYPTO";

/** The provider of this process; throws `RangeError` when the one that is forced is not there. */
export function selectProvider(
  forced: CryptoProvider["name"] | undefined = forcedProvider(),
): CryptoProvider {
  const fast = forced === "noble" ? undefined : loadLibcryptoProvider();
  if (fast === undefined && forced === "libcrypto") {
    throw new RangeError(`Cannot use libcrypto: ${libcryptoFault()}`);
  }
  return fast ?? nobleProvider;
}

/** Why this process has the slow provider although nobody asked for it; `undefined` when it has not. */
export function whyPortable(): string | undefined {
  return forcedProvider() === "noble" ? undefined : libcryptoFault();
}

/**
 * ESP ciphers for packets in `arena`, by the same choice. Use them only in the thread that calls this;
 * `arena` must never be resized or transferred.
 */
export function selectEspCiphers(
  arena: Uint8Array,
  random: Random,
  forced: CryptoProvider["name"] | undefined = forcedProvider(),
): EspCiphers {
  const provider = selectProvider(forced);
  const fast = provider.name === "libcrypto" ? createLibcryptoEspCiphers(arena, random) : undefined;
  return fast ?? createPortableEspCiphers(provider, arena, random);
}

/** What the environment asks for; `undefined` when it asks for nothing or may not be read. */
function forcedProvider(): CryptoProvider["name"] | undefined {
  const isReadable = Deno.permissions.querySync({ name: "env", variable: VARIABLE }).state;
  const name = isReadable === "granted" ? Deno.env.get(VARIABLE) : undefined;
  if (name === undefined || name === "") return undefined;
  if (name === "noble" || name === "libcrypto") return name;
  throw new RangeError(`Cannot use ${VARIABLE} ${name}: needs noble or libcrypto`);
}
