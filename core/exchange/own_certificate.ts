/** Which of our certificates a peer is shown (RFC 7296 §3.7). */
import { equalBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { OwnCertificate, Policy } from "../gateway/policy.ts";
import { authoritiesOf } from "../message/certificate.ts";
import { CertEncoding } from "../message/constants.ts";
import type { Payload } from "../message/payload.ts";
import { certificateAuthorityHash } from "../pki/identity.ts";

/** Authorities looked at in one request: a system's whole trust store names some 150. */
const MOST_AUTHORITIES = 512;

/**
 * The first that has an authority which the request names; the first of all where none has, or where
 * nothing is asked for: a CERTREQ that cannot be met is no error.
 */
export function chooseOwnCertificate(
  crypto: CryptoProvider,
  policy: Policy,
  request: readonly Payload[],
): OwnCertificate {
  if (policy.alternates.length === 0) return policy;
  const wanted = request.flatMap((payload) =>
    payload.kind === "CERTREQ" && payload.encoding === CertEncoding.X509_SIGNATURE
      ? authoritiesOf(payload)
      : []
  ).slice(0, MOST_AUTHORITIES);
  const isWanted = ({ authorities }: OwnCertificate): boolean =>
    authorities.some((spki) => {
      const hash = certificateAuthorityHash(crypto, spki);
      return wanted.some((one) => equalBytes(one, hash));
    });
  return [policy, ...policy.alternates].find(isWanted) ?? policy;
}
