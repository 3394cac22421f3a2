/** A gateway whose users are FreeRADIUS's: logins, refusals, and who is asked when a user comes back. */
import assert from "node:assert/strict";
import { ping } from "../support/netns.ts";
import { connect, radiusInterop, withRadius } from "../support/radius_scene.ts";
import { innerTarget } from "../support/road_warrior.ts";

for (const auth of ["anyconnect-eap", "eap-mschapv2"] as const) {
  radiusInterop(
    `RADIUS lets a user in by ${auth}, and is not needed when they come back`,
    (scene) =>
      withRadius(scene, async (server) => {
        await using first = await connect(scene, auth);
        assert.equal((await first.nextEstablished(10_000)).how, "login");
        const before = await scene.gateway.session("alice");
        assert.deepEqual(before?.addresses, ["10.99.0.77"]);
        assert.equal((await scene.gateway.counters())["radius-answers"], 1);
        await server.process.stop();
        for (let time = 1; time <= 10; time++) {
          await first.process.stop("SIGKILL");
          await using again = await connect(scene, auth);
          assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
          const after = await scene.gateway.session("alice");
          assert.deepEqual(after?.addresses, ["10.99.0.77"]);
          assert.equal(after?.reconnect?.count, time);
          const [source = ""] = after.addresses;
          const answers = await ping(scene.site.namespace, innerTarget, { source });
          assert.equal(answers.received, answers.sent);
          await again.process.stop("SIGKILL");
        }
        const counters = await scene.gateway.counters();
        assert.equal(counters["aaa-question"], 1);
        assert.equal(counters["radius-requests"], 1);
      }),
  );
}

radiusInterop(
  "what RADIUS refuses is refused, whatever the local users say",
  (scene) =>
    withRadius(scene, async () => {
      await using client = await connect(scene, "eap-mschapv2", { password: "local only" });
      await client.process.status();
      assert.deepEqual(await scene.gateway.sessions(), []);
      assert.equal((await scene.gateway.counters())["aaa-rejected"], 1);
    }, { flags: { user: "alice:local only" } }),
);

radiusInterop(
  "local users stand in for a silent server only where that is wanted",
  (scene) =>
    withRadius(scene, async (server) => {
      await server.process.stop();
      await using client = await connect(scene, "eap-mschapv2");
      assert.equal((await client.nextEstablished(20_000)).how, "login");
      assert.equal((await scene.gateway.counters())["radius-timeouts"], 1);
    }, { flags: { "radius-fallback-local": true } }),
);

radiusInterop(
  "an Access-Challenge is a second form, and who comes back sees neither",
  (scene) =>
    withRadius(scene, async () => {
      const otp = { user: "otp", password: "otppw", answer: "246810" };
      await using first = await connect(scene, "anyconnect-eap", otp);
      assert.equal((await first.nextEstablished(10_000)).how, "login");
      assert.equal((await scene.gateway.session("otp"))?.reconnect?.count, 0);
      await first.process.stop("SIGKILL");
      await using again = await connect(scene, "anyconnect-eap", otp);
      assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
      assert.equal((await scene.gateway.session("otp"))?.reconnect?.count, 1);
      const counters = await scene.gateway.counters();
      assert.equal(counters["aaa-challenged"], 1);
      assert.equal(counters["radius-requests"], 2);
    }),
);

radiusInterop(
  "one account holds from the login over every return to the end",
  (scene) =>
    withRadius(scene, async (server) => {
      await using first = await connect(scene, "eap-mschapv2");
      await first.nextEstablished(10_000);
      const started = await server.record({ "Acct-Status-Type": "Start" });
      assert.equal(started["User-Name"], "alice");
      assert.equal(started["Framed-IP-Address"], "10.99.0.77");
      assert.equal(started["Class"], "0x7365636f6e64");
      assert.ok(scene.site.address.startsWith(started["Calling-Station-Id"] ?? "?"));
      const source = "10.99.0.77";
      const there = await ping(scene.site.namespace, innerTarget, { source, count: 5 });
      assert.equal(there.received, 5);
      await first.process.stop("SIGKILL");
      await using again = await connect(scene, "eap-mschapv2");
      assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
      const interim = await server.record({ "Acct-Status-Type": "Interim-Update" });
      assert.equal(interim["Acct-Session-Id"], started["Acct-Session-Id"]);
      // Five requests and five answers of 84 octets, over a Child SA that is gone.
      // A host says a little more than it is told to, so only what goes back is exact.
      const assertCarried = (record: Readonly<Record<string, string>>, pings: number): void => {
        assert.equal(Number(record["Acct-Output-Octets"]), pings * 84);
        const octetsIn = Number(record["Acct-Input-Octets"]);
        assert.ok(octetsIn >= pings * 84 && octetsIn < pings * 84 + 2000);
      };
      assertCarried(interim, 5);
      await ping(scene.site.namespace, innerTarget, { source, count: 3 });
      await again.process.stop("SIGTERM");
      const stopped = await server.record({ "Acct-Terminate-Cause": "User-Request" });
      assert.equal(stopped["Acct-Session-Id"], started["Acct-Session-Id"]);
      assertCarried(stopped, 8);
      assert.deepEqual(
        (await server.records()).map((record) => record["Acct-Status-Type"]),
        ["Start", "Interim-Update", "Stop"],
      );
    }, { flags: { "radius-accounting": true } }),
);

radiusInterop(
  "an account outlives a gateway that is killed",
  (scene) =>
    withRadius(scene, async (server) => {
      await using first = await connect(scene, "eap-mschapv2");
      await first.nextEstablished(10_000);
      const started = await server.record({ "Acct-Status-Type": "Start" });
      await first.process.stop("SIGKILL");
      scene.gateway = await scene.gateway.restart("SIGKILL");
      await using again = await connect(scene, "eap-mschapv2");
      assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
      await server.record({ "Acct-Status-Type": "Interim-Update" });
      await scene.gateway.command("clear", "crypto", "session");
      const stopped = await server.record({ "Acct-Terminate-Cause": "Admin-Reset" });
      assert.equal(stopped["Acct-Session-Id"], started["Acct-Session-Id"]);
      assert.equal(stopped["Class"], started["Class"]);
      assert.deepEqual(
        (await server.records()).map((record) => record["Acct-Status-Type"]),
        ["Start", "Interim-Update", "Stop"],
      );
    }, { flags: { "radius-accounting": true } }),
);
