/**
 * Everything bad over UDP at the gateway as it runs, while a user works and does not notice. What is sent
 * stands in `tests/support/hostile_program.ts`.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { startClientAt } from "../support/rejoin_client.ts";
import { innerTarget } from "../support/road_warrior.ts";

const program = new URL("../support/hostile_program.ts", import.meta.url).pathname;
const ATTACKERS = 20;
/** What each kind of attack has to be counted as, at the least. */
const causes = [
  "unreadable-bad-length",
  "unknown-ike-spi",
  "ike-sa-init-answered",
  "init-no-proposal-chosen",
  "message-id-outside-window",
  "stale-message-id",
  "unexpected-response",
  "retransmission-answered",
  "malformed-payloads",
] as const;

interopTest("bad input of every kind, and a user who works does not notice", async (scene) => {
  const [victim, attacker] = scene.sites;
  ok(victim !== undefined && attacker !== undefined);
  const hosts = Array.from({ length: ATTACKERS }, (_, i) => `198.18.2.${10 + i}`);
  for (const host of hosts) {
    await attacker.namespace.addAddress(`${host}/24`, attacker.interfaceName);
  }
  await using client = await startClientAt(`${scene.lab.folder}/client`, victim, scene.pki);
  equal((await client.nextEstablished(10_000)).how, "login");
  const before = await scene.gateway.session("alice");
  const source = await client.innerAddress("rejoin1");
  await using work = victim.namespace.start("ping", [
    ...["ping", "-n", "-i", "0.2", "-I", source, innerTarget],
  ]);
  const { clientCert, clientKey } = scene.pki;
  const deno = [Deno.execPath(), "run", "--allow-all", "--no-check", "--cached-only", program];
  const { success, stdout, stderr } = await attacker.namespace.finish(
    [...deno, attacker.gatewayAddress, clientCert, clientKey, ...hosts],
    120_000,
  );
  console.log(stdout.trimEnd());
  ok(success, `${stdout}${stderr}`);

  await work.stop("SIGINT");
  const [, sent = "", received = ""] =
    /(\d+) packets transmitted, (\d+) received/.exec(work.output) ?? [];
  // The last one may be under way when it is stopped.
  ok(Number(sent) > 10 && Number(sent) - Number(received) <= 1, `${sent} sent, ${received} back`);
  equal(client.process.output.match(/\bestablished\b/g)?.length, 1);
  ok(!/\breconnecting\b/.test(client.process.output));
  const after = await scene.gateway.session("alice");
  deepEqual(
    [after?.id, after?.state, after?.addresses, after?.ikeSa?.localSpi],
    [before?.id, "active", before?.addresses, before?.ikeSa?.localSpi],
  );
  const counters = await scene.gateway.counters();
  deepEqual(causes.filter((cause) => (counters[cause] ?? 0) === 0), [], JSON.stringify(counters));
  equal(counters["internal-error"], undefined);
  ok(!scene.gateway.process.hasEnded);
  match(await scene.gateway.show("crypto", "session"), /alice/);
}, { sites: 2 });
