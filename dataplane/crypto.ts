/**
 * Which cryptography this process uses: libcrypto when it loads, else the portable provider; and for ESP
 * ipsec-mb beside libcrypto where it loads too.
 *
 * The environment variable `REJOIN_CRYPTO` forces one: `ipsec-mb`, `libcrypto` or `noble`.
 */
import { nobleProvider } from "../core/crypto/noble_provider.ts";
import type { CryptoProvider } from "../core/crypto/provider.ts";
import type { Random } from "../core/random.ts";
import type { EspCiphers, EspCryptoName } from "./esp/cipher.ts";
import { createPortableEspCiphers } from "./esp/portable_cipher.ts";
import { createIpsecMbEspCiphers } from "./ffi/ipsec_mb_esp.ts";
import { createLibcryptoEspCiphers } from "./ffi/libcrypto_esp.ts";
import { libcryptoFault, loadLibcryptoProvider } from "./ffi/libcrypto_provider.ts";

const VARIABLE = "REJOIN_CRYPTO";

/** The provider of this process; throws `RangeError` when the one that is forced is not there. */
export function selectProvider(
  forced: EspCryptoName | undefined = forcedName(),
): CryptoProvider {
  const fast = forced === "noble" ? undefined : loadLibcryptoProvider();
  if (fast === undefined && forced !== undefined && forced !== "noble") {
    throw new RangeError(`Cannot use libcrypto: ${libcryptoFault()}`);
  }
  return fast ?? nobleProvider;
}

/** Why this process has the slow provider although nobody asked for it; `undefined` when it has not. */
export function whyPortable(): string | undefined {
  return forcedName() === "noble" ? undefined : libcryptoFault();
}

/**
 * ESP ciphers for packets in `arena`, by the same choice. Use them only in the thread that calls this;
 * `arena` must never be resized or transferred.
 */
export function selectEspCiphers(
  arena: Uint8Array,
  random: Random,
  forced: EspCryptoName | undefined = forcedName(),
): EspCiphers {
  const provider = selectProvider(forced);
  if (provider.name === "noble") return createPortableEspCiphers(provider, arena, random);
  const fastest = forced === "libcrypto" ? undefined : createIpsecMbEspCiphers(arena, random);
  if (fastest === undefined && forced === "ipsec-mb") {
    throw new RangeError(
      "Cannot use ipsec-mb: libIPSec_MB.so.1 is not there, or not for this processor",
    );
  }
  return fastest ?? createLibcryptoEspCiphers(arena, random) ??
    createPortableEspCiphers(provider, arena, random);
}

/** What the environment asks for; `undefined` when it asks for nothing or may not be read. */
function forcedName(): EspCryptoName | undefined {
  const isReadable = Deno.permissions.querySync({ name: "env", variable: VARIABLE }).state;
  const name = isReadable === "granted" ? Deno.env.get(VARIABLE) : undefined;
  if (name === undefined || name === "") return undefined;
  if (name === "noble" || name === "libcrypto" || name === "ipsec-mb") return name;
  throw new RangeError(`Cannot use ${VARIABLE} ${name}: needs ipsec-mb, libcrypto or noble`);
}
