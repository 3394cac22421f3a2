/**
 * IKEv2 payloads as values (RFC 7296 §3). Octet fields of a parsed payload are views into the
 * datagram: copy what outlives the current call.
 */
import type { Bytes } from "../bytes.ts";
import type { IpAddress } from "../wire/address.ts";

/** One transform of a proposal (RFC 7296 §3.3.2). Values are `TransformType` and the type's ids. */
export interface Transform {
  /** `TransformType`: 1 ENCR, 2 PRF, 3 INTEG, 4 D-H (KE), 5 ESN. */
  readonly type: number;
  /** Transform ID. */
  readonly id: number;
  /** Key Length attribute in bits, where the transform has one. */
  readonly keyBits?: number;
}

/** One proposal of an SA payload (RFC 7296 §3.3.1). */
export interface Proposal {
  /** Proposal Num, from 1. */
  readonly number: number;
  /** `ProtocolId`: 1 IKE, 2 AH, 3 ESP. */
  readonly protocol: number;
  /** SPI: none, 4 octets (ESP) or 8 (IKE rekey). */
  readonly spi: Bytes;
  /** In the order sent. Transforms with attributes that are not understood are left out. */
  readonly transforms: readonly Transform[];
}

/** A traffic selector (RFC 7296 §3.13.1): addresses, ports and protocol, all ranges inclusive. */
export interface TrafficSelector {
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  /** Lowest port. */
  readonly startPort: number;
  /** Highest port. */
  readonly endPort: number;
  /** Lowest address; its family is the selector's. */
  readonly startAddress: IpAddress;
  /** Highest address. */
  readonly endAddress: IpAddress;
}

/** A configuration attribute (RFC 7296 §3.15.1). */
export interface ConfigurationAttribute {
  /** Attribute type, 15 bits. */
  readonly type: number;
  /** Value, empty in most requests. */
  readonly value: Bytes;
}

/** What any payload may carry besides its body. */
export interface PayloadFlags {
  /** Present when the critical bit is set, which says nothing for a payload that we know (§3.2). */
  readonly critical?: true;
}

/** SA payload. */
export interface SaPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "SA";
  /** In order of the sender's preference. */
  readonly proposals: readonly Proposal[];
}
/** KE payload. */
export interface KePayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "KE";
  /** `Group`. */
  readonly group: number;
  /** The public value as the group sends it. */
  readonly data: Bytes;
}
/** IDi or IDr payload. */
export interface IdPayload extends PayloadFlags {
  /** Whose identity: the initiator's or the responder's. */
  readonly kind: "IDi" | "IDr";
  /** `IdType`. */
  readonly idType: number;
  /** Identification data. */
  readonly data: Bytes;
  /** The three RESERVED octets, only when they are not zero: AUTH covers them as received. */
  readonly reserved?: Bytes;
}
/** CERT payload. */
export interface CertPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "CERT";
  /** `CertEncoding`. */
  readonly encoding: number;
  /** The certificate, DER for X.509. */
  readonly data: Bytes;
}
/** CERTREQ payload; `authorities` are SHA-1 hashes of SubjectPublicKeyInfo, 20 octets each. */
export interface CertreqPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "CERTREQ";
  /** `CertEncoding`. */
  readonly encoding: number;
  /** The hashes, one after the other. */
  readonly authorities: Bytes;
}
/** AUTH payload. */
export interface AuthPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "AUTH";
  /** `AuthMethod`. */
  readonly method: number;
  /** Signature or MIC. */
  readonly data: Bytes;
}
/** Ni or Nr payload. */
export interface NoncePayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "Nonce";
  /** 16 to 256 octets. */
  readonly data: Bytes;
}
/** Notify payload. */
export interface NotifyPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "N";
  /** `ProtocolId` of the SA it is about, 0 for the IKE SA or none. */
  readonly protocol: number;
  /** SPI of that SA, empty for none. */
  readonly spi: Bytes;
  /** `NotifyType`. */
  readonly notifyType: number;
  /** Whatever the type says. */
  readonly data: Bytes;
}
/** Delete payload; IKE deletes carry no SPIs. */
export interface DeletePayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "D";
  /** `ProtocolId`. */
  readonly protocol: number;
  /** SPIs that the sender expects in inbound packets. */
  readonly spis: readonly Bytes[];
}
/** Vendor ID payload. */
export interface VendorPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "V";
  /** Anything. */
  readonly data: Bytes;
}
/** TSi or TSr payload. */
export interface TsPayload extends PayloadFlags {
  /** Whose addresses. */
  readonly kind: "TSi" | "TSr";
  /** Those of known type, in order. */
  readonly selectors: readonly TrafficSelector[];
}
/** Configuration payload. */
export interface CpPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "CP";
  /** `ConfigType`. */
  readonly configType: number;
  /** In the order sent. */
  readonly attributes: readonly ConfigurationAttribute[];
}
/** EAP payload: one whole EAP packet. */
export interface EapPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "EAP";
  /** The packet with its own header (RFC 3748 §4). */
  readonly packet: Bytes;
}
/** Puzzle Solution payload. */
export interface PuzzleSolutionPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "PS";
  /** Four keys of one length. */
  readonly data: Bytes;
}
/** A payload whose type is not known and whose critical bit is clear. */
export interface UnknownPayload extends PayloadFlags {
  /** Tag. */
  readonly kind: "unknown";
  /** As in the generic header before it. */
  readonly payloadType: number;
  /** Everything after its generic header. */
  readonly body: Bytes;
}

/** Any payload that may stand inside a message, other than SK and SKF. */
export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | CertreqPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorPayload
  | TsPayload
  | CpPayload
  | EapPayload
  | PuzzleSolutionPayload
  | UnknownPayload;
