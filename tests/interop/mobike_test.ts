/** MOBIKE with strongSwan in both roles: a client that changes its address keeps its SAs (RFC 4555). */
import assert from "node:assert/strict";
import { interopTest, swanGatewayTest } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { startClientAt } from "../support/rejoin_client.ts";
import { type ClientSite, innerTarget } from "../support/road_warrior.ts";

/** Gives a client a second address and takes the first one away; the second. */
async function changeAddress(site: ClientSite): Promise<string> {
  const { namespace, interfaceName, address, gatewayAddress } = site;
  const other = address.replace(/\.\d+$/, ".77");
  const promotes = `net.ipv4.conf.${interfaceName}.promote_secondaries=1`;
  await namespace.run("sysctl", "-q", promotes);
  await namespace.addAddress(`${other}/24`, interfaceName);
  await namespace.run("ip", "address", "del", `${address}/24`, "dev", interfaceName);
  await namespace.run("ip", "route", "replace", "default", "via", gatewayAddress);
  return other;
}

for (const mobike of ["check-first", "move-first"] as const) {
  interopTest(
    `strongSwan changes its address in the middle of a transfer (${mobike})`,
    async (scene) => {
      const { site, gateway } = scene;
      const client = await scene.client(site, { auth: "eap" }, { roams: true });
      await client.initiate("net");
      const [before] = await client.listSas();
      const session = await gateway.session("alice");
      const [address = ""] = session?.addresses ?? [];
      const end = { namespace: scene.inside, address: innerTarget };
      const transfer = iperf({ namespace: site.namespace, address }, end, { seconds: 6 });
      await client.untilSas("some traffic", ([sa]) => {
        return (sa?.children[0]?.bytesOut ?? 0) > 1_000_000 ? true : undefined;
      });
      const other = await changeAddress(site);
      const moved = await gateway.untilSession(
        "alice",
        "at the other address",
        (it) => it?.lastRemote.startsWith(`${other}:`) === true,
      );
      const { bytes } = await transfer;
      assert.ok(bytes > 10_000_000, `${bytes} octets`);
      assert.equal(moved?.ikeSa?.localSpi, session?.ikeSa?.localSpi);
      assert.deepEqual(moved?.addresses, session?.addresses);
      const [after] = await client.listSas();
      // Its Child SAs in user space cannot move: strongSwan rekeys them, on the IKE SA that did.
      assert.equal(after?.initiatorSpi, before?.initiatorSpi);
      const answers = await ping(site.namespace, innerTarget, { source: address, count: 10 });
      assert.equal(answers.received, answers.sent);
      const counters = await gateway.counters();
      assert.ok((counters["address-update"] ?? 0) >= 1);
      assert.ok((counters["address-proven"] ?? 0) >= 1, "strongSwan answered the cookie");
      assert.equal(counters["aaa-question"], 1);
    },
    { flags: { mobike } },
  );
}

interopTest("strongSwan hears nothing of MOBIKE where it is off", async (scene) => {
  const { site, gateway } = scene;
  const client = await scene.client(site, { auth: "eap" }, { roams: true });
  await client.initiate("net");
  assert.match(client.process.output, /establish/i);
  assert.doesNotMatch(client.process.output, /peer supports MOBIKE/);
  assert.equal((await gateway.counters())["address-update"] ?? 0, 0);
}, { flags: { mobike: "off" } });

swanGatewayTest(
  "our client changes its address and keeps its SAs at a strongSwan gateway",
  async ({ server, client, site, source }) => {
    const [before] = await server.listSas();
    const pinging = ping(site.namespace, innerTarget, { source, count: 60 });
    const other = await changeAddress(site);
    await client.process.waitFor(/\bmoved\b/, 10_000);
    const answers = await pinging;
    assert.ok(answers.received > answers.sent / 2, `${answers.received} of ${answers.sent}`);
    const more = await ping(site.namespace, innerTarget, { source, count: 10 });
    assert.equal(more.received, more.sent);
    const [after] = await server.listSas();
    assert.equal(after?.initiatorSpi, before?.initiatorSpi);
    assert.match(server.process.output, /parsed INFORMATIONAL request \d+ \[ N\(UPD_SA_ADDR\)/);
    assert.doesNotMatch(client.process.output, /reconnecting/);
    assert.match(await server.swanctl("--list-sas"), new RegExp(`remote .*@ ${other}\\[`));
  },
);

interopTest("our client changes its address and keeps its SAs", async (scene) => {
  const { site, gateway } = scene;
  await using client = await startClientAt(`${scene.lab.folder}/client`, site, scene.pki);
  await client.nextEstablished(10_000);
  const session = await gateway.session("alice");
  const [source = ""] = session?.addresses ?? [];
  const other = await changeAddress(site);
  await client.process.waitFor(/\bmoved\b/, 10_000);
  const moved = await gateway.session("alice");
  assert.ok(moved?.lastRemote.startsWith(`${other}:`), moved?.lastRemote);
  assert.equal(moved?.ikeSa?.localSpi, session?.ikeSa?.localSpi);
  const answers = await ping(site.namespace, innerTarget, { source, count: 10 });
  assert.equal(answers.received, answers.sent);
  assert.equal(moved?.reconnect?.count, 0);
  assert.doesNotMatch(client.process.output, /reconnecting/);
});
