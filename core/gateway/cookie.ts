/**
 * Stateless cookies (RFC 7296 §2.6): proof that the initiator receives at its address, for which
 * the gateway remembers nothing. Two secrets rotate; a cookie of the one before stays good. In front of
 * the proof a cookie says with how hard a puzzle it was given (RFC 8019 §7.1.1.3), which it covers.
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

  /** The cookie that this initiator is to send back, given with a puzzle of `bits`; 0 for none. */
  make(now: Monotonic, initiator: CookieSubject, bits: number): OwnedBytes {
    this.#rotate(now);
    return this.#compute(this.#current, initiator, bits);
  }

  /**
   * With how hard a puzzle a cookie was given; `undefined` unless it was made by us for this initiator
   * within the life of two secrets.
   */
  bitsOf(now: Monotonic, initiator: CookieSubject, cookie: Bytes): number | undefined {
    this.#rotate(now);
    const [bits] = cookie;
    if (bits === undefined) return undefined;
    const isCurrent = equalSecrets(this.#compute(this.#current, initiator, bits), cookie);
    const isPrevious = equalSecrets(this.#compute(this.#previous, initiator, bits), cookie);
    return isCurrent || isPrevious ? bits : undefined;
  }

  #compute(secret: Bytes, { spi, nonce, remote }: CookieSubject, bits: number): OwnedBytes {
    const given = Uint8Array.of(bits);
    const port = Uint8Array.of(remote.port >> 8, remote.port & 0xff);
    const subject = concatBytes(given, spi, remote.address.octets, port, nonce);
    return concatBytes(given, this.#crypto.hmac("sha256", secret, subject).subarray(0, 16));
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
