/**
 * Reauthentication by lifetime (RFC 4478) with strongSwan as the client, which knows no session token: told
 * how long its authentication holds it logs in anew before that is over.
 */
import assert from "node:assert/strict";
import { until } from "../support/background.ts";
import { interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";

/** Seconds; the least that the flag takes. */
const LIFETIME = 3600;
/** Seconds before that at which strongSwan begins, so that it does three seconds after its login. */
const AHEAD = `over_time = ${LIFETIME - 3}s`;

const ways = [["token", "make-before-break"], ["user", "break-before-make"]] as const;
for (const [by, order] of ways) {
  interopTest(
    `RFC 4478 §3: strongSwan reauthenticates in time, ${order}, by ${by}`,
    async (scene) => {
      const client = await scene.client(scene.site, { auth: "eap" }, {
        connection: AHEAD,
        settings: `make_before_break = ${order === "make-before-break" ? "yes" : "no"}`,
      });
      await client.initiate("net");
      const first = await scene.gateway.session("alice");
      await client.process.waitFor(
        /received AUTH_LIFETIME of 3600s, scheduling reauthentication in 3s/,
        1_000,
      );
      // From whatever address it has at the moment.
      let lost = 0;
      const second = await until("another session alone", async () => {
        const { received } = await ping(scene.site.namespace, innerTarget, { count: 1 });
        if (received === 0) lost++;
        const [one, ...others] = await scene.gateway.sessions();
        return one !== undefined && one.id !== first?.id && others.length === 0 ? one : undefined;
      }, 10_000);
      assert.ok(lost <= 1, `${lost} pings were lost`);
      const { "aaa-question": questions } = await scene.gateway.counters();
      assert.equal(questions, 2, "the user was asked");
      const [source = ""] = second.addresses;
      await client.untilSas(
        "its new address",
        ([sa, ...others]) =>
          others.length === 0 && sa?.virtualIps.includes(source) ? sa : undefined,
      );
      const answers = await ping(scene.site.namespace, innerTarget, { source });
      assert.equal(answers.received, answers.sent);
    },
    { flags: { "reauth-lifetime": LIFETIME, "reauth-by": by } },
  );
}
