/** A flood of IKE_SA_INIT over UDP: who has a session keeps it, and comes back. */
import assert from "node:assert/strict";
import type { SessionFacts } from "../../appliance/show/facts.ts";
import type { Background } from "../support/background.ts";
import { type InteropScene, interopTest } from "../support/interop.ts";
import type { Namespace } from "../support/netns.ts";
import { ping } from "../support/netns.ts";
import { startClientAt } from "../support/rejoin_client.ts";
import { innerTarget } from "../support/road_warrior.ts";

const program = new URL("../support/flood_program.ts", import.meta.url).pathname;

/** Begins to flood the gateway from sources that nobody has. */
async function startFlood(
  { inside }: InteropScene,
  namespace: Namespace,
  [from, gateway]: readonly [string, string],
): Promise<Background> {
  await namespace.run("ip", "route", "add", "local", "10.128.0.0/9", "dev", "lo");
  await inside.run("ip", "route", "add", "10.128.0.0/9", "via", from);
  const flood = namespace.start("flood", [
    ...[Deno.execPath(), "run", "--allow-all", "--no-check", program, gateway, "500"],
  ]);
  await flood.waitFor(/flooding/, 20_000);
  return flood;
}

/** Which SA of a kind a session has now. */
function spiOf(session: SessionFacts | undefined, what: "ike" | "child"): string | undefined {
  return what === "ike" ? session?.ikeSa?.localSpi : session?.childSas.at(-1)?.inboundSpi;
}

interopTest(
  "under a flood of spoofed IKE_SA_INITs a session rekeys, carries packets and comes back",
  async (scene) => {
    const [site, other] = scene.sites;
    assert.ok(site && other);
    const folder = `${scene.lab.folder}/client`;
    await using first = await startClientAt(folder, site, scene.pki);
    assert.equal((await first.nextEstablished(10_000)).how, "login");
    const before = await scene.gateway.session("alice");
    const [source = ""] = before?.addresses ?? [];
    const reaches = async (): Promise<void> => {
      const { received } = await ping(site.namespace, innerTarget, { source });
      assert.ok(received > 0, "packets pass");
    };
    await using flood = await startFlood(scene, other.namespace, [
      other.address,
      other.gatewayAddress,
    ]);
    for (const what of ["child", "ike", "child"] as const) {
      const spi = spiOf(await scene.gateway.session("alice"), what);
      assert.equal(await scene.gateway.rekey(what), 1);
      await scene.gateway.untilSession(
        "alice",
        `rekeyed (${what})`,
        (session) => ![undefined, spi].includes(spiOf(session, what)),
      );
      await reaches();
    }
    await first.process.stop("SIGKILL");
    await using second = await startClientAt(folder, site, scene.pki);
    const back = await second.nextEstablished(15_000);
    assert.equal(back.how, "reconnect");
    await reaches();
    await flood.stop("SIGTERM");
    const { asked, answered, longestAnswer, question } = JSON.parse(
      /\{.*\}/.exec(flood.output)?.[0] ?? "{}",
    );
    console.log(`${asked} asked, ${answered} answered; back in ${back.tookMs} ms`);
    assert.ok(asked > 20_000, `${asked} questions`);
    assert.ok(answered > 0 && longestAnswer <= question, `${longestAnswer} for ${question}`);
    const after = await scene.gateway.session("alice");
    assert.deepEqual(after?.addresses, before?.addresses);
    assert.equal(after?.reconnect?.count, 1, "and came back once");
    const counters = await scene.gateway.counters();
    assert.equal(counters["aaa-question"], 1);
    assert.ok((counters["cookie-sent"] ?? 0) > 1_000);
  },
  { sites: 2, flags: { "cookie-threshold": 20 } },
);
