/**
 * The certificate extensions that decide something here (RFC 5280 §4.2.1).
 *
 * Certificate policies are known but not looked at: without an explicit-policy requirement (whose
 * extension is not known, and critical) they cannot make a path invalid (§6.1). Everything else
 * that is critical is recorded by its identifier, and `chain.ts` refuses it.
 */
import { type Bytes, textOf } from "../bytes.ts";
import { contextTag, type DerReader, DerTag } from "../crypto/der.ts";
import { ExtensionOid } from "./oid.ts";

/** Basic constraints (§4.2.1.9). */
export interface BasicConstraints {
  /** Whether the key may sign certificates. */
  readonly isCa: boolean;
  /** How many CA certificates may stand between this one and the last; `undefined` for any number. */
  readonly pathLength: number | undefined;
}

/** Key usage (§4.2.1.3), the bits that are asked for. */
export interface KeyUsage {
  /** Bit 0. */
  readonly digitalSignature: boolean;
  /** Bit 1, once called nonRepudiation. */
  readonly contentCommitment: boolean;
  /** Bit 5. */
  readonly keyCertSign: boolean;
  /** Bit 6. */
  readonly crlSign: boolean;
}

/** Subject alternative names (§4.2.1.6). */
export interface SubjectAltNames {
  /** dNSName, printable ones as they stand. */
  readonly dns: readonly string[];
  /** rfc822Name, printable ones as they stand. */
  readonly email: readonly string[];
  /** iPAddress, 4 or 16 octets each. */
  readonly ip: readonly Bytes[];
  /** How many names of other kinds there are. */
  readonly others: number;
}

/** What a certificate's extensions say; `undefined` where there is no such extension. */
export interface Extensions {
  /** Whether it is a CA. */
  readonly basicConstraints: BasicConstraints | undefined;
  /** What the key may do. */
  readonly keyUsage: KeyUsage | undefined;
  /** Purposes, dotted. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Further names of the subject. */
  readonly subjectAltNames: SubjectAltNames | undefined;
  /** Names the key. */
  readonly subjectKeyId: Bytes | undefined;
  /** Names the key that signed. */
  readonly authorityKeyId: Bytes | undefined;
  /** Name constraints exist; they are not evaluated. */
  readonly hasNameConstraints: boolean;
  /** Critical extensions that are not known, dotted. */
  readonly unknownCritical: readonly string[];
}

/** What a certificate without extensions has. */
export const NO_EXTENSIONS: Extensions = {
  basicConstraints: undefined,
  keyUsage: undefined,
  extendedKeyUsage: undefined,
  subjectAltNames: undefined,
  subjectKeyId: undefined,
  authorityKeyId: undefined,
  hasNameConstraints: false,
  unknownCritical: [],
};

const MOST_EXTENSIONS = 64;
const MOST_NAMES = 256;
const MOST_PURPOSES = 64;

/** The Extensions of a reader that stands before the SEQUENCE. Faults stay in the reader. */
export function parseExtensions(outer: DerReader): Extensions {
  const list = outer.sequence("extensions");
  const seen = new Set<string>();
  let extensions = NO_EXTENSIONS;
  do {
    const reader = list.sequence("extension");
    const oid = reader.oid("id");
    // A critical that says FALSE should have been left out; some issuers write it.
    const isCritical = reader.peekTag() === DerTag.BOOLEAN && reader.boolean("critical");
    const value = reader.enter(DerTag.OCTET_STRING, "value");
    reader.end();
    if (seen.has(oid)) list.reject("unexpected", "repeated");
    if (seen.size === MOST_EXTENSIONS) list.reject("too-many", "extension", MOST_EXTENSIONS);
    seen.add(oid);
    extensions = { ...extensions, ...parseOne(oid, value, isCritical, extensions) };
  } while (!list.atEnd);
  return extensions;
}

function parseOne(
  oid: string,
  value: DerReader,
  isCritical: boolean,
  before: Extensions,
): Partial<Extensions> {
  switch (oid) {
    case ExtensionOid.BASIC_CONSTRAINTS:
      return { basicConstraints: parseBasicConstraints(value) };
    case ExtensionOid.KEY_USAGE:
      return { keyUsage: parseKeyUsage(value) };
    case ExtensionOid.EXTENDED_KEY_USAGE:
      return { extendedKeyUsage: parsePurposes(value) };
    case ExtensionOid.SUBJECT_ALT_NAME:
      return { subjectAltNames: parseNames(value) };
    case ExtensionOid.SUBJECT_KEY_IDENTIFIER: {
      const subjectKeyId = value.octetString("keyIdentifier");
      value.end();
      return { subjectKeyId };
    }
    case ExtensionOid.AUTHORITY_KEY_IDENTIFIER: {
      const reader = value.sequence("authorityKeyIdentifier");
      value.end();
      const authorityKeyId = reader.optional(contextTag(0, "primitive"), "keyIdentifier")?.content;
      return { authorityKeyId };
    }
    case ExtensionOid.NAME_CONSTRAINTS:
      return { hasNameConstraints: true };
    case ExtensionOid.CERTIFICATE_POLICIES:
      return {};
    default:
      return isCritical ? { unknownCritical: [...before.unknownCritical, oid] } : {};
  }
}

function parseBasicConstraints(value: DerReader): BasicConstraints {
  const reader = value.sequence("basicConstraints");
  value.end();
  const isCa = reader.peekTag() === DerTag.BOOLEAN && reader.boolean("cA");
  const pathLength = reader.atEnd ? undefined : reader.smallInteger("pathLenConstraint");
  reader.end();
  return { isCa, pathLength };
}

function parseKeyUsage(value: DerReader): KeyUsage {
  const [first = 0] = value.bits("keyUsage").octets;
  value.end();
  return {
    digitalSignature: (first & 0x80) !== 0,
    contentCommitment: (first & 0x40) !== 0,
    keyCertSign: (first & 0x04) !== 0,
    crlSign: (first & 0x02) !== 0,
  };
}

function parsePurposes(value: DerReader): readonly string[] {
  const reader = value.sequence("extKeyUsage");
  value.end();
  const purposes: string[] = [];
  while (!reader.atEnd) {
    if (purposes.length === MOST_PURPOSES) reader.reject("too-many", "purpose", MOST_PURPOSES);
    purposes.push(reader.oid("purpose"));
  }
  return purposes;
}

/** GeneralNames (§4.2.1.6). */
function parseNames(value: DerReader): SubjectAltNames {
  const reader = value.sequence("subjectAltName");
  value.end();
  const dns: string[] = [];
  const email: string[] = [];
  const ip: Bytes[] = [];
  let others = 0;
  for (let count = 0; !reader.atEnd; count++) {
    if (count === MOST_NAMES) reader.reject("too-many", "name", MOST_NAMES);
    const { tag, content } = reader.any("name");
    // A name with a NUL or a space in it is not one that an identity could be equal to.
    const isPrintable = content.length > 0 && content.every((octet) => octet > 32 && octet < 127);
    if (tag === contextTag(1, "primitive") && isPrintable) email.push(textOf(content));
    else if (tag === contextTag(2, "primitive") && isPrintable) dns.push(textOf(content));
    else if (tag === contextTag(7, "primitive") && isAddress(content)) ip.push(content);
    else others += 1;
  }
  return { dns, email, ip, others };
}

function isAddress(content: Bytes): boolean {
  return content.length === 4 || content.length === 16;
}
