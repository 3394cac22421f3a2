/**
 * Certificates for a lab or a small site: a CA, gateways, clients (RFC 5280, RFC 4945 §5.1.3).
 *
 * Nothing here touches a file (`files.ts` does). What is made is checked as a peer would check it
 * before it is handed out. Revocation is left out: short lives and another CA are the way out.
 */
import {
  alternativeNames,
  authorityKeyId,
  buildCertificate,
  buildName,
  caConstraints,
  type Certificate,
  type CertificateExtension,
  type CryptoProvider,
  endEntityConstraints,
  equalBytes,
  keyUsage,
  parseCertificate,
  parseIpAddress,
  purposes,
  type Signer,
  subjectKeyId,
  verifyChain,
  type Wall,
  wall,
} from "../../core/mod.ts";
import { systemRandom } from "../entropy.ts";
import { StartError } from "../start_error.ts";
import { generateKey, type KeyChoice } from "./keys.ts";

/** A certificate and its private key. */
export interface Issued {
  /** DER. */
  readonly certificate: Uint8Array;
  /** PKCS #8. */
  readonly key: Uint8Array;
}

/** A CA that can sign. */
export interface Authority extends Issued {
  /** The certificate, read. */
  readonly parsed: Certificate;
  /** The key, imported. */
  readonly signer: Signer;
}

/** What all certificates need. */
export interface IssueOptions {
  /** Signs and checks. */
  readonly crypto: CryptoProvider;
  /** Now. */
  readonly now: Wall;
  /** Kind of the new key. */
  readonly key: KeyChoice;
  /** How long it is good. Never longer than its CA. */
  readonly days: number;
}

/** Usual lives. Apple's systems refuse servers with more than 825 days. */
export const usualDays = { ca: 3650, gateway: 820, client: 820 } as const;

const dayMs = 86_400_000;
/** Clocks of clients may be behind. */
const headStartMs = 3_600_000;
const serialBytes = 16;
const keyIdBytes = 20;
/** RFC 5280, upper bound of a common name. */
const longestCommonName = 64;

/** A CA named `name`, which may sign gateways and clients and no further CAs. */
export async function createCa(name: string, options: IssueOptions): Promise<Authority> {
  checkName("CA", name);
  const { key, signer } = await freshKey(options);
  const subject = buildName(["CN", name]);
  const certificate = buildCertificate({
    serial: freshSerial(),
    issuer: subject,
    subject,
    notBefore: wall(options.now - headStartMs),
    notAfter: wall(options.now + options.days * dayMs),
    spki: signer.spki,
    extensions: [
      caConstraints(0),
      keyUsage("keyCertSign", "crlSign"),
      subjectKeyId(keyId(options.crypto, signer.spki)),
    ],
  }, signer);
  return authorityOf({ certificate, key }, options.crypto);
}

/** A certificate for a gateway that clients reach by these host names and addresses. */
export async function issueGateway(
  ca: Authority,
  names: readonly string[],
  options: IssueOptions,
): Promise<Issued> {
  const [first] = names;
  if (first === undefined) throw new StartError("Cannot make gateway certificate: it has no name");
  const dns: string[] = [];
  const ip: Uint8Array[] = [];
  for (const name of names) {
    const address = parseIpAddress(name);
    if (address !== undefined) ip.push(address.octets);
    else if (isHostName(name)) dns.push(name);
    else {throw new StartError(
        `Cannot make gateway certificate: ${name} is no host name or address`,
      );}
  }
  const extensions = [purposes("SERVER_AUTH", "IPSEC_IKE"), namesOf({ dns, ip }, first)];
  return await issue(ca, first, extensions, "serverAuth", options);
}

/**
 * A certificate for a user. A name with an at sign is also certified as a mail address, and one that
 * can be a host name as that, so that a client can use it as its identity.
 */
export async function issueClient(
  ca: Authority,
  name: string,
  options: IssueOptions,
): Promise<Issued> {
  checkName("client", name);
  const isMail = /^[!-~]+@[!-~]+$/.test(name);
  const names = isMail ? { email: [name] } : isHostName(name) ? { dns: [name] } : undefined;
  const extensions = [
    purposes("CLIENT_AUTH", "IPSEC_IKE"),
    ...(names === undefined ? [] : [namesOf(names, name)]),
  ];
  return await issue(ca, name, extensions, "clientAuth", options);
}

/** A CA from its certificate and key; `StartError` when they cannot be one. */
export function authorityOf(issued: Issued, crypto: CryptoProvider): Authority {
  const parsed = parseCertificate(issued.certificate);
  if (!parsed.ok) throw new StartError(`Cannot use CA: certificate is malformed`);
  const signer = crypto.importPrivateKey(issued.key);
  if (signer === undefined) throw new StartError("Cannot use CA: key is not RSA, P-256/384/521");
  if (!equalBytes(signer.spki, parsed.value.spki)) {
    throw new StartError("Cannot use CA: key does not belong to the certificate");
  }
  if (parsed.value.basicConstraints?.isCa !== true) {
    throw new StartError(`Cannot use CA: ${parsed.value.subject.text} is not a CA`);
  }
  return { ...issued, parsed: parsed.value, signer };
}

async function issue(
  ca: Authority,
  name: string,
  extensions: readonly CertificateExtension[],
  purpose: "serverAuth" | "clientAuth",
  options: IssueOptions,
): Promise<Issued> {
  const { crypto, now } = options;
  const { key, signer } = await freshKey(options);
  const authority = ca.parsed.subjectKeyId;
  const usage = signer.key.kind === "rsa"
    ? keyUsage("digitalSignature", "keyEncipherment")
    : keyUsage("digitalSignature");
  const certificate = buildCertificate({
    serial: freshSerial(),
    issuer: ca.parsed.subject.der,
    subject: name.length > longestCommonName ? buildName() : buildName(["CN", name]),
    notBefore: wall(Math.max(now - headStartMs, ca.parsed.notBefore)),
    notAfter: wall(Math.min(now + options.days * dayMs, ca.parsed.notAfter)),
    spki: signer.spki,
    extensions: [
      endEntityConstraints(),
      usage,
      ...extensions,
      subjectKeyId(keyId(crypto, signer.spki)),
      ...(authority === undefined ? [] : [authorityKeyId(authority)]),
    ],
  }, ca.signer);
  checkIssued(certificate, ca, purpose, options);
  return { certificate, key };
}

/** Refuses to hand out what nobody would accept, for instance from a CA that has expired. */
function checkIssued(
  certificate: Uint8Array,
  ca: Authority,
  purpose: "serverAuth" | "clientAuth",
  { crypto, now }: IssueOptions,
): void {
  const leaf = parseCertificate(certificate);
  if (!leaf.ok) throw new StartError("Cannot make certificate: a name or number does not fit");
  const anchors = [ca.parsed];
  const given = { leaf: leaf.value, intermediates: [], anchors, at: now, purpose, crypto };
  const chain = verifyChain(given);
  if (chain.ok) return;
  const { kind, subject } = chain.fault;
  throw new StartError(`Cannot make certificate: nobody would accept it (${subject}: ${kind})`);
}

async function freshKey(options: IssueOptions): Promise<{ key: Uint8Array; signer: Signer }> {
  const key = await generateKey(options.key);
  const signer = options.crypto.importPrivateKey(key);
  if (signer === undefined) throw new StartError("Cannot make key: it cannot be read back");
  return { key, signer };
}

function freshSerial(): Uint8Array {
  const serial = systemRandom.bytes(serialBytes);
  // Positive, and of the same length every time.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

/** RFC 7093 §2 (4): a hash of the SubjectPublicKeyInfo. */
function keyId(crypto: CryptoProvider, spki: Uint8Array): Uint8Array {
  return crypto.digest("sha256", spki).subarray(0, keyIdBytes);
}

function namesOf(
  names: Parameters<typeof alternativeNames>[0],
  commonName: string,
): CertificateExtension {
  return alternativeNames(names, commonName.length > longestCommonName);
}

function isHostName(name: string): boolean {
  return name.length <= 253 &&
    /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i.test(
      name,
    );
}

function checkName(what: string, name: string): void {
  const isGood = name !== "" && name.length <= longestCommonName && !/\p{Cc}/u.test(name) &&
    name === name.trim();
  if (!isGood) {
    throw new StartError(
      `Cannot make ${what} certificate: its name must have 1 to ${longestCommonName} characters, ` +
        `no control characters, no white space at the ends`,
    );
  }
}
