/**
 * Writes the flag tables of README.md anew from the tables of the program, between the comments
 * `<!-- flags: NAME -->` and `<!-- end of flags -->`. A test fails when they differ.
 */
import { profileFlags } from "../appliance/commands/profile.ts";
import { connectFlags } from "../appliance/config/connect_flags.ts";
import { flagMarkdown } from "../appliance/config/markdown.ts";
import { serveFlags } from "../appliance/config/serve_flags.ts";

const tables = { serve: serveFlags, connect: connectFlags, profile: profileFlags };
const path = new URL("../README.md", import.meta.url);

let text = await Deno.readTextFile(path);
for (const [name, table] of Object.entries(tables)) {
  const section = new RegExp(`(<!-- flags: ${name} -->\n).*?(\n<!-- end of flags -->)`, "s");
  text = text.replace(section, (_, begin, end) => `${begin}\n${flagMarkdown(table)}\n${end}`);
}
await Deno.writeTextFile(path, text);
const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", path.pathname] })
  .output();
if (!success) Deno.exit(1);
