/** What we say of NATs, and what we read of them (RFC 7296 §2.23, RFC 4555 §3.8). */
import type { Bytes } from "../bytes.ts";
import { NotifyType } from "../message/constants.ts";
import { notify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import { detectNat, natDetectionHash } from "../sa/nat_detection.ts";
import type { Endpoint } from "../wire/address.ts";
import type { Path } from "./path.ts";
import type { SaWorld } from "./world.ts";

/** Where a NAT is, in IOS words: `inside` is in front of us, `outside` in front of the peer. */
export type NatFacts = "none" | "inside" | "outside" | "both";

/**
 * NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP for a message to `remote`. The packet path
 * speaks ESP in UDP only, so the former is of no address at all: we always look as if behind a NAT.
 */
export function announceNat(
  { crypto, random }: SaWorld,
  spiI: Bytes,
  spiR: Bytes,
  remote: Endpoint,
): readonly Payload[] {
  const hash = natDetectionHash(crypto, spiI, spiR, remote);
  return [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP, random.bytes(20)),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP, hash),
  ];
}

/** Where a NAT is by what a message that came over `path` says. */
export function natFacts(
  { crypto }: SaWorld,
  spiI: Bytes,
  spiR: Bytes,
  payloads: readonly Payload[],
  { local, remote }: Path,
): NatFacts {
  const hashesOf = (notifyType: number) =>
    payloads.flatMap((p) => p.kind === "N" && p.notifyType === notifyType ? [p.data] : []);
  const { localBehindNat, remoteBehindNat } = detectNat(crypto, {
    spiI,
    spiR,
    local,
    remote,
    sourceHashes: hashesOf(NotifyType.NAT_DETECTION_SOURCE_IP),
    destinationHashes: hashesOf(NotifyType.NAT_DETECTION_DESTINATION_IP),
  });
  if (localBehindNat) return remoteBehindNat ? "both" : "inside";
  return remoteBehindNat ? "outside" : "none";
}
