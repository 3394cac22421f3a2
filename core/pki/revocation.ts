/**
 * Whether a certificate has been taken back (RFC 5280 §6.3, from lists that the operator provides).
 *
 * Of an issuer's lists the newest that the issuer has signed decides. An issuer without any list is not
 * asked about: the operator chooses for which CAs revocation is checked. Where there are lists and none
 * can be used, being stale, from the future, or not signed by this issuer's key, nobody knows; what
 * happens then is the operator's choice.
 */
import { type Bytes, copyBytes, equalBytes, hexOf, type OwnedBytes } from "../bytes.ts";
import type { CryptoProvider } from "../crypto/provider.ts";
import type { Wall } from "../moment.ts";
import type { Certificate } from "./certificate.ts";
import { type RevocationList, serialText } from "./revocation_list.ts";

/** What becomes of certificates of an issuer whose lists are all out of date: refused, or believed. */
export type StaleLists = "refuse" | "accept";

/** When, and by whose algorithms. */
export interface RevocationQuery {
  /** When. */
  readonly at: Wall;
  /** Milliseconds that the issuer's clock may be off. */
  readonly clockSkewMs: number;
  /** Checks signatures. */
  readonly crypto: CryptoProvider;
}

/** What an issuer's lists know a certificate by. Plain data, kept with whatever it proved. */
export interface CertificateId {
  /** Name of the issuer, DER. */
  readonly issuer: OwnedBytes;
  /** The issuer's key (SPKI), which signs its lists. */
  readonly issuerKey: OwnedBytes;
  /** Serial number. */
  readonly serial: OwnedBytes;
}

/** `unknown` carries why nobody knows. */
export type RevocationFault =
  | { readonly kind: "revoked" }
  | { readonly kind: "unknown"; readonly detail: "no-list-of-this-key" | "stale-list" };

/** What has to be known of who signs a list. */
export interface ListSigner extends Pick<Certificate, "spki" | "keyUsage"> {
  /** Its name. */
  readonly subject: Pick<Certificate["subject"], "der">;
}

/** What issuers have taken back. */
export class RevocationLists {
  readonly #lists: readonly RevocationList[];
  readonly #stale: StaleLists;
  /** Keys (SPKI) that signatures were found to be good for. BOUNDED: one a list. */
  readonly #proven = new Map<RevocationList, Bytes>();

  /** Of these lists, newest last or not. */
  constructor(lists: readonly RevocationList[], stale: StaleLists) {
    this.#lists = [...lists].sort((a, b) => b.thisUpdate - a.thisUpdate);
    this.#stale = stale;
  }

  /** What speaks against a certificate that `issuer`, which is trusted, has signed. */
  faultOf(
    { issuer: name, serial }: Certificate,
    issuer: Certificate,
    query: RevocationQuery,
  ): RevocationFault | undefined {
    const named = this.#listsOf(name.der);
    if (named.length === 0) return undefined;
    const list = this.#newest(named, issuer, query);
    if (list?.serials.has(serialText(serial)) === true) return { kind: "revoked" };
    if (this.#stale === "accept") return undefined;
    if (list === undefined) return { kind: "unknown", detail: "no-list-of-this-key" };
    return isStale(list, query) ? { kind: "unknown", detail: "stale-list" } : undefined;
  }

  /**
   * Tells of any number of certificates that were good once whether their issuers have taken them back since.
   * Where nobody knows they have not.
   */
  revokedAt(query: RevocationQuery): (id: CertificateId) => boolean {
    // Whatever there are of them, their issuers are few, and each is looked up once.
    const serialsOf = new Map<string, ReadonlySet<string> | undefined>();
    return ({ issuer, issuerKey, serial }) => {
      const named = this.#listsOf(issuer);
      if (named.length === 0) return false;
      const name = `${hexOf(issuer)} ${hexOf(issuerKey)}`;
      if (!serialsOf.has(name)) {
        const signer = { subject: { der: issuer }, spki: issuerKey, keyUsage: undefined };
        serialsOf.set(name, this.#newest(named, signer, query)?.serials);
      }
      return serialsOf.get(name)?.has(serialText(serial)) === true;
    };
  }

  #listsOf(name: Bytes): readonly RevocationList[] {
    return this.#lists.filter((list) => equalBytes(list.issuer.der, name));
  }

  /** The one that decides. */
  #newest(
    lists: readonly RevocationList[],
    issuer: ListSigner,
    { at, clockSkewMs, crypto }: RevocationQuery,
  ): RevocationList | undefined {
    return lists.find((one) =>
      one.thisUpdate <= at + clockSkewMs && this.#isSignedBy(one, issuer, crypto)
    );
  }

  #isSignedBy(list: RevocationList, issuer: ListSigner, crypto: CryptoProvider): boolean {
    const proven = this.#proven.get(list);
    if (proven !== undefined) return equalBytes(proven, issuer.spki);
    if (!isSignedRevocationList(list, issuer, crypto)) return false;
    this.#proven.set(list, issuer.spki);
    return true;
  }
}

/**
 * What the certificates of a path are known by, those whose issuers may sign lists. The path ends with its
 * anchor, which is the operator's to take back and whose octets stay where they are.
 */
export function certificateIdsOf(path: readonly Certificate[]): readonly CertificateId[] {
  return path.slice(1).flatMap((issuer, i) => {
    const certificate = path[i];
    if (certificate === undefined || issuer.keyUsage?.crlSign === false) return [];
    const isAnchor = i === path.length - 2;
    const keep = (bytes: Bytes): OwnedBytes => isAnchor ? bytes : copyBytes(bytes);
    return [{
      issuer: keep(issuer.subject.der),
      issuerKey: keep(issuer.spki),
      serial: copyBytes(certificate.serial),
    }];
  });
}

/** Whether the next list is overdue. */
export function isStale(
  { nextUpdate }: RevocationList,
  { at, clockSkewMs }: Pick<RevocationQuery, "at" | "clockSkewMs">,
): boolean {
  return nextUpdate !== undefined && at >= nextUpdate + 1000 + clockSkewMs;
}

/** Whether a list is this CA's: name, key usage (RFC 5280 §6.3.3 f), signature; nothing unknown in it. */
export function isSignedRevocationList(
  list: RevocationList,
  { subject, spki, keyUsage }: ListSigner,
  crypto: CryptoProvider,
): boolean {
  const { signatureScheme: scheme } = list;
  return equalBytes(list.issuer.der, subject.der) && keyUsage?.crlSign !== false &&
    list.unsupported.length === 0 && scheme !== undefined && scheme.hash !== "sha1" &&
    crypto.verify(spki, scheme, list.tbs, list.signature);
}
