/**
 * Writes the table of docs/radius.md anew from that of the program, between the comments
 * `<!-- attributes -->` and `<!-- end of attributes -->`. A test fails when they differ.
 */
import { attributeMarkdown } from "../appliance/aaa/radius/document.ts";

const path = new URL("../docs/radius.md", import.meta.url);
const section = /(<!-- attributes -->\n).*?(\n<!-- end of attributes -->)/s;

const text = await Deno.readTextFile(path);
await Deno.writeTextFile(
  path,
  text.replace(section, (_, begin, end) => `${begin}\n${attributeMarkdown()}\n${end}`),
);
const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", path.pathname] })
  .output();
if (!success) Deno.exit(1);
