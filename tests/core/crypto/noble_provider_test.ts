import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { testAsymmetricVectors } from "./asymmetric_vectors.ts";
import { testSymmetricVectors } from "./provider_vectors.ts";

testSymmetricVectors(nobleProvider);
testAsymmetricVectors(nobleProvider);
