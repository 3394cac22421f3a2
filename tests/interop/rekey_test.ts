/** Rekeys of both SAs while packets flow: new keys, and no packet lost. */
import assert from "node:assert/strict";
import type { CharonIkeSa } from "../support/charon.ts";
import { type InteropScene, interopTest } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";

function onlyChild(
  sa: CharonIkeSa | undefined,
): { readonly spiIn: string; readonly spiOut: string } {
  const installed = sa?.children.filter((child) => child.state === "INSTALLED") ?? [];
  assert.equal(installed.length, 1);
  const { spiIn, spiOut } = installed[0]!;
  return { spiIn, spiOut };
}

async function rekeyUnderTraffic(scene: InteropScene): Promise<void> {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  const before = onlyChild((await client.listSas())[0]);
  const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
  const pinging = ping(scene.site.namespace, innerTarget, { source, count: 40 });
  await client.swanctl("--rekey", "--child", "net");
  const after = await client.untilSas("a new Child SA", ([sa]) => {
    const child = sa?.children.find((it) => it.state === "INSTALLED" && it.spiIn !== before.spiIn);
    return child !== undefined && sa?.children.length === 1 ? child : undefined;
  });
  assert.notEqual(after.spiOut, before.spiOut);
  const answers = await pinging;
  assert.equal(answers.received, answers.sent);
  const [child, ...others] = (await scene.gateway.session("alice"))?.childSas ?? [];
  assert.deepEqual(others, []);
  assert.equal(Number(child?.outboundSpi), Number(`0x${after.spiIn}`));
}

interopTest("the client rekeys the Child SA under traffic and nothing is lost", rekeyUnderTraffic);

interopTest("with a packet loop for each direction a rekey loses nothing", async (scene) => {
  assert.match(scene.gateway.process.output, /loops.*inbound.*outbound/);
  await rekeyUnderTraffic(scene);
}, { flags: { workers: 2 } });

interopTest("the client rekeys the IKE SA under traffic and nothing is lost", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  const [before] = await client.listSas();
  const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
  const pinging = ping(scene.site.namespace, innerTarget, { source, count: 40 });
  await client.swanctl("--rekey", "--ike", "gw");
  const after = await client.untilSas("a new IKE SA alone", (sas) => {
    const [sa] = sas;
    return sas.length === 1 && sa?.state === "ESTABLISHED" &&
        sa.initiatorSpi !== before?.initiatorSpi
      ? sa
      : undefined;
  });
  assert.deepEqual(onlyChild(after), onlyChild(before), "the Child SA moved over as it was");
  const answers = await pinging;
  assert.equal(answers.received, answers.sent);
  const session = await scene.gateway.session("alice");
  assert.equal(session?.ikeSa?.remoteSpi.toLowerCase(), after.initiatorSpi.padStart(16, "0"));
  // The new IKE SA works: a further exchange goes through it.
  await client.swanctl("--rekey", "--child", "net");
  await client.untilSas(
    "a Child SA by the new IKE SA",
    ([sa]) => sa?.children.some((it) => it.spiIn !== onlyChild(before).spiIn) ? true : undefined,
  );
});

interopTest("the gateway rekeys the Child SA when its volume runs out", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  const before = onlyChild((await client.listSas())[0]);
  const [address = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
  const end = { namespace: scene.inside, address: innerTarget };
  const speed = await iperf({ namespace: scene.site.namespace, address }, end, { seconds: 3 });
  assert.ok(speed.bytes > 2560 * 1024, "enough to run out of volume");
  await client.untilSas(
    "a Child SA with other SPIs",
    ([sa]) =>
      sa?.children.some((it) => it.state === "INSTALLED" && it.spiIn !== before.spiIn)
        ? true
        : undefined,
  );
  assert.match(client.process.output, /parsed CREATE_CHILD_SA request/);
  const answers = await ping(scene.site.namespace, innerTarget, { source: address });
  assert.equal(answers.received, answers.sent);
}, { flags: { "esp-lifetime-kbytes": 4096 } });

interopTest("the gateway rekeys the Child SA before its packets run out", async (scene) => {
  const client = await scene.client(scene.site, { auth: "eap" });
  await client.initiate("net");
  const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
  const { stdout } = await scene.site.namespace.finish([
    ...["ping", "-n", "-q", "-c", "3000", "-i", "0.002", "-W", "1", "-I", source, innerTarget],
  ]);
  assert.match(stdout, /3000 packets transmitted, 3000 received/);
  const counters = await scene.gateway.counters();
  assert.ok((counters["child-sa-rekeyed"] ?? 0) >= 3, `${counters["child-sa-rekeyed"]}`);
  assert.equal(counters["hard-limit"], 0);
}, { flags: { "esp-lifetime-packets": 1000 } });
