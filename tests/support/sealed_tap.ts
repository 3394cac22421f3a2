/**
 * Looks into sealed messages of a simulation and seals others in their place, with the right keys:
 * how a peer that is what it says it is may lie. For suites with AES-GCM or ChaCha20-Poly1305.
 */
import { concatBytes, copyBytes, hexOf, type OwnedBytes, parseHex } from "../../core/bytes.ts";
import type { AeadName, CryptoProvider } from "../../core/crypto/provider.ts";
import { layoutEncrypted } from "../../core/message/encrypted.ts";
import { parseMessage } from "../../core/message/message.ts";

/** What a sealed message says, all of it: plain data, so that it can be kept in a file. */
export interface SealedContent {
  readonly exchangeType: number;
  /** Flags of the header. */
  readonly initiator: boolean;
  readonly response: boolean;
  readonly messageId: number;
  /** Type of the first payload inside. */
  readonly firstPayload: number;
  /** Fragment Number and Total Fragments of an SKF payload. */
  readonly fragment?: readonly [number, number];
  /** Payload chain or piece of it, padding and pad length, as hexadecimal digits. */
  readonly plaintext: string;
}

/** How a message was sealed. */
interface Seal {
  readonly name: AeadName;
  readonly key: OwnedBytes;
  readonly nonce: OwnedBytes;
  readonly plaintext: OwnedBytes;
}

/** Octets of IV and ICV of every AEAD cipher that IKE has here. */
const IV_BYTES = 8;
const ICV_BYTES = 16;

/** Remembers what a provider seals. */
export class SealedTap {
  /** The provider to use; it does what the other does. */
  readonly crypto: CryptoProvider;
  readonly #inner: CryptoProvider;
  /** By ICV. */
  readonly #seals = new Map<string, Seal>();

  /** Taps a provider. */
  constructor(inner: CryptoProvider) {
    this.#inner = inner;
    this.crypto = {
      ...inner,
      aeadSeal: (name, key, nonce, aad, plaintext): OwnedBytes => {
        const sealed = inner.aeadSeal(name, key, nonce, aad, plaintext);
        this.#seals.set(hexOf(sealed.subarray(-ICV_BYTES)), {
          name,
          key: copyBytes(key),
          nonce: copyBytes(nonce),
          plaintext: copyBytes(plaintext),
        });
        return sealed;
      },
    };
  }

  /** What a message says; `undefined` when it was not sealed through here. */
  open(bytes: Uint8Array): SealedContent | undefined {
    const seal = this.#sealOf(bytes);
    const parsed = parseMessage(bytes);
    if (seal === undefined || !parsed.ok || parsed.value.encrypted === undefined) return undefined;
    const { header, encrypted } = parsed.value;
    const { fragmentNumber, totalFragments } = encrypted;
    return {
      exchangeType: header.exchangeType,
      initiator: header.flags.initiator,
      response: header.flags.response,
      messageId: header.messageId,
      firstPayload: encrypted.firstInnerPayload,
      ...(fragmentNumber === undefined || totalFragments === undefined
        ? {}
        : { fragment: [fragmentNumber, totalFragments] }),
      plaintext: hexOf(seal.plaintext),
    };
  }

  /** A message that says something else, under the SPIs, the key and the IV of the one given. */
  reseal(bytes: Uint8Array, content: SealedContent): OwnedBytes {
    const seal = this.#sealOf(bytes);
    const parsed = parseMessage(bytes);
    const plaintext = parseHex(content.plaintext);
    if (seal === undefined || !parsed.ok || plaintext === undefined) {
      throw new Error("Cannot seal anew what was not sealed here");
    }
    const { initiatorSpi, responderSpi } = parsed.value.header;
    const { exchangeType, messageId, initiator, response, fragment } = content;
    const layout = layoutEncrypted({
      header: {
        initiatorSpi,
        responderSpi,
        exchangeType,
        flags: { initiator, response },
        messageId,
      },
      firstInnerPayload: content.firstPayload,
      ...(fragment === undefined ? {} : { fragment: { number: fragment[0], total: fragment[1] } }),
      ivLength: IV_BYTES,
      ciphertextLength: plaintext.length,
      icvLength: ICV_BYTES,
    });
    const { name, key, nonce } = seal;
    const head = layout.bytes.slice(0, layout.aadLength);
    const sealed = this.#inner.aeadSeal(name, key, nonce, head, plaintext);
    return concatBytes(head, nonce.subarray(-IV_BYTES), sealed);
  }

  #sealOf(bytes: Uint8Array): Seal | undefined {
    return this.#seals.get(hexOf(bytes.subarray(-ICV_BYTES)));
  }
}
