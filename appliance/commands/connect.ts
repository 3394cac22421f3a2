/** `rejoin connect HOST`: settles flags, host and password, then runs the connection. */
import { lookup } from "node:dns/promises";
import { type IpAddress, parseIpAddress } from "../../core/mod.ts";
import { systemClock } from "../clock.ts";
import {
  checkConnect,
  compileClient,
  type ConnectFiles,
  loginOf,
  readConnectFiles,
} from "../config/connect_compile.ts";
import { connectFlags, type ConnectSettings } from "../config/connect_flags.ts";
import type { FlagProblem } from "../config/flag.ts";
import { settle } from "../config/gather.ts";
import { packetOptions } from "../config/packet_options.ts";
import { connect } from "../connection.ts";
import { providerOfMachine, tellSlowCrypto } from "../crypto.ts";
import { systemRandom } from "../entropy.ts";
import { openLog, writeToStderr } from "../log.ts";
import { PairStore } from "../pair_store.ts";
import { reasonOf, StartError } from "../start_error.ts";
import { holdStateDir, secretOf } from "../state_dir.ts";
import type { Call, CommandDefinition } from "./command.ts";
import { givenAnswer, givenPassword, passwordFrom } from "./password.ts";

/** The command. */
export const connectCommand: CommandDefinition = {
  words: "connect",
  operands: "HOST",
  summary: "be a client: log in, carry traffic, come back by token",
  notes: "\nA signal logs out; with --park the session waits on the gateway for the next start.\n" +
    "SIGUSR2 begins to rekey both SAs.\n" +
    "A second factor cannot be asked for while it runs: --answer-file or REJOIN_ANSWER give it.",
  flags: connectFlags,
  run: async (call) => {
    const crypto = providerOfMachine();
    let files: ConnectFiles | undefined;
    const settings = settle(connectFlags, call.sources, (gathered) => {
      files = readConnectFiles(gathered.settings, crypto);
      return [...hostProblems(call), ...checkConnect(gathered), ...files.problems];
    });
    const [host = ""] = call.operands;
    if (files === undefined) throw new StartError("Cannot connect: no files were read");
    const connectFiles = files;
    const log = openLog({
      level: settings["log-level"],
      format: settings["log-format"],
      write: writeToStderr,
      nowMs: () => systemClock.now().monotonic,
    });
    tellSlowCrypto(log);
    const gateway = { address: await addressOf(host), port: settings.port };
    const state = await holdStateDir(settings["state-dir"]);
    try {
      const masterKey = secretOf(`${state.path}/pair.key`, 32, () => systemRandom.bytes(32));
      const sealing = { crypto, random: systemRandom, masterKey };
      const name = `${settings.user ?? settings.cert ?? ""}@${host}`;
      const pairs = await PairStore.open(`${state.path}/pair.kv`, sealing, name);
      try {
        const pair = settings["without-reconnect"] ? undefined : await pairs.load();
        const password = passwordOf(call, settings, pair === undefined);
        const answer = settings.auth === "anyconnect-eap"
          ? givenAnswer(call.terminal, settings["answer-file"])
          : undefined;
        const login = loginOf(settings, connectFiles, { password, answer });
        return await connect({
          gateway,
          packets: packetOptions(settings),
          exitAfterSeconds: settings["exit-after"],
          park: settings.park,
          crypto,
          log,
          pairs,
          pair,
          settingsFor: (local) =>
            compileClient(settings, connectFiles, { host, gateway, local, login }),
        });
      } finally {
        pairs.close();
      }
    } finally {
      state.release();
    }
  },
};

function hostProblems({ operands: [host, extra] }: Call): readonly FlagProblem[] {
  if (host === undefined) {
    return [{ name: "-", value: "HOST", wanted: "the name or address of a gateway" }];
  }
  return extra === undefined ? [] : [{ name: "-", value: extra, wanted: "one HOST only" }];
}

/** The first address of a name. */
async function addressOf(host: string): Promise<IpAddress> {
  const literal = parseIpAddress(host);
  if (literal !== undefined) return literal;
  try {
    const found = parseIpAddress((await lookup(host)).address);
    if (found !== undefined) return found;
  } catch (error) {
    throw new StartError(`Cannot find gateway ${host}: ${reasonOf(error)}`);
  }
  throw new StartError(`Cannot find gateway ${host}: it has no address`);
}

/** Not asked for while a pair is at hand: then it is only needed should the pair be refused. */
function passwordOf(call: Call, settings: ConnectSettings, isNeeded: boolean): string | undefined {
  // Without a user a certificate is all there is to log in with.
  if (settings.auth === "cert" || settings.user === undefined) return undefined;
  const path = settings["password-file"];
  return isNeeded
    ? passwordFrom(call.terminal, path, settings.user, false)
    : givenPassword(call.terminal, path);
}
