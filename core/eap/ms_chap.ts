/**
 * The arithmetic of MS-CHAPv2 (RFC 2759 §8) and of the keys made from it (RFC 3079 §3), up to the
 * MSK that IKEv2 uses (RFC 3748 §7.10).
 *
 * Names follow the RFCs. A user's password is needed only as its NT hash, which is as good as the
 * password for this protocol and is to be kept like one. Changing passwords and LAN Manager are
 * left out.
 */
import { type Bytes, concatBytes, hexOf, type OwnedBytes, utf8 } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { desEncrypt } from "./des.ts";
import { md4 } from "./md4.ts";

/** The two challenges and the answer, as a verifier sees them. */
export interface MschapExchange {
  /** 16 octets from the gateway. */
  readonly authenticatorChallenge: Bytes;
  /** 16 octets from the peer. */
  readonly peerChallenge: Bytes;
  /** 24 octets from the peer. */
  readonly ntResponse: Bytes;
}

/** What a good response gives. */
export interface MschapProof {
  /** "S=" and 40 upper-case digits: shows the peer that the gateway's side knows the hash too. */
  readonly authenticatorResponse: string;
  /** 64 octets. */
  readonly msk: OwnedBytes;
}

const CHALLENGE_BYTES = 16;
const RESPONSE_BYTES = 24;
/** RFC 2759 §8.7. */
const SIGNING_MAGIC = utf8("Magic server to client signing constant");
const ITERATION_MAGIC = utf8("Pad to make it do more than one iteration");
/** RFC 3079 §3.4. */
const MASTER_KEY_MAGIC = utf8("This is the MPPE Master Key");
const CLIENT_SEND_MAGIC = utf8(
  "On the client side, this is the send key; on the server side, it is the receive key.",
);
const CLIENT_RECEIVE_MAGIC = utf8(
  "On the client side, this is the receive key; on the server side, it is the send key.",
);
const KEY_PAD_1 = new Uint8Array(40);
const KEY_PAD_2 = new Uint8Array(40).fill(0xf2);

/** NtPasswordHash: MD4 of the password in UTF-16LE (RFC 2759 §8.3). 16 octets, secret. */
export function ntHash(password: string): OwnedBytes {
  const octets = new Uint8Array(2 * password.length);
  const view = new DataView(octets.buffer);
  for (let i = 0; i < password.length; i++) view.setUint16(2 * i, password.charCodeAt(i), true);
  return md4(octets);
}

/** The part of a user name that is hashed: Windows leaves `DOMAIN\` out (RFC 2759 §4). */
export function nameWithoutDomain(userName: string): string {
  return userName.slice(userName.lastIndexOf("\\") + 1);
}

/** GenerateNTResponse (RFC 2759 §8.1): 24 octets. */
export function ntResponse(
  crypto: CryptoProvider,
  hash: Bytes,
  authenticatorChallenge: Bytes,
  peerChallenge: Bytes,
  userName: string,
): OwnedBytes {
  const challenge = challengeHash(crypto, authenticatorChallenge, peerChallenge, userName);
  return challengeResponse(hash, challenge);
}

/** GenerateAuthenticatorResponse (RFC 2759 §8.7): "S=" and 40 digits. */
export function authenticatorResponse(
  crypto: CryptoProvider,
  hash: Bytes,
  exchange: MschapExchange,
  userName: string,
): string {
  const { authenticatorChallenge, peerChallenge } = exchange;
  const digest = crypto.digest("sha1", md4(hash), exchange.ntResponse, SIGNING_MAGIC);
  const challenge = challengeHash(crypto, authenticatorChallenge, peerChallenge, userName);
  const signed = crypto.digest("sha1", digest, challenge, ITERATION_MAGIC);
  return `S=${hexOf(signed).toUpperCase()}`;
}

/**
 * The 64-octet MSK of EAP-MSCHAPv2: the gateway's receive key, its send key (RFC 3079 §3.4, 16
 * octets each), and zeros.
 */
export function mschapMsk(crypto: CryptoProvider, hash: Bytes, response: Bytes): OwnedBytes {
  const master = crypto.digest("sha1", md4(hash), response, MASTER_KEY_MAGIC).subarray(0, 16);
  const key = (magic: Bytes): Bytes =>
    crypto.digest("sha1", master, KEY_PAD_1, magic, KEY_PAD_2).subarray(0, 16);
  return concatBytes(key(CLIENT_SEND_MAGIC), key(CLIENT_RECEIVE_MAGIC), new Uint8Array(32));
}

/**
 * Whether the peer knows the password whose NT hash this is. The response is compared in constant
 * time, and the proof is made either way, so that a wrong password takes as long as a right one.
 */
export function verifyMschapv2(
  crypto: CryptoProvider,
  hash: Bytes,
  exchange: MschapExchange,
  userName: string,
): MschapProof | undefined {
  const { authenticatorChallenge, peerChallenge } = exchange;
  if (
    authenticatorChallenge.length !== CHALLENGE_BYTES || peerChallenge.length !== CHALLENGE_BYTES ||
    exchange.ntResponse.length !== RESPONSE_BYTES
  ) return undefined;
  const expected = ntResponse(crypto, hash, authenticatorChallenge, peerChallenge, userName);
  const proof = {
    authenticatorResponse: authenticatorResponse(crypto, hash, exchange, userName),
    msk: mschapMsk(crypto, hash, exchange.ntResponse),
  };
  return equalSecrets(expected, exchange.ntResponse) ? proof : undefined;
}

/** Whether the gateway's proof is the one that was expected, whatever the case of its digits. */
export function sameAuthenticatorResponse(expected: string, received: string): boolean {
  return equalSecrets(utf8(expected.toUpperCase()), utf8(received.toUpperCase()));
}

/** ChallengeHash (RFC 2759 §8.2): 8 octets. */
function challengeHash(
  crypto: CryptoProvider,
  authenticatorChallenge: Bytes,
  peerChallenge: Bytes,
  userName: string,
): Bytes {
  const name = utf8(nameWithoutDomain(userName));
  return crypto.digest("sha1", peerChallenge, authenticatorChallenge, name).subarray(0, 8);
}

/** ChallengeResponse (RFC 2759 §8.5): the challenge under three keys of 56 bits. */
function challengeResponse(hash: Bytes, challenge: Bytes): OwnedBytes {
  const padded = concatBytes(hash, new Uint8Array(5));
  return concatBytes(
    ...[0, 7, 14].map((at) => desEncrypt(spread(padded.subarray(at, at + 7)), challenge)),
  );
}

/** 56 bits with room for a parity bit behind each seven (RFC 2759 §8.6). */
function spread(seven: Bytes): OwnedBytes {
  const key = new Uint8Array(8);
  let carry = 0;
  seven.forEach((octet, i) => {
    key[i] = (carry | (octet >> i)) & 0xfe;
    carry = (octet << (7 - i)) & 0xff;
  });
  key[7] = carry & 0xfe;
  return key;
}
