/** The reconnect record: what lets a user come back without being asked (design rules 1 to 3). */
import type { OwnedBytes } from "../bytes.ts";
import type { Wall } from "../moment.ts";
import type { CertificateId } from "../pki/revocation.ts";
import type { AddressKey, Endpoint, IpAddress } from "../wire/address.ts";
import type { UserAttributes } from "./question.ts";

/** How a session was first authenticated. */
export type LoginMethod = "eap-mschapv2" | "eap-radius" | "certificate" | "anyconnect-eap";

/** What kind of client it is, in the words of IOS. */
export type PeerType = "AnyConnect" | "IOS-XE" | "Other";

/** What a client comes back with. */
export interface SessionPair {
  /** 18 letters: 102.6 bits, the lookup key. */
  readonly sessionId: string;
  /** 43 letters and digits: 256 bits, the shared key. Secret. */
  readonly token: string;
}

/** An IKE SA that carries a session, and where: what its peer is told by after a crash (RFC 6290). */
export interface RecordedIkeSa {
  /** SPI of its original initiator. */
  readonly spiI: OwnedBytes;
  /** SPI of the other side. */
  readonly spiR: OwnedBytes;
  /** Whether the gateway began it, by a rekey. */
  readonly originalInitiator: boolean;
  /** The gateway's outer endpoint. */
  readonly local: Endpoint;
  /** The peer's. */
  readonly remote: Endpoint;
}

/** One reconnect capable session. Plain data, stored as it stands; never logged. */
export interface SessionRecord {
  /** Version of the fields below; in which form they are kept is the business of the store. */
  readonly version: 1;
  /** Names the record in the store for its whole life, also when the pair rotates. Not secret. */
  readonly key: string;
  /** 18 letters `[A-Za-z]`: the lookup key, and IDi of a reconnect. */
  readonly sessionId: string;
  /** 43 characters `[A-Za-z0-9]`: the shared key of a reconnect. Secret. */
  readonly token: string;
  /** During rotation: the pair that this one replaces, still good until the new SA is used. */
  readonly previous?: SessionPair;
  /** The authenticated user. */
  readonly userName: string;
  /** IDi of the first login: type and data. */
  readonly identity: { readonly idType: number; readonly data: OwnedBytes };
  /** How the first login was authenticated. */
  readonly method: LoginMethod;
  /** The certificates that proved it, as far as their issuers may take them back. */
  readonly certificates?: readonly CertificateId[];
  /** What the client is. */
  readonly peerType: PeerType;
  /** Inner addresses, which stay with the session. */
  readonly addresses: readonly IpAddress[];
  /** Attributes that AAA gave at the first login, or changed since. */
  readonly attributes: UserAttributes;
  /** RADIUS state of the session: accounting id, Class. */
  readonly accounting: { readonly sessionId: string; readonly class: readonly OwnedBytes[] };
  /** First login. */
  readonly firstLogin: Wall;
  /** The session ends here whatever happens; `undefined` for no limit. */
  readonly absoluteEnd?: Wall;
  /** `active` if an IKE SA carried it when this was written; a start takes either for inactive. */
  readonly state: "active" | "inactive";
  /** Last sign of life that was stored. */
  readonly lastSeen: Wall;
  /** When an inactive record dies. For an active one: `lastSeen` + timeout, used after a crash. */
  readonly deadline: Wall;
  /** How many times it came back. */
  readonly reconnectCount: number;
  /** Last outer address and port, as text. */
  readonly lastRemote: string;
  /** The IKE SA that carries it, or carried it when the gateway ended. */
  readonly ikeSa?: RecordedIkeSa;
  /** Which gateway wrote it. */
  readonly gatewayName: string;
}

/** A record in the store: what a start needs of it at once, and a way to the rest. */
export interface StoredRecord extends
  Pick<
    SessionRecord,
    "sessionId" | "userName" | "peerType" | "attributes" | "deadline"
  > {
  /** The session ends here whatever happens; `undefined` for no limit. */
  readonly absoluteEnd: Wall | undefined;
  /** The id of the pair that is being replaced, during rotation. */
  readonly previousId: string | undefined;
  /** What accounting calls its session by. */
  readonly accountingId: string;
  /** The certificates that proved the login; none as a rule. */
  readonly certificates: readonly CertificateId[];
  /** Whether an IKE SA carried it when the gateway ended. */
  readonly hasIkeSa: boolean;
  /** Keys of the inner addresses. */
  addressKeys(): readonly AddressKey[];
  /** All of it. What is not the start's to know costs memory only when it is asked for. */
  read(): SessionRecord;
}
