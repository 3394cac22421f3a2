import assert from "node:assert/strict";
import { StartError } from "../../appliance/start_error.ts";
import { holdStateDir, secretOf } from "../../appliance/state_dir.ts";

Deno.test("the state folder is private, and a second gateway on it is refused", async () => {
  const parent = await Deno.makeTempDir();
  const path = `${parent}/a/b`;
  try {
    const held = await holdStateDir(path);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
    await assert.rejects(holdStateDir(path), (error: Error) => {
      assert.ok(error instanceof StartError);
      assert.match(error.message, /another rejoin holds it/);
      return true;
    });
    held.release();
    (await holdStateDir(path)).release();
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});

Deno.test("a secret is made once, private, and read back; a damaged one is refused", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/key`;
    const made = secretOf(path, 4, () => Uint8Array.of(1, 2, 3, 4));
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(secretOf(path, 4, () => Uint8Array.of(9, 9, 9, 9)), made);
    Deno.writeFileSync(path, Uint8Array.of(1));
    assert.throws(() => secretOf(path, 4, () => made), /has 1 octets, needs 4/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a folder that somebody else uses keeps its mode, and is refused if others may write", async () => {
  const path = await Deno.makeTempDir();
  const mode = (): number => (Deno.statSync(path).mode ?? 0) & 0o7777;
  try {
    Deno.writeTextFileSync(`${path}/of-somebody-else`, "");
    Deno.chmodSync(path, 0o1777);
    await assert.rejects(holdStateDir(path), (error: Error) => {
      assert.ok(error instanceof StartError);
      assert.match(error.message, /: others may write to it \(mode 1777\); name one/);
      return true;
    });
    assert.equal(mode(), 0o1777);
    assert.throws(() => Deno.statSync(`${path}/lock`), Deno.errors.NotFound);
    Deno.chmodSync(path, 0o755);
    (await holdStateDir(path)).release();
    assert.equal(mode(), 0o755);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("an empty folder becomes private, whatever it was", async () => {
  const path = await Deno.makeTempDir();
  try {
    Deno.chmodSync(path, 0o777);
    (await holdStateDir(path)).release();
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
