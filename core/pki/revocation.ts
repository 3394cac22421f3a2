/**
 * Whether a certificate has been taken back (RFC 5280 §6.3, from lists that the operator provides).
 *
 * Of an issuer's lists the newest that the issuer has signed decides. An issuer without any list is not
 * asked about: the operator chooses for which CAs revocation is checked. Where there are lists and none
 * can be used, being stale, from the future, or not signed by this issuer's key, nobody knows; what
 * happens then is the operator's choice.
 */
import { type Bytes, equalBytes } from "../bytes.ts";
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

/** `unknown` carries why nobody knows. */
export type RevocationFault =
  | { readonly kind: "revoked" }
  | { readonly kind: "unknown"; readonly detail: "no-list-of-this-key" | "stale-list" };

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
    const named = this.#lists.filter((list) => equalBytes(list.issuer.der, name.der));
    if (named.length === 0) return undefined;
    const soon = query.at + query.clockSkewMs;
    const list = named.find((one) =>
      one.thisUpdate <= soon && this.#isSignedBy(one, issuer, query.crypto)
    );
    if (list?.serials.has(serialText(serial)) === true) return { kind: "revoked" };
    if (this.#stale === "accept") return undefined;
    if (list === undefined) return { kind: "unknown", detail: "no-list-of-this-key" };
    return isStale(list, query) ? { kind: "unknown", detail: "stale-list" } : undefined;
  }

  #isSignedBy(list: RevocationList, issuer: Certificate, crypto: CryptoProvider): boolean {
    const proven = this.#proven.get(list);
    if (proven !== undefined) return equalBytes(proven, issuer.spki);
    if (!isSignedRevocationList(list, issuer, crypto)) return false;
    this.#proven.set(list, issuer.spki);
    return true;
  }
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
  { subject, spki, keyUsage }: Certificate,
  crypto: CryptoProvider,
): boolean {
  const { signatureScheme: scheme } = list;
  return equalBytes(list.issuer.der, subject.der) && keyUsage?.crlSign !== false &&
    list.unsupported.length === 0 && scheme !== undefined && scheme.hash !== "sha1" &&
    crypto.verify(spki, scheme, list.tbs, list.signature);
}
