/** Entry point of the `rejoin` executable: hands the arguments to the command line. */
import { run } from "./appliance/cli.ts";

if (import.meta.main) Deno.exit(await run(Deno.args));
