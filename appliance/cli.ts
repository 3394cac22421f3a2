/**
 * The command line: words to commands, errors to exit statuses. The only importer of commander, which
 * finds the command, cuts flags from operands and prints help; values and errors are ours.
 *
 * Exit status: 0 done, 1 it could not be done (one line says why), 2 wrong words or flags (all of them
 * are named), 130 interrupted at a question.
 */
import { Command, CommanderError, Option } from "commander";
import { versionText } from "./build_info.ts";
import { type CommandDefinition, sourcesOf, type Terminal } from "./commands/command.ts";
import { commands, groups } from "./commands/all.ts";
import { environmentName, type FlagTable, problemText, UsageError } from "./config/flag.ts";
import { DataplaneError } from "../dataplane/mod.ts";
import { reasonOf, StartError } from "./start_error.ts";
import { systemTerminal } from "./terminal.ts";

/** A flag that stands without the value it needs. No argument can hold a NUL. */
const missingValue = "\0";

/** Runs one command line; the exit status comes back. */
export async function run(
  args: readonly string[],
  terminal: Terminal = systemTerminal,
  definitions: readonly CommandDefinition[] = commands,
): Promise<number> {
  let status = 0;
  const program = programOf(definitions, terminal, (done) => {
    status = done;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    return tell(error, terminal);
  }
}

/** What commander stopped with, and at which command. */
class Stopped extends Error {
  readonly at: string;
  readonly reason: CommanderError;

  constructor(at: string, reason: CommanderError) {
    super(reason.message);
    this.at = at;
    this.reason = reason;
  }
}

/** What a command failed with, and which it was. */
class Failed extends Error {
  readonly at: string;
  readonly reason: unknown;

  constructor(at: string, reason: unknown) {
    super(reasonOf(reason));
    this.at = at;
    this.reason = reason;
  }
}

function programOf(
  definitions: readonly CommandDefinition[],
  terminal: Terminal,
  done: (status: number) => void,
): Command {
  const program = new Command("rejoin");
  program.description("IKEv2 remote-access gateway with automatic reconnect");
  program.version(versionText(), "-V, --version", "version of this program");
  prepare(program, "rejoin", terminal);
  for (const definition of definitions) addCommand(program, definition, terminal, done);
  return program;
}

function prepare(command: Command, path: string, terminal: Terminal): void {
  command.exitOverride((error) => {
    throw new Stopped(path, error);
  });
  command.configureOutput({
    writeOut: terminal.out,
    writeErr: terminal.out,
    outputError: () => {},
  });
  command.configureHelp({
    optionTerm: (option) => option.flags.replace("[", "<").replace("]", ">"),
    optionDescription: (option) => option.description,
    subcommandTerm: (sub) => sub.name(),
  });
  command.helpCommand(false);
}

/** Adds a command under its words; groups such as `show crypto` appear as they are needed. */
function addCommand(
  program: Command,
  definition: CommandDefinition,
  terminal: Terminal,
  done: (status: number) => void,
): void {
  let at = program;
  let path = "rejoin";
  for (const word of definition.words.split(" ")) {
    path += ` ${word}`;
    const known = at.commands.find((command) => command.name() === word);
    const next = known ?? at.command(word);
    if (known === undefined) {
      prepare(next, path, terminal);
      next.summary(groups[path.replace("rejoin ", "")] ?? "");
    }
    at = next;
  }
  at.summary(definition.summary).description(capitalized(definition.summary));
  at.usage(`[flags]${definition.operands === "" ? "" : ` ${definition.operands}`}`);
  if (definition.notes !== undefined) at.addHelpText("after", definition.notes);
  at.allowUnknownOption().allowExcessArguments();
  const args = new Map<string, (string | undefined)[]>();
  for (const option of optionsOf(definition.flags, args)) at.addOption(option);
  at.action(async () => {
    const firstFlag = at.args.findIndex((word) => word.startsWith("-"));
    const cut = definition.operands === "" ? 0 : firstFlag < 0 ? at.args.length : firstFlag;
    const sources = sourcesOf(args, at.args.slice(cut), terminal);
    try {
      done(await definition.run({ operands: at.args.slice(0, cut), sources, terminal }));
    } catch (error) {
      throw new Failed(path, error);
    }
  });
}

/** Options that only gather their texts into `args`. */
function optionsOf(table: FlagTable, args: Map<string, (string | undefined)[]>): Option[] {
  return Object.entries(table).map(([name, flag]) => {
    const gather = (text: string): void => {
      const texts = args.get(name) ?? [];
      texts.push(text === missingValue ? undefined : text);
      args.set(name, texts);
    };
    const form = flag.kind === "switch" ? "" : ` [${flag.form}]`;
    const option = new Option(`--${name}${form}`, helpOf(name, flag));
    option.preset(flag.kind === "switch" ? "true" : missingValue);
    return option.argParser(gather).helpGroup(`${flag.group}:`);
  });
}

function helpOf(name: string, flag: FlagTable[string]): string {
  const more = [environmentName(name)];
  if (flag.kind === "list") more.push("repeatable");
  if (flag.kind !== "switch" && flag.fallback !== undefined) {
    more.push(`default ${flag.fallback}`);
  }
  return `${flag.help} (${more.join(", ")})`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Says what went wrong; the exit status comes back. */
function tell(error: unknown, terminal: Terminal): number {
  if (error instanceof Stopped) return tellStopped(error, terminal);
  // Help that could not be written.
  if (error instanceof StartError) return tell(new Failed("rejoin", error), terminal);
  if (!(error instanceof Failed)) throw error;
  const { at, reason } = error;
  if (reason instanceof UsageError) {
    for (const problem of reason.problems) terminal.err(`${at}: ${problemText(problem)}`);
    return 2;
  }
  if (reason instanceof StartError || reason instanceof DataplaneError) {
    terminal.err(`${at}: ${reasonOf(reason)}`);
    return 1;
  }
  const stack = reason instanceof Error ? reason.stack : undefined;
  terminal.err(`${at}: internal error, please report it: ${stack ?? reasonOf(reason)}`);
  return 1;
}

function tellStopped({ at, reason }: Stopped, terminal: Terminal): number {
  switch (reason.code) {
    case "commander.helpDisplayed":
    case "commander.version":
      return 0;
    case "commander.help":
      // Words are missing: the help was printed instead.
      return 2;
    case "commander.unknownCommand": {
      const word = /'(.*?)'/s.exec(reason.message)?.[1] ?? "";
      const near = /Did you mean (.*?)\?/.exec(reason.message)?.[1];
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      terminal.err(`${at}: ${JSON.stringify(word)}: wanted a command, see ${at} --help${hint}`);
      return 2;
    }
    case "commander.unknownOption": {
      const word = /'(.*?)'/s.exec(reason.message)?.[1] ?? "";
      terminal.err(`${at}: ${word}: wanted a command before its flags, see ${at} --help`);
      return 2;
    }
    default:
      terminal.err(`${at}: ${reason.message.replace(/^error: /, "")}`);
      return 2;
  }
}
