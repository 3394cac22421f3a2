/** A CA, a gateway and a client certificate for runs in virtual time; fixed keys, made at load. */
import { parseHex } from "../../core/bytes.ts";
import type { OwnedBytes } from "../../core/bytes.ts";
import type { CryptoProvider, Signer } from "../../core/crypto/provider.ts";
import { wall } from "../../core/moment.ts";
import {
  alternativeNames,
  buildCertificate,
  buildName,
  caConstraints,
  endEntityConstraints,
  keyUsage,
  purposes,
} from "../../core/pki/build.ts";
import { testKeys } from "./sim_keys.ts";

/** The moment at which simulated time begins: 2026-01-01. */
export const simStart = wall(Date.UTC(2026, 0, 1));

/** What both sides of a simulation need. */
export interface SimPki {
  readonly ca: OwnedBytes;
  /** Signs with the CA's key. */
  readonly caSigner: Signer;
  readonly gateway: { readonly certificate: OwnedBytes; readonly signer: Signer };
  readonly client: { readonly certificate: OwnedBytes; readonly signer: Signer };
}

/** The gateway's name. */
export const simGatewayName = "gw.example.test";

/** Makes them with one provider. */
export function makeSimPki(crypto: CryptoProvider): SimPki {
  const signerOf = (hex: string): Signer => {
    const signer = crypto.importPrivateKey(parseHex(hex)!);
    if (signer === undefined) throw new Error("the fixed key cannot be read");
    return signer;
  };
  const [caSigner, peerSigner] = [signerOf(testKeys.ca), signerOf(testKeys.peer)];
  const caName = buildName(["CN", "Simulated CA"]);
  const validity = {
    notBefore: wall(simStart - 86_400_000),
    notAfter: wall(simStart + 10 * 365 * 86_400_000),
  };
  const ca = buildCertificate({
    serial: Uint8Array.of(1),
    issuer: caName,
    subject: caName,
    ...validity,
    spki: caSigner.spki,
    extensions: [caConstraints(), keyUsage("keyCertSign", "crlSign")],
  }, caSigner);
  const issue = (serial: number, name: string, purpose: "SERVER_AUTH" | "CLIENT_AUTH") =>
    buildCertificate({
      serial: Uint8Array.of(serial),
      issuer: caName,
      subject: buildName(["CN", name]),
      ...validity,
      spki: peerSigner.spki,
      extensions: [
        endEntityConstraints(),
        keyUsage("digitalSignature"),
        purposes(purpose),
        alternativeNames(name.includes("@") ? { email: [name] } : { dns: [name] }),
      ],
    }, caSigner);
  return {
    ca,
    caSigner,
    gateway: { certificate: issue(2, simGatewayName, "SERVER_AUTH"), signer: peerSigner },
    client: { certificate: issue(3, "alice@example.test", "CLIENT_AUTH"), signer: peerSigner },
  };
}
