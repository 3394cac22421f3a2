/**
 * Sealing and opening IKE messages (RFC 7296 §3.14, RFC 5282 for AEAD ciphers, RFC 7383 fragments).
 *
 * This is where keys meet `message/encrypted.ts`, which knows the places but no keys. A message
 * that is repeated is not sealed again: `message_window.ts` keeps its datagrams.
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import type { AeadName, CryptoProvider } from "../crypto/provider.ts";
import {
  type EncryptionFacts,
  encryptionOf,
  type IntegrityFacts,
  integrityOf,
} from "../crypto/transforms.ts";
import { GENERIC_HEADER_BYTES } from "../message/codec.ts";
import {
  type EncryptedLayout,
  type EncryptedPart,
  type EncryptedShape,
  layoutEncrypted,
  padTo,
  stripPadding,
} from "../message/encrypted.ts";
import { IKE_HEADER_BYTES, type MessageHeader } from "../message/header.ts";
import { buildPayloads, type ParsedMessage } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { Random } from "../random.ts";
import { fail, invariant, ok, type Result } from "../result.ts";
import { Reader } from "../wire/reader.ts";
import type { IvCounter } from "./iv_counter.ts";
import type { IkeKeys } from "./keymat.ts";
import type { IkeSuite } from "./suite.ts";

/** The keys of one direction of an IKE SA. */
export interface DirectionKeys {
  /** SK_ei or SK_er, with the salt behind it for AEAD ciphers. */
  readonly encryption: Bytes;
  /** SK_ai or SK_ar; empty with an AEAD cipher. */
  readonly integrity: Bytes;
}

/** What it takes to open messages of one direction. */
export interface Opening {
  /** The operations. */
  readonly crypto: CryptoProvider;
  /** Encryption and integrity of the IKE SA. */
  readonly suite: Pick<IkeSuite, "encryption" | "keyBits" | "integrity">;
  /** Keys of the side that sends. */
  readonly keys: DirectionKeys;
}

/** What it takes to seal messages of one direction. */
export interface Sealing extends Opening {
  /** Makes the IVs of AES-CBC. */
  readonly random: Random;
  /** Makes the IVs of AEAD ciphers; belongs to `keys`. */
  readonly ivs: IvCounter;
}

/** Content of an opened SK or SKF payload. */
export interface OpenedMessage {
  /** Type of the first payload inside; 0 in every fragment but the first. */
  readonly firstPayload: number;
  /** The payload chain, or a piece of it. */
  readonly plaintext: OwnedBytes;
  /** Where the content would stand in the datagram, for the offsets of faults. */
  readonly offset: number;
  /** Which piece, when it is one. */
  readonly fragment?: { readonly number: number; readonly total: number };
}

/** Why an encrypted message was not opened. All of them mean: drop it. */
export type OpeningFault = "not-encrypted" | "short" | "bad-icv" | "bad-padding";

/** Octets of the numbers in front of a fragment (RFC 7383 §2.5). */
const FRAGMENT_FIELDS_BYTES = 4;

const UDP_HEADER_BYTES = 8;
const NON_ESP_MARKER_BYTES = 4;

/** Keys of the messages of one original role of the IKE SA. */
export function directionKeys(keys: IkeKeys, sender: "initiator" | "responder"): DirectionKeys {
  return sender === "initiator"
    ? { encryption: keys.ei, integrity: keys.ai }
    : { encryption: keys.er, integrity: keys.ar };
}

/** The largest IKE message in an IP datagram of `mtu` octets, the non-ESP marker reckoned with. */
export function largestMessage(mtu: number, family: 4 | 6): number {
  return mtu - (family === 4 ? 20 : 40) - UDP_HEADER_BYTES - NON_ESP_MARKER_BYTES;
}

/**
 * Seals payloads into one message or, when it would have more than `maxMessageBytes` octets, into
 * fragments that have not. `undefined` means that the peer does not understand fragments.
 */
export function sealMessage(
  sealing: Sealing,
  header: MessageHeader,
  payloads: readonly Payload[],
  maxMessageBytes: number | undefined,
): readonly OwnedBytes[] {
  const { first, bytes } = buildPayloads(payloads);
  return sealChain(sealing, header, first, bytes, maxMessageBytes);
}

/** `sealMessage` for a chain that is octets already. */
export function sealChain(
  sealing: Sealing,
  header: MessageHeader,
  firstPayload: number,
  chain: Bytes,
  maxMessageBytes: number | undefined,
): readonly OwnedBytes[] {
  const algorithms = algorithmsOf(sealing.suite);
  const whole = IKE_HEADER_BYTES + GENERIC_HEADER_BYTES + sealedLength(algorithms, chain.length);
  if (maxMessageBytes === undefined || whole <= maxMessageBytes) {
    return [sealPart(sealing, header, firstPayload, undefined, chain)];
  }
  const pieceLength = largestPiece(algorithms, maxMessageBytes);
  invariant(pieceLength > 0, `fragments of ${maxMessageBytes} octets have room for content`);
  const total = Math.ceil(chain.length / pieceLength);
  const reader = new Reader(chain);
  return Array.from({ length: total }, (_, i) => {
    const piece = reader.bytes(Math.min(pieceLength, reader.remaining), "piece");
    const first = i === 0 ? firstPayload : 0;
    return sealPart(sealing, header, first, { number: i + 1, total }, piece);
  });
}

/** Opens the SK or SKF payload of a parsed datagram. */
export function openMessage(
  opening: Opening,
  datagram: Bytes,
  parsed: ParsedMessage,
): Result<OpenedMessage, OpeningFault> {
  const { encrypted } = parsed;
  if (encrypted === undefined) return fail("not-encrypted");
  const algorithms = algorithmsOf(opening.suite);
  const padded = algorithms.integrity === undefined
    ? openAead(opening, algorithms, datagram, encrypted)
    : openCbc(opening, algorithms, algorithms.integrity, datagram, encrypted);
  if (!padded.ok) return padded;
  const plaintext = stripPadding(padded.value);
  if (plaintext === undefined) return fail("bad-padding");
  const { firstInnerPayload, bodyOffset, fragmentNumber: number, totalFragments: total } =
    encrypted;
  return ok({
    firstPayload: firstInnerPayload,
    plaintext,
    offset: bodyOffset + algorithms.cipher.ivLength,
    ...(number === undefined || total === undefined ? {} : { fragment: { number, total } }),
  });
}

interface Algorithms {
  readonly cipher: EncryptionFacts;
  /** `undefined` beside an AEAD cipher. */
  readonly integrity: IntegrityFacts | undefined;
  readonly icvLength: number;
}

function algorithmsOf({ encryption, keyBits, integrity: id }: Opening["suite"]): Algorithms {
  const cipher = encryptionOf(encryption, keyBits);
  invariant(cipher !== undefined, `encryption ${encryption}/${keyBits} is supported`);
  const integrity = integrityOf(id);
  invariant(
    (cipher.aead === undefined) === (integrity !== undefined),
    "a cipher is either AEAD or has integrity beside it",
  );
  return { cipher, integrity, icvLength: integrity?.icvLength ?? cipher.icvLength };
}

/** IV, ciphertext and ICV around `length` octets. */
function sealedLength({ cipher, icvLength }: Algorithms, length: number): number {
  return cipher.ivLength + length + padTo(cipher.blockLength, length) + 1 + icvLength;
}

/** The most octets whose SKF message is not longer than `maxMessageBytes`. */
function largestPiece({ cipher, icvLength }: Algorithms, maxMessageBytes: number): number {
  const room = maxMessageBytes - IKE_HEADER_BYTES - GENERIC_HEADER_BYTES - FRAGMENT_FIELDS_BYTES -
    cipher.ivLength - icvLength;
  return room - room % cipher.blockLength - 1;
}

function sealPart(
  { crypto, random, ivs, suite, keys }: Sealing,
  header: MessageHeader,
  firstInnerPayload: number,
  fragment: EncryptedShape["fragment"] | undefined,
  content: Bytes,
): OwnedBytes {
  const { cipher, integrity, icvLength } = algorithmsOf(suite);
  const padLength = padTo(cipher.blockLength, content.length);
  const padding = new Uint8Array(padLength + 1).fill(padLength, padLength);
  const plaintext = concatBytes(content, padding);
  const layout = layoutEncrypted({
    header,
    firstInnerPayload,
    ...(fragment === undefined ? {} : { fragment }),
    ivLength: cipher.ivLength,
    ciphertextLength: plaintext.length,
    icvLength,
  });
  if (integrity === undefined) {
    const iv = ivs.next();
    const { name, key, salt } = aeadKey(cipher, keys);
    const aad = layout.bytes.subarray(0, layout.aadLength);
    const nonce = concatBytes(salt, iv);
    const sealed = crypto.aeadSeal(name, key, nonce, aad, plaintext);
    return place(layout, iv, sealed);
  }
  const iv = random.bytes(cipher.ivLength);
  place(layout, iv, crypto.cbcEncrypt(keys.encryption, iv, plaintext));
  const covered = layout.bytes.subarray(0, layout.icvOffset);
  const icv = crypto.hmac(integrity.hash, keys.integrity, covered).subarray(0, icvLength);
  layout.bytes.set(icv, layout.icvOffset);
  return layout.bytes;
}

function place(layout: EncryptedLayout, iv: Bytes, ciphertext: Bytes): OwnedBytes {
  layout.bytes.set(iv, layout.ivOffset);
  layout.bytes.set(ciphertext, layout.ciphertextOffset);
  return layout.bytes;
}

function openAead(
  { crypto, keys }: Opening,
  { cipher, icvLength }: Algorithms,
  datagram: Bytes,
  { body, aadLength }: EncryptedPart,
): Result<OwnedBytes, OpeningFault> {
  // The pad length octet is always there.
  if (body.length < cipher.ivLength + 1 + icvLength) return fail("short");
  const { name, key, salt } = aeadKey(cipher, keys);
  const nonce = concatBytes(salt, body.subarray(0, cipher.ivLength));
  const aad = datagram.subarray(0, aadLength);
  const plaintext = crypto.aeadOpen(name, key, nonce, aad, body.subarray(cipher.ivLength));
  return plaintext === undefined ? fail("bad-icv") : ok(plaintext);
}

/** RFC 7296 §3.14: the ICV is checked before anything is decrypted. */
function openCbc(
  { crypto, keys }: Opening,
  { cipher, icvLength }: Algorithms,
  integrity: IntegrityFacts,
  datagram: Bytes,
  { body, aadLength }: EncryptedPart,
): Result<OwnedBytes, OpeningFault> {
  const ciphertextLength = body.length - cipher.ivLength - icvLength;
  if (ciphertextLength < cipher.blockLength) return fail("short");
  const covered = datagram.subarray(0, aadLength + body.length - icvLength);
  const icv = crypto.hmac(integrity.hash, keys.integrity, covered).subarray(0, icvLength);
  if (!equalSecrets(icv, body.subarray(body.length - icvLength))) return fail("bad-icv");
  if (ciphertextLength % cipher.blockLength !== 0) return fail("bad-padding");
  const iv = body.subarray(0, cipher.ivLength);
  const ciphertext = body.subarray(cipher.ivLength, cipher.ivLength + ciphertextLength);
  return ok(crypto.cbcDecrypt(keys.encryption, iv, ciphertext));
}

/** An AEAD key apart from the salt behind it (RFC 5282 §7.1). */
function aeadKey(
  cipher: EncryptionFacts,
  keys: DirectionKeys,
): { readonly name: AeadName; readonly key: Bytes; readonly salt: Bytes } {
  invariant(cipher.aead !== undefined, "the cipher is an AEAD");
  const reader = new Reader(keys.encryption);
  const key = reader.bytes(cipher.keyLength, "key");
  return { name: cipher.aead, key, salt: reader.bytes(cipher.saltLength, "salt") };
}
