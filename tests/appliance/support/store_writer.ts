/**
 * Writes versions of a few records until it is killed, and prints `key count` when a write was
 * answered. Arguments: path of the store, names of the records.
 */
import { ReconnectStore } from "../../../appliance/reconnect_store.ts";
import { recordOf, sealingOf } from "./records.ts";

const [path = "", ...names] = Deno.args;
const store = await ReconnectStore.open(path, sealingOf(1), Date.now);
await Promise.all(names.map(async (name) => {
  for (let count = 1;; count++) {
    await store.put(recordOf(name, count, Date.now()));
    Deno.stdout.writeSync(new TextEncoder().encode(`${name} ${count}\n`));
  }
}));
