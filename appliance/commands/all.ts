/** All commands, in the order of help. */
import { clearCommands } from "./clear.ts";
import type { CommandDefinition } from "./command.ts";
import { debugCommand } from "./debug.ts";
import { serveCommand } from "./serve.ts";
import { connectCommand } from "./connect.ts";
import { profileCommand } from "./profile.ts";
import { rekeyCommand } from "./rekey.ts";
import { reloadCommand } from "./reload.ts";
import { showCommands } from "./show.ts";
import { pkiCommands } from "./pki.ts";
import { userCommands } from "./user.ts";
import { versionCommand } from "./version.ts";

/** The list. */
export const commands: readonly CommandDefinition[] = [
  serveCommand,
  connectCommand,
  ...showCommands,
  ...clearCommands,
  rekeyCommand,
  reloadCommand,
  debugCommand,
  ...userCommands,
  ...pkiCommands,
  profileCommand,
  versionCommand,
];

/** What the words mean that only lead to commands. */
export const groups: Readonly<Record<string, string>> = {
  "show": "what the running gateway knows",
  "show crypto": "sessions, IKE SAs, counters",
  "show crypto ikev2": "IKE SAs, sessions, counters",
  "show aaa": "AAA servers",
  "show ip": "inner addresses",
  "show ip local": "inner addresses",
  "clear": "end sessions, set counters to zero",
  "clear crypto": "end sessions, set counters to zero",
  "clear crypto ikev2": "set counters to zero",
  "clear aaa": "set counters to zero",
  "clear aaa counters": "set counters to zero",
  "debug": "what the gateway does, as it happens",
  "debug crypto": "what the gateway does, as it happens",
  "user": "the users file",
  "pki": "certificates for a lab or a small site",
};
