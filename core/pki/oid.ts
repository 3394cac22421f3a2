/** Object identifiers of X.509 (RFC 5280, RFC 4945) that the certificate code knows by meaning. */

/** Extensions of certificates (RFC 5280 §4.2.1) and of revocation lists (§5.2). */
export const ExtensionOid = {
  SUBJECT_KEY_IDENTIFIER: "2.5.29.14",
  KEY_USAGE: "2.5.29.15",
  SUBJECT_ALT_NAME: "2.5.29.17",
  BASIC_CONSTRAINTS: "2.5.29.19",
  DELTA_CRL_INDICATOR: "2.5.29.27",
  ISSUING_DISTRIBUTION_POINT: "2.5.29.28",
  NAME_CONSTRAINTS: "2.5.29.30",
  CERTIFICATE_POLICIES: "2.5.29.32",
  AUTHORITY_KEY_IDENTIFIER: "2.5.29.35",
  EXTENDED_KEY_USAGE: "2.5.29.37",
} as const;

/** Extended key usages. */
export const PurposeOid = {
  ANY: "2.5.29.37.0", // RFC 5280 §4.2.1.12
  SERVER_AUTH: "1.3.6.1.5.5.7.3.1", // RFC 5280 §4.2.1.12
  CLIENT_AUTH: "1.3.6.1.5.5.7.3.2", // RFC 5280 §4.2.1.12
  IPSEC_IKE: "1.3.6.1.5.5.7.3.17", // RFC 4945 §5.1.3.12
  IKE_INTERMEDIATE: "1.3.6.1.5.5.8.2.2", // an expired draft's, in use with old clients
} as const;

/** Attributes of names, by the short words that operators know (RFC 4514 §3 and common use). */
export const AttributeOid = {
  CN: "2.5.4.3",
  SN: "2.5.4.4",
  serialNumber: "2.5.4.5",
  C: "2.5.4.6",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  STREET: "2.5.4.9",
  O: "2.5.4.10",
  OU: "2.5.4.11",
  title: "2.5.4.12",
  GN: "2.5.4.42",
  UID: "0.9.2342.19200300.100.1.1",
  DC: "0.9.2342.19200300.100.1.25",
  E: "1.2.840.113549.1.9.1",
} as const;
