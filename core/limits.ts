/** Every bound that a peer could otherwise push, with the reason for its value. */

/** The bounds. */
export const limits = {
  /** Payloads in one message: a full IKE_AUTH with a certificate chain has about 30. */
  payloadsPerMessage: 100,
  /** Proposals in one SA payload: strongSwan's longest default has 4. */
  proposalsPerSa: 64,
  /** Transforms in one proposal: strongSwan's default IKE proposal has about 40. */
  transformsPerProposal: 255,
  /** Traffic selectors in one payload. */
  selectorsPerPayload: 64,
  /** Attributes in one CP payload: a Cisco client asks for about 50. */
  configurationAttributes: 256,
  /** SPIs in one Delete payload. */
  spisPerDelete: 64,
  /** Largest IKE message, octets, also after reassembly: a chain of RSA-4096 certificates is 10 KB. */
  messageBytes: 65535,
  /** Fragments of one message (RFC 7383 §2.6 gives the right to limit). */
  fragmentsPerMessage: 64,
  /** Certificates read from one message. */
  certificatesPerMessage: 8,
  /** EAP rounds in one login: MSCHAPv2 takes 4, AnyConnect-EAP with retries about 12. */
  eapRounds: 30,
  /** Child SAs of one IKE SA, old ones that are being replaced included. */
  childSasPerIkeSa: 8,
  /** Half-open time without any progress, milliseconds. */
  halfOpenMs: 30_000,
  /** Time for a person to type between two IKE_AUTH requests, milliseconds. */
  authenticatingMs: 300_000,
  /** First retransmission of a request, milliseconds; each next waits 1.8 times longer. */
  retransmitMs: 500,
  /** Transmissions of a request before the peer is given up (RFC 7296 §2.4). */
  transmissions: 7,
  /** Transmissions of a DPD request before the peer is dead: IOS makes five. */
  dpdTransmissions: 5,
  /** Failed reconnects of one source within a minute before it is refused unheard. */
  failedReconnectsPerMinute: 10,
  /** Sources remembered for that. */
  failedReconnectSources: 10_000,
  /** Lifetime of a cookie secret, milliseconds; the one before stays good. */
  cookieSecretMs: 60_000,
} as const;
