/** What follows from a policy for those who do not know policies: IKE SAs, and whoever checks certificates. */
import { parseCertificates } from "../exchange/certificate_auth.ts";
import type { SaWorld } from "../exchange/world.ts";
import type { Trust } from "../pki/chain.ts";
import { RevocationLists } from "../pki/revocation.ts";
import type { Policy } from "./policy.ts";

/** What all IKE SAs go by. */
export function settingsOf(policy: Policy): SaWorld["settings"] {
  const { ikeProposals, espProposals, lifetimes, dpd, fragmentMtu } = policy;
  const { mobike, outerAddresses } = policy;
  return {
    ikeProposals,
    espProposals,
    lifetimes,
    dpd,
    fragmentMtu,
    followPeer: true,
    mobike,
    outerAddresses,
    takesCrashTokens: false,
  };
}

/** Whose clients may log in by certificate. */
export function trustOf({ clientCas, revocation, clockSkewMs }: Policy): Trust {
  const anchors = parseCertificates(clientCas);
  return revocation === undefined ? { anchors, clockSkewMs } : {
    anchors,
    clockSkewMs,
    revocation: new RevocationLists(revocation.lists, revocation.stale),
  };
}
