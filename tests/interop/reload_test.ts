/** A reload while somebody is connected: nothing of theirs ends, and who comes next gets what is new. */
import assert from "node:assert/strict";
import { interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import type { RejoinGateway } from "../support/rejoin.ts";
import { innerTarget } from "../support/road_warrior.ts";
import { issueGatewayAnew } from "../support/test_pki.ts";

interopTest(
  "a session goes on over reloads; a new login gets the new certificate",
  async (scene) => {
    const [first, second] = scene.sites;
    assert.ok(first !== undefined && second !== undefined);
    const flagsFile = `${scene.lab.folder}/flags`;
    await Deno.writeTextFile(flagsFile, "dns 10.0.0.53\n");
    scene.gateway = await scene.gateway.restart("SIGTERM", { "flags-file": flagsFile });
    const alice = await scene.client(first, { auth: "eap" });
    await alice.initiate("net");
    const before = await scene.gateway.session("alice");
    const [source = ""] = before?.addresses ?? [];
    const going = ping(first.namespace, innerTarget, { source, count: 60 });

    await issueGatewayAnew(scene.pki, "CN=gw.example.test, O=Renewed");
    await Deno.writeTextFile(flagsFile, "dns 10.0.0.54\nmtu 1300\n");
    assert.deepEqual(await scene.gateway.command("reload"), {
      success: true,
      stdout: "reloaded, with other values of --dns and other contents of --cert\n" +
        "wait for a restart: --mtu\n",
      stderr: "",
    });
    await assertRefused(scene.gateway, scene.pki.gatewayCert);
    const bob = await scene.client(second, { auth: "eap", user: "bob" }, {
      connection: "send_certreq = yes",
    });
    await bob.initiate("net");
    assert.match(bob.process.output, /received end entity cert ".*O=Renewed"/);
    assert.doesNotMatch(alice.process.output, /O=Renewed/);
    assert.match(bob.process.output, /installing DNS server 10\.0\.0\.54/);

    const answers = await going;
    assert.equal(answers.received, answers.sent);
    const after = await scene.gateway.session("alice");
    assert.deepEqual([after?.id, after?.ikeSa?.localSpi], [before?.id, before?.ikeSa?.localSpi]);
    assert.equal((await alice.listSas()).length, 1);
  },
  { sites: 2 },
);

/** A certificate that cannot be read: told by the command and, at SIGHUP, in the log; nothing changes. */
async function assertRefused(gateway: RejoinGateway, path: string): Promise<void> {
  const good = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, "not a certificate\n");
  const { success, stdout, stderr } = await gateway.command("reload");
  assert.deepEqual([success, stdout], [false, ""]);
  assert.match(stderr, /^rejoin reload: --cert \S+: wanted .*no certificate in PEM form/);
  assert.match(stderr, /^rejoin reload: nothing was changed$/m);
  const { length } = gateway.process.output;
  gateway.process.signal("SIGHUP");
  await gateway.process.waitFor(/reload-failed problem="--cert /, 10_000, length);
  await Deno.writeTextFile(path, good);
}
