/** FreeRADIUS's `radclient`, which asks a gateway to end or change sessions as an operator would. */
import type { Namespace } from "./netns.ts";

const program = "/usr/bin/radclient";

/** Why it cannot be started here, or `undefined`. */
export function whyNoRadclient(): string | undefined {
  try {
    Deno.statSync(program);
    return undefined;
  } catch {
    return `${program} is missing (Debian: freeradius-utils)`;
  }
}

/** What is asked, and of whom. */
export interface RadclientRequest {
  /** Where it runs. */
  readonly namespace: Namespace;
  /** A folder of the test's own. */
  readonly folder: string;
  readonly secret: string;
  readonly command: "disconnect" | "coa";
  /** Attributes as `radclient` reads them. */
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 127.0.0.1:3799 unless told. */
  readonly server?: string;
}

/** An answer that `radclient` believed, in its words; `undefined` when none came within two seconds. */
export type RadclientAnswer = Readonly<Record<string, string>> & { readonly code: string };

/** Asks once. */
export async function radclient(request: RadclientRequest): Promise<RadclientAnswer | undefined> {
  const { namespace, folder, secret, command, attributes, server = "127.0.0.1:3799" } = request;
  const [secretFile, file] = [`${folder}/radclient-secret`, `${folder}/radclient-request`];
  await Deno.writeTextFile(secretFile, `${secret}\n`, { mode: 0o600 });
  const lines = Object.entries(attributes).map(([name, value]) =>
    `${name} = ${typeof value === "number" ? value : JSON.stringify(value)}`
  );
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  const { stdout, stderr } = await namespace.finish([
    ...[program, "-x", "-r", "1", "-t", "2", "-S", secretFile, "-f", file, server, command],
  ]);
  const [, code, rest] = /^Received (\S+) Id[^\n]*\n((?:\t[^\n]*\n)*)/m.exec(stdout) ?? [];
  if (code === undefined || rest === undefined) {
    if (/No reply from server/.test(stdout + stderr)) return undefined;
    throw new Error(`radclient said neither an answer nor none:\n${stdout}${stderr}`);
  }
  const said = [...rest.matchAll(/^\t(\S+) = (.*)$/gm)].map(([, name = "", value = ""]) => [
    name,
    value.replace(/^"(.*)"$/, "$1"),
  ]);
  return { ...Object.fromEntries(said), code };
}
