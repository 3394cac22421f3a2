/**
 * MS-CHAPv2 by way of RADIUS (RFC 2548 §2.3, §2.4): the attributes of the question, and what an
 * Access-Accept says about the answer. Errors are in
 * `messages.ts`; changes of passwords are left out.
 */
import {
  authenticatorResponse,
  type Bytes,
  concatBytes,
  type CryptoProvider,
  type MschapExchange,
  type MschapProof,
  ntHash,
  ntResponse,
  type Random,
  textOf,
} from "../../../core/mod.ts";
import { type Attribute, type RadiusPacket, valuesOf } from "./packet.ts";

const keyBytes = 16;
const mskBytes = 64;

/** Both sides' challenges and the response to them, and what a server that knows the password says. */
export function makeMschapExchange(
  crypto: CryptoProvider,
  random: Random,
  userName: string,
  password: string,
): { readonly exchange: MschapExchange; readonly expected: string } {
  const hash = ntHash(password);
  const authenticatorChallenge = random.bytes(16);
  const peerChallenge = random.bytes(16);
  const response = ntResponse(crypto, hash, authenticatorChallenge, peerChallenge, userName);
  const exchange = { authenticatorChallenge, peerChallenge, ntResponse: response };
  return { exchange, expected: authenticatorResponse(crypto, hash, exchange, userName) };
}

/** The attributes that ask whether a response is right. `identifier` comes back with the proof. */
export function mschapAttributes(exchange: MschapExchange, identifier: number): Attribute[] {
  const { authenticatorChallenge, peerChallenge, ntResponse } = exchange;
  const head = new Uint8Array([identifier, 0]);
  const value = concatBytes(head, peerChallenge, new Uint8Array(8), ntResponse);
  return [
    { name: "MS-CHAP-Challenge", value: authenticatorChallenge },
    { name: "MS-CHAP2-Response", value },
  ];
}

/** "S=…" of an accept; `undefined` when it is missing, malformed or of another question. */
export function mschapSuccess(packet: RadiusPacket, identifier: number): string | undefined {
  const [value] = valuesOf(packet, "MS-CHAP2-Success");
  if (value === undefined || value[0] !== identifier) return undefined;
  const text = textOf(value.subarray(1));
  return /^S=[0-9A-F]{40}/i.test(text) ? text.slice(0, 42) : undefined;
}

/** The proof for the peer and the MSK; `undefined` when either is missing. */
export function mschapProof(packet: RadiusPacket, identifier: number): MschapProof | undefined {
  const proof = mschapSuccess(packet, identifier);
  const receive = keyIn(packet, "MS-MPPE-Recv-Key");
  const send = keyIn(packet, "MS-MPPE-Send-Key");
  if (proof === undefined || receive === undefined || send === undefined) {
    return undefined;
  }
  const keys = concatBytes(receive, send);
  const msk = concatBytes(keys, new Uint8Array(mskBytes - keys.length));
  return { authenticatorResponse: proof, msk };
}

function keyIn(
  packet: RadiusPacket,
  name: "MS-MPPE-Recv-Key" | "MS-MPPE-Send-Key",
): Bytes | undefined {
  const [key] = valuesOf(packet, name);
  return key?.length === keyBytes ? key : undefined;
}
