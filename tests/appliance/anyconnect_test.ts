/** Logins by AnyConnect-EAP with `rejoin connect`, gateway and clients in namespaces of their own. */
import assert from "node:assert/strict";
import { run } from "../../appliance/cli.ts";
import { Lab, ping } from "../support/netns.ts";
import {
  fetchImports,
  type Flags,
  rejoinCommand,
  type RejoinGateway,
  startGateway,
  whyNoGateway,
} from "../support/rejoin.ts";
import { type RejoinClient, startClient } from "../support/rejoin_client.ts";
import { type ClientSite, connectedLab } from "../support/road_warrior.ts";

/** The first host of the gateway's pool: its own address inside. */
const gatewayInner = "10.99.0.1";
const gatewayId = "gw.example.test";

interface Scene {
  readonly lab: Lab;
  readonly gateway: RejoinGateway;
  readonly sites: readonly ClientSite[];
  /** Flags of a client with alice's certificate. */
  readonly certificate: Flags;
  /** Starts a client at a site. */
  client(site: ClientSite | undefined, user: string, flags?: Flags): Promise<RejoinClient>;
}

const reason = whyNoGateway();

/** Runs `rejoin pki …` in this process. */
async function rejoinPki(
  kind: "ca" | "gateway" | "client",
  name: string,
  folder: string,
  keyType: "ecdsa" | "rsa",
): Promise<void> {
  const said: string[] = [];
  const status = await run(["pki", kind, name, "--key-type", keyType, "--folder", folder], {
    out: () => {},
    err: (line) => void said.push(line),
    env: () => undefined,
    readFile: () => "",
    askSecret: () => undefined,
  });
  assert.equal(status, 0, said.join("\n"));
}

function loginTest(
  name: string,
  flags: Flags,
  play: (scene: Scene) => Promise<void>,
  keyType: "ecdsa" | "rsa" = "ecdsa",
): void {
  if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);
  Deno.test({
    name,
    ignore: reason !== undefined,
    fn: async () => {
      await fetchImports();
      await using lab = await Lab.create();
      const { gateway: namespace, clients: sites } = await connectedLab(lab, 2);
      const pki = (name: string): string => `${lab.folder}/pki/${name}`;
      await rejoinPki("ca", "Test CA", pki(""), keyType);
      await rejoinPki("gateway", gatewayId, pki(""), keyType);
      await rejoinPki("client", "alice@example.test", pki(""), keyType);
      await using gateway = await startGateway({
        namespace,
        folder: `${lab.folder}/state`,
        flags: {
          cert: pki(`${gatewayId}.crt`),
          key: pki(`${gatewayId}.key`),
          "client-ca": pki("ca.crt"),
          auth: "anyconnect-eap",
          ...flags,
        },
      });
      await using clients = new AsyncDisposableStack();
      const client = async (
        site: ClientSite | undefined,
        user: string,
        more: Flags = {},
      ): Promise<RejoinClient> => {
        assert.ok(site);
        const folder = `${lab.folder}/${user}`;
        await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
        await Deno.writeTextFile(`${folder}/password`, `${user}pw\n`, { mode: 0o600 });
        return clients.use(
          await startClient({
            namespace: site.namespace,
            folder,
            gateway: site.gatewayAddress,
            flags: {
              auth: "anyconnect-eap",
              user,
              "password-file": `${folder}/password`,
              ca: pki("ca.crt"),
              "remote-id": gatewayId,
              "state-dir": folder,
              ...more,
            },
          }),
        );
      };
      const certificate = {
        cert: pki("alice@example.test.crt"),
        key: pki("alice@example.test.key"),
      };
      await play({ lab, gateway, sites, client, certificate });
    },
  });
}

loginTest(
  "two clients log in at the same time under the identity that all have, and both carry traffic",
  { banner: "Authorised use only" },
  async ({ gateway, sites: [first, second], client }) => {
    const [alice, bob] = await Promise.all([client(first, "alice"), client(second, "bob")]);
    await Promise.all([alice.nextEstablished(15_000), bob.nextEstablished(15_000)]);
    const [a, b] = await Promise.all([gateway.session("alice"), gateway.session("bob")]);
    assert.ok(a && b && first && second);
    assert.deepEqual([a.method, b.method], ["anyconnect-eap", "anyconnect-eap"]);
    assert.deepEqual([a.peerType, b.peerType], ["AnyConnect", "AnyConnect"]);
    const [aliceAddress = "", bobAddress = ""] = [a.addresses[0], b.addresses[0]];
    assert.notEqual(aliceAddress, bobAddress);
    const answers = await Promise.all([
      ping(first.namespace, gatewayInner, { source: aliceAddress, count: 10 }),
      ping(second.namespace, gatewayInner, { source: bobAddress, count: 10 }),
    ]);
    assert.deepEqual(answers.map(({ received }) => received), [10, 10]);
    // The system may send a packet or two by itself, but none of alice's came through here.
    const packets = (await gateway.session("bob"))?.childSas[0]?.packetsIn ?? 0;
    assert.ok(packets >= 10 && packets < 20, `${packets}`);
    assert.match(bob.process.output, /\bbanner text="Authorised use only"/);
    // One leaving, and coming again, is nothing to the other.
    await alice.process.stop("SIGTERM");
    await gateway.untilSession("alice", "gone", (session) => session === undefined);
    const again = await client(first, "alice");
    assert.equal((await again.nextEstablished(15_000)).how, "login");
    assert.equal((await gateway.session("bob"))?.id, b.id);
    const more = await ping(second.namespace, gatewayInner, { source: bobAddress, count: 3 });
    assert.equal(more.received, 3);
  },
);

loginTest(
  "a client whose address changes is back by token at once",
  {},
  async ({ gateway, sites: [site], client }) => {
    const alice = await client(site, "alice", { "without-mobike": true });
    await alice.nextEstablished(15_000);
    assert.ok(site);
    const before = await gateway.session("alice");
    const { namespace, interfaceName, address, gatewayAddress } = site;
    const moved = address.replace(/\.\d+$/, ".77");
    await namespace.run("ip", "address", "del", `${address}/24`, "dev", interfaceName);
    await namespace.addAddress(`${moved}/24`, interfaceName);
    await namespace.run("ip", "route", "replace", "default", "via", gatewayAddress);
    // Well before the gateway's or the client's DPD could have noticed.
    assert.equal((await alice.nextEstablished(8_000)).how, "reconnect");
    assert.match(alice.process.output, /network-changed/);
    const after = await gateway.session("alice");
    assert.ok(before && after);
    assert.deepEqual(after.addresses, before.addresses);
    assert.deepEqual([after.userName, after.peerType], ["alice", "AnyConnect"]);
    assert.ok(after.lastRemote.startsWith(`${moved}:`), after.lastRemote);
    assert.equal((await gateway.counters())["aaa-question"], 1);
  },
);

loginTest(
  "a wrong password ends the client, with a hint and without a session",
  {},
  async ({ lab, gateway, sites: [site], client }) => {
    const path = `${lab.folder}/wrong`;
    await Deno.writeTextFile(path, "guess\n", { mode: 0o600 });
    const alice = await client(site, "alice", { "password-file": path });
    assert.equal((await alice.process.status()).code, 1);
    assert.match(alice.process.output, /why=wrong-password advice="the gateway did not take/);
    assert.equal(await gateway.session("alice"), undefined);
    assert.equal((await gateway.counters())["aaa-question"], 1, "the client does not try again");
  },
);

loginTest(
  "where the gateway wants both, a certificate and a password log in to a group",
  {
    "anyconnect-mode": "certificate+password",
    "login-group": ["staff=Our staff", "guests"],
  },
  async ({ gateway, sites: [first, second], client, certificate }) => {
    const alice = await client(first, "alice", { ...certificate, group: "Our staff" });
    assert.equal((await alice.nextEstablished(15_000)).how, "login");
    const session = await gateway.session("alice");
    assert.deepEqual([session?.method, session?.group], ["anyconnect-eap", "staff"]);
    const bob = await client(second, "bob");
    assert.equal((await bob.process.status()).code, 1);
    assert.equal(await gateway.session("bob"), undefined);
  },
  "rsa",
);

loginTest(
  "debug packet names the attributes that a client asked for, also those that nobody knows",
  {},
  async ({ lab, gateway, sites: [first, second], client }) => {
    assert.ok(first && second);
    const command = [...rejoinCommand(), "debug", "crypto", "ikev2", "packet"];
    const control = ["--control", `${lab.folder}/state/control.sock`];
    await using viewer = first.namespace.start("rejoin debug", [...command, ...control]);
    await viewer.waitFor(/Debugging until interrupted/, 10_000);
    const bob = await client(second, "bob", {
      "cisco-attr": ["session-id=28717", "session-token=28718"],
    });
    await bob.nextEstablished(15_000);
    await viewer.waitFor(/Sent IKE_AUTH response \d+ \{ AUTH, CP\(CFG_REPLY\)/, 5_000);
    const from = String.raw`remote=${second.address.replaceAll(".", "\\.")}:\d+`;
    assert.match(
      viewer.output,
      new RegExp(String.raw`Received IKE_AUTH request 1 \{ IDi, .*CP\(CFG_REQUEST\).* ${from}`),
    );
    assert.match(viewer.output, /^ {4}IDi type: CISCO_GROUP \(201\), length: 20$/m);
    assert.match(viewer.output, /^ {4}Attrib type: unknown \(28717\), length: 0$/m);
    assert.match(viewer.output, /^ {4}Attrib type: unknown \(28718\), length: 0$/m);
    assert.ok(!viewer.output.includes("bobpw"));
    assert.ok(!gateway.process.output.includes("ikev2-packet"), "the log is spared");
    await viewer.stop("SIGINT");
    assert.equal((await gateway.session("bob"))?.state, "active");
  },
);
