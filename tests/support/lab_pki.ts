/** Certificates of `rejoin pki` in a folder of a test: a CA, a server, a client. */
import { run } from "../../appliance/cli.ts";

/** PEM files. */
export interface LabPki {
  readonly ca: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly client: { readonly certificate: string; readonly key: string };
}

/** Makes them; the server is known by `names`. */
export async function makeLabPki(
  folder: string,
  names: readonly string[],
  ca = "Lab CA",
): Promise<LabPki> {
  const [server = ""] = names;
  const client = "gw.example.test";
  for (const words of [["ca", ca], ["gateway", ...names], ["client", client]]) {
    let told = "";
    const status = await run(["pki", ...words, "--folder", folder], {
      out: () => {},
      err: (line) => void (told += `${line}\n`),
      env: () => undefined,
      readFile: (path) => Deno.readTextFileSync(path),
      askSecret: () => undefined,
    });
    if (status !== 0) throw new Error(`rejoin pki ${words.join(" ")} failed: ${told}`);
  }
  const files = (name: string): { readonly certificate: string; readonly key: string } => ({
    certificate: `${folder}/${name}.crt`,
    key: `${folder}/${name}.key`,
  });
  return { ca: `${folder}/ca.crt`, server: files(server), client: files(client) };
}
