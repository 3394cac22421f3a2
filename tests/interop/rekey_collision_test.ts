/** Rekeys of both sides at the same moment, and a hundred in a row, with strongSwan in both roles: no packet lost. */
import assert from "node:assert/strict";
import type { Charon, CharonIkeSa } from "../support/charon.ts";
import { interopTest, swanGatewayTest } from "../support/interop.ts";
import { type Namespace, ping } from "../support/netns.ts";
import { innerTarget } from "../support/road_warrior.ts";

type What = "ike" | "child";

/** Names of strongSwan's side, and what the other side does. */
interface Pairing {
  readonly charon: Charon;
  readonly ike: string;
  /** Our own side begins a rekey, of the SA that is named at least. */
  readonly rekeyOurs: (what: What) => Promise<unknown>;
}

/** strongSwan keeps a Child SA that was rekeyed for five seconds, which would make long tests of these. */
const settings = "delete_rekeyed_delay = 1";

const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));

/**
 * The one IKE SA with its one Child SA, once nothing else is left. What strongSwan has deleted with us and
 * keeps for a while it may keep for ever, when the IKE SA is rekeyed meanwhile.
 */
async function settled(charon: Charon): Promise<CharonIkeSa> {
  try {
    return await untilSettled(charon);
  } catch (error) {
    console.log(await charon.swanctl("--list-sas"), charon.process.output.slice(-8_000));
    throw error;
  }
}

function untilSettled(charon: Charon): Promise<CharonIkeSa> {
  return charon.untilSas("one IKE SA with one Child SA", (sas) => {
    const [sa] = sas;
    const children = sa?.children.filter(({ state }) => state !== "DELETED") ?? [];
    const isAlone = sas.length === 1 && sa?.state === "ESTABLISHED" && children.length === 1 &&
      children[0]?.state === "INSTALLED";
    return isAlone ? sa : undefined;
  }, 20_000);
}

/** The SPI by which a rekey shows, once there is one such SA only. */
function spi(what: What, sas: readonly CharonIkeSa[]): string | undefined {
  const alive = sas.filter(({ state }) => state === "ESTABLISHED");
  const children = alive.flatMap(({ children }) => children)
    .filter(({ state }) => state === "INSTALLED");
  if (alive.length !== 1 || children.length !== 1) return undefined;
  return what === "ike" ? alive[0]?.initiatorSpi : children[0]?.spiIn;
}

/** Both sides rekey at the same moment, or nearly so, in many rounds; how many of them collided. */
async function collide(pairing: Pairing, what: What, rounds: number): Promise<number> {
  const { charon, ike, rekeyOurs } = pairing;
  const before = charon.process.output.length;
  for (let round = 0; round < rounds; round++) {
    // Who is quicker is the machine's business: the two are moved against each other.
    const lead = round % 5;
    const theirs = pause(Math.max(0, lead - 2)).then(() =>
      charon.rekey(what, what === "ike" ? ike : "net")
    );
    const ours = pause(Math.max(0, 2 - lead)).then(() => rekeyOurs(what));
    await Promise.all([theirs, ours]);
    await settled(charon);
  }
  const told = charon.process.output.slice(before - charon.process.output.length);
  return (told.match(/collision|TEMP_FAIL|CHILD_SA_NOT_FOUND/g) ?? []).length;
}

/** Pings until `work` is done; all must be answered. */
async function whilePinging(
  from: Namespace,
  source: string,
  work: () => Promise<void>,
): Promise<void> {
  let isDone = false;
  const pinging = (async () => {
    let [sent, received] = [0, 0];
    while (!isDone) {
      const answers = await ping(from, innerTarget, { source, count: 100, everySeconds: 0.01 });
      sent += answers.sent;
      received += answers.received;
    }
    return { sent, received };
  })();
  try {
    await work();
  } finally {
    isDone = true;
  }
  const { sent, received } = await pinging;
  assert.equal(received, sent);
  console.log(`${received} of ${sent} pings`);
}

interopTest("rekeys of both sides at once: strongSwan as client, no packet lost", async (scene) => {
  const charon = await scene.client(scene.site, { auth: "eap" }, { settings });
  await charon.initiate("net");
  const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
  const pairing = { charon, ike: "gw", rekeyOurs: (what: What) => scene.gateway.rekey(what) };
  let collisions = 0;
  await whilePinging(scene.site.namespace, source, async () => {
    collisions += await collide(pairing, "child", 15);
    collisions += await collide(pairing, "ike", 15);
  });
  console.log(`${collisions} collisions`);
  assert.ok(collisions > 0, "some of them collided");
  const sessions = await scene.gateway.sessions();
  assert.equal(sessions.length, 1);
  assert.equal(sessions[0]?.childSas.length, 1);
  assert.equal(sessions[0]?.state, "active");
  assert.equal((await scene.gateway.counters())["aaa-question"], 1);
});

interopTest("a hundred rekeys by either side under ping: no packet lost", async (scene) => {
  const charon = await scene.client(scene.site, { auth: "eap" }, { settings });
  await charon.initiate("net");
  const [source = ""] = (await scene.gateway.session("alice"))?.addresses ?? [];
  await whilePinging(scene.site.namespace, source, async () => {
    for (let round = 0; round < 100; round++) {
      const what = round % 5 === 4 ? "ike" : "child";
      const before = spi(what, await charon.listSas());
      if (round % 2 === 0) await scene.gateway.rekey(what);
      else await charon.rekey(what, what === "ike" ? "gw" : "net");
      await charon.untilSas(`rekey ${round}`, (sas) => {
        const after = spi(what, sas);
        return after !== undefined && after !== before ? true : undefined;
      });
    }
    await settled(charon);
  });
  const counters = await scene.gateway.counters();
  assert.ok((counters["child-sa-rekeyed"] ?? 0) >= 40, "those that the gateway began");
  assert.equal((await scene.gateway.session("alice"))?.childSas.length, 1);
});

swanGatewayTest(
  "rekeys of both sides at once: strongSwan as gateway, no packet lost",
  async ({ server: charon, client, site, source }) => {
    const rekeyOurs = (): Promise<void> => Promise.resolve(client.process.signal("SIGUSR2"));
    let collisions = 0;
    await whilePinging(site.namespace, source, async () => {
      collisions += await collide({ charon, ike: "eap", rekeyOurs }, "child", 15);
      collisions += await collide({ charon, ike: "eap", rekeyOurs }, "ike", 15);
    });
    console.log(`${collisions} collisions`);
    assert.ok(collisions > 0, "some of them collided");
    assert.doesNotMatch(client.process.output, /reconnecting/);
  },
  settings,
);
