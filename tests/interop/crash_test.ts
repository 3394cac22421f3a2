/** Quick crash detection from end to end: a client that says nothing is back soon after a restart (RFC 6290). */
import assert from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { startClientAt } from "../support/rejoin_client.ts";
import { innerTarget } from "../support/road_warrior.ts";

for (const [signal, name] of [["SIGKILL", "kill -9"], ["SIGTERM", "an orderly end"]] as const) {
  interopTest(`after ${name} of the gateway a silent client is back at once`, async (scene) => {
    await using client = await startClientAt(`${scene.lab.folder}/client`, scene.site, scene.pki);
    await client.nextEstablished(10_000);
    const before = await scene.gateway.session("alice");
    scene.gateway = await scene.gateway.restart(signal);
    // Its own liveness check would come after half a minute.
    const ready = performance.now();
    assert.equal((await client.nextEstablished(5_000)).how, "reconnect");
    const tookMs = performance.now() - ready;
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    assert.match(client.process.output, /reconnecting\b.*\bwhy=peer-restarted/);
    const after = await scene.gateway.session("alice");
    assert.deepEqual(after?.addresses, before?.addresses);
    assert.equal(after?.reconnect?.count, 1);
    const counters = await scene.gateway.counters();
    assert.equal(counters["aaa-question"] ?? 0, 0);
    assert.equal(counters["crash-notice-sent"], 1);
    const [source = ""] = after?.addresses ?? [];
    const answers = await ping(scene.site.namespace, innerTarget, { source });
    assert.equal(answers.received, answers.sent);
  });
}
