/**
 * What AUTH covers, and AUTH by a shared key (RFC 7296 §2.15, §2.16).
 *
 * Each side signs its own first message, the other's nonce and its own identity. Signatures over
 * these octets are in `signature_auth.ts`. The shared key is a PSK, the session token of a
 * reconnect, the MSK of an EAP method, or SK_pi and SK_pr where a method makes no key.
 */
import { type Bytes, concatBytes, type OwnedBytes, utf8 } from "../bytes.ts";
import { equalSecrets } from "../crypto/constant_time.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import { factsOfPrf } from "./keymat.ts";

const keyPad = utf8("Key Pad for IKEv2");

/**
 * The octets that one side's AUTH covers: `message` | `peerNonce` | prf(`skP`, `idBody`).
 *
 * `message` is the IKE_SA_INIT message of that side exactly as it went over the wire, without the
 * non-ESP marker; `skP` is SK_pi for the initiator and SK_pr for the responder; `idBody` is the
 * body of its IDi or IDr payload.
 */
export function authOctets(
  crypto: CryptoProvider,
  prf: number,
  message: Bytes,
  peerNonce: Bytes,
  skP: Bytes,
  idBody: Bytes,
): OwnedBytes {
  return concatBytes(message, peerNonce, crypto.hmac(factsOfPrf(prf).hash, skP, idBody));
}

/** AUTH data of method 2: prf(prf(`secret`, "Key Pad for IKEv2"), `octets`). */
export function sharedKeyAuth(
  crypto: CryptoProvider,
  prf: number,
  secret: Bytes,
  octets: Bytes,
): OwnedBytes {
  const { hash } = factsOfPrf(prf);
  return crypto.hmac(hash, crypto.hmac(hash, secret, keyPad), octets);
}

/** Whether a peer's AUTH data of method 2 is right. */
export function verifySharedKeyAuth(
  crypto: CryptoProvider,
  prf: number,
  secret: Bytes,
  octets: Bytes,
  data: Bytes,
): boolean {
  return equalSecrets(sharedKeyAuth(crypto, prf, secret, octets), data);
}
