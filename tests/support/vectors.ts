/**
 * Test vectors: `own/` is in `tests/vectors`, and everything may be in the folder that `REJOIN_VECTORS`
 * names or in `../shared/vectors` beside the project. A file that is in none of them is no failure: the
 * reader gets `undefined`, the reason is printed once, and the test skips.
 */
import { dirname } from "node:path";

const project = dirname(dirname(import.meta.dirname ?? "."));

/** Folders to look in, the first that has the file wins. */
function roots(): string[] {
  const named = environment("REJOIN_VECTORS");
  const shared = `${dirname(project)}/shared/vectors`;
  return [...(named === undefined ? [] : [named]), shared, `${project}/tests/vectors`];
}

function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

const reported = new Set<string>();

function reportMissing(path: string): undefined {
  if (!reported.has(path)) {
    reported.add(path);
    console.warn(
      `skipped: vector ${path} is not there; REJOIN_VECTORS names the folder that has it`,
    );
  }
  return undefined;
}

/** What `read` gives for the first root where it finds something. */
function first<T>(path: string, read: (file: string) => T): T | undefined {
  for (const root of roots()) {
    try {
      return read(`${root}/${path}`);
    } catch (error) {
      const isMissing = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotCapable;
      if (!isMissing) throw error;
    }
  }
  return reportMissing(path);
}

/** The octets of a vector file, by its path inside the vectors folder. */
export function readVector(path: string): Uint8Array<ArrayBuffer> | undefined {
  return first(path, (file) => Deno.readFileSync(file));
}

/** The text of a vector file. */
export function readVectorText(path: string): string | undefined {
  return first(path, (file) => Deno.readTextFileSync(file));
}

/** The value in a JSON vector file. The caller says what it looks like. */
export function readVectorJson<T>(path: string): T | undefined {
  const text = readVectorText(path);
  return text === undefined ? undefined : JSON.parse(text) as T;
}

/** Names of the files in a vectors folder, sorted; empty when the folder is not there. */
export function listVectors(folder: string, suffix = ""): string[] {
  const names = first(folder, (path) => [...Deno.readDirSync(path)]) ?? [];
  return names.filter((entry) => entry.isFile && entry.name.endsWith(suffix))
    .map((entry) => entry.name).sort();
}

/** A test that is ignored, with a printed reason, when its vector is `undefined`. */
export function vectorTest<T>(
  name: string,
  vector: T | undefined,
  run: (vector: T) => void | Promise<void>,
): void {
  Deno.test({
    name,
    ignore: vector === undefined,
    fn: (): void | Promise<void> => vector === undefined ? undefined : run(vector),
  });
}
