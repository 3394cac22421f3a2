/** A small certificate authority for interop runs, made by strongSwan's `pki`, not by our own code. */
import { mustRun } from "./background.ts";

/** Files of the authority, the gateway and one client; keys are PKCS #8 or SEC 1 PEM, no password. */
export interface TestPki {
  readonly ca: string;
  readonly gatewayCert: string;
  readonly gatewayKey: string;
  /** Certificate of `alice@example.test`. */
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The name that the gateway's certificate speaks for. */
export const gatewayName = "gw.example.test";

/** The name that the client's certificate speaks for. */
export const clientName = "alice@example.test";

/** A key of its own, PKCS #8 PEM. */
export async function makeKey(path: string, type: "ecdsa" | "rsa"): Promise<void> {
  const size = type === "rsa" ? "2048" : "256";
  const pem = await mustRun(["pki", "--gen", "--type", type, "--size", size, "--outform", "pem"]);
  const pkcs8 = await toPkcs8(pem);
  await Deno.writeTextFile(path, pkcs8, { mode: 0o600 });
}

/** `pki` writes the older key formats; `node:crypto` turns them into PKCS #8. */
async function toPkcs8(pem: string): Promise<string> {
  const { createPrivateKey } = await import("node:crypto");
  return createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }) as string;
}

/** Makes everything in `folder`. */
export async function makeTestPki(
  folder: string,
  type: "ecdsa" | "rsa" = "ecdsa",
): Promise<TestPki> {
  await Deno.mkdir(folder, { recursive: true });
  const file = (name: string): string => `${folder}/${name}.pem`;
  const keys = ["ca-key", "gateway-key", "client-key"].map(file);
  for (const key of keys) await makeKey(key, type);
  const [caKey = "", gatewayKey = "", clientKey = ""] = keys;
  const ca = file("ca");
  await Deno.writeTextFile(
    ca,
    await mustRun([
      ...["pki", "--self", "--ca", "--lifetime", "30", "--in", caKey],
      ...["--dn", "CN=Interop CA", "--outform", "pem"],
    ]),
  );
  const issue = async (name: string, key: string, san: string, flag: string): Promise<string> => {
    await Deno.writeTextFile(
      file(name),
      await mustRun([
        ...["pki", "--issue", "--lifetime", "20", "--cacert", ca, "--cakey", caKey],
        ...["--in", key, "--type", "priv", "--dn", `CN=${san}`, "--san", san],
        ...["--flag", flag, "--outform", "pem"],
      ]),
    );
    return file(name);
  };
  return {
    ca,
    gatewayKey,
    clientKey,
    gatewayCert: await issue("gateway", gatewayKey, gatewayName, "serverAuth"),
    clientCert: await issue("client", clientKey, clientName, "clientAuth"),
  };
}

/** Puts another key and certificate of the gateway in the place of those of `pki`, under another subject. */
export async function issueGatewayAnew(pki: TestPki, subject: string): Promise<void> {
  const caKey = pki.ca.replace(/ca\.pem$/, "ca-key.pem");
  await makeKey(pki.gatewayKey, "ecdsa");
  await Deno.writeTextFile(
    pki.gatewayCert,
    await mustRun([
      ...["pki", "--issue", "--lifetime", "20", "--cacert", pki.ca, "--cakey", caKey],
      ...["--in", pki.gatewayKey, "--type", "priv", "--dn", subject, "--san", gatewayName],
      ...["--flag", "serverAuth", "--outform", "pem"],
    ]),
  );
}
