/** EAP of FreeRADIUS, carried by our gateway, with strongSwan and our own client as peers. */
import assert from "node:assert/strict";
import {
  type EapOfRadius,
  type FreeRadius,
  radiusSecret,
  startFreeRadius,
} from "../support/free_radius.ts";
import type { InteropScene } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { connect, radiusInterop } from "../support/radius_scene.ts";
import type { Flags } from "../support/rejoin.ts";
import { innerTarget } from "../support/road_warrior.ts";
import { clientName, makeTestPki } from "../support/test_pki.ts";

const port = 1812;

/** Starts a server with this method, and a gateway that leaves standard EAP to it. */
async function withEap(
  scene: InteropScene,
  first: EapOfRadius["first"],
  run: (server: FreeRadius) => Promise<void>,
  flags: Flags = {},
): Promise<void> {
  const { lab: { folder }, inside, pki } = scene;
  const secretFile = `${folder}/radius-secret`;
  await Deno.writeTextFile(secretFile, `${radiusSecret}\n`, { mode: 0o600 });
  await using server = await startFreeRadius({
    folder: `${folder}/radius`,
    port,
    namespace: inside,
    // Answers to EAP are signed by 3.2.1 without being told.
    signs: false,
    eap: { ca: pki.ca, cert: pki.gatewayCert, key: pki.gatewayKey, first },
  });
  scene.gateway = await scene.gateway.restart("SIGTERM", {
    auth: "eap-radius",
    radius: `127.0.0.1:${port}`,
    "radius-secret-file": secretFile,
    "radius-timeout": 3,
    ...flags,
  });
  await run(server);
}

/** Packets of a peer at an inner address get through. */
async function assertCarries({ site }: InteropScene, source: string): Promise<void> {
  const answers = await ping(site.namespace, innerTarget, { source });
  assert.equal(answers.received, answers.sent);
}

/** The session of strongSwan's user, and that its packets get through. */
async function assertLoggedIn(scene: InteropScene, userName: string): Promise<void> {
  const session = await scene.gateway.session(userName);
  assert.equal(session?.method, "eap-radius");
  assert.equal(session.ikeSa?.authVerify, "EAP");
  await assertCarries(scene, session.addresses[0] ?? "");
}

radiusInterop(
  "RADIUS speaks EAP-MSCHAPv2 with strongSwan, and gives its user the address",
  (scene) =>
    withEap(scene, "mschapv2", async () => {
      const client = await scene.client(scene.site, { auth: "eap" });
      await client.initiate("net");
      const [sa] = await client.listSas();
      assert.deepEqual(sa?.virtualIps, ["10.99.0.77"]);
      await assertLoggedIn(scene, "alice");
      const counters = await scene.gateway.counters();
      // Identity, response, acknowledgement.
      assert.equal(counters["radius-requests"], 3);
      assert.equal(counters["radius-answers"], 3);
      assert.match(await scene.gateway.show("crypto", "ikev2", "sa", "detailed"), /EAP/);
    }),
);

radiusInterop(
  "a method that strongSwan refuses by Nak is followed by the one that it wants",
  (scene) =>
    withEap(scene, "md5", async () => {
      const client = await scene.client(scene.site, { auth: "eap" });
      await client.initiate("net");
      await assertLoggedIn(scene, "alice");
      assert.equal((await scene.gateway.counters())["radius-requests"], 4);
    }),
);

radiusInterop(
  "after EAP-MD5, which makes no key, strongSwan and we agree on AUTH all the same",
  (scene) =>
    withEap(scene, "md5", async () => {
      const client = await scene.client(scene.site, { auth: "eap", method: "eap-md5" });
      await client.initiate("net");
      await assertLoggedIn(scene, "alice");
      assert.match(client.process.output, /EAP method EAP_MD5 succeeded, no MSK established/);
    }),
);

radiusInterop(
  "a wrong password is RADIUS's to refuse, and nothing is left of it",
  (scene) =>
    withEap(scene, "mschapv2", async () => {
      const client = await scene.client(scene.site, { auth: "eap", password: "wrong" });
      const { up } = await client.tryInitiate("net");
      assert.equal(up, false);
      assert.match(client.process.output, /received EAP_FAILURE|EAP method EAP_MSCHAPV2 failed/);
      assert.deepEqual(await scene.gateway.sessions(), []);
      assert.equal((await scene.gateway.counters())["aaa-rejected"], 1);
      // RFC 3579 §2.6.5: what the server says in words is for the log alone.
      assert.match(scene.gateway.process.output, /aaa-rejected.*message="?unused/);
      assert.match(scene.gateway.process.output, /authentication-failed.*rejected-by-server/);
    }),
);

radiusInterop(
  "RADIUS speaks EAP-TLS with strongSwan, whose fragments pass both ways",
  (scene) =>
    withEap(scene, "tls", async () => {
      const client = await scene.client(scene.site, { auth: "eap-tls" });
      await client.initiate("net");
      await assertLoggedIn(scene, clientName);
      assert.match(client.process.output, /EAP method EAP_TLS succeeded, MSK established/);
      // A chain in RSA does not fit into one packet on either side, and Framed-MTU keeps the server's
      // short enough for IKE.
      assert.doesNotMatch(client.process.output, /received fragment/);
      assert.ok(((await scene.gateway.counters())["radius-requests"] ?? 0) >= 6);
    }),
  { keys: "rsa" },
);

radiusInterop(
  "a client certificate of another CA is refused by RADIUS",
  (scene) =>
    withEap(scene, "tls", async (server) => {
      // By the same name, so that strongSwan shows it at all.
      const pki = await makeTestPki(`${scene.lab.folder}/other-pki`);
      const client = await scene.client(scene.site, { auth: "eap-tls", pki });
      const { up } = await client.tryInitiate("net");
      assert.equal(up, false);
      assert.match(server.process.output, /unable to get local issuer certificate/);
      assert.deepEqual(await scene.gateway.sessions(), []);
      assert.match(scene.gateway.process.output, /authentication-failed.*rejected-by-server/);
    }),
);

radiusInterop(
  "RADIUS speaks EAP-TTLS with strongSwan",
  (scene) =>
    withEap(scene, "ttls", async () => {
      const client = await scene.client(scene.site, { auth: "eap", method: "eap-ttls" });
      await client.initiate("net");
      await assertLoggedIn(scene, "alice");
      assert.match(client.process.output, /EAP method EAP_TTLS succeeded, MSK established/);
    }),
);

radiusInterop(
  "our own client logs in by EAP of RADIUS, and comes back while RADIUS is gone",
  (scene) =>
    withEap(scene, "peap", async (server) => {
      await using first = await connect(scene, "eap-mschapv2");
      assert.equal((await first.nextEstablished(10_000)).how, "login");
      const before = await scene.gateway.session("alice");
      assert.deepEqual(before?.addresses, ["10.99.0.77"]);
      assert.equal(before.method, "eap-radius");
      // Identity, a Nak to PEAP, response, acknowledgement.
      assert.equal((await scene.gateway.counters())["radius-requests"], 4);
      await server.process.stop();
      await first.process.stop("SIGKILL");
      await using again = await connect(scene, "eap-mschapv2");
      assert.equal((await again.nextEstablished(10_000)).how, "reconnect");
      const after = await scene.gateway.session("alice");
      assert.deepEqual(after?.addresses, ["10.99.0.77"]);
      assert.equal(after.reconnect?.count, 1);
      await assertCarries(scene, "10.99.0.77");
      const counters = await scene.gateway.counters();
      assert.equal(counters["radius-requests"], 4);
      assert.equal(counters["aaa-question"], 4);
    }),
);

radiusInterop(
  "EAP needs the server: no local user stands in while it is silent",
  (scene) =>
    withEap(scene, "mschapv2", async (server) => {
      await server.process.stop();
      await using client = await connect(scene, "eap-mschapv2");
      await client.process.waitFor(/refused|failed/i, 20_000);
      assert.deepEqual(await scene.gateway.sessions(), []);
      const counters = await scene.gateway.counters();
      assert.ok((counters["aaa-failed"] ?? 0) >= 1);
      assert.equal(counters["aaa-accepted"], 0);
      assert.match(scene.gateway.process.output, /aaa-failed.*no RADIUS server answered/);
    }, { "radius-fallback-local": true }),
);
