/** Configurations that a gateway in a simulation is given while it runs, or finds at its next start. */
import type { Policy, PoolRange } from "../../core/gateway/policy.ts";
import { wall } from "../../core/moment.ts";
import { parseCertificate } from "../../core/pki/certificate.ts";
import {
  parseRevocationList,
  type RevocationList,
  serialText,
} from "../../core/pki/revocation_list.ts";
import { buildRevocationList } from "./revocation_lists.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { type SimPki, simStart } from "./sim_pki.ts";
import { range } from "./sim_settings.ts";

const MINUTE = 60_000;
const MONTH = 30 * 24 * 60 * MINUTE;

/** The list of the simulated CA that takes the client's certificate back; older than any jump of the clock. */
export function listOfClient({ ca, caSigner, client }: SimPki): RevocationList {
  const [issuer, taken] = [ca, client.certificate].map(parseCertificate);
  if (issuer?.ok !== true || taken?.ok !== true) throw new TypeError("no certificates");
  const der = buildRevocationList({
    issuer: issuer.value.subject.der,
    thisUpdate: wall(simStart - MONTH),
    serials: [serialText(taken.value.serial)],
  }, caSigner);
  const list = parseRevocationList(der);
  if (!list.ok) throw new TypeError(JSON.stringify(list.fault));
  return list.value;
}

/** What a reload may change: anything but pools. */
export function otherSettings(
  random: SeededRandom,
  { loginMethods }: Policy,
  taken: RevocationList,
): Partial<Policy> {
  return {
    loginMethods: random.pick([loginMethods, loginMethods, [...loginMethods].reverse(), [
      "certificate",
    ]]),
    reconnect: { timeoutMs: random.pick([0, 5 * MINUTE, 30 * MINUTE, 30 * MINUTE]) },
    idleAction: random.pick(["end", "park"]),
    lifetimes: random.pick([
      { ikeMs: 3 * MINUTE, espMs: MINUTE },
      { ikeMs: 20 * MINUTE, espMs: 8 * MINUTE },
    ]),
    dpd: random.pick([
      { intervalMs: 10_000, retryMs: 1_000 },
      { intervalMs: 30_000, retryMs: 2_000 },
    ]),
    fragmentMtu: random.pick([576, 1280]),
    mobike: random.pick(["check-first", "check-first", "move-first", "off"]),
    cookieThreshold: random.pick([0, 1_000]),
    maxSa: random.pick([2, 10_000]),
    ...random.pick([{}, { sessionLifetimeMs: random.pick([15, 240]) * MINUTE }]),
    ...random.pick([{}, {
      reauthentication: { ms: 10 * MINUTE, by: random.pick(["token", "user"] as const) },
    }]),
    ...random.pick([{}, { revocation: { lists: [taken], stale: "refuse" as const } }]),
  };
}

/** What everybody's pool may be after a restart: smaller than what is held, larger, or elsewhere. */
export function otherPool(random: SeededRandom): PoolRange {
  return range(random.pick([
    "10.99.0.2-10.99.0.250",
    "10.99.0.3-10.99.0.4",
    "10.99.0.2-10.99.1.250",
    "10.99.1.2-10.99.1.9",
  ]));
}
