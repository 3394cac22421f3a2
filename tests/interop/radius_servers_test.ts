/** RADIUS servers that take their time, go and come back, while users log in; what `show` tells of it. */
import assert from "node:assert/strict";
import type { AaaServerFacts } from "../../appliance/show/facts.ts";
import { until } from "../support/background.ts";
import { type FreeRadius, radiusSecret, startFreeRadius } from "../support/free_radius.ts";
import { makeLabPki } from "../support/lab_pki.ts";
import type { InteropOptions, InteropScene } from "../support/interop.ts";
import { connect, radiusInterop } from "../support/radius_scene.ts";
import type { Flags } from "../support/rejoin.ts";

/** A test with FreeRADIUS servers at these ports, each with a secret of its own name. */
function serversTest(
  name: string,
  ports: readonly number[],
  flags: Flags,
  run: (scene: InteropScene, servers: readonly FreeRadius[]) => Promise<void>,
  options: InteropOptions = {},
): void {
  radiusInterop(name, async (scene) => {
    const { lab: { folder }, inside } = scene;
    await using running = new AsyncDisposableStack();
    const servers: FreeRadius[] = [];
    const secretFile = `${folder}/radius-secret`;
    await Deno.writeTextFile(secretFile, `${radiusSecret}\n`, { mode: 0o600 });
    for (const port of ports) {
      servers.push(running.use(
        await startFreeRadius({
          folder: `${folder}/radius-${port}`,
          port,
          namespace: inside,
          signs: true,
        }),
      ));
    }
    scene.gateway = await scene.gateway.restart("SIGTERM", {
      radius: ports.map((port) => `127.0.0.1:${port}`),
      "radius-secret-file": ports.map(() => secretFile),
      ...flags,
    });
    await run(scene, servers);
  }, options);
}

async function aaaServers({ gateway }: InteropScene): Promise<readonly AaaServerFacts[]> {
  return JSON.parse(await gateway.show("aaa", "servers", "--json")).aaaServers;
}

radiusInterop("RADIUS over TLS lets a user in and is told of the session", async (scene) => {
  const { lab: { folder }, inside } = scene;
  const pki = await makeLabPki(`${folder}/radius-pki`, ["radius.example.test", "127.0.0.1"]);
  const { certificate, key } = pki.server;
  const tls = { port: 2083, ca: pki.ca, certificate, key };
  const place = { folder: `${folder}/radius`, port: 1812, namespace: inside };
  await using server = await startFreeRadius({ ...place, signs: false, tls });
  scene.gateway = await scene.gateway.restart("SIGTERM", {
    "radius-tls": "127.0.0.1",
    "radius-tls-ca": pki.ca,
    "radius-tls-cert": pki.client.certificate,
    "radius-tls-key": pki.client.key,
    "radius-accounting": true,
  });
  await using client = await connect(scene, "anyconnect-eap", { user: "alice" });
  assert.equal((await client.nextEstablished(10_000)).how, "login");
  const started = await server.record({ "Acct-Status-Type": "Start" });
  assert.equal(started["Framed-IP-Address"], "10.99.0.77");
  const text = await scene.gateway.show("aaa", "servers");
  assert.match(text, /^RADIUS: id 1, priority 1, host 127.0.0.1, RADSEC-port 2083\n/);
  assert.match(text, /Response: accept 1, reject 0, challenge 0\n/);
  assert.match(text, /Response: start 1, interim 0, stop 0\n/);
  // One connection carries both.
  const { stdout } = await inside.finish(["ss", "-Htn", "state", "established", "dport = 2083"]);
  assert.equal(stdout.trim().split("\n").length, 1, stdout);
  const counters = await scene.gateway.counters();
  assert.equal(counters["radius-accepts"], 1);
  assert.equal(counters["radius-accounting-start-passed"], 1);
});

/** Longer than a half-open IKE SA lives without progress. */
const pressesButtonMs = 33_000;

serversTest(
  "who waits long for RADIUS gets in, and RADIUS sees one question for each",
  [1812, 1814],
  { "radius-timeout": 120 },
  async (scene, [first, second]) => {
    const other = scene.sites[1] ?? assert.fail();
    assert.ok(first !== undefined && second !== undefined);
    const strongSwan = await scene.client(other, { auth: "eap", user: "bob", password: "bobpw" });
    first.process.signal("SIGSTOP");
    try {
      await using client = await connect(scene, "anyconnect-eap", { user: "alice" });
      const up = strongSwan.initiate("net", 60);
      await new Promise((resolve) => setTimeout(resolve, pressesButtonMs));
      assert.equal((await aaaServers(scene))[0]?.access?.outstanding, 2);
      first.process.signal("SIGCONT");
      assert.equal((await client.nextEstablished(20_000)).how, "login");
      await up;
      const [access, backup] = (await aaaServers(scene)).map(({ access }) => access);
      assert.deepEqual([access?.counters["requests"], access?.counters["accepts"]], [2, 2]);
      // 2, 6, 14 and 30 seconds.
      assert.equal(access?.counters["retransmissions"], 8);
      assert.equal(access?.state, "UP");
      assert.deepEqual(backup?.counters, {});
    } finally {
      first.process.signal("SIGCONT");
    }
  },
  { sites: 2 },
);

serversTest(
  "show aaa servers and ext-service tell of logins, a server that died, and accounting",
  [1812, 1814],
  {
    "radius-timeout": 3,
    "radius-dead-time": 4,
    "radius-accounting": true,
    "radius-status-server": true,
  },
  async (scene, [first, second]) => {
    assert.ok(first !== undefined && second !== undefined);
    {
      await using client = await connect(scene, "anyconnect-eap", { user: "alice" });
      await client.nextEstablished(10_000);
      await first.record({ "Acct-Status-Type": "Start" });
    }
    await first.record({ "Acct-Status-Type": "Stop" });
    await first.process.stop();
    await using client = await connect(scene, "anyconnect-eap", { user: "bob" });
    assert.equal((await client.nextEstablished(20_000)).how, "login");
    await second.record({ "Acct-Status-Type": "Start" });
    const text = await scene.gateway.show("aaa", "servers");
    assert.match(
      text,
      /^RADIUS: id 1, priority 1, host 127.0.0.1, auth-port 1812, acct-port 1813\n {5}State: current DEAD, duration \d+s, previous duration \d+s\n {5}Dead: total time \d+s, count 1\n/,
    );
    assert.match(
      text,
      /\n\nRADIUS: id 2, priority 2, host 127.0.0.1, auth-port 1814, acct-port 1815\n/,
    );
    assert.match(text, /failover 1, retransmission \d+\n {13}Response: accept 1, reject 0/);
    assert.match(
      text,
      /Account: request \d+, timeouts \d+, failover 1, .*\n {13}Request: start 1, interim 0, stop 0\n/,
    );
    const services = await scene.gateway.show("crypto", "ikev2", "stats", "ext-service");
    for (
      const line of [
        /^AUTHENTICATION USING EAP +2 +0$/m,
        /^START ACCOUNTING +2 +0$/m,
        /^STOP ACCOUNTING +1 +0$/m,
        /^SA CREATION +2 +0$/m,
        /^SA DELETION +1 +0$/m,
        /^SIGNATURE SIGN +\d+ +0$/m,
      ]
    ) assert.match(services, line);
    const cleared = await scene.gateway.command("clear", "aaa", "counters", "servers", "all");
    assert.ok(cleared.success, cleared.stderr);
    for (const { access, accounting } of await aaaServers(scene)) {
      assert.deepEqual([access?.counters, accounting?.counters], [{}, {}]);
    }
    // The server comes back, and Status-Server notices before anybody asks it.
    await using _again = await startFreeRadius({
      folder: `${scene.lab.folder}/radius-again`,
      port: 1812,
      namespace: scene.inside,
      signs: true,
    });
    await until(
      "it is up",
      async () => (await aaaServers(scene))[0]?.access?.state === "UP" || undefined,
      20_000,
      300,
    );
  },
);
