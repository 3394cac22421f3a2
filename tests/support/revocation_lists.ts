/** Revocation lists for tests, built and signed here: any list, also wrong ones. */
import { type Bytes, type OwnedBytes, parseHex } from "../../core/bytes.ts";
import {
  contextTag,
  derBitString,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
} from "../../core/crypto/der.ts";
import type { SignatureScheme, Signer } from "../../core/crypto/provider.ts";
import type { Wall } from "../../core/moment.ts";
import { type CertificateExtension, schemeFor } from "../../core/pki/build.ts";
import { buildSignatureAlgorithm } from "../../core/pki/signature_algorithm.ts";
import { buildTime } from "../../core/pki/validity.ts";

/** What a list says. */
export interface RevocationContent {
  /** Name (DER) of who signs. */
  readonly issuer: Bytes;
  readonly thisUpdate: Wall;
  readonly nextUpdate?: Wall;
  /** Serial numbers, hexadecimal. */
  readonly serials: readonly string[];
  /** Of each entry. */
  readonly entryExtensions?: readonly { readonly oid: string; readonly isCritical: boolean }[];
  /** Of the list. */
  readonly extensions?: readonly CertificateExtension[];
  /** How to sign; else as is usual for the key. */
  readonly scheme?: SignatureScheme;
}

/** A list (DER) of version 2. */
export function buildRevocationList(content: RevocationContent, issuer: Signer): OwnedBytes {
  const { nextUpdate, serials, extensions = [], entryExtensions = [] } = content;
  const scheme = content.scheme ?? schemeFor(issuer.key);
  const algorithm = buildSignatureAlgorithm(scheme);
  const entries = serials.map((serial) =>
    derSequence(
      derInteger(parseHex(serial)!),
      buildTime(content.thisUpdate),
      ...(entryExtensions.length === 0 ? [] : [
        derSequence(
          ...entryExtensions.map((one) => buildExtension({ ...one, value: Uint8Array.of(5, 0) })),
        ),
      ]),
    )
  );
  const tbs = derSequence(
    derInteger(1),
    algorithm,
    content.issuer,
    buildTime(content.thisUpdate),
    ...(nextUpdate === undefined ? [] : [buildTime(nextUpdate)]),
    ...(entries.length === 0 ? [] : [derSequence(joined(entries))]),
    ...(extensions.length === 0 ? [] : [
      derElement(contextTag(0, "constructed"), derSequence(...extensions.map(buildExtension))),
    ]),
  );
  return derSequence(tbs, algorithm, derBitString(issuer.sign(scheme, tbs)));
}

/** More than can be passed as arguments. */
function joined(parts: readonly Bytes[]): OwnedBytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function buildExtension({ oid, isCritical, value }: CertificateExtension): OwnedBytes {
  const critical = isCritical ? [Uint8Array.of(1, 1, 0xff)] : [];
  return derSequence(derOid(oid), ...critical, derOctetString(value));
}
