/**
 * EAP by way of RADIUS (RFC 3579): a peer's packet in attributes, and the server's packet and its keys
 * out of them.
 *
 * The packet type alone says yes or no (§2.6.3), and a yes that does not go with EAP-Success and whole
 * keys is none. Reply-Message next to EAP (§2.6.5) is never the peer's to see.
 */
import { type Bytes, concatBytes, type OwnedBytes, parseEapPacket } from "../../../core/mod.ts";
import { type Attribute, number32, type RadiusPacket, valuesOf } from "./packet.ts";

/** Octets of a value: what one octet of length leaves (RFC 3579 §3.1). */
const longestValue = 253;

/**
 * Longest packet of a peer: with a name, a state and a gateway's name of 253 octets each it still fits
 * into 4096.
 */
const longestPacket = 3072;

/**
 * Framed-MTU (RFC 3579 §2.4): the least that EAP asks of what carries it (RFC 3748 §3.1). A server that
 * cuts its packets to it fills one IKE message with each, which then needs no fragments of its own.
 */
const framedMtu = 1020;

/** Octets of an MSK, and of one of its halves: of most methods, and of MS-CHAPv2 by itself. */
const mskBytes = 64;
const halfBytes: readonly number[] = [32, 16];

/** A peer's packet as attributes; `undefined` when it is too long for any server. */
export function eapAttributes(packet: Bytes): readonly Attribute[] | undefined {
  if (packet.length > longestPacket) return undefined;
  const attributes: Attribute[] = [{ name: "Framed-MTU", value: number32(framedMtu) }];
  for (let at = 0; at < packet.length; at += longestValue) {
    attributes.push({ name: "EAP-Message", value: packet.subarray(at, at + longestValue) });
  }
  return attributes;
}

/** The server's packet, if it has one and it is of this kind. */
export function eapPacketIn(
  packet: RadiusPacket,
  kind: "request" | "success" | "failure",
): OwnedBytes | undefined {
  const bytes = concatBytes(...valuesOf(packet, "EAP-Message"));
  const parsed = parseEapPacket(bytes);
  return parsed.ok && parsed.value.kind === kind ? bytes : undefined;
}

/**
 * MS-MPPE-Recv-Key and MS-MPPE-Send-Key one behind the other (RFC 2548 §2.4.2), filled up with zeros;
 * nothing where there is neither, as with methods that make no key. Throws when they are half there or
 * of another size: the peer's AUTH would never fit.
 */
export function mskIn(packet: RadiusPacket): OwnedBytes | undefined {
  const halves = [
    ...valuesOf(packet, "MS-MPPE-Recv-Key").slice(0, 1),
    ...valuesOf(packet, "MS-MPPE-Send-Key").slice(0, 1),
  ];
  const [receive, send] = halves;
  if (receive === undefined) return undefined;
  const size = receive.length;
  if (send?.length !== size || !halfBytes.includes(size)) {
    throw new Error("RADIUS server accepted with unusable keys");
  }
  return concatBytes(receive, send, new Uint8Array(mskBytes - 2 * size));
}
