/**
 * Distinguished names (RFC 5280 §4.1.2.4): their octets, which are what is compared, and a text for
 * people in the order of the certificate, "C=US, O=Example, CN=gw".
 *
 * Two names are the same when their octets are: the case folding of RFC 5280 §7.1 is left out, since
 * issuers copy their subject into what they issue. The text escapes what could forge a log line.
 */
import { type Bytes, hexOf, textOf, utf8 } from "../bytes.ts";
import { type DerElement, DerReader, DerTag } from "../crypto/der.ts";
import { AttributeOid } from "./oid.ts";

/** One attribute, for instance the common name. */
export interface NameAttribute {
  /** Its type, dotted. */
  readonly oid: string;
  /** Its value; `undefined` when it is not a character string. */
  readonly text: string | undefined;
}

/** A name. */
export interface DistinguishedName {
  /** The SEQUENCE, DER. */
  readonly der: Bytes;
  /** For people; empty for the empty name. */
  readonly text: string;
  /** In the order of the certificate. */
  readonly attributes: readonly NameAttribute[];
}

const MOST_RDNS = 64;
const MOST_IN_RDN = 16;
const shortNames = new Map<string, string>(
  Object.entries(AttributeOid).map(([name, oid]) => [oid, name]),
);

/** The next element of `outer` as a name. */
export function parseName(outer: DerReader, field: string): DistinguishedName {
  const element = outer.element(DerTag.SEQUENCE, field);
  const reader = outer.inside(element, field);
  const attributes: NameAttribute[] = [];
  const words: string[] = [];
  while (!reader.atEnd) {
    if (words.length === MOST_RDNS) reader.reject("too-many", "rdn", MOST_RDNS);
    words.push(parseRdn(reader.set("rdn"), attributes));
  }
  return { der: element.whole, text: words.join(", "), attributes };
}

function parseRdn(rdn: DerReader, attributes: NameAttribute[]): string {
  const words: string[] = [];
  do {
    if (words.length === MOST_IN_RDN) rdn.reject("too-many", "attribute", MOST_IN_RDN);
    const pair = rdn.sequence("attribute");
    const oid = pair.oid("type");
    const value = pair.any("value");
    pair.end();
    const text = characters(value);
    attributes.push({ oid, text });
    words.push(
      `${shortNames.get(oid) ?? oid}=${
        text === undefined ? `#${hexOf(value.content)}` : escape(text)
      }`,
    );
  } while (!rdn.atEnd);
  return words.join("+");
}

/** The last, which is the most specific, common name. */
export function commonNameOf(name: DistinguishedName): string | undefined {
  return name.attributes.findLast((attribute) => attribute.oid === AttributeOid.CN)?.text;
}

/** The text of a character string (RFC 5280 §4.1.2.4, DirectoryString and IA5String). */
function characters({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case DerTag.UTF8_STRING:
    case DerTag.PRINTABLE_STRING:
    case DerTag.IA5_STRING:
      return textOf(content);
    case DerTag.TELETEX_STRING:
      return fixedWidth(content, 1);
    case DerTag.BMP_STRING:
      return fixedWidth(content, 2);
    case DerTag.UNIVERSAL_STRING:
      return fixedWidth(content, 4);
    default:
      return undefined;
  }
}

function fixedWidth(content: Bytes, width: number): string | undefined {
  if (content.length % width !== 0) return undefined;
  let text = "";
  let value = 0;
  content.forEach((octet, i) => {
    value = value * 256 + octet;
    if (i % width !== width - 1) return;
    text += value <= 0x10ffff ? String.fromCodePoint(value) : "\ufffd";
    value = 0;
  });
  return text;
}

/** RFC 4514 §2.4; controls and invisible characters as the hexadecimal of their octets. */
function escape(text: string): string {
  const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
  const inHex = (found: string): string => hexOf(utf8(found)).replace(/../g, "\\$&");
  return text.replace(/[\\,+"<>;=]/g, "\\$&").replace(hidden, inHex);
}
