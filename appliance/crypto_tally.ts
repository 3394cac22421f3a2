/** Counts the slow operations of a provider: key exchanges and signatures, and what they came to. */
import type { CryptoProvider, Signer } from "../core/mod.ts";

/** What was counted so far. */
export interface CryptoCounters {
  readonly "dh-public-values": number;
  readonly "dh-shared-secrets": number;
  /** Peers' values that are no group elements (RFC 6989). */
  readonly "dh-refused-values": number;
  readonly "signatures-made": number;
  readonly "signatures-right": number;
  readonly "signatures-wrong": number;
}

const zeros: CryptoCounters = {
  "dh-public-values": 0,
  "dh-shared-secrets": 0,
  "dh-refused-values": 0,
  "signatures-made": 0,
  "signatures-right": 0,
  "signatures-wrong": 0,
};

/** Counters, and what is counted in them. */
export class CryptoTally {
  #counters = zeros;

  /** What was counted so far. */
  get counters(): CryptoCounters {
    return this.#counters;
  }

  /** Counts from zero again. */
  clear(): void {
    this.#counters = zeros;
  }

  /** A provider that does the same, counted. */
  tap(crypto: CryptoProvider): CryptoProvider {
    return {
      ...crypto,
      generateKeyPair: (group, random) => {
        this.#count("dh-public-values");
        return crypto.generateKeyPair(group, random);
      },
      deriveSharedSecret: (pair, peerPublicValue) => {
        const secret = crypto.deriveSharedSecret(pair, peerPublicValue);
        this.#count(secret === undefined ? "dh-refused-values" : "dh-shared-secrets");
        return secret;
      },
      importPrivateKey: (pkcs8) => {
        const signer = crypto.importPrivateKey(pkcs8);
        return signer === undefined ? undefined : this.tapSigner(signer);
      },
      verify: (spki, scheme, data, signature) => {
        const isRight = crypto.verify(spki, scheme, data, signature);
        this.#count(isRight ? "signatures-right" : "signatures-wrong");
        return isRight;
      },
    };
  }

  /** A signer that does the same, counted. */
  tapSigner(signer: Signer): Signer {
    return {
      key: signer.key,
      spki: signer.spki,
      sign: (scheme, data) => {
        this.#count("signatures-made");
        return signer.sign(scheme, data);
      },
    };
  }

  #count(name: keyof CryptoCounters): void {
    this.#counters = { ...this.#counters, [name]: this.#counters[name] + 1 };
  }
}
