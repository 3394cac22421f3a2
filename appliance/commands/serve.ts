/** `rejoin serve`: settles everything that can be settled without touching anything, then runs. */
import { serveFlags } from "../config/serve_flags.ts";
import { checkServe } from "../config/serve_checks.ts";
import { poolsOf } from "../config/compile.ts";
import { settle } from "../config/gather.ts";
import {
  givenCredentials,
  readServeFiles,
  type ServeFiles,
  validityWarning,
} from "../config/serve_files.ts";
import { systemClock } from "../clock.ts";
import { providerOfMachine, tellSlowCrypto } from "../crypto.ts";
import { serve } from "../daemon.ts";
import { openLog, writeToStderr } from "../log.ts";
import type { CommandDefinition } from "./command.ts";

/** The command. */
export const serveCommand: CommandDefinition = {
  words: "serve",
  operands: "",
  summary: "run the gateway",
  notes: "\nA working lab: rejoin serve --pool 192.168.20.0/24 --user test:cisco",
  flags: serveFlags,
  run: async (call) => {
    const crypto = providerOfMachine();
    let files: ServeFiles | undefined;
    const settings = settle(serveFlags, call.sources, (gathered) => {
      const read = files = readServeFiles(gathered.settings, crypto);
      const problems = checkServe(gathered, (name) => read.accessLists.get(name));
      return [...problems, ...read.problems];
    });
    const pools = poolsOf(settings);
    const credentials = files === undefined ? undefined : givenCredentials(settings, files);
    const log = openLog({
      level: settings["log-level"],
      format: settings["log-format"],
      write: writeToStderr,
      nowMs: () => systemClock.now().monotonic,
    });
    tellSlowCrypto(log);
    for (const certificate of files?.certificates ?? []) {
      const problem = validityWarning(certificate, systemClock.now().wall);
      if (problem === undefined) continue;
      log.tell("warning", "certificate-validity", { subject: certificate.subject.text, problem });
    }
    const clientCas = (files?.clientCas ?? []).map(({ der }) => der);
    const { radiusSecrets = [], radiusTls, dynamicAuthorSecret, accessLists = new Map() } = files ??
      {};
    return await serve({
      settings,
      crypto,
      pools,
      credentials,
      clientCas,
      radiusSecrets,
      radiusTls,
      dynamicAuthorSecret,
      accessLists,
      log,
    });
  },
};
