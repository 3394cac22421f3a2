/** Which cryptography this machine gets, with a failure that an operator can read. */
import type { CryptoProvider } from "../core/mod.ts";
import { selectProvider, whyPortable } from "../dataplane/mod.ts";
import type { Log } from "./log.ts";
import { reasonOf, StartError } from "./start_error.ts";

/** The provider; `StartError` when the one that `REJOIN_CRYPTO` asks for is not there. */
export function providerOfMachine(): CryptoProvider {
  try {
    return selectProvider();
  } catch (error) {
    throw new StartError(reasonOf(error));
  }
}

/** Says why packets and handshakes are a hundred times as slow as they could be, if they are. */
export function tellSlowCrypto(log: Log): void {
  const reason = whyPortable();
  if (reason !== undefined) log.tell("warning", "portable-crypto", { reason });
}
