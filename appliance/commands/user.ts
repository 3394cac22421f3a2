/** `rejoin user …`: keeps a users file, which a running gateway reads again by itself. */
import { optional, toggle } from "../config/define.ts";
import { type FlagProblem, UsageError } from "../config/flag.ts";
import { filePath, plainText } from "../config/forms.ts";
import { type Gathered, settle } from "../config/gather.ts";
import { addUser, listUsers, removeUser, setPassword } from "../users/users_file.ts";
import type { Call, CommandDefinition } from "./command.ts";
import { unexpected } from "./operands.ts";
import { passwordFrom } from "./password.ts";

const group = "Users";

const fileFlags = { users: optional(group, filePath, "users file, as given to rejoin serve") };

const passwordFlags = {
  ...fileFlags,
  "password-file": optional(
    group,
    filePath,
    "file whose first line is the password; else REJOIN_PASSWORD, else it is asked",
  ),
};

const addFlags = {
  ...passwordFlags,
  group: optional(group, plainText, "group of the user"),
  "without-mschap": toggle(group, "keep no NT hash: the user cannot use EAP-MSCHAPv2"),
};

const listFlags = { ...fileFlags, json: toggle("Output", "as JSON") };

const add: CommandDefinition = {
  words: "user add",
  operands: "NAME",
  summary: "add a user",
  flags: addFlags,
  run: async (call) => {
    const settings = settle(addFlags, call.sources, needFile);
    const name = nameIn(call);
    await addUser(settings.users ?? "", {
      name,
      password: passwordFrom(call.terminal, settings["password-file"], name, true),
      ...(settings.group === undefined ? {} : { group: settings.group }),
      withoutMschap: settings["without-mschap"],
    });
    return 0;
  },
};

const set: CommandDefinition = {
  words: "user set-password",
  operands: "NAME",
  summary: "give a user another password",
  flags: passwordFlags,
  run: async (call) => {
    const settings = settle(passwordFlags, call.sources, needFile);
    const name = nameIn(call);
    const password = passwordFrom(call.terminal, settings["password-file"], name, true);
    await setPassword(settings.users ?? "", name, password);
    return 0;
  },
};

const remove: CommandDefinition = {
  words: "user remove",
  operands: "NAME",
  summary: "take a user out; sessions go on, see rejoin clear",
  flags: fileFlags,
  run: async (call) => {
    const settings = settle(fileFlags, call.sources, needFile);
    await removeUser(settings.users ?? "", nameIn(call));
    return 0;
  },
};

const list: CommandDefinition = {
  words: "user list",
  operands: "",
  summary: "the users of a file",
  flags: listFlags,
  run: (call) => {
    const settings = settle(listFlags, call.sources, needFile);
    const users = listUsers(settings.users ?? "");
    if (settings.json) {
      call.terminal.out(`${JSON.stringify({ users }, undefined, 2)}\n`);
      return Promise.resolve(0);
    }
    for (const user of users) {
      const notes = [user.group, user.hasNtHash ? undefined : "without EAP-MSCHAPv2"];
      const shown = notes.filter((note) => note !== undefined).join(", ");
      call.terminal.out(`${user.name}${shown === "" ? "" : `  (${shown})`}\n`);
    }
    return Promise.resolve(0);
  },
};

/** Everything about users. */
export const userCommands: readonly CommandDefinition[] = [add, set, remove, list];

function needFile(gathered: Gathered<typeof fileFlags>): readonly FlagProblem[] {
  return gathered.settings.users === undefined ? [{ name: "users", wanted: "the users file" }] : [];
}

function nameIn(call: Call): string {
  const [name, extra] = call.operands;
  if (name === undefined) {
    throw new UsageError([{ name: "-", value: "NAME", wanted: "a user name" }]);
  }
  if (extra !== undefined) throw unexpected(extra, "one NAME only");
  return name;
}
