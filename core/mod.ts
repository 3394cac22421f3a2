/**
 * The front door of the protocol core: what the appliance may use of it.
 *
 * A gateway takes inputs and answers with the ordered list of things to do:
 *
 * ```ts ignore
 * const gateway = new Gateway({ policy, crypto, random, now });
 * for (const output of gateway.handle({ kind: "datagram", at, local, remote, bytes })) apply(output);
 * const next = gateway.nextTimeout();
 * ```
 */

// Values and time
export type { Bytes, OwnedBytes } from "./bytes.ts";
export { concatBytes, copyBytes, equalBytes, hexOf, parseHex, textOf, utf8 } from "./bytes.ts";
export { limits } from "./limits.ts";
export type { Moment, Monotonic, Wall } from "./moment.ts";
export { after, moment, monotonic, wall } from "./moment.ts";
export { buildOctetsJson, parseOctetsJson } from "./octets_json.ts";
export type { Random } from "./random.ts";
export { randomText } from "./random.ts";
export type { Result } from "./result.ts";
export { assertNever, fail, invariant, InvariantError, ok } from "./result.ts";
export type { Trace, TraceLevel, TraceValue } from "./trace.ts";
export type {
  AddressKey,
  AddressPrefix,
  AddressRange,
  Endpoint,
  IpAddress,
} from "./wire/address.ts";
export {
  addressFromBigInt,
  addressKey,
  addressToBigInt,
  bitsOf,
  compareAddresses,
  equalAddresses,
  equalEndpoints,
  formatEndpoint,
  formatIpAddress,
  formatPrefix,
  hostOfEndpoint,
  parseIpAddress,
  parsePrefix,
  parseRange,
  prefixesOverlap,
  prefixLengthOfNetmask,
  prefixToRange,
  rangeContains,
  rangeToPrefixes,
} from "./wire/address.ts";
export type { WireFault } from "./wire/fault.ts";

// Protocol vocabulary
export { Encr, Esn, Group, IdType, Integ, PrfId, ProtocolId } from "./message/constants.ts";
export { ciscoAttributeName, knownCiscoAttributes } from "./message/cisco_attributes.ts";
export type { CiscoAttributeName, CiscoAttributeNumbers } from "./message/cisco_attributes.ts";
export type { Proposal, TrafficSelector, Transform } from "./message/payload.ts";
export type { EspKeys, EspSuite, IkeSuite } from "./sa/suite.ts";
export { encryptionName, integrityName, prfName } from "./sa/suite_names.ts";
export { formatProposal, parseProposalText } from "./sa/proposal_notation.ts";
export type { ProposalProtocol } from "./sa/proposal_notation.ts";
export { defaultEspProposals, defaultIkeProposals } from "./sa/default_proposals.ts";
export type {
  AeadName,
  CryptoProvider,
  HashName,
  KeyKind,
  KeyPair,
  SignatureScheme,
  Signer,
} from "./crypto/provider.ts";

// The gateway
export type { CloseReason } from "./exchange/world.ts";
export { Gateway } from "./gateway/gateway.ts";
export type { GatewayOptions } from "./gateway/gateway.ts";
export type {
  Command,
  DataplaneEvent,
  Input,
  SessionChange,
  SessionSelector,
} from "./gateway/input.ts";
export type { ChildSaInstall, Output } from "./gateway/output.ts";
export type { FilterRule, PacketFilter, PortRange } from "./gateway/packet_filter.ts";
export type {
  AnyConnectPolicy,
  ClientAttributes,
  Lifetimes,
  MobikeMode,
  OwnCertificate,
  Policy,
  PoolRange,
  PuzzlePolicy,
  ReauthenticationPolicy,
  ReconnectPolicy,
  RevocationPolicy,
} from "./gateway/policy.ts";
export type {
  Answer,
  Credential,
  Question,
  UserAttributes,
  UserConfiguration,
  Verdict,
} from "./gateway/question.ts";
export type {
  LoginMethod,
  PeerType,
  RecordedIkeSa,
  SessionPair,
  SessionRecord,
  StoredRecord,
} from "./gateway/record.ts";
export type { SessionEnd, SessionLoss } from "./gateway/session_end.ts";
export { storedRecord } from "./gateway/stored_record.ts";
export type {
  ChildSaSnapshot,
  GatewayLoad,
  GatewaySnapshot,
  IkeSaSnapshot,
  PoolSnapshot,
  ReconnectStats,
  SessionSnapshot,
} from "./gateway/snapshot.ts";

// Passwords and EAP: what a keeper of users needs for EAP-MSCHAPv2, and one who relays
export {
  authenticatorResponse,
  nameWithoutDomain,
  ntHash,
  ntResponse,
  sameAuthenticatorResponse,
  verifyMschapv2,
} from "./eap/ms_chap.ts";
export type { MschapExchange, MschapProof } from "./eap/ms_chap.ts";
export { parseEapPacket } from "./eap/packet.ts";
export type { EapMethodId, EapMethodPacket, EapPacket, EapResultPacket } from "./eap/packet.ts";
export { equalSecrets } from "./crypto/constant_time.ts";

// XML, for documents that clients read
export { buildXml, element as xmlElement, parseXml } from "./eap/anyconnect/xml.ts";
export type { XmlElement } from "./eap/anyconnect/xml.ts";

// Certificates and their files
export { parseCertificate } from "./pki/certificate.ts";
export type { Certificate } from "./pki/certificate.ts";
export { verifyChain } from "./pki/chain.ts";
export type {
  CertificatePath,
  CertificatePurpose,
  ChainFault,
  ChainOptions,
  Trust,
} from "./pki/chain.ts";
export { isSignedRevocationList, isStale, RevocationLists } from "./pki/revocation.ts";
export type {
  CertificateId,
  ListSigner,
  RevocationFault,
  RevocationQuery,
  StaleLists,
} from "./pki/revocation.ts";
export { parseRevocationList } from "./pki/revocation_list.ts";
export type { RevocationList } from "./pki/revocation_list.ts";
export type { BasicConstraints, Extensions, KeyUsage, SubjectAltNames } from "./pki/extensions.ts";
export { certificateSpeaksFor, fingerprintOf, userNameOf } from "./pki/identity.ts";
export { commonNameOf } from "./pki/name.ts";
export type { DistinguishedName, NameAttribute } from "./pki/name.ts";
export { buildPem, certificatesIn, privateKeyIn, revocationListsIn } from "./pki/pem.ts";
export type { PemFault } from "./pki/pem.ts";
export {
  alternativeNames,
  authorityKeyId,
  buildCertificate,
  buildName,
  caConstraints,
  endEntityConstraints,
  keyUsage,
  purposes,
  subjectKeyId,
} from "./pki/build.ts";
export type {
  AlternativeNames,
  CertificateContent,
  CertificateExtension,
  KeyUsageBit,
} from "./pki/build.ts";
export type { AttributeOid, PurposeOid } from "./pki/oid.ts";

// The client
export { Client } from "./client/client.ts";
export type { ClientOptions } from "./client/client.ts";
export type { ClientEvent, ClientInput, ClientOutput } from "./client/events.ts";
export type {
  Assignment,
  ClientLogin,
  ClientSettings,
  Identity,
} from "./exchange/initiator_settings.ts";
export type { ClientChallenge } from "./eap/anyconnect/client.ts";
export type { ClientHeader, DeviceId } from "./eap/anyconnect/client_documents.ts";
