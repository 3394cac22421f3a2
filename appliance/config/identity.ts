/** Identities as operators write them, as IKE sends them, and what certificates say of them. */
import {
  type Bytes,
  type Certificate,
  certificateSpeaksFor,
  commonNameOf,
  formatIpAddress,
  IdType,
  parseIpAddress,
  utf8,
} from "../../core/mod.ts";
import { StartError } from "../start_error.ts";

/** Type and data of an ID payload, and its text. */
export interface NamedIdentity {
  readonly idType: number;
  readonly data: Bytes;
  readonly text: string;
}

/** A host name, an address, or a mail address, whichever the text is. */
export function identityOf(text: string): NamedIdentity {
  const address = parseIpAddress(text);
  if (address !== undefined) {
    const idType = address.family === 4 ? IdType.IPV4_ADDR : IdType.IPV6_ADDR;
    return { idType, data: address.octets, text };
  }
  return { idType: text.includes("@") ? IdType.RFC822_ADDR : IdType.FQDN, data: utf8(text), text };
}

/** Names that a certificate gives a host: DNS names, addresses, else its common name. */
export function hostNamesOf(certificate: Certificate): readonly string[] {
  const names = certificate.subjectAltNames;
  const addresses = (names?.ip ?? []).map((octets) =>
    formatIpAddress({ family: octets.length === 4 ? 4 : 6, octets })
  );
  const certified = [...names?.dns ?? [], ...addresses];
  const commonName = commonNameOf(certificate.subject);
  if (certified.length > 0 || commonName === undefined) return certified;
  return [commonName];
}

/** The identity that was asked for, or the first that the certificate has; `StartError` if neither. */
export function gatewayIdentity(
  certificate: Certificate,
  asked: string | undefined,
  path: string,
): NamedIdentity {
  const names = hostNamesOf(certificate);
  const own = names.filter((name) => !name.includes("*"));
  const text = asked ?? own[0];
  if (text === undefined) {
    throw new StartError(
      `Cannot use certificate ${path}: it names no host to be called by; give one with --id`,
    );
  }
  const identity = identityOf(text);
  if (!certificateSpeaksFor(certificate, identity.idType, identity.data)) {
    const named = names.length === 0 ? "no host" : names.join(", ");
    throw new StartError(
      `Cannot use certificate ${path} as ${text}: it names ${named}; clients would refuse it`,
    );
  }
  return identity;
}
