/** The load client as a program that is waited for. */
import type { Namespace } from "../../../tests/support/netns.ts";
import type { LoadOrder, LoadReport } from "./load_client.ts";

const program = new URL("./load_client.ts", import.meta.url).pathname;

/** What a load came to. */
export type LoadEnd = LoadReport & { readonly kind: "end" };

/** Runs a load in a namespace; `begun` is called when it begins to be measured. */
export async function runLoad(
  namespace: Namespace,
  order: LoadOrder,
  begun: () => void = () => {},
): Promise<LoadEnd> {
  const command = [Deno.execPath(), "run", "--no-check", "-A", program, JSON.stringify(order)];
  await using load = namespace.start("load client", command);
  await load.waitFor(/"begin"/, 120_000);
  begun();
  const [line = ""] = await load.waitFor(/\{"kind":"end".*\}/, 300_000);
  return JSON.parse(line) as LoadEnd;
}
