/**
 * What the shared secret does in RADIUS: hides values (RFC 2865 §5.2, RFC 2548 §2.4.2) and signs
 * packets, by the authenticators (RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3) and by Message-Authenticator
 * (RFC 3579 §3.2, RFC 5176 §3.4). All of it is MD5; only Message-Authenticator, an HMAC, still protects
 * an answer from being forged on its way (CVE-2024-3596), so it is asked for unless the operator says
 * otherwise. A request that comes to us is no target of that attack: a forger has no part in what its
 * sender signs.
 */
import { createHash } from "node:crypto";
import {
  type Bytes,
  concatBytes,
  copyBytes,
  equalSecrets,
  fail,
  ok,
  type OwnedBytes,
  type Result,
} from "../../../core/mod.ts";
import { rowOf } from "./attributes.ts";
import {
  type Attribute,
  buildPacket,
  Code,
  headerBytes,
  type PacketFault,
  type ParsedPacket,
  parsePacket,
  type RadiusPacket,
} from "./packet.ts";

/** What is needed to protect a request: the random octets are used for Access-Requests only. */
export interface RequestToSeal {
  readonly code: number;
  readonly identifier: number;
  /** Values in the clear. */
  readonly attributes: readonly Attribute[];
  /** 16 fresh random octets. */
  readonly nonce: Bytes;
}

/** A request as sent. */
export interface SealedRequest {
  readonly bytes: OwnedBytes;
  /** The Request Authenticator, which answers are checked against. */
  readonly authenticator: OwnedBytes;
}

/** Why a packet is not believed. */
export type ProofFault =
  | PacketFault
  | "bad-authenticator"
  | "bad-message-authenticator"
  | "no-message-authenticator";

/** Why an answer is not believed. */
export type AnswerFault = ProofFault | "bad-hidden-value";

const digestBytes = 16;
const blockBytes = 64;
const zeros = new Uint8Array(digestBytes);

/** Hides, frames and signs a request; `undefined` when it does not fit into a packet. */
export function sealRequest(secret: Bytes, request: RequestToSeal): SealedRequest | undefined {
  const { code, identifier, nonce } = request;
  if (code === Code.ACCOUNTING_REQUEST) {
    const bytes = buildPacket({ ...request, authenticator: zeros });
    if (bytes === undefined) return undefined;
    const authenticator = md5(bytes, secret);
    bytes.set(authenticator, 4);
    return { bytes, authenticator };
  }
  const attributes = request.attributes.map(({ name, value }) =>
    rowOf(name).hiding === "password"
      ? { name, value: hidePassword(secret, nonce, value) }
      : { name, value }
  );
  const bytes = frameSigned(secret, { code, identifier, authenticator: nonce, attributes });
  return bytes === undefined ? undefined : { bytes, authenticator: copyBytes(nonce) };
}

/**
 * Checks an answer against its request and shows what was hidden in it. With `mustBeSigned` an answer
 * to an Access-Request without Message-Authenticator is not believed.
 */
export function openAnswer(
  secret: Bytes,
  requestAuthenticator: Bytes,
  datagram: Bytes,
  mustBeSigned: boolean,
): Result<RadiusPacket, AnswerFault> {
  const opened = openPacket(secret, requestAuthenticator, datagram, mustBeSigned);
  if (!opened.ok) return opened;
  const attributes: Attribute[] = [];
  for (const { name, value } of opened.value.attributes) {
    const shown = rowOf(name).hiding === "salted"
      ? showSalted(secret, requestAuthenticator, value)
      : value;
    if (shown === undefined) return fail("bad-hidden-value");
    attributes.push({ name, value: shown });
  }
  return ok({ ...opened.value, attributes });
}

/** Checks a request that comes to us (RFC 5176 §2.3): its authenticator is made over zeros. */
export function openRequest(
  secret: Bytes,
  datagram: Bytes,
  mustBeSigned: boolean,
): Result<ParsedPacket, ProofFault> {
  return openPacket(secret, zeros, datagram, mustBeSigned);
}

/** Frames and signs our answer to a request; `undefined` when it does not fit into a packet. */
export function sealAnswer(
  secret: Bytes,
  { identifier, authenticator }: RadiusPacket,
  code: number,
  attributes: readonly Attribute[],
): OwnedBytes | undefined {
  const bytes = frameSigned(secret, { code, identifier, authenticator, attributes });
  bytes?.set(md5(bytes, secret), 4);
  return bytes;
}

/** A packet whose octets are its own, checked; `underneath` stood in the authenticator's place. */
function openPacket(
  secret: Bytes,
  underneath: Bytes,
  datagram: Bytes,
  mustBeSigned: boolean,
): Result<ParsedPacket, ProofFault> {
  const parsed = parsePacket(datagram);
  if (!parsed.ok) return parsed;
  const packet = parsed.value;
  const length = (datagram[2] ?? 0) << 8 | (datagram[3] ?? 0);
  const bytes = copyBytes(datagram.subarray(0, length));
  const authenticator = copyBytes(packet.authenticator);
  bytes.set(underneath, 4);
  if (!equalSecrets(md5(bytes, secret), authenticator)) return fail("bad-authenticator");
  const macs = packet.attributes.filter(({ name }) => name === "Message-Authenticator");
  const [mac] = macs;
  if (mac === undefined) {
    if (mustBeSigned) return fail("no-message-authenticator");
  } else if (macs.length > 1 || !isSigned(secret, bytes, datagram, mac.value)) {
    return fail("bad-message-authenticator");
  }
  const attributes = packet.attributes.map(({ name, value }) => ({
    name,
    value: copyBytes(value),
  }));
  return ok({ ...packet, authenticator, attributes });
}

/** Frames a packet with Message-Authenticator over it, as it stands. */
function frameSigned(secret: Bytes, parts: RadiusPacket): OwnedBytes | undefined {
  // It comes first, so that nothing that follows can be made to look like it.
  const signed: Attribute = { name: "Message-Authenticator", value: zeros };
  const bytes = buildPacket({ ...parts, attributes: [signed, ...parts.attributes] });
  bytes?.set(hmac(secret, bytes), headerBytes + 2);
  return bytes;
}

/** `bytes` has the Request Authenticator in place; `mac` is a view into `datagram`. */
function isSigned(secret: Bytes, bytes: Bytes, datagram: Bytes, mac: Bytes): boolean {
  if (mac.length !== digestBytes) return false;
  const blank = copyBytes(bytes);
  blank.fill(0, mac.byteOffset - datagram.byteOffset, mac.byteOffset - datagram.byteOffset + 16);
  return equalSecrets(hmac(secret, blank), mac);
}

/** User-Password: blocks of 16, each masked by the one before (RFC 2865 §5.2). */
export function hidePassword(secret: Bytes, authenticator: Bytes, password: Bytes): OwnedBytes {
  const blocks = Math.max(1, Math.ceil(password.length / digestBytes));
  const hidden = new Uint8Array(blocks * digestBytes);
  hidden.set(password);
  let previous = authenticator;
  for (let at = 0; at < hidden.length; at += digestBytes) {
    const block = hidden.subarray(at, at + digestBytes);
    mask(block, md5(secret, previous));
    previous = block;
  }
  return hidden;
}

/** A value under a salt; `undefined` when its lengths make no sense. */
function showSalted(secret: Bytes, authenticator: Bytes, value: Bytes): OwnedBytes | undefined {
  const cipher = value.subarray(2);
  if (cipher.length === 0 || cipher.length % digestBytes !== 0) return undefined;
  const plain = copyBytes(cipher);
  let previous = concatBytes(authenticator, value.subarray(0, 2));
  for (let at = 0; at < plain.length; at += digestBytes) {
    mask(plain.subarray(at, at + digestBytes), md5(secret, previous));
    previous = copyBytes(cipher.subarray(at, at + digestBytes));
  }
  const length = plain[0] ?? 0;
  return length < plain.length ? plain.subarray(1, 1 + length) : undefined;
}

function mask(block: Uint8Array, by: Bytes): void {
  by.forEach((octet, i) => block[i] = (block[i] ?? 0) ^ octet);
}

function md5(...parts: readonly Bytes[]): OwnedBytes {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** HMAC-MD5 (RFC 2104). Not that of `node:crypto`: with it Deno 2.4 warns of itself on standard error. */
function hmac(secret: Bytes, bytes: Bytes): OwnedBytes {
  const key = new Uint8Array(blockBytes);
  key.set(secret.length > blockBytes ? md5(secret) : secret);
  const inner = md5(key.map((octet) => octet ^ 0x36), bytes);
  return md5(key.map((octet) => octet ^ 0x5c), inner);
}
