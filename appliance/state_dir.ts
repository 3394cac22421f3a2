/**
 * The state folder: private to its owner, held by one gateway at a time.
 *
 * What is in it is private file by file. A folder that is new, empty or ours already is made private as
 * a whole too; one that somebody else uses (`--state-dir /tmp`) keeps its mode, and is refused when
 * others may write to it.
 *
 * The lock is the kernel's, on a file in the folder, so it goes with the process however it ends.
 */
import { dirname } from "node:path";
import { reasonOf, StartError } from "./start_error.ts";

/** Milliseconds within which a lock that is free must have been got. */
const lockPatienceMs = 500;

/** A state folder that is ours until `release`. */
export interface StateDir {
  /** The folder. */
  readonly path: string;
  /** Lets another gateway have it. */
  release(): void;
}

const lockName = "lock";
const othersMayWrite = 0o022;

/** Makes the folder (mode 0700) if need be and takes it; `StartError` when that cannot be. */
export async function holdStateDir(path: string): Promise<StateDir> {
  let file: Deno.FsFile;
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    makePrivate(path);
    file = Deno.openSync(`${path}/${lockName}`, { create: true, write: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`Cannot use state folder ${path}: ${reasonOf(error)}`);
  }
  if (!await lockedSoon(file)) {
    file.close();
    throw new StartError(
      `Cannot use state folder ${path}: another rejoin holds it; stop that one or name another ` +
        `folder with --state-dir`,
    );
  }
  return { path, release: () => file.close() };
}

function makePrivate(path: string): void {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name);
  if (names.length === 0 || names.includes(lockName)) return Deno.chmodSync(path, 0o700);
  const { mode } = Deno.statSync(path);
  if (mode === null || (mode & othersMayWrite) === 0) return;
  const found = (mode & 0o7777).toString(8).padStart(4, "0");
  throw new StartError(
    `Cannot use state folder ${path}: others may write to it (mode ${found}); name one that only ` +
      `its owner uses`,
  );
}

/** Whether the lock was got. Newer runtimes can try; older ones only wait, so they get little time. */
async function lockedSoon(file: Deno.FsFile): Promise<boolean> {
  if ("tryLockSync" in file && typeof file.tryLockSync === "function") {
    return file.tryLockSync(true) === true;
  }
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), lockPatienceMs);
  const locked = file.lock(true).then(() => true);
  const won = await Promise.race([locked, late]);
  clearTimeout(timer);
  return won;
}

/**
 * A file of the folder that holds a secret of `length` octets, made at first use (mode 0600). It
 * appears under its name whole or not at all.
 */
export function secretOf(path: string, length: number, fresh: () => Uint8Array): Uint8Array {
  if (!exists(path)) makeSecret(path, fresh());
  let secret: Uint8Array;
  try {
    secret = Deno.readFileSync(path);
  } catch (error) {
    throw new StartError(`Cannot read key file ${path}: ${reasonOf(error)}`);
  }
  if (secret.length !== length) {
    throw new StartError(
      `Cannot use key file ${path}: it has ${secret.length} octets, needs ${length}; restore it, ` +
        `or remove it and the session store beside it`,
    );
  }
  return secret;
}

function makeSecret(path: string, secret: Uint8Array): void {
  const draft = `${path}.new`;
  try {
    const file = Deno.openSync(draft, { create: true, truncate: true, write: true, mode: 0o600 });
    try {
      file.writeSync(secret);
      file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(draft, path);
    using folder = Deno.openSync(dirname(path), { read: true });
    folder.syncSync();
  } catch (error) {
    throw new StartError(`Cannot make key file ${path}: ${reasonOf(error)}`);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new StartError(`Cannot read key file ${path}: ${reasonOf(error)}`);
  }
}
