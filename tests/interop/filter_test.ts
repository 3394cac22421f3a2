/** What RADIUS says that a user may send is what gets through, for as long as the session lives. */
import assert from "node:assert/strict";
import type { SessionFacts } from "../../appliance/show/facts.ts";
import type { FreeRadius } from "../support/free_radius.ts";
import type { InteropScene } from "../support/interop.ts";
import { iperf, ping } from "../support/netns.ts";
import { connect, radiusInterop, withRadius } from "../support/radius_scene.ts";
import type { RejoinClient } from "../support/rejoin_client.ts";
import { innerTarget } from "../support/road_warrior.ts";

const open = 8443;
const shut = 8080;
const answerer = new URL("../support/port_answerer.ts", import.meta.url).pathname;

const users = `
carol Cleartext-Password := "carolpw"
	Cisco-AVPair = "ip:inacl#30=deny ip any any log",
	Cisco-AVPair += "ip:inacl#10=permit tcp any host ${innerTarget} eq 5201 ${open}",
	Cisco-AVPair += "ip:inacl#20=permit icmp any any echo"
dave Cleartext-Password := "davepw"
	Filter-Id = "office.in"
erin Cleartext-Password := "erinpw"
	Filter-Id = "nowhere"
frank Cleartext-Password := "frankpw"
	Class = "OU=consultants"
`;

/** Starts the server, a gateway that asks it, and somebody inside who answers on both ports. */
async function withFilters(
  scene: InteropScene,
  run: (server: FreeRadius) => Promise<void>,
): Promise<void> {
  const { lab: { folder }, inside } = scene;
  const lists = `${folder}/lists`;
  const rule = `permit tcp any host ${innerTarget} eq ${open}`;
  await Deno.writeTextFile(lists, `ip access-list extended office\n ${rule}\n`);
  await using target = inside.start("port answerer", [
    ...[Deno.execPath(), "run", "--allow-net", "--no-check", answerer],
    ...[innerTarget, `${open}`, `${shut}`],
  ]);
  await target.waitFor(/listening/, 15_000);
  const flags = {
    "access-list-file": lists,
    group: "consultants:filter=office",
    "esp-lifetime-kbytes": 2560,
  };
  await withRadius(scene, run, { flags, users });
}

/** Logs a user in, or brings one back. */
function visit(scene: InteropScene, user: string): Promise<RejoinClient> {
  return connect(scene, "eap-mschapv2", { user });
}

/** Whether somebody answers on a TCP port behind the gateway. */
async function answers({ site }: InteropScene, tcpPort: number): Promise<boolean> {
  const question = `exec 3<>/dev/tcp/${innerTarget}/${tcpPort} && head -c 4 <&3`;
  const { stdout } = await site.namespace.finish(["timeout", "2", "bash", "-c", question]);
  return stdout === "here";
}

async function sessionOf({ gateway }: InteropScene, user: string): Promise<SessionFacts> {
  const session = await gateway.session(user);
  assert.ok(session !== undefined);
  return session;
}

/** The one port answers, the other does not, and what was dropped is counted. */
async function assertFiltered(scene: InteropScene, user: string, name: string): Promise<void> {
  const before = (await sessionOf(scene, user)).filter;
  assert.equal(before?.name, name);
  assert.equal(await answers(scene, open), true);
  assert.equal(await answers(scene, shut), false);
  const after = (await sessionOf(scene, user)).filter;
  assert.ok((after?.drops ?? 0) > before.drops, JSON.stringify([before, after]));
}

radiusInterop(
  "rules from RADIUS hold over a rekey, a return without RADIUS and a gateway that is killed",
  (scene) =>
    withFilters(scene, async (server) => {
      await using first = await visit(scene, "carol");
      assert.equal((await first.nextEstablished(10_000)).how, "login");
      await assertFiltered(scene, "carol", "per-user");
      const { addresses: [source = ""], childSas: [child] } = await sessionOf(scene, "carol");
      assert.equal((await ping(scene.site.namespace, innerTarget, { source })).received, 3);

      // More than a Child SA may carry.
      await iperf(
        { namespace: scene.site.namespace, address: source },
        { namespace: scene.inside, address: innerTarget },
        { seconds: 1, args: ["--bitrate", "24M"] },
      );
      await scene.gateway.untilSession(
        "carol",
        "rekeyed",
        (session) =>
          session?.childSas.length === 1 && session.childSas[0]?.inboundSpi !== child?.inboundSpi,
      );
      await assertFiltered(scene, "carol", "per-user");

      await server.process.stop();
      await first.process.stop("SIGKILL");
      await using second = await visit(scene, "carol");
      assert.equal((await second.nextEstablished(10_000)).how, "reconnect");
      await assertFiltered(scene, "carol", "per-user");

      await second.process.stop("SIGKILL");
      scene.gateway = await scene.gateway.restart("SIGKILL");
      assert.equal((await sessionOf(scene, "carol")).filter?.name, "per-user");
      await using third = await visit(scene, "carol");
      assert.equal((await third.nextEstablished(10_000)).how, "reconnect");
      await assertFiltered(scene, "carol", "per-user");
      assert.equal((await scene.gateway.counters())["radius-requests"] ?? 0, 0);
      assert.ok(((await scene.gateway.counters())["filtered"] ?? 0) > 0);
    }),
);

radiusInterop(
  "Filter-Id and groups name an access list of the gateway; one that is not there lets nobody in",
  (scene) =>
    withFilters(scene, async () => {
      await using dave = await visit(scene, "dave");
      assert.equal((await dave.nextEstablished(10_000)).how, "login");
      await assertFiltered(scene, "dave", "office");
      assert.match(
        await scene.gateway.show("crypto", "session", "detail"),
        /^Inbound access list: office drop [1-9]\d*$/m,
      );
      assert.equal(
        await scene.gateway.show("access-lists"),
        `Extended IP access list office\n    10 permit tcp any host ${innerTarget} eq ${open}\n`,
      );
      await dave.process.stop("SIGTERM");
      await using frank = await visit(scene, "frank");
      assert.equal((await frank.nextEstablished(10_000)).how, "login");
      await assertFiltered(scene, "frank", "office");
      await frank.process.stop("SIGTERM");
      await using erin = await visit(scene, "erin");
      await erin.process.status();
      assert.equal(await scene.gateway.session("erin"), undefined);
      assert.equal((await scene.gateway.counters())["radius-filter-unusable"], 1);
      assert.match(scene.gateway.process.output, /radius-filter-unusable.*Filter-Id.*nowhere/);
    }),
);
