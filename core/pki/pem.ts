/**
 * PEM (RFC 7468) to DER and back, and what a certificate file and a key file may hold.
 *
 * Keys come out as PKCS #8 whatever the file calls them; PKCS #1 (RFC 8017 A.1.2) and SEC 1
 * (RFC 5915) are wrapped. Encrypted keys are refused. These files are the operator's, so faults name
 * a line and a problem in words; no octet of a key is ever in them.
 */
import { type Bytes, concatBytes, type OwnedBytes } from "../bytes.ts";
import {
  contextTag,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  DerReader,
  derSequence,
  DerTag,
} from "../crypto/der.ts";
import { EC_OID, RSA_OID } from "../crypto/public_key.ts";
import { fail, ok, type Result } from "../result.ts";

/** One block between its two lines. */
export interface PemBlock {
  /** For instance "CERTIFICATE". */
  readonly label: string;
  /** Its octets. */
  readonly der: OwnedBytes;
  /** Line of its first line, from 1. */
  readonly line: number;
}

/** What is wrong with a file. */
export interface PemFault {
  /** Line, from 1. */
  readonly line: number;
  /** In words, to stand behind the file's name. */
  readonly problem: string;
}

const LINE_CHARACTERS = 64;

/** All blocks of a text; what stands between them is comment. */
export function parsePem(text: string): Result<readonly PemBlock[], PemFault> {
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly line: number; body: string } | undefined;
  for (const [i, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = i + 1;
    const content = raw.trim();
    const begin = /^-----BEGIN ([^-]+)-----$/.exec(content)?.[1];
    const end = /^-----END ([^-]+)-----$/.exec(content)?.[1];
    if (open === undefined) {
      if (begin !== undefined) open = { label: begin, line, body: "" };
      else if (end !== undefined) return fault(line, `${end} ends here but does not begin`);
    } else if (begin !== undefined) {
      return fault(open.line, `${open.label} has no END line`);
    } else if (end === undefined) {
      if (/^Proc-Type:.*ENCRYPTED/.test(content)) return fault(line, ENCRYPTED);
      open.body += content;
    } else {
      if (end !== open.label) return fault(line, `${open.label} ends as ${end}`);
      const der = parseBase64(open.body);
      if (der === undefined) return fault(open.line, `${open.label} is not Base64`);
      blocks.push({ label: open.label, der, line: open.line });
      open = undefined;
    }
  }
  return open === undefined ? ok(blocks) : fault(open.line, `${open.label} has no END line`);
}

/** One PEM block. */
export function buildPem(label: string, der: Bytes): string {
  let binary = "";
  for (const octet of der) binary += String.fromCharCode(octet);
  const body = btoa(binary).match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`, ""].join("\n");
}

/** The certificates of a PEM file in its order; at least one. */
export function certificatesIn(text: string): Result<readonly OwnedBytes[], PemFault> {
  return blocksIn(text, /^(X509 )?CERTIFICATE$/, "certificate");
}

/** The revocation lists of a PEM file in its order; at least one. */
export function revocationListsIn(text: string): Result<readonly OwnedBytes[], PemFault> {
  return blocksIn(text, /^X509 CRL$/, "revocation list");
}

function blocksIn(
  text: string,
  label: RegExp,
  what: string,
): Result<readonly OwnedBytes[], PemFault> {
  const parsed = parsePem(text);
  if (!parsed.ok) return parsed;
  const blocks = parsed.value.filter((block) => label.test(block.label));
  if (blocks.length === 0) return fault(1, `no ${what} in PEM form, ${found(parsed.value)}`);
  return ok(blocks.map((block) => block.der));
}

/** The private key of a PEM file, which holds exactly one, as PKCS #8. */
export function privateKeyIn(text: string): Result<OwnedBytes, PemFault> {
  const parsed = parsePem(text);
  if (!parsed.ok) return parsed;
  const [key, second] = parsed.value.filter((block) => block.label.endsWith("PRIVATE KEY"));
  if (key === undefined) return fault(1, `no private key in PEM form, ${found(parsed.value)}`);
  if (second !== undefined) return fault(second.line, "second private key, needs exactly one");
  switch (key.label) {
    case "PRIVATE KEY":
      return ok(key.der);
    case "RSA PRIVATE KEY":
      return ok(wrap(derSequence(derOid(RSA_OID), derNull()), key.der));
    case "EC PRIVATE KEY": {
      const curve = curveOf(key.der);
      if (curve === undefined) return fault(key.line, "EC PRIVATE KEY does not name its curve");
      return ok(wrap(derSequence(derOid(EC_OID), derOid(curve)), key.der));
    }
    case "ENCRYPTED PRIVATE KEY":
      return fault(key.line, ENCRYPTED);
    default:
      return fault(key.line, `${key.label} is not supported, needs PKCS #8, PKCS #1 or SEC 1`);
  }
}

const ENCRYPTED = "private key is encrypted, needs one without a password " +
  "(openssl pkey -in FILE -out FILE)";

function found(blocks: readonly PemBlock[]): string {
  return blocks.length === 0
    ? "found none"
    : `found ${blocks.map(({ label }) => label).join(", ")}`;
}

function fault(line: number, problem: string): { readonly ok: false; readonly fault: PemFault } {
  return fail({ line, problem });
}

function parseBase64(text: string): OwnedBytes | undefined {
  if (text === "" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    return undefined;
  }
  const binary = atob(text);
  const octets = new Uint8Array(binary.length);
  // A list of a CA may have many megabytes, for which `Uint8Array.from` takes seconds.
  for (let i = 0; i < octets.length; i++) octets[i] = binary.charCodeAt(i);
  return octets;
}

/** PrivateKeyInfo (RFC 5208 §5). */
function wrap(algorithm: Bytes, key: Bytes): OwnedBytes {
  return derSequence(concatBytes(derInteger(0), algorithm, derOctetString(key)));
}

/** The named curve inside an ECPrivateKey (RFC 5915 §3). */
function curveOf(sec1: Bytes): string | undefined {
  const reader = new DerReader(sec1, "ecPrivateKey").sequence("key");
  reader.smallInteger("version");
  reader.octetString("privateKey");
  const parameters = reader.enterOptional(contextTag(0, "constructed"), "parameters");
  if (parameters?.peekTag() !== DerTag.OID) return undefined;
  const oid = parameters.oid("namedCurve");
  return reader.fault === undefined ? oid : undefined;
}
