/**
 * What a gateway shows that was given no certificate: a CA and a certificate of its own, made at the
 * first start and kept in the state folder.
 *
 * | file in `pki/` | what |
 * | --- | --- |
 * | `ca.pem` | key and certificate of the CA (mode 0600) |
 * | `ca.crt` | its certificate alone, to be given to clients |
 * | `gateway.pem` | key and certificate of the gateway (mode 0600) |
 *
 * A key and its certificate share a file, so that they change together. The CA stays as long as the
 * folder; the gateway's certificate is made anew by itself when it nears its end or the gateway's
 * name changes. The folder belongs to one process at a time (`state_dir.ts`).
 */
import {
  buildPem,
  type Certificate,
  certificateSpeaksFor,
  type CryptoProvider,
  fingerprintOf,
  IdType,
  parseIpAddress,
  utf8,
  verifyChain,
  type Wall,
  wall,
} from "../../core/mod.ts";
import { exists, readAuthority, readCredentials, writeFiles } from "./files.ts";
import { type Authority, createCa, type Issued, issueGateway, usualDays } from "./issue.ts";
import type { KeyChoice } from "./keys.ts";

/** What it needs. */
export interface SelfMadeOptions {
  /** Signs and checks. */
  readonly crypto: CryptoProvider;
  /** Now. */
  readonly now: Wall;
  /** Kind of new keys; ECDSA where not given. */
  readonly key?: KeyChoice;
}

/** What the gateway shows. */
export interface SelfMade {
  /** The gateway's certificate (DER). Clients know the CA, so it is not sent. */
  readonly chain: readonly Uint8Array[];
  /** The gateway's key, PKCS #8. */
  readonly key: Uint8Array;
  /** The CA's certificate (DER). */
  readonly authority: Uint8Array;
  /** The file to give to clients. */
  readonly authorityFile: string;
  /** SHA-256 of both, for people to compare. */
  readonly fingerprints: { readonly ca: string; readonly gateway: string };
  /** What had to be made now. */
  readonly made: readonly ("ca" | "gateway")[];
}

const renewBeforeMs = 30 * 86_400_000;

/** The self-made certificate of a gateway named `id` (a host name or an address), made if need be. */
export async function ensureSelfMade(
  stateDir: string,
  id: string,
  options: SelfMadeOptions,
): Promise<SelfMade> {
  const { crypto, now } = options;
  const folder = `${stateDir}/pki`;
  const made: ("ca" | "gateway")[] = [];
  const issueOptions = { crypto, now, key: options.key ?? "ecdsa" } as const;

  const caFile = `${folder}/ca.pem`;
  let ca: Authority;
  if (exists(caFile)) {
    ca = readAuthority({ certificate: caFile, key: caFile }, crypto);
  } else {
    ca = await createCa(`rejoin CA of ${id}`.slice(0, 64), { ...issueOptions, days: usualDays.ca });
    writeFiles([{ path: caFile, text: pairText(ca), mode: 0o600 }], { force: false });
    made.push("ca");
  }
  const authorityFile = `${folder}/ca.crt`;
  if (made.length > 0 || !exists(authorityFile)) {
    const text = buildPem("CERTIFICATE", ca.certificate);
    writeFiles([{ path: authorityFile, text, mode: 0o644 }], { force: true });
  }

  const gatewayFile = `${folder}/gateway.pem`;
  const pair = { certificate: gatewayFile, key: gatewayFile };
  let gateway = exists(gatewayFile) ? readCredentials(pair, crypto) : undefined;
  if (gateway === undefined || !isUsable(gateway.leaf, ca, id, options)) {
    const days = usualDays.gateway;
    const issued = await issueGateway(ca, [id], { ...issueOptions, days });
    writeFiles([{ path: gatewayFile, text: pairText(issued), mode: 0o600 }], { force: true });
    gateway = readCredentials(pair, crypto);
    made.push("gateway");
  }
  const certificate = gateway.leaf.der;
  return {
    chain: [certificate],
    key: gateway.key,
    authority: ca.certificate,
    authorityFile,
    fingerprints: {
      ca: fingerprintOf(crypto, ca.certificate),
      gateway: fingerprintOf(crypto, certificate),
    },
    made,
  };
}

function pairText({ key, certificate }: Issued): string {
  return buildPem("PRIVATE KEY", key) + buildPem("CERTIFICATE", certificate);
}

/** Whether a certificate made earlier still does: by this CA, for this name, for a while. */
function isUsable(
  leaf: Certificate,
  ca: Authority,
  id: string,
  { crypto, now }: SelfMadeOptions,
): boolean {
  const address = parseIpAddress(id);
  const idType = address === undefined
    ? IdType.FQDN
    : address.family === 4
    ? IdType.IPV4_ADDR
    : IdType.IPV6_ADDR;
  if (!certificateSpeaksFor(leaf, idType, address?.octets ?? utf8(id))) return false;
  // A CA near its own end cannot give more than it has: then the rest of its life must do.
  const horizon = Math.max(now, Math.min(now + renewBeforeMs, ca.parsed.notAfter - 1000));
  return [now, wall(horizon)].every((at) =>
    verifyChain({
      leaf,
      intermediates: [],
      anchors: [ca.parsed],
      at,
      purpose: "serverAuth",
      crypto,
    }).ok
  );
}
