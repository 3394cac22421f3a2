/** A chain of client certificates, what its CAs take back, and logins with it, for tests of the gateway. */
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { CryptoProvider } from "../../../core/crypto/provider.ts";
import type { Policy } from "../../../core/gateway/policy.ts";
import { CertEncoding, ExchangeType } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { wall } from "../../../core/moment.ts";
import {
  alternativeNames,
  buildName,
  caConstraints,
  type CertificateExtension,
  keyUsage,
} from "../../../core/pki/build.ts";
import type { Certificate } from "../../../core/pki/certificate.ts";
import { parseRevocationList, type RevocationList } from "../../../core/pki/revocation_list.ts";
import { buildRevocationList } from "../../support/revocation_lists.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { makeSimPki, type SimPki, simStart } from "../../support/sim_pki.ts";
import { SimWorld } from "../../support/sim_world.ts";
import { certify, signerOf } from "../pki/authority.ts";

/** Signatures are real here, all else is quick. */
export const crypto: CryptoProvider = {
  ...quickCrypto,
  importPrivateKey: (pkcs8) => nobleProvider.importPrivateKey(pkcs8),
  verify: (...given) => nobleProvider.verify(...given),
};
const DAY = 86_400_000;
/** A day on either side of the start of a simulation. */
export const life = { notBefore: wall(simStart - DAY), notAfter: wall(simStart + DAY) };
/** Everything of a simulation, with real signatures. */
export const simPki = makeSimPki(crypto);

/** A certificate that is valid then. */
export function issue(
  subject: string,
  issuer: string,
  extensions: readonly CertificateExtension[],
  change: Parameters<typeof certify>[3] = {},
): Certificate {
  return certify(subject, issuer, extensions, { ...life, ...change });
}

/** A CA that may sign lists. */
export function ca(
  subject: string,
  issuer: string,
  change: Parameters<typeof certify>[3] = {},
): Certificate {
  return issue(subject, issuer, [caConstraints(), keyUsage("keyCertSign", "crlSign")], change);
}

/** The anchor of the gateway, an intermediate, and a client below it. */
export const root = ca("root", "root");
export const middle = ca("middle", "root", { serial: Uint8Array.of(7) });
export const alice = issue("alice", "middle", [
  alternativeNames({ email: ["alice@example.test"] }),
]);

/** The usual world, with alice's certificate of an intermediate of `root`. */
export function worldOf(seed: number, change: Partial<Policy> = {}, client = alice): SimWorld {
  const pki: SimPki = {
    ...simPki,
    client: { certificate: client.der, signer: signerOf("alice") },
  };
  return new SimWorld(seed, { clientCas: [root.der], ...change }, undefined, { crypto, pki });
}

/** A login that sends these certificates behind its own. */
export function login(
  world: SimWorld,
  behind: readonly Uint8Array[],
  more: readonly Payload[] = [],
  peer = new SimPeer(world),
): readonly Payload[] {
  peer.init();
  return peer.request(ExchangeType.IKE_AUTH, [
    ...peer.certificateProof(),
    ...behind.map(certPayload),
    ...more,
    ...peer.wishes(),
  ]);
}

/** A CERT payload. */
export function certPayload(data: Uint8Array): Payload {
  return { kind: "CERT", encoding: CertEncoding.X509_SIGNATURE, data };
}

/** The list of a CA, good for another day or overdue since half of one. */
export function listOf(
  issuer: string,
  serials: readonly string[],
  overdue = false,
): RevocationList {
  const nextUpdate = wall(simStart + (overdue ? -DAY / 2 : DAY));
  const content = { issuer: buildName(["CN", issuer]), thisUpdate: life.notBefore, nextUpdate };
  const list = parseRevocationList(buildRevocationList({ ...content, serials }, signerOf(issuer)));
  if (!list.ok) throw new TypeError(JSON.stringify(list.fault));
  return list.value;
}
