/** What AUTH covers in one IKE SA, seen from the responder, and the gateway's own proof (§2.15). */
import type { Bytes } from "../bytes.ts";
import type { OwnCertificate, Policy } from "../gateway/policy.ts";
import { CertEncoding } from "../message/constants.ts";
import { idBody } from "../message/identification.ts";
import type { IdPayload, Payload } from "../message/payload.ts";
import { authOctets } from "../sa/auth_octets.ts";
import { factsOfPrf } from "../sa/keymat.ts";
import { signAuth } from "../sa/signature_auth.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { InitMemory } from "./ike_sa_init.ts";

/** The octets that the initiator's AUTH covers, over its IDi as it came. */
export function initiatorOctets(
  sa: IkeSa,
  { request, nonceR }: InitMemory,
  { idType, data, reserved }: IdPayload,
): Bytes {
  const body = idBody(idType, data, reserved);
  return authOctets(sa.world.crypto, sa.suite.prf, request, nonceR, sa.keys.pi, body);
}

/** The octets that our AUTH covers. */
export function responderOctets(
  sa: IkeSa,
  { response, nonceI }: InitMemory,
  { identity }: Policy,
): Bytes {
  const body = idBody(identity.idType, identity.data);
  return authOctets(sa.world.crypto, sa.suite.prf, response, nonceI, sa.keys.pr, body);
}

/**
 * IDr, `own` certificates and our signature. Method 1 is over the hash of the PRF, as AnyConnect takes it,
 * and over SHA-1 as RFC 7296 has it only where policy allows it, for AnyConnect and others apart.
 */
export function gatewayProof(
  sa: IkeSa,
  memory: InitMemory,
  policy: Policy,
  { certificates, signer }: OwnCertificate,
  isAnyConnect: boolean,
): readonly Payload[] {
  const { identity } = policy;
  const prfHash = factsOfPrf(sa.suite.prf).hash;
  const takesSha1 = isAnyConnect ? policy.anyConnect.rsaHash === "sha1" : policy.allowSha1;
  const auth = signAuth(signer, responderOctets(sa, memory, policy), {
    peerHashes: memory.peerHashes,
    legacyRsaHash: takesSha1 ? "sha1" : prfHash,
  });
  const encoding = CertEncoding.X509_SIGNATURE;
  return [
    { kind: "IDr", ...identity },
    ...certificates.map((data) => ({ kind: "CERT", encoding, data } as const)),
    { kind: "AUTH", ...auth },
  ];
}
