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
