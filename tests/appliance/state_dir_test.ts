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
