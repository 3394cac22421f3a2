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
import { UsageError } from "../config/flag.ts";
import { settle } from "../config/gather.ts";
import { connect } from "../connection.ts";
import { providerOfMachine } from "../crypto.ts";
import { systemRandom } from "../entropy.ts";
import { openLog, writeToStderr } from "../log.ts";
import { PairStore } from "../pair_store.ts";
import { reasonOf, StartError } from "../start_error.ts";
import { holdStateDir, secretOf } from "../state_dir.ts";
import type { Call, CommandDefinition } from "./command.ts";
import { unexpected } from "./operands.ts";

/** The command. */
export const connectCommand: CommandDefinition = {
  words: "connect",
  operands: "HOST",
  summary: "be a client: log in, carry traffic, come back by token",
  notes: "\nA signal logs out; with --park the session waits on the gateway for the next start.",
  flags: connectFlags,
  run: async (call) => {
    const crypto = providerOfMachine();
    let files: ConnectFiles | undefined;
    const settings = settle(connectFlags, call.sources, (gathered) => {
      files = readConnectFiles(gathered.settings, crypto);
      return [...checkConnect(gathered), ...files.problems];
    });
    const [host, extra] = call.operands;
    if (host === undefined) throw unexpected("HOST", "the name or address of a gateway");
    if (extra !== undefined) throw unexpected(extra, "one HOST only");
    if (files === undefined) throw new StartError("Cannot connect: no files were read");
    const connectFiles = files;
    const log = openLog({
      level: settings["log-level"],
      format: settings["log-format"],
      write: writeToStderr,
      nowMs: () => systemClock.now().monotonic,
    });
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
        const login = loginOf(settings, connectFiles, password);
        return await connect({
          gateway,
          tun: settings.tun,
          mtu: settings.mtu,
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

/** From the file, else the environment, else whoever sits there; not asked while a pair is at hand. */
function passwordOf(call: Call, settings: ConnectSettings, isNeeded: boolean): string | undefined {
  if (settings.auth === "cert") return undefined;
  const path = settings["password-file"];
  const given = path === undefined ? call.terminal.env("REJOIN_PASSWORD") : firstLine(call, path);
  if (given !== undefined && given !== "") return given;
  if (!isNeeded) return undefined;
  const typed = call.terminal.askSecret(`Password of ${settings.user}: `);
  if (typed !== undefined && typed !== "") return typed;
  throw new UsageError([{
    name: "password-file",
    ...(path === undefined ? {} : { value: path }),
    wanted: "a file with the password on its first line, or REJOIN_PASSWORD",
  }]);
}

function firstLine(call: Call, path: string): string {
  try {
    return call.terminal.readFile(path).split(/\r?\n/)[0] ?? "";
  } catch (error) {
    throw new UsageError([{
      name: "password-file",
      value: path,
      wanted: `a readable file (${reasonOf(error)})`,
    }]);
  }
}
