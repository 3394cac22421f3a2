import type { CryptoProvider } from "../../core/crypto/provider.ts";
export function loadLibcryptoProvider(): CryptoProvider | undefined {
  return undefined;
}
