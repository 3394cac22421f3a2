import { loadLibcryptoProvider } from "../../../dataplane/ffi/libcrypto_provider.ts";
import { testAsymmetricVectors } from "../../core/crypto/asymmetric_vectors.ts";
import { testSymmetricVectors } from "../../core/crypto/provider_vectors.ts";

const provider = loadLibcryptoProvider();
if (provider === undefined) {
  console.warn("skipped: libcrypto.so.3 is not there, so its provider is not tested");
} else {
  testSymmetricVectors(provider);
  testAsymmetricVectors(provider);
}
