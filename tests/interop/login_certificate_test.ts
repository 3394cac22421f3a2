/** Login with a certificate from strongSwan. */
import assert from "node:assert/strict";
import { makeChainPki, writeRevocationList } from "../support/chain_pki.ts";
import { startCharon } from "../support/charon.ts";
import { interopTest } from "../support/interop.ts";
import { ping } from "../support/netns.ts";
import { charonClient, innerTarget } from "../support/road_warrior.ts";
import { clientName, makeTestPki } from "../support/test_pki.ts";

interopTest("certificate login gets an address and carries packets", async (scene) => {
  const client = await scene.client(scene.site, { auth: "certificate" });
  await client.initiate("net");
  const [session] = await scene.gateway.sessions();
  assert.equal(session?.method, "certificate");
  assert.equal(session.ikeSa?.remoteId, clientName);
  const [source = ""] = session.addresses;
  const answers = await ping(scene.site.namespace, innerTarget, { source });
  assert.equal(answers.received, answers.sent);
});

interopTest("a certificate of a foreign CA is refused", async (scene) => {
  const foreign = await makeTestPki(`${scene.lab.folder}/foreign`);
  const options = charonClient(scene.lab, scene.site, {
    ...scene.pki,
    clientCert: foreign.clientCert,
    clientKey: foreign.clientKey,
  }, { auth: "certificate" });
  await using client = await startCharon(options);
  const { up } = await client.tryInitiate("net", 10);
  assert.equal(up, false);
  assert.match(client.process.output, /AUTH_FAILED|AUTHENTICATION_FAILED/);
  assert.deepEqual(await scene.gateway.sessions(), []);
});

interopTest(
  "intermediate certificates pass both ways, and a revoked client is refused",
  async (scene) => {
    const pki = await makeChainPki(`${scene.lab.folder}/chain`);
    const list = `${scene.lab.folder}/clients.crl`;
    const authority = { certificate: pki.clientCa, key: pki.clientCaKey };
    await writeRevocationList(list, authority);
    scene.gateway = await scene.gateway.restart("SIGTERM", {
      cert: pki.gatewayCert,
      key: pki.gatewayKey,
      chain: pki.gatewayCa,
      "client-ca": pki.ca,
      crl: list,
    });
    const options = charonClient(scene.lab, scene.site, pki, { auth: "certificate" });
    await using client = await startCharon({
      ...options,
      files: { ...options.files, "x509/client-ca.pem": pki.clientCa },
    });
    await client.initiate("net");
    assert.match(client.process.output, /received issuer cert "CN=Chain gateways"/);
    const session = await scene.gateway.session(clientName);
    const [source = ""] = session?.addresses ?? [];
    const answers = await ping(scene.site.namespace, innerTarget, { source });
    assert.equal(answers.received, answers.sent);

    await writeRevocationList(list, authority, pki.clientCert);
    assert.deepEqual(
      await scene.gateway.command("reload").then(({ stdout }) => stdout),
      "reloaded, with other contents of --crl\n",
    );
    await scene.gateway.untilSession(clientName, "gone", (one) => one === undefined);
    assert.match(scene.gateway.process.output, /session-ended .*why=certificate-revoked/);
    await client.process.waitFor(/received DELETE for IKE_SA/, 10_000);
    const { up } = await client.tryInitiate("net", 10);
    assert.equal(up, false);
    assert.match(client.process.output, /received AUTHENTICATION_FAILED/);
    assert.match(scene.gateway.process.output, /reason=certificate-revoked/);
    assert.deepEqual(await scene.gateway.sessions(), []);
  },
);

interopTest(
  "each client gets the gateway's certificate of the CA that it trusts",
  async (scene) => {
    const other = await makeTestPki(`${scene.lab.folder}/other`, "rsa");
    const [first, second] = scene.sites;
    assert.ok(first !== undefined && second !== undefined);
    scene.gateway = await scene.gateway.restart("SIGTERM", {
      cert: [scene.pki.gatewayCert, other.gatewayCert],
      key: [scene.pki.gatewayKey, other.gatewayKey],
      chain: [scene.pki.ca, other.ca],
    });
    const alice = await scene.client(first, { auth: "eap" });
    await alice.initiate("net");
    await using bob = await startCharon(
      charonClient(scene.lab, second, other, { auth: "eap", user: "bob" }),
    );
    await bob.initiate("net");
    const signs = (await scene.gateway.sessions()).map((
      { userName, ikeSa },
    ) => [userName, ikeSa?.authSign]);
    assert.deepEqual(signs, [["alice", "ECDSA"], ["bob", "RSA"]]);
  },
  { sites: 2 },
);
