/** Accounting with FreeRADIUS: what its detail file says over the life of sessions, gateways and servers. */
import assert from "node:assert/strict";
import { until } from "../support/background.ts";
import type { FreeRadius } from "../support/free_radius.ts";
import type { InteropScene } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { connect, radiusInterop, type Who, withRadius } from "../support/radius_scene.ts";
import { innerTarget } from "../support/road_warrior.ts";

const flags = { "radius-accounting": true } as const;
const inner = "10.99.0.77";
const relay = "198.51.100.1";

type Records = Awaited<ReturnType<FreeRadius["records"]>>;

/** Status, and event or cause. */
function shown(record: Records[number]): string {
  const about = record["rejoin:event"] ?? record["Acct-Terminate-Cause"];
  return [record["Acct-Status-Type"], about].filter((word) => word !== undefined).join(" ");
}

/** Waits until exactly these records have come, in this order. */
async function heard(server: FreeRadius, ...wanted: readonly string[]): Promise<Records> {
  const records = await until(
    `records ${wanted.join(", ")}`,
    async () => {
      const now = await server.records();
      return now.length >= wanted.length ? now : undefined;
    },
    30_000,
  ).catch(async (error) => {
    throw new Error(`${(await server.records()).map(shown).join(", ")}`, { cause: error });
  });
  assert.deepEqual(records.map(shown), wanted);
  const ids = records.map((record) => record["rejoin:record-id"]);
  assert.equal(new Set(ids).size, ids.length, "each record once");
  return records;
}

/** Nothing of one session goes back. */
function assertGrowing(records: Records): void {
  for (const name of ["Acct-Input", "Acct-Output"]) {
    for (const kind of ["Octets", "Packets"]) {
      const values = records.map((record) => Number(record[`${name}-${kind}`] ?? 0));
      assert.deepEqual(values, values.toSorted((a, b) => a - b), `${name}-${kind}`);
    }
  }
  const times = records.map((record) => Date.parse(record["Event-Timestamp"] ?? ""));
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
}

async function pings({ site }: InteropScene, count: number): Promise<void> {
  const { received } = await ping(site.namespace, innerTarget, { source: inner, count });
  assert.equal(received, count);
}

radiusInterop(
  "one account holds from the login over roam, return and a killed gateway to the end",
  (scene) =>
    withRadius(scene, async (server) => {
      const { site } = scene;
      const elsewhere = "198.18.1.3";
      await site.namespace.addAddress(`${elsewhere}/24`, site.interfaceName);
      await site.namespace.addAddress(`${relay}/32`);
      const program = new URL("../support/udp_relay_program.ts", import.meta.url).pathname;
      await using nat = site.namespace.start("udp relay", [
        ...[Deno.execPath(), "run", "-A", "--no-check", program],
        ...["4500", relay, site.gatewayAddress, site.address, elsewhere],
      ]);
      await nat.waitFor(/ready/, 10_000);
      const who: Who = { gateway: relay };

      await using first = await connect(scene, "eap-mschapv2", who);
      assert.equal((await first.nextEstablished(10_000)).how, "login");
      const [on, start] = await heard(server, "Accounting-On", "Start");
      assert.equal(on?.["NAS-IP-Address"], "127.0.0.1");
      assert.equal(start?.["User-Name"], "alice");
      assert.equal(start["Class"], "0x7365636f6e64");
      assert.equal(start["Framed-IP-Address"], inner);
      assert.equal(start["NAS-IP-Address"], "127.0.0.1");
      assert.equal(start["NAS-Identifier"], on["NAS-Identifier"]);
      assert.equal(start["Calling-Station-Id"], site.address);
      assert.equal(start["Called-Station-Id"], site.gatewayAddress);
      assert.equal(start["Acct-Authentic"], "RADIUS");
      assert.equal(start["NAS-Port-Type"], "Virtual");
      assert.equal(start["NAS-Port"], undefined);

      await pings(scene, 5);
      nat.signal("SIGUSR1");
      await nat.waitFor(/from /, 5_000);
      await pings(scene, 2);
      const roamed = await heard(server, "Accounting-On", "Start", "Interim-Update roam");
      assert.equal(roamed.at(-1)?.["Calling-Station-Id"], elsewhere);

      await first.process.stop("SIGKILL");
      await using second = await connect(scene, "eap-mschapv2", who);
      assert.equal((await second.nextEstablished(10_000)).how, "reconnect");
      const returned = await heard(
        server,
        "Accounting-On",
        "Start",
        "Interim-Update roam",
        "Interim-Update reconnect",
      );
      assert.equal(Number(returned.at(-1)?.["Acct-Output-Octets"]), 7 * 84);
      assert.equal(Number(returned.at(-1)?.["Acct-Output-Packets"]), 7);

      await second.process.stop("SIGKILL");
      scene.gateway = await scene.gateway.restart("SIGKILL");
      await using third = await connect(scene, "eap-mschapv2", who);
      assert.equal((await third.nextEstablished(10_000)).how, "reconnect");
      await pings(scene, 3);
      await third.process.stop("SIGTERM");
      const all = await heard(
        server,
        "Accounting-On",
        "Start",
        "Interim-Update roam",
        "Interim-Update reconnect",
        "Interim-Update restored",
        "Interim-Update reconnect",
        "Stop User-Request",
      );
      const account = all.slice(1);
      const stop = account.at(-1);
      for (const record of account) {
        for (const name of ["Acct-Session-Id", "User-Name", "Class", "NAS-IP-Address"]) {
          assert.equal(record[name], start[name], name);
        }
      }
      assertGrowing(account);
      assert.equal(Number(stop?.["Acct-Output-Octets"]), 10 * 84);
      assert.equal(Number(stop?.["Acct-Output-Packets"]), 10);
      // A host says a little more than it is told to.
      const octetsIn = Number(stop?.["Acct-Input-Octets"]);
      assert.ok(octetsIn >= 10 * 84 && octetsIn < 10 * 84 + 3000, `${octetsIn}`);

      await scene.gateway.process.stop("SIGTERM");
      const off = (await server.records()).slice(7);
      assert.deepEqual(off.map(shown), ["Accounting-Off"]);
    }, { flags }),
);

radiusInterop(
  "records of an outage arrive once and in order, also over a killed gateway",
  (scene) =>
    withRadius(scene, async (server, start) => {
      await heard(server, "Accounting-On");
      await server.process.stop();
      // A session from beginning to end while nobody listens.
      const stay = async (): Promise<void> => {
        await using client = await connect(scene, "eap-mschapv2");
        assert.equal((await client.nextEstablished(30_000)).how, "login");
        await client.process.stop("SIGTERM");
        await scene.gateway.untilSession("alice", "over", (session) => session === undefined);
        // The Stop comes when the packet path has told its totals.
        const kept = async (): Promise<true | undefined> => {
          const counters = await scene.gateway.counters();
          const { "accounting-queued": queued, "accounting-unsaved": unsaved } = counters;
          return queued === 2 && unsaved === 0 ? true : undefined;
        };
        await until("Start and Stop are on the disk", kept, 10_000);
      };
      await stay();
      assert.equal((await scene.gateway.counters())["accounting-acknowledged"], 1);
      await until(
        "a try that nobody answered",
        async () => (await scene.gateway.counters())["radius-accounting-timeouts"],
        10_000,
      );
      await using second = await start();
      const both = await heard(second, "Accounting-On", "Start", "Stop User-Request");
      assert.ok(Number(both[1]?.["Acct-Delay-Time"]) >= 3, "it was tried for a while");
      assert.equal(both[1]?.["Acct-Authentic"], undefined, "a local user may have stood in");
      await second.process.stop();

      await stay();
      scene.gateway = await scene.gateway.restart("SIGKILL");
      await using third = await start();
      const all = await heard(
        third,
        "Accounting-On",
        "Start",
        "Stop User-Request",
        "Start",
        "Stop User-Request",
        "Accounting-On",
      );
      assertGrowing(all.slice(3, 5));
      assert.equal(all[3]?.["Acct-Session-Id"], all[4]?.["Acct-Session-Id"]);
      assert.notEqual(all[1]?.["Acct-Session-Id"], all[3]?.["Acct-Session-Id"]);
      const counters = await scene.gateway.counters();
      assert.equal(counters["accounting-queued"], 0);
      assert.equal(counters["accounting-lost"], 0);
    }, { flags: { ...flags, "radius-fallback-local": true } }),
);

radiusInterop(
  "a session that dies with the gateway gets its Stop from the next one, then comes On",
  (scene) =>
    withRadius(scene, async (server) => {
      await using client = await connect(scene, "eap-mschapv2", {
        flags: { "without-reconnect": true },
      });
      await client.nextEstablished(10_000);
      const [, start] = await heard(server, "Accounting-On", "Start");
      await client.process.stop("SIGKILL");
      scene.gateway = await scene.gateway.restart("SIGKILL");
      const all = await heard(
        server,
        "Accounting-On",
        "Start",
        "Stop NAS-Reboot",
        "Accounting-On",
      );
      assert.equal(all[2]?.["Acct-Session-Id"], start?.["Acct-Session-Id"]);
      assertGrowing(all.slice(1, 3));
    }, { flags }),
);

radiusInterop(
  "Off comes only when nobody waits for a return",
  (scene) =>
    withRadius(scene, async (server) => {
      await using client = await connect(scene, "eap-mschapv2");
      await client.nextEstablished(10_000);
      await client.process.stop("SIGKILL");
      await heard(server, "Accounting-On", "Start");
      scene.gateway = await scene.gateway.restart("SIGTERM");
      const before = ["Accounting-On", "Start", "Interim-Update restored"];
      await heard(server, ...before);
      await scene.gateway.command("clear", "crypto", "session");
      await heard(server, ...before, "Stop Admin-Reset");
      await scene.gateway.process.stop("SIGTERM");
      await heard(server, ...before, "Stop Admin-Reset", "Accounting-Off");
    }, { flags }),
);

radiusInterop(
  "a damaged store of accounts stops neither the gateway nor accounting",
  (scene) =>
    withRadius(scene, async (server) => {
      await heard(server, "Accounting-On");
      await scene.gateway.process.stop("SIGTERM");
      const path = `${scene.lab.folder}/state/accounting.kv`;
      for (const suffix of ["-wal", "-shm"]) await Deno.remove(path + suffix).catch(() => {});
      await Deno.writeTextFile(path, "no database at all ".repeat(1000));
      scene.gateway = await scene.gateway.restart("SIGTERM");
      await using client = await connect(scene, "eap-mschapv2");
      await client.nextEstablished(10_000);
      await client.process.stop("SIGTERM");
      await heard(
        server,
        "Accounting-On",
        "Accounting-Off",
        "Accounting-On",
        "Start",
        "Stop User-Request",
      );
      const lines = scene.gateway.process.output.match(/Accounts cannot be stored/g) ?? [];
      assert.equal(lines.length, 1);
    }, { flags }),
);

radiusInterop(
  "a gateway that waits for an accounting server before it is gone lets nobody in any more",
  (scene) =>
    withRadius(scene, async () => {
      const { process } = scene.gateway;
      await using client = await connect(scene, "eap-mschapv2", { user: "bob" });
      assert.equal((await client.nextEstablished(10_000)).how, "login");
      const stopping = process.stop("SIGTERM", 15_000);
      await process.waitFor(/Going down/, 5_000);
      await using late = await connect(scene, "eap-mschapv2", { flags: { tun: "tun1" } });
      await stopping;
      assert.match(process.output, /accounting records wait for the next start/);
      assert.doesNotMatch(process.output, /Going down[^]* session-started/);
      assert.doesNotMatch(late.process.output, /established/);
    }, { flags: { ...flags, "radius-acct": "127.0.0.1:1899" } }),
);
