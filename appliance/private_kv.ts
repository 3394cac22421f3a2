/** Deno KV as the stores use it: files that only their owner may read, and commits that it takes. */

/** Changes in one commit. */
const mostChanges = 100;
/** Octets in one commit; Deno KV takes 819 200. */
const mostBytes = 700_000;
/** Octets of a change beside those of its value, about. */
const changeBytes = 100;

/** Octets in one value; Deno KV takes 65 536. */
export const mostValueBytes = 65_000;

/** The part of Deno KV that is used. */
export type Kv = Pick<Deno.Kv, "get" | "list" | "atomic" | "close">;

/** Opens or makes the database at `path`; throws when it is none. */
export async function openPrivateKv(
  path: string,
  openKv: (path: string) => Promise<Kv> = Deno.openKv,
): Promise<Kv> {
  const mask = Deno.umask(0o077);
  let kv: Kv | undefined;
  try {
    kv = await openKv(path);
    // Opening reads next to nothing: a damaged file shows at the first access.
    await kv.get(["probe"]);
    return kv;
  } catch (error) {
    kv?.close();
    throw error;
  } finally {
    Deno.umask(mask);
  }
}

/** Changes cut into commits that the database takes, in order; `sizeOf` says how many octets one has. */
export function* commitsOf<T>(
  changes: readonly T[],
  sizeOf: (change: T) => number,
): Generator<readonly T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = sizeOf(change) + changeBytes;
    if (batch.length === mostChanges || (batch.length > 0 && bytes + size > mostBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(change);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
