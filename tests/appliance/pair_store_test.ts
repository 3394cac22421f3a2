import assert from "node:assert/strict";
import { PairStore } from "../../appliance/pair_store.ts";
import { StartError } from "../../appliance/start_error.ts";
import { sealingOf } from "./support/records.ts";

const pair = { sessionId: "rIUHKccDRiUtFTATwq", token: "t0ken".repeat(8) };

Deno.test("a pair is kept sealed for one gateway and user, until it is forgotten", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/pair.kv`;
  try {
    const open = (name: string, key = 1): Promise<PairStore> =>
      PairStore.open(path, sealingOf(key), name);
    const store = await open("ann@gw");
    assert.equal(await store.load(), undefined);
    await store.save(pair);
    store.close();
    for (const entry of Deno.readDirSync(folder)) {
      const file = `${folder}/${entry.name}`;
      assert.equal((Deno.statSync(file).mode ?? 0) & 0o077, 0, entry.name);
      assert.ok(!new TextDecoder("latin1").decode(Deno.readFileSync(file)).includes(pair.token));
    }
    for (
      const [name, key, wanted] of [["ann@gw", 1, pair], ["bob@gw", 1, undefined], [
        "ann@gw",
        2,
        undefined,
      ]] as const
    ) {
      const again = await open(name, key);
      assert.deepEqual(await again.load(), wanted);
      again.close();
    }
    const last = await open("ann@gw");
    await last.forget();
    assert.equal(await last.load(), undefined);
    last.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file that is no store is one clear line", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "nonsense ".repeat(1000));
  await assert.rejects(PairStore.open(path, sealingOf(1), "a"), StartError);
  await Deno.remove(path);
});
