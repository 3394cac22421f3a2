/**
 * An authority with two others below it, one for gateways and one for clients, made by strongSwan's `pki`:
 * nobody trusts more than the root, so that every proof needs an intermediate certificate.
 */
import { mustRun } from "./background.ts";
import { clientName, gatewayName, makeKey, type TestPki } from "./test_pki.ts";

/** Files of all of them; `ca` is the root. */
export interface ChainPki extends TestPki {
  /** The authority above the gateway's certificate. */
  readonly gatewayCa: string;
  /** The authority above the client's certificate. */
  readonly clientCa: string;
  readonly clientCaKey: string;
}

/** Makes everything in `folder`. */
export async function makeChainPki(folder: string): Promise<ChainPki> {
  await Deno.mkdir(folder, { recursive: true });
  const file = (name: string): string => `${folder}/${name}.pem`;
  for (const name of ["root", "gateway-ca", "client-ca", "gateway", "client"]) {
    await makeKey(file(`${name}-key`), "ecdsa");
  }
  await write(file("root"), [
    ...["--self", "--ca", "--lifetime", "30", "--in", file("root-key")],
    ...["--dn", "CN=Chain root"],
  ]);
  const issue = async (name: string, by: string, more: readonly string[]): Promise<string> => {
    await write(file(name), [
      ...["--issue", "--lifetime", "20", "--cacert", file(by), "--cakey", file(`${by}-key`)],
      ...["--in", file(`${name}-key`), "--type", "priv", ...more],
    ]);
    return file(name);
  };
  const gatewayCa = await issue("gateway-ca", "root", ["--ca", "--dn", "CN=Chain gateways"]);
  const clientCa = await issue("client-ca", "root", ["--ca", "--dn", "CN=Chain clients"]);
  const named = (name: string, flag: string): readonly string[] => [
    ...["--dn", `CN=${name}`, "--san", name, "--flag", flag],
  ];
  return {
    ca: file("root"),
    gatewayCa,
    clientCa,
    clientCaKey: file("client-ca-key"),
    gatewayCert: await issue("gateway", "gateway-ca", named(gatewayName, "serverAuth")),
    gatewayKey: file("gateway-key"),
    clientCert: await issue("client", "client-ca", named(clientName, "clientAuth")),
    clientKey: file("client-key"),
  };
}

/** Writes a revocation list of an authority, which names `revoked` if that is given. */
export async function writeRevocationList(
  path: string,
  authority: { readonly certificate: string; readonly key: string },
  revoked?: string,
): Promise<void> {
  await write(path, [
    ...["--signcrl", "--cacert", authority.certificate, "--cakey", authority.key],
    ...["--lifetime", "10"],
    ...(revoked === undefined ? [] : ["--reason", "key-compromise", "--cert", revoked]),
  ]);
}

async function write(path: string, words: readonly string[]): Promise<void> {
  await Deno.writeTextFile(path, await mustRun(["pki", ...words, "--outform", "pem"]));
}
