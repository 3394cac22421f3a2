/** All clients of a gateway come back after it was restarted, over loopback, past the limits that it has by itself. */
import { Lab } from "../../../tests/support/netns.ts";
import { startGateway } from "../../../tests/support/rejoin.ts";
import { gatewayName, makeTestPki } from "../../../tests/support/test_pki.ts";
import { ike, pair, password, users } from "./gateways.ts";
import { runLoad } from "./load.ts";
import { storedPool, storeSessions } from "./stored_sessions.ts";

const host = "127.0.0.1";

/** What came of it. */
export interface PressureReport {
  /** Who is back, with the address of before. */
  readonly returned: number;
  /** Until the last one was. */
  readonly seconds: number;
  /** What 95 of a hundred took at most. */
  readonly p95Ms: number;
  /** How late the event loop of the gateway was at the worst. */
  readonly latestMs: number;
  /** How often it was late by more than a tenth of a second. */
  readonly lateLooks: number;
  readonly storeChanges: number;
  readonly storeCommits: number;
  /** The most memory that the load client had, MB. */
  readonly clientPeakMb: number;
}

/** `count` clients, whose sessions are in the store, come back over `overSeconds`. */
export async function returnUnderPressure(
  count: number,
  overSeconds: number,
): Promise<PressureReport> {
  await using lab = await Lab.create();
  const namespace = await lab.namespace("gw");
  const pki = await makeTestPki(`${lab.folder}/pki`);
  const folder = `${lab.folder}/state`;
  const stays = `${lab.folder}/stays.json`;
  await Deno.writeTextFile(stays, JSON.stringify(await storeSessions(folder, count)));
  await using gateway = await startGateway({
    namespace,
    folder,
    pki,
    flags: {
      pool: storedPool,
      "ike-proposal": ike,
      "log-level": "info",
      // Clients of the load say nothing once they are in.
      dpd: 3600,
    },
  });
  // The start itself is not measured here.
  await gateway.command("clear", "crypto", "ikev2", "stats");
  const report = await runLoad(namespace, {
    gateway: host,
    local: host,
    sources: 100,
    remoteId: gatewayName,
    ca: pki.ca,
    cert: pki.clientCert,
    key: pki.clientKey,
    how: "return",
    concurrency: count,
    ...{ ike, count, overSeconds, users, password, pair, stays },
  });
  const counters = await gateway.counters();
  const { activeCapable } = await gateway.reconnectStats();
  const returned = report.done - report.misplaced;
  if (activeCapable !== report.done) throw new Error(`${activeCapable} sessions are active`);
  return {
    returned,
    seconds: report.seconds,
    p95Ms: report.p95Ms,
    latestMs: counters["loop-latest-ms"] ?? Number.NaN,
    lateLooks: counters["loop-late"] ?? Number.NaN,
    storeChanges: counters["store-changes"] ?? Number.NaN,
    storeCommits: counters["store-commits"] ?? Number.NaN,
    clientPeakMb: report.peakMb,
  };
}
