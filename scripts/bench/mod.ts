/**
 * `deno task bench [NAME [ARGUMENTS]]`: runs one of the measurements of this folder, or says which there
 * are. Each is a script of its own that prints one line per figure.
 */
const folder = new URL("./", import.meta.url);

/** Names and the first sentence of each script's header. */
function listBenches(): readonly (readonly [name: string, summary: string])[] {
  return [...Deno.readDirSync(folder)]
    .map((entry) => entry.name)
    .filter((name) => name.endsWith(".ts") && name !== "mod.ts")
    .toSorted()
    .map((name) => {
      const header = Deno.readTextFileSync(new URL(name, folder)).match(/\/\*\*\s*\*?\s*([^.]*\.)/);
      return [name.replace(/\.ts$/, ""), header?.[1]?.replace(/\s*\n \* /g, " ") ?? ""];
    });
}

async function main(): Promise<number> {
  const benches = listBenches();
  const [name, ...args] = Deno.args;
  if (!benches.some(([known]) => known === name)) {
    const width = Math.max(...benches.map(([known]) => known.length));
    for (const [known, summary] of benches) console.log(`${known.padEnd(width)}  ${summary}`);
    return name === undefined ? 0 : 2;
  }
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", new URL(`${name}.ts`, folder).pathname, ...args],
  }).spawn().status;
  return code;
}

if (import.meta.main) Deno.exit(await main());
