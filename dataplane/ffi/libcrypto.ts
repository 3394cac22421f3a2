/**
 * OpenSSL's libcrypto, version 3, through FFI: the one place that opens it, and the signatures of what we call.
 *
 * Import `symbols` and call `symbols.NAME(…)` in place, so that each call site knows its one target; a
 * function passed around costs twenty times as much. Addresses are `pointer`, never `buffer`: small typed
 * arrays may move. `size_t` is `usize`: give it a `bigint` made beforehand where it is hot.
 *
 * The library is absent when the file, a function or the permission is missing; then `symbols` is empty and
 * nobody may call it. Ask `isLibcryptoLoaded` first.
 */

const pointer = "pointer" as const;
const i32 = "i32" as const;
const usize = "usize" as const;

/** OpenSSL 3 documentation, man section 3, has each under its name. */
const interfaceOfLibcrypto = {
  OpenSSL_version_num: { parameters: [], result: "u64" },
  ERR_clear_error: { parameters: [], result: "void" },

  // digests and MACs
  EVP_MD_fetch: { parameters: [pointer, pointer, pointer], result: pointer },
  EVP_MD_CTX_new: { parameters: [], result: pointer },
  EVP_MD_CTX_free: { parameters: [pointer], result: "void" },
  EVP_DigestInit_ex: { parameters: [pointer, pointer, pointer], result: i32 },
  EVP_DigestUpdate: { parameters: [pointer, pointer, usize], result: i32 },
  EVP_DigestFinal_ex: { parameters: [pointer, pointer, pointer], result: i32 },
  EVP_MAC_fetch: { parameters: [pointer, pointer, pointer], result: pointer },
  EVP_MAC_CTX_new: { parameters: [pointer], result: pointer },
  EVP_MAC_CTX_free: { parameters: [pointer], result: "void" },
  EVP_MAC_init: { parameters: [pointer, pointer, usize, pointer], result: i32 },
  EVP_MAC_update: { parameters: [pointer, pointer, usize], result: i32 },
  EVP_MAC_final: { parameters: [pointer, pointer, pointer, usize], result: i32 },

  // ciphers
  EVP_CIPHER_fetch: { parameters: [pointer, pointer, pointer], result: pointer },
  EVP_CIPHER_CTX_new: { parameters: [], result: pointer },
  EVP_CIPHER_CTX_free: { parameters: [pointer], result: "void" },
  EVP_CIPHER_CTX_set_padding: { parameters: [pointer, i32], result: i32 },
  EVP_CIPHER_CTX_get_params: { parameters: [pointer, pointer], result: i32 },
  EVP_CIPHER_CTX_set_params: { parameters: [pointer, pointer], result: i32 },
  EVP_EncryptInit_ex: { parameters: [pointer, pointer, pointer, pointer, pointer], result: i32 },
  EVP_EncryptUpdate: { parameters: [pointer, pointer, pointer, pointer, i32], result: i32 },
  EVP_EncryptFinal_ex: { parameters: [pointer, pointer, pointer], result: i32 },
  EVP_DecryptInit_ex: { parameters: [pointer, pointer, pointer, pointer, pointer], result: i32 },
  EVP_DecryptUpdate: { parameters: [pointer, pointer, pointer, pointer, i32], result: i32 },
  EVP_DecryptFinal_ex: { parameters: [pointer, pointer, pointer], result: i32 },

  // keys and signatures
  EVP_PKEY_free: { parameters: [pointer], result: "void" },
  EVP_PKEY_new_raw_private_key: { parameters: [i32, pointer, pointer, usize], result: pointer },
  EVP_PKEY_new_raw_public_key: { parameters: [i32, pointer, pointer, usize], result: pointer },
  EVP_PKEY_get_raw_public_key: { parameters: [pointer, pointer, pointer], result: i32 },
  d2i_AutoPrivateKey: { parameters: [pointer, pointer, "i64"], result: pointer },
  d2i_PUBKEY: { parameters: [pointer, pointer, "i64"], result: pointer },
  EVP_PKEY_CTX_new: { parameters: [pointer, pointer], result: pointer },
  EVP_PKEY_CTX_free: { parameters: [pointer], result: "void" },
  EVP_PKEY_CTX_set_signature_md: { parameters: [pointer, pointer], result: i32 },
  EVP_PKEY_CTX_set_rsa_padding: { parameters: [pointer, i32], result: i32 },
  EVP_PKEY_CTX_set_rsa_pss_saltlen: { parameters: [pointer, i32], result: i32 },
  EVP_PKEY_sign_init: { parameters: [pointer], result: i32 },
  EVP_PKEY_sign: { parameters: [pointer, pointer, pointer, pointer, usize], result: i32 },
  EVP_PKEY_verify_init: { parameters: [pointer], result: i32 },
  EVP_PKEY_verify: { parameters: [pointer, pointer, usize, pointer, usize], result: i32 },
  EVP_PKEY_derive_init: { parameters: [pointer], result: i32 },
  EVP_PKEY_derive_set_peer: { parameters: [pointer, pointer], result: i32 },
  EVP_PKEY_derive: { parameters: [pointer, pointer, pointer], result: i32 },

  // big numbers and curves
  BN_CTX_new: { parameters: [], result: pointer },
  BN_new: { parameters: [], result: pointer },
  BN_clear_free: { parameters: [pointer], result: "void" },
  BN_bin2bn: { parameters: [pointer, i32, pointer], result: pointer },
  BN_bn2binpad: { parameters: [pointer, pointer, i32], result: i32 },
  BN_MONT_CTX_new: { parameters: [], result: pointer },
  BN_MONT_CTX_set: { parameters: [pointer, pointer, pointer], result: i32 },
  BN_mod_exp_mont_consttime: {
    parameters: [pointer, pointer, pointer, pointer, pointer, pointer],
    result: i32,
  },
  EC_GROUP_new_by_curve_name: { parameters: [i32], result: pointer },
  EC_POINT_new: { parameters: [pointer], result: pointer },
  EC_POINT_clear_free: { parameters: [pointer], result: "void" },
  EC_POINT_mul: {
    parameters: [pointer, pointer, pointer, pointer, pointer, pointer],
    result: i32,
  },
  EC_POINT_oct2point: { parameters: [pointer, pointer, pointer, usize, pointer], result: i32 },
  EC_POINT_point2oct: {
    parameters: [pointer, pointer, i32, pointer, usize, pointer],
    result: usize,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions, as `Deno.dlopen` types them. */
export type LibcryptoSymbols = Deno.DynamicLibrary<typeof interfaceOfLibcrypto>["symbols"];

const FILES = ["libcrypto.so.3", "libcrypto.so"] as const;
const VERSION_3 = 0x30000000n;

function openLibcrypto(): LibcryptoSymbols | undefined {
  for (const file of FILES) {
    try {
      const library = Deno.dlopen(file, interfaceOfLibcrypto);
      if (library.symbols.OpenSSL_version_num() >= VERSION_3) return library.symbols;
      library.close();
    } catch {
      // No such file, a function is missing, or no permission: the caller has another provider.
    }
  }
  return undefined;
}

const opened = openLibcrypto();

/** Whether the library is there and `symbols` may be called. */
export const isLibcryptoLoaded: boolean = opened !== undefined;

/** The library's functions; empty when `isLibcryptoLoaded` is false. Stays open as long as the thread. */
export const symbols: LibcryptoSymbols = opened ?? Object.create(null);
