/**
 * What RADIUS decides about users, with a real server, gateway and clients: every attribute at the login
 * and again when the user comes back while no server is there; networks behind users; groups; refusals.
 */
import assert from "node:assert/strict";
import type { GivenFacts, SessionFacts } from "../../appliance/show/facts.ts";
import { until } from "../support/background.ts";
import type { Charon } from "../support/charon.ts";
import { type InteropScene, interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { attributePools, attributeUsers } from "../support/radius_attributes.ts";
import { connect, radiusInterop, withRadius } from "../support/radius_scene.ts";
import { rejoinCommand } from "../support/rejoin.ts";
import type { RejoinClient } from "../support/rejoin_client.ts";
import { type ClientAuth, innerTarget } from "../support/road_warrior.ts";
import { readClientPair } from "../support/stored_session.ts";

const options = { flags: { pool: attributePools }, users: attributeUsers };

/** What a session has of AAA, without what changes with every login. */
function given(session: SessionFacts | undefined): unknown {
  return session && [session.group, session.addresses, session.given];
}

/** The facts of the client's last line of this event: a quoted value without its quotes. */
function factsOf(client: RejoinClient, event: string): Readonly<Record<string, string>> {
  const line = client.process.output.split("\n").findLast((one) => one.includes(` ${event} `));
  const facts = [...(line ?? "").matchAll(/ (\w+)=(?:"([^"]*)"|(\S+))/g)];
  return Object.fromEntries(facts.map(([, name, quoted, plain]) => [name, quoted ?? plain ?? ""]));
}

/** What the client was told: values of its `established` line, and the banner. */
function toldTo(client: RejoinClient): Readonly<Record<string, string | undefined>> {
  const { addresses, netmask, routes, dns, wins, domain, splitDns } = factsOf(
    client,
    "established",
  );
  const { text: banner } = factsOf(client, "banner");
  return { addresses, netmask, routes, dns, wins, domain, splitDns, banner };
}

/** Brings a user up, hears all of what is told, and lets the client vanish without a word. */
async function visit(
  scene: InteropScene,
  auth: "anyconnect-eap" | "eap-mschapv2",
  user: string,
  hasBanner: boolean,
): Promise<{ readonly how: string; readonly told: ReturnType<typeof toldTo> }> {
  await using client = await connect(scene, auth, { user });
  const { how } = await client.nextEstablished(10_000);
  if (hasBanner) await client.process.waitFor(/ banner text=.*\n/, 5_000);
  await client.process.stop("SIGKILL");
  return { how, told: toldTo(client) };
}

interface UserCase {
  readonly group: string | undefined;
  readonly addresses: readonly string[];
  readonly given: GivenFacts;
  readonly told: Readonly<Record<string, string | undefined>>;
}

const nothing = {
  netmask: "255.255.255.255",
  dns: "",
  wins: undefined,
  domain: undefined,
  splitDns: undefined,
  banner: undefined,
};

const cases: Readonly<Record<string, UserCase>> = {
  rfc: {
    group: "staff",
    addresses: ["10.99.0.78", "fd00:99::78"],
    given: {
      pools: ["staff"],
      ipv6Pools: ["six"],
      netmask: "255.255.255.0",
      networks: ["10.77.0.0/24", "10.78.0.0/16", "fd77::/64"],
      dns: ["10.0.0.53", "10.0.0.54"],
      wins: ["10.0.0.55", "10.0.0.56"],
      banner: "Welcome",
      sessionTimeoutSeconds: 3600,
      idleTimeoutSeconds: 600,
      interimSeconds: 120,
    },
    told: {
      ...nothing,
      netmask: "255.255.255.0",
      routes: "0.0.0.0/0,::/0",
      dns: "10.0.0.53,10.0.0.54",
      wins: "10.0.0.55,10.0.0.56",
      banner: "Welcome",
    },
  },
  cisco: {
    group: "cisco",
    addresses: ["10.1.0.2", "fd00:6::2"],
    given: {
      pools: ["staff"],
      ipv6Pools: ["six"],
      netmask: "255.255.0.0",
      dns: ["10.0.0.53", "10.0.0.54", "fd00::53"],
      wins: ["10.0.0.55"],
      domain: "cisco.example",
      splitInclude: ["10.50.0.0/16", "172.16.0.0/12", "fd00:50::/64"],
      splitDns: ["a.example", "b.example"],
      banner: "For users of Cisco's",
      smartcardRemovalDisconnect: true,
      sessionTimeoutSeconds: 7200,
    },
    told: {
      netmask: "255.255.0.0",
      routes: "10.50.0.0/16,172.16.0.0/12,fd00:50::/64",
      dns: "10.0.0.53,10.0.0.54,fd00::53",
      wins: "10.0.0.55",
      domain: "cisco.example",
      splitDns: "a.example,b.example",
      banner: "For users of Cisco's",
    },
  },
  prefix: {
    group: undefined,
    addresses: ["10.99.0.2", "fd00:99::77"],
    given: { ipv6Pools: ["six"] },
    told: { ...nothing, routes: "0.0.0.0/0,::/0" },
  },
};

for (const auth of ["eap-mschapv2", "anyconnect-eap"] as const) {
  radiusInterop(
    `by ${auth} every attribute of RADIUS holds at the login and at every return without RADIUS`,
    (scene) =>
      withRadius(scene, async (server) => {
        const assertGiven = async (how: "login" | "reconnect"): Promise<void> => {
          for (const [user, expected] of Object.entries(cases)) {
            const { group, addresses, given: facts, told } = expected;
            const visited = await visit(scene, auth, user, told["banner"] !== undefined);
            const all = { ...told, addresses: addresses.join(",") };
            assert.deepEqual(visited, { how, told: all }, user);
            const session = await scene.gateway.session(user);
            assert.deepEqual(given(session), [group, addresses, facts], user);
            assert.equal(session?.reconnect?.count, how === "login" ? 0 : 1);
          }
        };
        await assertGiven("login");
        await server.process.stop();
        scene.gateway = await scene.gateway.restart("SIGKILL");
        await assertGiven("reconnect");
        assert.equal((await scene.gateway.counters())["aaa-question"] ?? 0, 0);
        assert.equal((await scene.gateway.counters())["radius-requests"] ?? 0, 0);
      }, options),
  );
}

radiusInterop(
  "what RADIUS gives is shown to the operator",
  (scene) =>
    withRadius(scene, async () => {
      await using client = await connect(scene, "eap-mschapv2", { user: "rfc" });
      await client.nextEstablished(10_000);
      const shown = await scene.gateway.show("crypto", "session", "detail");
      for (
        const line of [
          "Group: staff",
          "Pool: staff",
          "IPv6 pool: six",
          "DNS: 10.0.0.53, 10.0.0.54",
          "Session timeout: 3600 sec",
          "Idle timeout: 600 sec",
        ]
      ) {
        assert.ok(shown.split("\n").includes(line), `${line} in\n${shown}`);
      }
      const pools = await scene.gateway.show("ip", "local", "pool");
      assert.match(pools, /^ staff +10\.1\.0\.2 +10\.1\.0\.254 /m);
    }, options),
);

// --- networks behind users ----------------------------------------------------------------------

const network = "10.77.0.0/24";
const behind = "10.77.0.1";

/** Where the gateway's host would send a packet for somebody behind the router. */
async function wayBehind(scene: InteropScene): Promise<string> {
  const text = await scene.inside.run("ip", "route", "show", network);
  return /dev (\S+)/.exec(text)?.[1] ?? "nowhere";
}

function router(scene: InteropScene, who: ClientAuth, folder: string): Promise<Charon> {
  const child = `local_ts = dynamic,${network}`;
  return scene.client(scene.site, who, { child, folder });
}

async function assertReached(scene: InteropScene, charon: Charon): Promise<void> {
  await charon.initiate("net");
  assert.equal(await wayBehind(scene), "rejoin0");
  const answers = await ping(scene.inside, behind, { source: innerTarget });
  assert.equal(answers.received, answers.sent, "from inside to the network behind the user");
}

radiusInterop(
  "a network behind a user is reached while the Child SA stands, at the login and after a return",
  (scene) =>
    withRadius(scene, async (server) => {
      await scene.site.namespace.addAddress(`${behind}/32`);
      assert.equal(await wayBehind(scene), "nowhere");
      const first = await router(scene, { auth: "eap", user: "router" }, "first");
      await assertReached(scene, first);
      const shown = await scene.gateway.show("crypto", "ikev2", "sa", "detailed");
      assert.match(shown, /Remote subnets:\n {6}10\.77\.0\.0 255\.255\.255\.0\n/);
      await first.process.stop();
      await until("the route to go", async () =>
        await wayBehind(scene) === "nowhere" ? true : undefined, 10_000);

      // Stock strongSwan can come back with a pair and cannot ask for one: our client does that.
      await using ours = await connect(scene, "eap-mschapv2", { user: "router" });
      await ours.nextEstablished(10_000);
      assert.equal(await wayBehind(scene), "rejoin0");
      await ours.process.stop("SIGKILL");
      const { gatewayAddress } = scene.site;
      const folder = `${scene.lab.folder}/client-router`;
      const pair = await readClientPair(folder, gatewayAddress, "router");
      await server.process.stop();
      scene.gateway = await scene.gateway.restart("SIGKILL");
      assert.equal(await wayBehind(scene), "nowhere");
      const again = await router(scene, { auth: "reconnect", ...pair }, "again");
      await assertReached(scene, again);
      await scene.gateway.command("clear", "crypto", "session");
      await until("the route to go", async () =>
        await wayBehind(scene) === "nowhere" ? true : undefined, 10_000);
    }, options),
);

// --- refusals -----------------------------------------------------------------------------------

const refused: readonly (readonly [user: string, counter: string, told: RegExp])[] = [
  ["stranger", "aaa-impossible", /aaa-impossible user=stranger .*203\.0\.113\.9 .*in no pool/],
  ["nopool", "aaa-impossible", /aaa-impossible user=nopool .*nobody .*no such pool/],
  ["greedy", "aaa-impossible", /aaa-impossible user=greedy .*0\.0\.0\.0\/0 .*it is everything/],
  ["typo", "radius-key-unknown", /radius-key-unknown user=typo keys=ipsec:addr-pol/],
  [
    "nonsense",
    "radius-attribute-unusable",
    /radius-attribute-unusable user=nonsense attribute=ipsec:dns-servers/,
  ],
];

radiusInterop(
  "an accept that cannot be carried out lets nobody in, and the cause is told",
  (scene) =>
    withRadius(scene, async () => {
      for (const [i, [user, , told]] of refused.entries()) {
        const auth = i % 2 === 0 ? "eap-mschapv2" : "anyconnect-eap";
        await using client = await connect(scene, auth, { user });
        await client.process.status();
        assert.match(scene.gateway.process.output, told);
      }
      assert.deepEqual(await scene.gateway.sessions(), []);
      assert.deepEqual((await scene.gateway.pools()).map(({ inUse }) => inUse), [0, 0, 0, 0]);
      const counters = await scene.gateway.counters();
      for (const counter of new Set(refused.map(([, counter]) => counter))) {
        const expected = refused.filter((one) => one[1] === counter).length;
        // AnyConnect asks for the password once more, and our client gives it.
        assert.ok((counters[counter] ?? 0) >= expected, `${counter} ${counters[counter]}`);
      }
    }, options),
);

// --- groups -------------------------------------------------------------------------------------

radiusInterop(
  "a group's policy holds under what RADIUS says of its user",
  (scene) =>
    withRadius(scene, async () => {
      for (const user of ["groupie", "rfc"]) await visit(scene, "eap-mschapv2", user, true);
      const groupie = await scene.gateway.session("groupie");
      assert.deepEqual(given(groupie), ["staff", ["10.1.0.2", "fd00:99::2"], {
        pools: ["staff"],
        dns: ["10.9.9.9"],
        banner: "of staff",
      }]);
      const rfc = await scene.gateway.session("rfc");
      assert.deepEqual(rfc?.given.dns, cases["rfc"]?.given.dns);
      assert.equal(rfc?.given.banner, "Welcome");
    }, {
      ...options,
      flags: {
        ...options.flags,
        group: ["staff:pool=staff,dns=10.9.9.9", "staff:banner=of staff"],
      },
    }),
);

interopTest("groups of local users, chosen ones, and a policy that overrides", async (scene) => {
  const users = `${scene.lab.folder}/users`;
  const passwordFile = `${scene.lab.folder}/password`;
  await Deno.writeTextFile(passwordFile, "carolpw\n", { mode: 0o600 });
  const flags = ["--users", users, "--password-file", passwordFile, "--group", "staff"];
  await scene.inside.run(...rejoinCommand(), "user", "add", "carol", ...flags);
  scene.gateway = await scene.gateway.restart("SIGTERM", {
    users,
    pool: attributePools,
    "login-group": ["guests", "staff"],
    group: ["staff:pool=staff,domain=staff.example", "guests:domain=guests.example"],
    "group-override": true,
  });
  // Carol's group is the users file's; alice has none but the one that everybody gets unless they choose.
  await visit(scene, "anyconnect-eap", "carol", false);
  const alice = await visit(scene, "anyconnect-eap", "alice", false);
  const facts = async (user: string): Promise<unknown> => {
    const session = await scene.gateway.session(user);
    return [session?.group, session?.addresses[0], session?.given.domain];
  };
  assert.deepEqual(await facts("carol"), ["staff", "10.1.0.2", "staff.example"]);
  assert.deepEqual(await facts("alice"), ["guests", "10.99.0.2", "guests.example"]);
  assert.equal(alice.told["domain"], "guests.example");
});
