/**
 * NAT detection (RFC 7296 §2.23): each side sends hashes of the addresses that it believes in, and
 * compares those it gets with the addresses that it sees. SHA-1 is fixed here by the RFC; it
 * protects nothing.
 */
import { type Bytes, concatBytes, equalBytes, type OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { Endpoint } from "../wire/address.ts";

/** Who is behind a NAT, as far as the hashes tell. */
export interface NatSituation {
  /** Somebody changes our address on the way to the peer. */
  readonly localBehindNat: boolean;
  /** Somebody changes the peer's address on the way to us. */
  readonly remoteBehindNat: boolean;
}

/** What the peer sent and where its message travelled. */
export interface NatEvidence {
  /** Initiator's SPI as in the header of the message. */
  readonly spiI: Bytes;
  /** Responder's SPI as in the header of the message, zeros in the first one. */
  readonly spiR: Bytes;
  /** Where the message arrived. */
  readonly local: Endpoint;
  /** Where it came from. */
  readonly remote: Endpoint;
  /** Data of all NAT_DETECTION_SOURCE_IP; a peer that does not know its address sends several. */
  readonly sourceHashes: readonly Bytes[];
  /** Data of all NAT_DETECTION_DESTINATION_IP. */
  readonly destinationHashes: readonly Bytes[];
}

/** SHA-1(SPIi | SPIr | address | port). */
export function natDetectionHash(
  crypto: CryptoProvider,
  spiI: Bytes,
  spiR: Bytes,
  { address, port }: Endpoint,
): OwnedBytes {
  return crypto.digest(
    "sha1",
    concatBytes(spiI, spiR, address.octets, Uint8Array.of(port >>> 8, port & 0xff)),
  );
}

/**
 * Compares a peer's hashes with what we see; a side about which it sent none is not behind a NAT.
 */
export function detectNat(crypto: CryptoProvider, evidence: NatEvidence): NatSituation {
  const { spiI, spiR, local, remote, sourceHashes, destinationHashes } = evidence;
  const differs = (hashes: readonly Bytes[], seen: Endpoint): boolean => {
    if (hashes.length === 0) return false;
    const expected = natDetectionHash(crypto, spiI, spiR, seen);
    return !hashes.some((hash) => equalBytes(hash, expected));
  };
  return {
    localBehindNat: differs(destinationHashes, local),
    remoteBehindNat: differs(sourceHashes, remote),
  };
}
