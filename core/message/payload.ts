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
  readonly kind: "SA";
  readonly proposals: readonly Proposal[];
}
/** KE payload. */
export interface KePayload extends PayloadFlags {
  readonly kind: "KE";
  readonly group: number;
  readonly data: Bytes;
}
/** IDi or IDr payload. */
export interface IdPayload extends PayloadFlags {
  readonly kind: "IDi" | "IDr";
  readonly idType: number;
  readonly data: Bytes;
  /** The three RESERVED octets, only when they are not zero: AUTH covers them as received. */
  readonly reserved?: Bytes;
}
/** CERT payload. */
export interface CertPayload extends PayloadFlags {
  readonly kind: "CERT";
  readonly encoding: number;
  readonly data: Bytes;
}
/** CERTREQ payload; `authorities` are SHA-1 hashes of SubjectPublicKeyInfo, 20 octets each. */
export interface CertreqPayload extends PayloadFlags {
  readonly kind: "CERTREQ";
  readonly encoding: number;
  readonly authorities: Bytes;
}
/** AUTH payload. */
export interface AuthPayload extends PayloadFlags {
  readonly kind: "AUTH";
  readonly method: number;
  readonly data: Bytes;
}
/** Ni or Nr payload. */
export interface NoncePayload extends PayloadFlags {
  readonly kind: "Nonce";
  readonly data: Bytes;
}
/** Notify payload. */
export interface NotifyPayload extends PayloadFlags {
  readonly kind: "N";
  readonly protocol: number;
  readonly spi: Bytes;
  readonly notifyType: number;
  readonly data: Bytes;
}
/** Delete payload; IKE deletes carry no SPIs. */
export interface DeletePayload extends PayloadFlags {
  readonly kind: "D";
  readonly protocol: number;
  readonly spis: readonly Bytes[];
}
/** Vendor ID payload. */
export interface VendorPayload extends PayloadFlags {
  readonly kind: "V";
  readonly data: Bytes;
}
/** TSi or TSr payload. */
export interface TsPayload extends PayloadFlags {
  readonly kind: "TSi" | "TSr";
  readonly selectors: readonly TrafficSelector[];
}
/** Configuration payload. */
export interface CpPayload extends PayloadFlags {
  readonly kind: "CP";
  readonly configType: number;
  readonly attributes: readonly ConfigurationAttribute[];
}
/** EAP payload: one whole EAP packet. */
export interface EapPayload extends PayloadFlags {
  readonly kind: "EAP";
  readonly packet: Bytes;
}
/** A payload whose type is not known and whose critical bit is clear. */
export interface UnknownPayload extends PayloadFlags {
  readonly kind: "unknown";
  readonly payloadType: number;
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
  | UnknownPayload;
