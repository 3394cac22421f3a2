/** IANA "Internet Key Exchange Version 2 (IKEv2) Parameters", the part that rejoin speaks. */

/** Exchange types (RFC 7296 §3.1). */
export const ExchangeType = {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
} as const;

/** Header flags (RFC 7296 §3.1). */
export const HeaderFlag = { INITIATOR: 0x08, VERSION: 0x10, RESPONSE: 0x20 } as const;

/** Payload types (RFC 7296 §3.2). */
export const PayloadType = {
  NONE: 0,
  SA: 33,
  KE: 34,
  IDi: 35,
  IDr: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  NONCE: 40,
  N: 41,
  D: 42,
  V: 43,
  TSi: 44,
  TSr: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  SKF: 53, // RFC 7383
  PS: 54, // RFC 8019
} as const;

/** Protocol identifiers (RFC 7296 §3.3.1). */
export const ProtocolId = { NONE: 0, IKE: 1, AH: 2, ESP: 3 } as const;

/** Transform types (RFC 7296 §3.3.2). */
export const TransformType = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4, ESN: 5 } as const;

/** Encryption transforms. */
export const Encr = {
  NULL: 11, // RFC 2410
  AES_CBC: 12, // RFC 3602
  AES_GCM_16: 20, // RFC 4106, RFC 5282
  CHACHA20_POLY1305: 28, // RFC 7634
} as const;

/** Pseudorandom functions (RFC 4868). */
export const PrfId = { HMAC_SHA2_256: 5, HMAC_SHA2_384: 6, HMAC_SHA2_512: 7 } as const;

/** Integrity transforms (RFC 4868). */
export const Integ = {
  NONE: 0,
  HMAC_SHA2_256_128: 12,
  HMAC_SHA2_384_192: 13,
  HMAC_SHA2_512_256: 14,
} as const;

/** Key exchange methods. */
export const Group = {
  NONE: 0,
  MODP_2048: 14, // RFC 3526
  MODP_3072: 15, // RFC 3526
  MODP_4096: 16, // RFC 3526
  ECP_256: 19, // RFC 5903
  ECP_384: 20, // RFC 5903
  ECP_521: 21, // RFC 5903
  CURVE25519: 31, // RFC 8031
} as const;

/** Extended sequence numbers. */
export const Esn = { NO: 0, YES: 1 } as const;

/** Identification types (RFC 7296 §3.5). */
export const IdType = {
  IPV4_ADDR: 1,
  FQDN: 2,
  RFC822_ADDR: 3,
  IPV6_ADDR: 5,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
  CISCO_GROUP: 201, // private use, sent by Cisco clients
} as const;

/** Traffic selector types (RFC 7296 §3.13.1). */
export const TsType = { IPV4_ADDR_RANGE: 7, IPV6_ADDR_RANGE: 8 } as const;

/** Transform attribute types (RFC 7296 §3.3.5). */
export const TransformAttribute = { KEY_LENGTH: 14 } as const;

/** Certificate encodings (RFC 7296 §3.6). */
export const CertEncoding = { X509_SIGNATURE: 4 } as const;

/** Authentication methods. */
export const AuthMethod = {
  RSA_SIGNATURE: 1, // RFC 7296 §3.8
  SHARED_KEY_MIC: 2, // RFC 7296 §3.8
  ECDSA_P256_SHA256: 9, // RFC 4754
  ECDSA_P384_SHA384: 10, // RFC 4754
  ECDSA_P521_SHA512: 11, // RFC 4754
  DIGITAL_SIGNATURE: 14, // RFC 7427
} as const;

/** Hash algorithms of SIGNATURE_HASH_ALGORITHMS (RFC 7427 §7). */
export const SignatureHash = { SHA1: 1, SHA2_256: 2, SHA2_384: 3, SHA2_512: 4 } as const;

/** Notify message types (RFC 7296 §3.10.1 and later). Below 16384 they are errors. */
export const NotifyType = {
  UNSUPPORTED_CRITICAL_PAYLOAD: 1,
  INVALID_IKE_SPI: 4,
  INVALID_MAJOR_VERSION: 5,
  INVALID_SYNTAX: 7,
  INVALID_MESSAGE_ID: 9,
  INVALID_SPI: 11,
  NO_PROPOSAL_CHOSEN: 14,
  INVALID_KE_PAYLOAD: 17,
  AUTHENTICATION_FAILED: 24,
  SINGLE_PAIR_REQUIRED: 34,
  NO_ADDITIONAL_SAS: 35,
  INTERNAL_ADDRESS_FAILURE: 36,
  FAILED_CP_REQUIRED: 37,
  TS_UNACCEPTABLE: 38,
  INVALID_SELECTORS: 39,
  UNACCEPTABLE_ADDRESSES: 40, // RFC 4555
  UNEXPECTED_NAT_DETECTED: 41, // RFC 4555
  TEMPORARY_FAILURE: 43,
  CHILD_SA_NOT_FOUND: 44,
  INITIAL_CONTACT: 16384,
  SET_WINDOW_SIZE: 16385,
  ADDITIONAL_TS_POSSIBLE: 16386,
  IPCOMP_SUPPORTED: 16387,
  NAT_DETECTION_SOURCE_IP: 16388,
  NAT_DETECTION_DESTINATION_IP: 16389,
  COOKIE: 16390,
  USE_TRANSPORT_MODE: 16391,
  HTTP_CERT_LOOKUP_SUPPORTED: 16392,
  REKEY_SA: 16393,
  ESP_TFC_PADDING_NOT_SUPPORTED: 16394,
  NON_FIRST_FRAGMENTS_ALSO: 16395,
  MOBIKE_SUPPORTED: 16396, // RFC 4555
  ADDITIONAL_IP4_ADDRESS: 16397, // RFC 4555
  ADDITIONAL_IP6_ADDRESS: 16398, // RFC 4555
  NO_ADDITIONAL_ADDRESSES: 16399, // RFC 4555
  UPDATE_SA_ADDRESSES: 16400, // RFC 4555
  COOKIE2: 16401, // RFC 4555
  NO_NATS_ALLOWED: 16402, // RFC 4555
  AUTH_LIFETIME: 16403, // RFC 4478
  MULTIPLE_AUTH_SUPPORTED: 16404, // RFC 4739
  REDIRECT_SUPPORTED: 16406, // RFC 5685
  REDIRECT: 16407, // RFC 5685
  REDIRECTED_FROM: 16408, // RFC 5685
  EAP_ONLY_AUTHENTICATION: 16417, // RFC 5998
  CHILDLESS_IKEV2_SUPPORTED: 16418, // RFC 6023
  QCD_TOKEN: 16419, // RFC 6290
  IKEV2_MESSAGE_ID_SYNC_SUPPORTED: 16420, // RFC 6311
  IKEV2_FRAGMENTATION_SUPPORTED: 16430, // RFC 7383
  SIGNATURE_HASH_ALGORITHMS: 16431, // RFC 7427
  PUZZLE: 16434, // RFC 8019
} as const;

/** Configuration payload types (RFC 7296 §3.15). */
export const ConfigType = { REQUEST: 1, REPLY: 2, SET: 3, ACK: 4 } as const;

/** Configuration attributes (RFC 7296 §3.15.1, RFC 8598, and Cisco's Unity block). */
export const ConfigAttribute = {
  INTERNAL_IP4_ADDRESS: 1,
  INTERNAL_IP4_NETMASK: 2,
  INTERNAL_IP4_DNS: 3,
  INTERNAL_IP4_NBNS: 4,
  INTERNAL_IP4_DHCP: 6,
  APPLICATION_VERSION: 7,
  INTERNAL_IP6_ADDRESS: 8,
  INTERNAL_IP6_DNS: 10,
  INTERNAL_IP4_SUBNET: 13,
  SUPPORTED_ATTRIBUTES: 14,
  INTERNAL_IP6_SUBNET: 15,
  INTERNAL_DNS_DOMAIN: 25, // RFC 8598
  UNITY_BANNER: 28672,
  UNITY_SAVE_PASSWD: 28673,
  UNITY_DEF_DOMAIN: 28674,
  UNITY_SPLITDNS_NAME: 28675,
  UNITY_SPLIT_INCLUDE: 28676,
  UNITY_NATT_PORT: 28677,
  UNITY_LOCAL_LAN: 28678,
  UNITY_PFS: 28679,
  UNITY_FW_TYPE: 28680,
  UNITY_BACKUP_SERVERS: 28681,
  UNITY_DDNS_HOSTNAME: 28682,
} as const;

/** The name of a value in one of the tables above, or its number. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  for (const [name, number] of Object.entries(table)) if (number === value) return name;
  return String(value);
}
