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
  /**
   * The same of a message in clear, which is read before its sender has shown anything: IKE_SA_INIT has less
   * than 3 KB, or some more with the names of many authorities.
   */
  clearMessageBytes: 16_384,
  /** Fragments of one message (RFC 7383 §2.6 gives the right to limit). */
  fragmentsPerMessage: 64,
  /** Octets of an identity: a distinguished name has some hundred, and sessions, records and logs keep it. */
  identityBytes: 2_048,
  /** Certificates read from one message. */
  certificatesPerMessage: 8,
  /** EAP rounds by a method of our own: MSCHAPv2 takes 4, AnyConnect-EAP with retries about 12. */
  eapRounds: 30,
  /** The same with a method of a server: EAP-TLS with long chains takes about 25. */
  eapRelayRounds: 100,
  /** Octets inside one relayed EAP packet: a RADIUS packet has no more in all (RFC 2865 §3). */
  eapRelayBytes: 4096,
  /** Octets of one AnyConnect-EAP document: a Cisco `complete` with manifests has about 5 KB. */
  xmlBytes: 65_536,
  /** Elements inside elements; the deepest document that is known has 7. */
  xmlDepth: 16,
  /** Elements of one document: a Cisco `complete` has about 60. */
  xmlElements: 512,
  /** Attributes of one element: the most that is known is 6. */
  xmlAttributes: 32,
  /** `<` in one document: two for each element, and some comments. Bounds work before parsing. */
  xmlMarkup: 1200,
  /** Characters of a user name from a form (RFC 7542 §2.2 has 253 octets). */
  userNameLength: 253,
  /** Characters of a password from a form. */
  passwordLength: 1024,
  /** Messages in Cisco-style fragments at a time, of all peers: they are not authenticated. */
  ciscoFragmentedMessages: 64,
  /** Octets kept for them in all. */
  ciscoFragmentBytes: 1_048_576,
  /** How long the rest of such a message may take, milliseconds. */
  ciscoFragmentMs: 15_000,
  /** Child SAs of one IKE SA, old ones that are being replaced included. */
  childSasPerIkeSa: 8,
  /** IKE SAs of one peer that were rekeyed and wait for their DELETE, or for it to be repeated: mostly one. */
  replacedIkeSas: 8,
  /** Octets of a filter's rules as JSON, some 180 rules: a stored record holds 65 000 of everything. */
  filterBytes: 32_000,
  /** Sessions of one user, inactive ones included: a person has a handful of devices, not a pool's worth. */
  sessionsPerUser: 16,
  /** Addresses of one range that rest after use before the longest resting one is given out again. */
  restingAddresses: 65_536,
  /** Half-open time without any progress, milliseconds. */
  halfOpenMs: 30_000,
  /** Milliseconds for which nobody else gets the place of a half-open IKE SA: a restart's crowd waits that long. */
  halfOpenKeptMs: 10_000,
  /** Half-open IKE SAs of one source (IPv6: one /64): a company behind one address logs in at once. */
  halfOpenPerSource: 128,
  /** How long a late copy of a first message is known that came to an IKE SA, milliseconds. */
  pastInitiationMs: 10_000,
  /** Such messages remembered within that time, and so many again: more come to nothing within it. */
  pastInitiations: 10_000,
  /** Time for a whole authentication, milliseconds, however many rounds it takes. */
  authenticationMs: 900_000,
  /** Time for a person to type between two IKE_AUTH requests, milliseconds. */
  authenticatingMs: 300_000,
  /** The same for who has an address already, and at most a banner to read, milliseconds. */
  grantedMs: 60_000,
  /** Time for AAA and the store to answer, milliseconds: servers get 300 s where a button is pressed. */
  answeringMs: 330_000,
  /** Time our client waits for the answer to what its user presented, milliseconds: longer than that. */
  patientMs: 360_000,
  /** First retransmission of a request, milliseconds; each next waits 1.8 times longer. */
  retransmitMs: 500,
  /** Longest wait between two retransmissions, milliseconds: one that was lost is not missed for long. */
  longestRetransmitMs: 20_000,
  /** Transmissions of a request before the peer is given up (RFC 7296 §2.4). */
  transmissions: 7,
  /** Transmissions of a DPD request before the peer is dead: IOS makes five. */
  dpdTransmissions: 5,
  /** Failed reconnects of one source within a minute before it is refused unheard. */
  failedReconnectsPerMinute: 10,
  /** Failed logins of one source within a minute before it is refused unheard. */
  failedLoginsPerMinute: 30,
  /** Sources remembered for either. */
  failedSources: 10_000,
  /** Answers of one source within a minute about IKE SAs that are not there (RFC 6290): an office's worth. */
  crashAnswersPerMinute: 120,
  /** The same of all sources within a second: each costs a few hashes. */
  crashAnswersPerSecond: 500,
  /** Clients that are told within a second that a restart cost their IKE SA: as many come back then. */
  crashNoticesPerSecond: 400,
  /** Lifetime of a cookie secret, milliseconds; the one before stays good. */
  cookieSecretMs: 60_000,
  /** Of so many who show a cookie and no solution of a puzzle one is let in: most clients know no puzzles. */
  puzzleLegacyOdds: 8,
  /** Keys that our client tries at a time for a puzzle: some milliseconds, then it looks for other work. */
  puzzleTriesAtOnce: 2_048,
  /** How long cookies are asked after the load has fallen, milliseconds: what is doubled comes within. */
  cookieLingerMs: 10_000,
} as const;
