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

/** P-256 keys made for these tests with `openssl genpkey`; they protect nothing. */
const keys = {
  ca: "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b020101042073f9b48ca0c7dc07" +
    "016286c8bc829044a0dfab1cc1800c389f14e53d04bb07f7a1440342000420fe6253826f89c1bf1a2b80596" +
    "6a01ef8180200f6085288be24e1f865f76a8376f3b6930bcb45f96e4b9bfb45ba6997da1e70f32ad190e742" +
    "9d57151d34142f",
  peer: "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104204384a7368d4078" +
    "de29881ca0e2b7b4778864f0f56704453059beeded9dc084e9a144034200046d95336fed1f6a76e3252bbbc" +
    "c24cc964f80e3d536429976f6468b1b15101b651b19dae6452dc74eecf61c1518080f48e986f683dfbb010f" +
    "d26f704194480b06",
} as const;

/** The moment at which simulated time begins: 2026-01-01. */
export const simStart = wall(Date.UTC(2026, 0, 1));

/** What both sides of a simulation need. */
export interface SimPki {
  readonly ca: OwnedBytes;
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
  const [caSigner, peerSigner] = [signerOf(keys.ca), signerOf(keys.peer)];
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
    gateway: { certificate: issue(2, simGatewayName, "SERVER_AUTH"), signer: peerSigner },
    client: { certificate: issue(3, "alice@example.test", "CLIENT_AUTH"), signer: peerSigner },
  };
}
