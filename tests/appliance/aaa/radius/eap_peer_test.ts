/**
 * Methods of EAP that strongSwan of Debian has no peer for: `eapol_test` (Debian: eapoltest) before our
 * relay, FreeRADIUS behind it.
 */
import assert from "node:assert/strict";
import { RadiusClient } from "../../../../appliance/aaa/radius/client.ts";
import { udpServer } from "../../../../appliance/aaa/radius/servers.ts";
import { RadiusVerifier } from "../../../../appliance/aaa/radius/verifier.ts";
import { systemClock } from "../../../../appliance/clock.ts";
import { providerOfMachine } from "../../../../appliance/crypto.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import { parseIpAddress, utf8 } from "../../../../core/mod.ts";
import { finish, type Finished } from "../../../support/background.ts";
import { radiusSecret, startFreeRadius, whyNoFreeRadius } from "../../../support/free_radius.ts";
import { frontSecret, RadiusFront } from "../../../support/radius_front.ts";
import { makeTestPki, type TestPki } from "../../../support/test_pki.ts";
import { silentLog } from "./support.ts";

const loopback = parseIpAddress("127.0.0.1") ?? assert.fail();

interface Scene {
  readonly front: RadiusFront;
  readonly pki: TestPki;
  /** Runs a peer with these lines of a network block. */
  peer(...lines: readonly string[]): Promise<Finished>;
}

function whyNoPeer(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const program of ["eapol_test", "pki"]) {
    const isThere = folders.some((folder) => {
      try {
        return Deno.statSync(`${folder}/${program}`).isFile;
      } catch {
        return false;
      }
    });
    if (!isThere) return `${program} is missing (Debian: eapoltest, strongswan-pki)`;
  }
  return undefined;
}

const reason = whyNoFreeRadius() ?? whyNoPeer();

function peerTest(name: string, run: (scene: Scene) => Promise<void>): void {
  const full = `eapol_test: ${name}`;
  if (reason !== undefined) console.log(`skipped: ${full}: ${reason}`);
  Deno.test({ name: full, ignore: reason !== undefined, fn: () => runScene(run) });
}

async function runScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const port = 20_000 + Deno.pid % 20_000;
  try {
    const pki = await makeTestPki(`${folder}/pki`, "rsa");
    await using _server = await startFreeRadius({
      folder: `${folder}/radius`,
      port,
      signs: false,
      eap: { ca: pki.ca, cert: pki.gatewayCert, key: pki.gatewayKey, first: "md5" },
    });
    const client = new RadiusClient({
      servers: [
        udpServer({ address: loopback, port }, () => utf8(radiusSecret), {
          source: undefined,
          allowUnsigned: false,
        }),
      ],
      balance: "in-order",
      purpose: "access",
      status: undefined,
      times: { timeoutMs: 3000, deadMs: 60_000, firstPauseMs: 500 },
      random: systemRandom,
      clock: systemClock,
      log: silentLog,
    });
    try {
      const verifier = new RadiusVerifier({
        client,
        crypto: providerOfMachine(),
        random: systemRandom,
        log: silentLog,
        nasIdentifier: "gw.example.test",
        passwords: "pap",
        ignoresUnknown: false,
        accessLists: new Map(),
        local: { verify: () => Promise.resolve({ kind: "reject" }) },
        fallsBack: false,
      });
      const context = {
        remote: { address: loopback, port: 4500 },
        signal: new AbortController().signal,
      };
      await using front = await RadiusFront.start(verifier, context);
      await run({ front, pki, peer: (...lines) => runPeer(folder, front.port, lines) });
    } finally {
      client.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runPeer(
  folder: string,
  port: number,
  lines: readonly string[],
): Promise<Finished> {
  const path = `${folder}/peer.conf`;
  const block = ["key_mgmt=WPA-EAP", ...lines].map((line) => `  ${line}\n`).join("");
  await Deno.writeTextFile(path, `network={\n${block}}\n`);
  return await finish([
    ...["eapol_test", "-c", path, "-a", "127.0.0.1", "-p", `${port}`],
    ...["-s", frontSecret, "-t", "15"],
  ]);
}

/** Exit status, and that its MSK is the one of our accept. */
function assertLoggedIn({ success, stdout }: Finished, { front }: Scene, userName: string): void {
  assert.ok(success, stdout.slice(-3000));
  assert.match(stdout, /MPPE keys OK: 1 {2}mismatch: 0/);
  const [end] = front.ends;
  assert.ok(end?.kind === "success");
  assert.equal(end.userName, userName);
  assert.equal(end.msk?.length, 64);
}

for (const inner of ["MSCHAPV2", "MD5"]) {
  peerTest(`PEAP with ${inner} inside passes the relay with its key`, async (scene) => {
    const finished = await scene.peer(
      "eap=PEAP",
      'identity="bob"',
      'anonymous_identity="nobody@example.test"',
      'password="bobpw"',
      `ca_cert="${scene.pki.ca}"`,
      `phase2="auth=${inner}"`,
    );
    assertLoggedIn(finished, scene, "bob");
  });
}

peerTest("PEAP with a wrong password inside ends with the server's no", async (scene) => {
  const { success } = await scene.peer(
    "eap=PEAP",
    'identity="bob"',
    'password="wrong"',
    `ca_cert="${scene.pki.ca}"`,
    'phase2="auth=MSCHAPV2"',
  );
  assert.equal(success, false);
  const [end] = scene.front.ends;
  assert.ok(end?.kind === "failure");
  assert.equal(end.reason, "rejected-by-server");
});

peerTest("TTLS with PAP inside, and TLS, pass the relay with their keys", async (scene) => {
  const ttls = await scene.peer(
    "eap=TTLS",
    'identity="bob"',
    'anonymous_identity="nobody@example.test"',
    'password="bobpw"',
    `ca_cert="${scene.pki.ca}"`,
    'phase2="auth=PAP"',
  );
  assertLoggedIn(ttls, scene, "bob");
  scene.front.ends.length = 0;
  const tls = await scene.peer(
    "eap=TLS",
    'identity="alice@example.test"',
    `ca_cert="${scene.pki.ca}"`,
    `client_cert="${scene.pki.clientCert}"`,
    `private_key="${scene.pki.clientKey}"`,
    "fragment_size=400",
  );
  assertLoggedIn(tls, scene, "alice@example.test");
});
