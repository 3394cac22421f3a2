/**
 * The structure of the project as rules over its files: who may import whom, which names are forbidden
 * where. `violations` is a function of path and text alone, so that its own test can plant mistakes.
 *
 * Directions: `main.ts` -> `appliance` -> `dataplane` -> `core`, and in `core` from a higher layer to a
 * lower one. One exception makes contracts possible: a *contract file* holds types only, and anybody in
 * `core` or `dataplane` may import it with `import type`, which leaves nothing behind at run time.
 */
import { impureMembers, impureNames, mustBePure } from "../../scripts/lint_plugin.ts";
import { resolveReference, scanSource, type SourceText } from "./source_text.ts";

const layers: Readonly<Record<string, number>> = {
  "": 0,
  wire: 1,
  message: 2,
  crypto: 2,
  pki: 3,
  sa: 4,
  eap: 5,
  exchange: 6,
  gateway: 7,
  client: 7,
};

const contracts: ReadonlySet<string> = new Set([
  "core/wire/address.ts",
  "core/wire/fault.ts",
  "core/crypto/provider.ts",
  "core/message/payload.ts",
  "core/sa/suite.ts",
  "core/gateway/input.ts",
  "core/gateway/output.ts",
  "core/gateway/packet_filter.ts",
  "core/gateway/policy.ts",
  "core/gateway/question.ts",
  "core/gateway/record.ts",
  "core/gateway/snapshot.ts",
]);

/** Values that cross sideways: numbers of the protocol, which algorithms are known by. */
const sideways: ReadonlySet<string> = new Set(["crypto core/message/constants.ts"]);

const frontDoors: ReadonlySet<string> = new Set([
  "core/mod.ts",
  "dataplane/mod.ts",
  "appliance/mod.ts",
]);

/** Packages and the only files that may import them. */
const packageOwners: readonly (readonly [name: RegExp, owner: RegExp])[] = [
  [/^@noble\//, /^core\/crypto\/noble_provider\w*\.ts$/],
  [/^@rgrove\/parse-xml$/, /^core\/eap\/anyconnect\/xml\.ts$/],
  [/^@logtape\//, /^appliance\/log\.ts$/],
  [/^commander$/, /^appliance\/(cli|config\/command_line)\.ts$/],
  [/^@peculiar\//, /^appliance\//],
  [/^node:/, /^(dataplane\/(io|ffi)|appliance)\//],
];

function folderInCore(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] ?? "" : "";
}

function coreMayImport(from: string, to: string, typeOnly: boolean): boolean {
  if (from === "core/mod.ts") return to.startsWith("core/");
  if (!to.startsWith("core/") || to === "core/mod.ts") return false;
  const [source, target] = [folderInCore(from), folderInCore(to)];
  if (source === target || sideways.has(`${source} ${to}`)) return true;
  if (typeOnly && contracts.has(to)) return true;
  const [upper, lower] = [layers[source], layers[target]];
  return upper !== undefined && lower !== undefined && lower < upper;
}

function dataplaneMayImport(from: string, to: string, typeOnly: boolean): boolean {
  if (to.startsWith("dataplane/")) return !mustBePure(from) || mustBePure(to) || typeOnly;
  if (to === "core/mod.ts" || to === "core/message/constants.ts") return true;
  if (typeOnly && contracts.has(to)) return true;
  return to.startsWith("core/") && ["", "wire", "crypto"].includes(folderInCore(to));
}

function mayImport(from: string, to: string, typeOnly: boolean): boolean {
  if (/^(tests|scripts)\//.test(from)) return true;
  if (from === "main.ts") return to === "appliance/cli.ts";
  if (from.startsWith("core/")) return coreMayImport(from, to, typeOnly);
  if (from.startsWith("dataplane/")) return dataplaneMayImport(from, to, typeOnly);
  if (from.startsWith("appliance/")) {
    return to.startsWith("appliance/") ||
      ["core/mod.ts", "dataplane/mod.ts", "deno.json"].includes(to);
  }
  return false;
}

function checkReferences(path: string, source: SourceText, report: (text: string) => void): void {
  const isProduct = !/^(tests|scripts)\//.test(path);
  for (const { specifier, typeOnly, reexport } of source.references) {
    if (/^\.\.?\//.test(specifier)) {
      const target = resolveReference(path, specifier);
      if (!mayImport(path, target, typeOnly)) report(`may not import ${target}`);
      if (reexport && isProduct && !frontDoors.has(path)) report(`re-exports ${specifier}`);
      continue;
    }
    const owner = packageOwners.find(([pattern]) => pattern.test(specifier))?.[1];
    if (isProduct && (owner === undefined || !owner.test(path))) {
      report(`may not import ${specifier}`);
    }
  }
}

function checkNames(path: string, code: string, report: (text: string) => void): void {
  if (/^\s*export\s+default\b/m.test(code) && path !== "scripts/lint_plugin.ts") {
    report("has a default export");
  }
  if (/\bDeno\s*\.\s*dlopen\b/.test(code) && !path.startsWith("dataplane/ffi/")) {
    report("opens a shared library");
  }
  if (!mustBePure(path)) return;
  for (const name of impureNames) {
    // A label (`x.Date`, `Date:`) is only a word; so is part of a longer name.
    if (new RegExp(`(?<![.\\w$])${name}\\b(?!\\s*\\??:)`).test(code)) report(`names ${name}`);
  }
  for (const name of impureMembers) {
    if (new RegExp(`(?<![.\\w$#])${name.replace(".", "\\s*\\.\\s*")}\\b`).test(code)) {
      report(`names ${name}`);
    }
  }
  if (/(?<![.\w$])async\b\s*(function|\(|\w+\s*(\(|=>))|(?<![.\w$])await\b/.test(code)) {
    report("waits");
  }
}

/** The first cycle of value imports that is found, as paths; empty when there is none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): readonly string[] => {
    const at = above.indexOf(path);
    if (at >= 0) return [...above.slice(at), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...above, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

/** Everything that breaks a rule, one line each; `files` maps a path in the project to its text. */
export function violations(files: ReadonlyMap<string, string>): readonly string[] {
  const found: string[] = [];
  const graph = new Map<string, readonly string[]>();
  for (const [path, text] of files) {
    const source = scanSource(text);
    const report = (what: string): void => void found.push(`${path} ${what}`);
    checkReferences(path, source, report);
    checkNames(path, source.code, report);
    if (path.startsWith("core/") && layers[folderInCore(path)] === undefined) {
      report("is in no layer of core");
    }
    graph.set(
      path,
      source.references.filter((it) => !it.typeOnly && it.specifier.startsWith("."))
        .map((it) => resolveReference(path, it.specifier)),
    );
  }
  const cycle = findCycle(graph);
  if (cycle.length > 0) found.push(`import cycle: ${cycle.join(" -> ")}`);
  return found;
}
