/** The gateway as a process: how it starts, how it fails to, how it ends. In namespaces of its own. */
import assert from "node:assert/strict";
import { Lab, type Namespace } from "../support/netns.ts";
import { rejoinCommand, startGateway, whyNoGateway } from "../support/rejoin.ts";

const reason = whyNoGateway();

interface Scene {
  readonly lab: Lab;
  readonly at: Namespace;
  readonly folder: string;
}

function serveTest(name: string, run: (scene: Scene) => Promise<void>): void {
  if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);
  Deno.test({
    name,
    ignore: reason !== undefined,
    fn: async () => {
      await using lab = await Lab.create();
      const at = await lab.namespace("gateway");
      await run({ lab, at, folder: `${lab.folder}/state` });
    },
  });
}

/** Flags of a gateway that would work. */
function usual(folder: string): readonly string[] {
  return ["--pool", "10.99.0.0/24", "--user", "ann:pw", "--state-dir", folder, "--id", "gw.test"];
}

/** Starts a gateway that must fail: its exit status and what it said, which is one line. */
async function failure(
  { at, folder }: Scene,
  more: readonly string[],
  wrap: readonly string[] = [],
): Promise<{ readonly code: number; readonly line: string }> {
  const command = [...wrap, ...rejoinCommand(), "serve", ...usual(folder), ...more];
  const { code, lines } = await ended(at, command);
  assert.equal(lines.length, 1, lines.join("\n"));
  return { code, line: lines[0] ?? "" };
}

async function ended(
  at: Namespace,
  command: readonly string[],
): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  await using process = at.start("rejoin serve", command);
  const timer = setTimeout(() => process.signal("SIGKILL"), 20_000);
  const { code } = await process.status();
  clearTimeout(timer);
  return { code, lines: process.output.trim().split("\n") };
}

async function tunDevices(at: Namespace): Promise<readonly string[]> {
  return (await at.run("ip", "-o", "link", "show")).split("\n").filter((line) =>
    /rejoin/.test(line)
  );
}

serveTest(
  "a gateway starts, answers its operator, and ends by SIGTERM without leaving a trace",
  async ({ at, folder }) => {
    await using gateway = await startGateway({ namespace: at, folder, flags: { id: "gw.test" } });
    assert.equal((await tunDevices(at)).length, 1);
    assert.equal((Deno.statSync(`${folder}/control.sock`).mode ?? 0) & 0o777, 0o600);
    assert.equal((Deno.statSync(folder).mode ?? 0) & 0o777, 0o700);
    assert.match(
      await gateway.show("ip", "local", "pool"),
      /rejoin0 +10\.99\.0\.2 +10\.99\.0\.254 +253 +0/,
    );
    assert.deepEqual(await gateway.sessions(), []);
    assert.match(
      gateway.process.output,
      /rejoin is ready id=gw\.test listen=0\.0\.0\.0:500,0\.0\.0\.0:4500/,
    );
    assert.ok(!gateway.process.output.includes("alicepw"));
    await gateway.process.stop("SIGTERM");
    assert.equal((await gateway.process.status()).code, 0);
    assert.deepEqual(await tunDevices(at), []);
    assert.throws(() => Deno.statSync(`${folder}/control.sock`), Deno.errors.NotFound);
  },
);

serveTest(
  "after kill -9 the next start takes over folder, store and socket",
  async ({ at, folder }) => {
    const first = await startGateway({ namespace: at, folder });
    const ca = /caFingerprint=(\S+)/.exec(first.process.output)?.[1];
    await using second = await first.restart("SIGKILL");
    assert.deepEqual(await second.sessions(), []);
    assert.ok(ca !== undefined && second.process.output.includes(ca), "the self-made CA stays");
  },
);

serveTest(
  "SIGHUP and rejoin reload take over flags, users and access lists",
  async ({ at, folder }) => {
    await Deno.mkdir(folder);
    const write = (name: string, text: string): string => {
      Deno.writeTextFileSync(`${folder}/${name}`, text, { mode: 0o600 });
      return `${folder}/${name}`;
    };
    const list = "ip access-list extended web\n permit tcp any any eq 443\n";
    const flags = {
      "flags-file": write("flags", "user ann:pw\ngroup staff:filter=web\n"),
      "access-list-file": write("lists", list),
      users: write("users", ""),
      user: [],
    };
    await using gateway = await startGateway({ namespace: at, folder, flags });
    const { process } = gateway;
    write(
      "lists",
      `${list} permit udp any any eq 53\nip access-list extended mail\n deny ip any any\n`,
    );
    write("flags", "user ann:pw\nuser carol:secret\ngroup staff:filter=mail\ndpd 20\n");
    process.signal("SIGHUP");
    await process.waitFor(/reloaded changed=user,group,dpd .*users=2/, 10_000);
    assert.match(await gateway.show("access-lists"), /web[^]*udp any any eq domain[^]*mail/);

    write("lists", "nonsense\n");
    write("flags", "user ann:pw\ngroup staff:filter=nowhere\npool 10.98.0.0/24\nno-such-flag\n");
    const { success, stderr } = await gateway.command("reload");
    assert.equal(success, false);
    assert.deepEqual(stderr.trim().split("\n").map((line) => line.split(": wanted")[0]), [
      "rejoin reload: --no-such-flag",
      "rejoin reload: --group staff:filter=nowhere",
      `rejoin reload: --access-list-file ${folder}/lists`,
      "rejoin reload: nothing was changed",
    ]);
    assert.match(await gateway.show("access-lists"), /web[^]*mail/);

    write("lists", list);
    write("flags", "user ann:pw\ntun rejoin7\n");
    const { stdout } = await gateway.command("reload");
    assert.equal(
      stdout,
      "reloaded, with other values of --user --group --dpd and other contents of " +
        "--access-list-file\nwait for a restart: --tun\n",
    );
    assert.doesNotMatch(await gateway.show("access-lists"), /mail/);
    assert.ok(!process.output.includes("secret"));
  },
);

serveTest("a second gateway on the same state folder is refused", async (scene) => {
  await using _first = await startGateway({ namespace: scene.at, folder: scene.folder });
  const { code, line } = await failure(scene, ["--tun", "rejoin9"]);
  assert.equal(code, 1);
  assert.match(line, /^rejoin serve: Cannot use state folder .*: another rejoin holds it/);
});

serveTest("a port that is taken is one line, and the TUN device is gone again", async (scene) => {
  await using _first = await startGateway({ namespace: scene.at, folder: scene.folder });
  const other = { ...scene, folder: `${scene.folder}-2` };
  const { code, line } = await failure(other, ["--tun", "rejoin9"]);
  assert.equal(code, 1);
  assert.match(line, /^rejoin serve: .*0\.0\.0\.0:500/);
  assert.equal((await tunDevices(scene.at)).length, 1);
});

serveTest("a TUN device that another process has is one line", async (scene) => {
  await using _first = await startGateway({ namespace: scene.at, folder: scene.folder });
  const other = { ...scene, folder: `${scene.folder}-2` };
  const { code, line } = await failure(other, ["--ike-port", "501", "--natt-port", "4501"]);
  assert.equal(code, 1);
  assert.match(line, /^rejoin serve: .*rejoin0/);
});

serveTest("without CAP_NET_ADMIN it is one line", async (scene) => {
  const wrap = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];
  const { code, line } = await failure(scene, [], wrap);
  assert.equal(code, 1);
  assert.match(line, /^rejoin serve: .*CAP_NET_ADMIN/);
});

serveTest("without /dev/net/tun it is one line", async (scene) => {
  const wrap = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"];
  const { code, line } = await failure(scene, [], wrap);
  assert.equal(code, 1);
  assert.match(line, /^rejoin serve: .*\/dev\/net\/tun/);
});

serveTest(
  "a session store that is damaged is one line, and nothing is left running",
  async (scene) => {
    await Deno.mkdir(scene.folder);
    const text = "no database at all ".repeat(1000);
    await Deno.writeTextFile(`${scene.folder}/sessions.kv`, text);
    const { code, line } = await failure(scene, []);
    assert.equal(code, 1);
    assert.match(line, /^rejoin serve: Cannot open session store .*sessions\.kv: .*--kv$/);
    assert.deepEqual(await tunDevices(scene.at), []);
    assert.equal(await Deno.readTextFile(`${scene.folder}/sessions.kv`), text);
  },
);

serveTest(
  "a control socket that cannot be is one line, and nothing is left running",
  async (scene) => {
    const { code, line } = await failure(scene, ["--control", "/nonexistent/c.sock"]);
    assert.equal(code, 1);
    assert.match(line, /^rejoin serve: Cannot open control socket \/nonexistent\/c\.sock: /);
    assert.deepEqual(await tunDevices(scene.at), []);
  },
);

serveTest("a libcrypto without an algorithm is named, and done without", async (scene) => {
  const config = `${scene.lab.folder}/openssl.cnf`;
  const lines = [
    "openssl_conf = a",
    "[a]",
    "alg_section = b",
    "[b]",
    "default_properties = fips=yes",
  ];
  await Deno.writeTextFile(config, lines.join("\n"));
  const wrap = ["env", `OPENSSL_CONF=${config}`];
  const { code, line } = await failure(scene, [], [...wrap, "REJOIN_CRYPTO=libcrypto"]);
  assert.equal(code, 1);
  assert.equal(line, "rejoin serve: Cannot use libcrypto: libcrypto cannot fetch HMAC");
  const command = [...wrap, ...rejoinCommand(), "serve", ...usual(scene.folder)];
  await using gateway = scene.at.start("rejoin serve", command);
  await gateway.waitFor(/rejoin is ready .* crypto=noble/, 20_000);
  assert.match(gateway.output, /Cryptography is slow here, as libcrypto cannot fetch HMAC\n/);
});

serveTest("a TUN device that is taken away ends the gateway, which says so", async (scene) => {
  await using gateway = await startGateway({ namespace: scene.at, folder: scene.folder });
  await scene.at.run("ip", "link", "delete", "rejoin0");
  assert.equal((await gateway.process.status()).code, 1);
  assert.match(gateway.process.output, /packet-path-died .*the TUN device was removed/);
  assert.throws(() => Deno.statSync(`${scene.folder}/control.sock`), Deno.errors.NotFound);
});

serveTest("a pool that is too small is one line, before anything is touched", async (scene) => {
  const { code, line } = await failure(scene, ["--pool", "10.98.0.0/31"]);
  assert.equal(code, 1);
  assert.match(line, /^rejoin serve: Cannot use pool 10\.98\.0\.0\/31: too small/);
  assert.throws(() => Deno.statSync(scene.folder), Deno.errors.NotFound);
});

serveTest(
  "bad flags and files are told together with status 2, before anything is touched",
  async ({ at, folder }) => {
    const more = [
      "--dpd",
      "1",
      "--users",
      "/nonexistent",
      "--client-ca",
      "/nonexistent",
      "--auth",
      "psk",
    ];
    const { code, lines } = await ended(at, [
      ...rejoinCommand(),
      "serve",
      ...usual(folder),
      ...more,
    ]);
    assert.equal(code, 2);
    assert.deepEqual(lines.map((line) => line.split(": wanted")[0]), [
      "rejoin serve: --dpd 1",
      "rejoin serve: --auth psk",
      "rejoin serve: --users /nonexistent",
      "rejoin serve: --client-ca /nonexistent",
    ]);
    assert.throws(() => Deno.statSync(folder), Deno.errors.NotFound);
  },
);
