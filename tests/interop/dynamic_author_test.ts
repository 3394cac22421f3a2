/** Dynamic authorization (RFC 5176) as an operator of FreeRADIUS does it: with `radclient`. */
import assert from "node:assert/strict";
import {
  type FreeRadius,
  radiusSecret,
  startFreeRadius,
  whyNoFreeRadius,
} from "../support/free_radius.ts";
import { until } from "../support/background.ts";
import { type InteropScene, interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { radclient, type RadclientAnswer, whyNoRadclient } from "../support/radclient.ts";
import { connect } from "../support/radius_scene.ts";
import type { Flags } from "../support/rejoin.ts";
import { innerTarget } from "../support/road_warrior.ts";

/** Shared with `radclient`, and with nobody else. */
const secret = "of those who may disconnect";

/** Starts the gateway anew with a listed client, 127.0.0.1. */
async function hearRadclient(scene: InteropScene, flags: Flags = {}): Promise<void> {
  const secretFile = `${scene.lab.folder}/dynamic-author-secret`;
  await Deno.writeTextFile(secretFile, `${secret}\n`, { mode: 0o600 });
  scene.gateway = await scene.gateway.restart("SIGTERM", {
    "dynamic-author": "127.0.0.1",
    "dynamic-author-secret-file": secretFile,
    ...flags,
  });
}

/** What `radclient` is told, from inside the gateway's network unless said otherwise. */
function ask(
  { lab, inside }: InteropScene,
  command: "disconnect" | "coa",
  attributes: Readonly<Record<string, string | number>>,
  other: Partial<Parameters<typeof radclient>[0]> = {},
): Promise<RadclientAnswer | undefined> {
  const { folder } = lab;
  return radclient({ namespace: inside, folder, secret, command, attributes, ...other });
}

const reason = whyNoRadclient() ?? whyNoFreeRadius();

function dynamicInterop(name: string, run: (scene: InteropScene) => Promise<void>): void {
  if (reason === undefined) interopTest(name, run);
  else console.log(`skipped: interop: ${name}: ${reason}`);
}

/** Runs with RADIUS as the back end too, which knows what accounting calls a session by. */
async function withRadius(
  scene: InteropScene,
  run: (server: FreeRadius) => Promise<void>,
): Promise<void> {
  const { lab: { folder }, inside } = scene;
  const secretFile = `${folder}/radius-secret`;
  await Deno.writeTextFile(secretFile, `${radiusSecret}\n`, { mode: 0o600 });
  await using server = await startFreeRadius({
    folder: `${folder}/radius`,
    port: 1812,
    namespace: inside,
    signs: true,
  });
  await hearRadclient(scene, {
    radius: "127.0.0.1:1812",
    "radius-secret-file": secretFile,
    "radius-accounting": true,
  });
  await run(server);
}

const names = ["User-Name", "Framed-IP-Address", "Acct-Session-Id", "Calling-Station-Id"] as const;

dynamicInterop(
  "radclient ends a session by each of its names, active or not, and its token is void",
  (scene) =>
    withRadius(scene, async (server) => {
      await using first = await connect(scene, "eap-mschapv2");
      assert.equal((await first.nextEstablished(15_000)).how, "login");
      await first.process.stop("SIGKILL");
      let logins = 1;
      for (const name of names) {
        for (const state of ["active", "inactive"] as const) {
          const what = `${name}, ${state}`;
          const account = await until("the start of the account", async () => {
            const starts = (await server.records()).filter(isStart);
            return starts.length === logins ? starts.at(-1) : undefined;
          }, 5_000);
          // All who were active before a crash are inactive after it.
          if (state === "inactive") scene.gateway = await scene.gateway.restart("SIGKILL");
          assert.equal((await scene.gateway.session("alice"))?.state, state);
          const answer = await ask(scene, "disconnect", { [name]: account[name] ?? "" });
          assert.equal(answer?.code, "Disconnect-ACK", what);
          const cause = state === "inactive" ? "Residual-Context-Removed" : undefined;
          assert.equal(answer?.["Error-Cause"], cause, what);
          assert.deepEqual(await scene.gateway.sessions(), []);
          assert.deepEqual((await scene.gateway.pools()).map(({ inUse }) => inUse), [0]);
          const { failed } = await scene.gateway.reconnectStats();
          await using again = await connect(scene, "eap-mschapv2");
          assert.equal((await again.nextEstablished(15_000)).how, "login", what);
          assert.equal((await scene.gateway.reconnectStats()).failed, failed + 1, what);
          await again.process.stop("SIGKILL");
          logins++;
        }
      }
      const stops = (await server.records()).filter((one) => one["Acct-Status-Type"] === "Stop");
      assert.deepEqual(
        [...new Set(stops.map((one) => one["Acct-Terminate-Cause"]))],
        ["Admin-Reset"],
      );
    }),
);

function isStart(record: Readonly<Record<string, string>>): boolean {
  return record["Acct-Status-Type"] === "Start";
}

dynamicInterop(
  "a disconnected client is told at once, and its session stays away after a crash",
  async (scene) => {
    await hearRadclient(scene);
    await using client = await connect(scene, "eap-mschapv2");
    await client.nextEstablished(10_000);
    const named = { "User-Name": "alice", "Proxy-State": "0x0102", "NAS-IP-Address": "127.0.0.1" };
    const answer = await ask(scene, "disconnect", named);
    assert.equal(answer?.code, "Disconnect-ACK");
    assert.equal(answer?.["Proxy-State"], "0x0102");
    await client.process.waitFor(/deleted-by-gateway/, 5_000);
    await using second = await connect(scene, "eap-mschapv2");
    await second.nextEstablished(10_000);
    await second.process.stop("SIGKILL");
    // The answer comes when the record is gone from the disk, so a crash right behind it brings nothing back.
    assert.equal((await ask(scene, "disconnect", named))?.code, "Disconnect-ACK");
    scene.gateway = await scene.gateway.restart("SIGKILL");
    assert.deepEqual(await scene.gateway.sessions(), []);
    const nak = await ask(scene, "disconnect", named, { server: "127.0.0.1:1700" });
    assert.equal(nak?.code, "Disconnect-NAK");
    assert.equal(nak?.["Error-Cause"], "Session-Context-Not-Found");
  },
);

dynamicInterop(
  "radclient gives a session less time, and then it is over",
  async (scene) => {
    await hearRadclient(scene);
    await using client = await connect(scene, "eap-mschapv2");
    await client.nextEstablished(10_000);
    const change = { "User-Name": "alice", "Session-Timeout": 3 };
    assert.equal((await ask(scene, "coa", change))?.code, "CoA-ACK");
    assert.ok((await scene.gateway.session("alice"))?.absoluteEnd !== undefined);
    await scene.gateway.process.waitFor(/session-ended.*why=session-lifetime/, 6_000);
    await client.process.waitFor(/deleted-by-gateway/, 5_000);
    assert.deepEqual(await scene.gateway.sessions(), []);
  },
);

dynamicInterop(
  "radclient lets a session be idle for six seconds: it lives while packets come, and no longer",
  (scene) =>
    withRadius(scene, async (server) => {
      await using client = await connect(scene, "eap-mschapv2");
      await client.nextEstablished(10_000);
      const source = "10.99.0.77";
      const carried = async (): Promise<void> => {
        const answers = await ping(scene.site.namespace, innerTarget, { source, count: 10 });
        assert.equal(answers.received, 10);
      };
      await carried();
      const change = { "User-Name": "alice", "Idle-Timeout": 6 };
      assert.equal((await ask(scene, "coa", change))?.code, "CoA-ACK");
      for (let times = 0; times < 8; times++) await carried();
      const { idle } = await scene.gateway.session("alice") ?? {};
      assert.equal(idle?.limitSeconds, 6);
      assert.ok(idle.seconds < 6, `${idle.seconds}`);
      assert.match(
        await scene.gateway.show("crypto", "session", "detail"),
        /Desc: idle for 00:00:0[0-5], at most 00:00:06/,
      );
      await scene.gateway.process.waitFor(/session-ended.*why=idle-timeout/, 15_000);
      await client.process.waitFor(/deleted-by-gateway/, 5_000);
      await server.record({ "Acct-Terminate-Cause": "Idle-Timeout" });
    }),
);

dynamicInterop(
  "a session that is parked for being idle is come back to with its pair",
  async (scene) => {
    await hearRadclient(scene, { "idle-action": "park" });
    await using client = await connect(scene, "eap-mschapv2");
    await client.nextEstablished(10_000);
    const change = { "User-Name": "alice", "Idle-Timeout": 2 };
    assert.equal((await ask(scene, "coa", change))?.code, "CoA-ACK");
    await scene.gateway.process.waitFor(/session-parked.*reason=idle-timeout/, 10_000);
    assert.equal((await scene.gateway.session("alice"))?.state, "inactive");
    await client.process.stop("SIGKILL");
    await using again = await connect(scene, "eap-mschapv2");
    assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
    assert.equal((await scene.gateway.reconnectStats()).success, 1);
  },
);

dynamicInterop(
  "radclient changes what a user may send, by a list of the gateway and by rules of its own",
  async (scene) => {
    await hearRadclient(scene, { "access-list": ["quiet:deny icmp any any"] });
    await using client = await connect(scene, "eap-mschapv2");
    await client.nextEstablished(10_000);
    const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
    const answered = async (): Promise<number> =>
      (await ping(scene.site.namespace, innerTarget, { source })).received;
    const change = async (attributes: Readonly<Record<string, string>>): Promise<unknown> => {
      const answer = await ask(scene, "coa", { "User-Name": "alice", ...attributes });
      return answer?.["Error-Cause"] ?? answer?.code;
    };
    assert.equal(await answered(), 3);
    assert.equal(await change({ "Filter-Id": "no such list" }), "Invalid-Attribute-Value");
    assert.equal(await answered(), 3);
    assert.equal(await change({ "Filter-Id": "quiet" }), "CoA-ACK");
    assert.equal(await answered(), 0);
    await client.process.stop("SIGKILL");
    scene.gateway = await scene.gateway.restart("SIGKILL");
    await using again = await connect(scene, "eap-mschapv2");
    assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
    assert.equal(await answered(), 0, "also after a crash and a return");
    assert.equal(await change({ "Cisco-AVPair": "ip:inacl#1=permit icmp any any" }), "CoA-ACK");
    assert.equal(await answered(), 3);
  },
);

dynamicInterop(
  "what radclient changed holds over a crash of the gateway and the return of the user",
  async (scene) => {
    await hearRadclient(scene);
    await using client = await connect(scene, "eap-mschapv2");
    await client.nextEstablished(10_000);
    const change = { "User-Name": "alice", "Session-Timeout": 5000, "Idle-Timeout": 900 };
    assert.equal((await ask(scene, "coa", change))?.code, "CoA-ACK");
    const before = await scene.gateway.session("alice");
    await client.process.stop("SIGKILL");
    scene.gateway = await scene.gateway.restart("SIGKILL");
    assert.equal((await scene.gateway.session("alice"))?.absoluteEnd, before?.absoluteEnd);
    await using again = await connect(scene, "eap-mschapv2");
    assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
    const after = await scene.gateway.session("alice");
    assert.equal(after?.absoluteEnd, before?.absoluteEnd);
    assert.equal(after?.idle?.limitSeconds, 900);
  },
);

dynamicInterop(
  "a wrong secret and an unlisted client get no answer, and what cannot be done is said",
  async (scene) => {
    await hearRadclient(scene);
    await using client = await connect(scene, "eap-mschapv2");
    await client.nextEstablished(10_000);
    const alice = { "User-Name": "alice" };
    assert.equal(await ask(scene, "disconnect", alice, { secret: "another" }), undefined);
    const outside = {
      namespace: scene.site.namespace,
      server: `${scene.site.gatewayAddress}:3799`,
    };
    assert.equal(await ask(scene, "disconnect", alice, outside), undefined);
    const counters = await scene.gateway.counters();
    assert.equal(counters["dynamic-author-bad-authenticator"], 1);
    assert.equal(counters["dynamic-author-unlisted-source"], 1);
    const causes: readonly (readonly [
      command: "disconnect" | "coa",
      attributes: Readonly<Record<string, string | number>>,
      cause: string,
    ])[] = [
      ["disconnect", { "NAS-Identifier": "elsewhere", ...alice }, "NAS-Identification-Mismatch"],
      ["disconnect", { "NAS-Port": 3, ...alice }, "Unsupported-Attribute"],
      ["disconnect", { "NAS-IP-Address": "127.0.0.1" }, "Missing-Attribute"],
      ["coa", alice, "Missing-Attribute"],
      ["coa", { "Cisco-AVPair": "subscriber:command=bounce", ...alice }, "Unsupported-Attribute"],
      ["coa", { "Service-Type": "Authorize-Only", ...alice }, "Unsupported-Service"],
    ];
    for (const [command, attributes, cause] of causes) {
      const answer = await ask(scene, command, attributes);
      assert.equal(answer?.code, command === "coa" ? "CoA-NAK" : "Disconnect-NAK");
      assert.equal(answer?.["Error-Cause"], cause);
    }
    const file = `${scene.lab.folder}/dynamic-author-secret`;
    await Deno.writeTextFile(file, "\n");
    assert.match((await scene.gateway.command("reload")).stderr, /author-secret: it is empty\)/);
    assert.ok(await ask(scene, "coa", alice), "as it was before");
    await Deno.writeTextFile(file, "another\n");
    assert.equal(
      (await scene.gateway.command("reload")).stdout,
      "reloaded, with other contents of --dynamic-author-secret-file\n",
    );
    assert.equal(await ask(scene, "coa", alice), undefined);
    assert.ok(await ask(scene, "coa", alice, { secret: "another" }));
    assert.equal((await scene.gateway.session("alice"))?.state, "active");
  },
);
