/**
 * Stateless cookies (RFC 7296 §2.6): proof that the initiator receives at its address, for which
 * the gateway remembers nothing. Two secrets rotate; a cookie of the one before stays good.
 */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { concatBytes } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { limits } from "../limits.ts";
import type { Monotonic } from "../moment.ts";
import type { Random } from "../random.ts";
import type { Endpoint } from "../wire/address.ts";

/** Makes and checks cookies. */
export class CookieJar {
  readonly #crypto: CryptoProvider;
  readonly #random: Random;
  #current: OwnedBytes;
  #previous: OwnedBytes;
  #since: Monotonic;

  constructor(crypto: CryptoProvider, random: Random, now: Monotonic) {
    this.#crypto = crypto;
    this.#random = random;
    this.#current = random.bytes(32);
    this.#previous = this.#current;
    this.#since = now;
  }

  /** The cookie that this initiator is to send back. */
  make(now: Monotonic, initiator: CookieSubject): OwnedBytes {
    this.#rotate(now);
    return this.#compute(this.#current, initiator);
  }

  /** Whether a cookie was made by us for this initiator within the life of two secrets. */
  accepts(now: Monotonic, initiator: CookieSubject, cookie: Bytes): boolean {
    this.#rotate(now);
    const current = equalSecrets(this.#compute(this.#current, initiator), cookie);
    return equalSecrets(this.#compute(this.#previous, initiator), cookie) || current;
  }

  #compute(secret: Bytes, { spi, nonce, remote }: CookieSubject): OwnedBytes {
    const port = Uint8Array.of(remote.port >> 8, remote.port & 0xff);
    const subject = concatBytes(spi, remote.address.octets, port, nonce);
    return this.#crypto.hmac("sha256", secret, subject).subarray(0, 16);
  }

  #rotate(now: Monotonic): void {
    const age = now - this.#since;
    if (age < limits.cookieSecretMs) return;
    const fresh = this.#random.bytes(32);
    this.#previous = age < 2 * limits.cookieSecretMs ? this.#current : fresh;
    this.#current = fresh;
    this.#since = now;
  }
}

/** What a cookie vouches for. */
export interface CookieSubject {
  /** The initiator's SPI. */
  readonly spi: Bytes;
  /** Ni. */
  readonly nonce: Bytes;
  /** Where the request came from. */
  readonly remote: Endpoint;
}
