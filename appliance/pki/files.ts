/**
 * Certificates and keys as PEM files. Keys are private to their owner (mode 0600) from the first
 * octet on; a file appears whole or not at all; what exists is not overwritten unless that is wanted.
 */
import { dirname } from "node:path";
import {
  buildPem,
  type Certificate,
  certificatesIn,
  type CryptoProvider,
  equalBytes,
  parseCertificate,
  parseRevocationList,
  privateKeyIn,
  type Result,
  type RevocationList,
  revocationListsIn,
  type Signer,
  type WireFault,
} from "../../core/mod.ts";
import { systemRandom } from "../entropy.ts";
import { reasonOf, StartError } from "../start_error.ts";
import { type Authority, authorityOf, type Issued } from "./issue.ts";

/** A file to be written. */
export interface FileToWrite {
  /** Where. */
  readonly path: string;
  /** What. */
  readonly text: string;
  /** 0o600 for what is secret. */
  readonly mode: 0o600 | 0o644;
}

/** Where `writeIssued` put things. */
export interface IssuedFiles {
  /** The certificate, and the CA's behind it where that was wanted. */
  readonly certificate: string;
  /** The key. */
  readonly key: string;
}

/** What a gateway or client shows, from files. */
export interface Credentials {
  /** The certificate of the key. */
  readonly leaf: Certificate;
  /** The leaf, and what stands behind it. */
  readonly certificates: readonly Certificate[];
  /** The key, PKCS #8. */
  readonly key: Uint8Array;
  /** Signs with it. */
  readonly signer: Signer;
}

/** Writes NAME.crt and NAME.key into a folder, which is made if need be. */
export function writeIssued(
  folder: string,
  name: string,
  issued: Issued,
  options: { readonly force: boolean },
): IssuedFiles {
  const files = { certificate: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
  writeFiles([
    { path: files.key, text: buildPem("PRIVATE KEY", issued.key), mode: 0o600 },
    { path: files.certificate, text: buildPem("CERTIFICATE", issued.certificate), mode: 0o644 },
  ], options);
  return files;
}

/** Writes all of the files or, when one cannot be, none. */
export function writeFiles(files: readonly FileToWrite[], { force }: { force: boolean }): void {
  const fresh: { readonly from: string; readonly to: string }[] = [];
  const placed: string[] = [];
  try {
    for (const { path } of files) {
      if (!force && exists(path)) throw new StartError(alreadyThere(path));
    }
    for (const file of files) fresh.push({ from: writeBeside(file), to: file.path });
    for (const { from, to } of fresh) {
      if (force) Deno.renameSync(from, to);
      else placeNew(from, to, placed);
    }
    for (const folder of new Set(files.map(({ path }) => dirname(path)))) syncFolder(folder);
  } catch (error) {
    for (const path of placed) removeQuietly(path);
    if (error instanceof StartError) throw error;
    throw new StartError(
      `Cannot write ${files.map(({ path }) => path).join(", ")}: ${reasonOf(error)}`,
    );
  } finally {
    for (const { from } of fresh) removeQuietly(from);
  }
}

/** The certificates of a PEM file, or the one of a DER file. */
export function readCertificates(path: string): readonly Certificate[] {
  return readAll(path, "certificate", certificatesIn, parseCertificate);
}

/** The revocation lists of a PEM file, or the one of a DER file. */
export function readRevocationLists(path: string): readonly RevocationList[] {
  return readAll(path, "list", revocationListsIn, parseRevocationList);
}

function readAll<T>(
  path: string,
  what: string,
  blocksIn: typeof certificatesIn,
  parse: (der: Uint8Array) => Result<T, WireFault>,
): readonly T[] {
  const octets = readOctets(path);
  const isDer = octets[0] === 0x30;
  const found = isDer ? { ok: true as const, value: [octets] } : blocksIn(textIn(octets));
  if (!found.ok) throw new StartError(fileFault(path, found.fault.line, found.fault.problem));
  return found.value.map((der, i) => {
    const parsed = parse(der);
    if (parsed.ok) return parsed.value;
    const { kind, path: where, offset } = parsed.fault;
    throw new StartError(
      `Cannot use ${path}: ${what} ${i + 1} is malformed, ${where} at octet ${offset}: ${kind}`,
    );
  });
}

/** The private key of a PEM file, as PKCS #8, and what signs with it. */
export function readPrivateKey(
  path: string,
  crypto: CryptoProvider,
): { readonly key: Uint8Array; readonly signer: Signer } {
  const found = privateKeyIn(textIn(readOctets(path)));
  if (!found.ok) throw new StartError(fileFault(path, found.fault.line, found.fault.problem));
  const signer = crypto.importPrivateKey(found.value);
  if (signer === undefined) {
    throw new StartError(`Cannot use ${path}: key is damaged, or not RSA or P-256, P-384, P-521`);
  }
  return { key: found.value, signer };
}

/** A certificate with what stands behind it in its file and in `chain`, and the key that fits it. */
export function readCredentials(
  files: { readonly certificate: string; readonly key: string; readonly chain?: string },
  crypto: CryptoProvider,
): Credentials {
  const own = readCertificates(files.certificate);
  const { key, signer } = readPrivateKey(files.key, crypto);
  const [leaf] = own;
  if (leaf === undefined || !equalBytes(leaf.spki, signer.spki)) {
    throw new StartError(
      `Cannot use ${files.key}: it is not the key of the first certificate in ${files.certificate}`,
    );
  }
  const chain = files.chain === undefined ? [] : readCertificates(files.chain);
  return { leaf, certificates: [...own, ...chain], key, signer };
}

/** A CA from its two files. */
export function readAuthority(
  files: { readonly certificate: string; readonly key: string },
  crypto: CryptoProvider,
): Authority {
  const [certificate] = readCertificates(files.certificate);
  const { key } = readPrivateKey(files.key, crypto);
  if (certificate === undefined) {
    throw new StartError(`Cannot use ${files.certificate}: it is empty`);
  }
  return authorityOf({ certificate: certificate.der, key }, crypto);
}

/** Whether there is something of that name. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function readOctets(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new StartError(`Cannot read ${path}: ${reasonOf(error)}`);
  }
}

function textIn(octets: Uint8Array): string {
  return new TextDecoder().decode(octets);
}

function fileFault(path: string, line: number, problem: string): string {
  return `Cannot use ${path}: line ${line}: ${problem}`;
}

function alreadyThere(path: string): string {
  return `Cannot write ${path}: it is there already; remove it, or say --force`;
}

function writeBeside({ path, text, mode }: FileToWrite): string {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const suffix = [...systemRandom.bytes(6)].map((octet) => octet.toString(36)).join("");
  const fresh = `${path}.${suffix}`;
  const file = Deno.openSync(fresh, { createNew: true, write: true, mode });
  try {
    const octets = new TextEncoder().encode(text);
    for (let at = 0; at < octets.length;) at += file.writeSync(octets.subarray(at));
    file.syncSync();
  } catch (error) {
    removeQuietly(fresh);
    throw error;
  } finally {
    file.close();
  }
  return fresh;
}

/** A second name is refused by the system when there is a file already, also one made just now. */
function placeNew(from: string, to: string, placed: string[]): void {
  try {
    Deno.linkSync(from, to);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw new StartError(alreadyThere(to));
    throw error;
  }
  placed.push(to);
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It has its final name, or was never made.
  }
}

function syncFolder(folder: string): void {
  using opened = Deno.openSync(folder, { read: true });
  opened.syncSync();
}
