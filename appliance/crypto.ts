/** Which cryptography this machine gets, with a failure that an operator can read. */
import type { CryptoProvider } from "../core/mod.ts";
import { selectProvider } from "../dataplane/mod.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** The provider; `StartError` when the one that `REJOIN_CRYPTO` asks for is not there. */
export function providerOfMachine(): CryptoProvider {
  try {
    return selectProvider();
  } catch (error) {
    throw new StartError(reasonOf(error));
  }
}
