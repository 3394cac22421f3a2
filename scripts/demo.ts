/**
 * `deno task demo`: the point of this program in half a minute, on one machine. A gateway and a client,
 * each in a network namespace of its own: log in, move packets, lose the link, lose the gateway to
 * `kill -9`, and be back by token both times with the same address and no question to AAA. The login is
 * by EAP-MSCHAPv2; `--auth anyconnect-eap` plays the same story with Cisco's method.
 *
 * Everything happens in namespaces that vanish with the process: as root in new ones for network and
 * mounts, without root in a user namespace besides, where the kernel allows it. Needs `ip`, `unshare` and
 * `nsenter`. Exit status 0 only if every claim held. With `REJOIN_BIN` both ends are that executable.
 */
import { isDeepStrictEqual } from "node:util";
import { mustRun } from "../tests/support/background.ts";
import { Lab, type Namespace } from "../tests/support/netns.ts";
import {
  fetchImports,
  rejoinCommand,
  type RejoinGateway,
  startGateway,
} from "../tests/support/rejoin.ts";
import { type RejoinClient, startClient } from "../tests/support/rejoin_client.ts";

const outer = { gateway: "198.18.0.1", client: "198.18.0.2" };
const pool = "192.168.20.0/24";
const inside = "192.168.20.1";
const insideMark = "REJOIN_DEMO_INSIDE";
/** What the operator says at an AnyConnect login; the client must have heard it. */
const banner = "Authorised use only";
const began = performance.now();
const probe = new URL("./demo/probe.ts", import.meta.url).pathname;

function say(text: string): void {
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${text}`);
}

const broken: string[] = [];

/** Exit status when a claim did not hold; 1 is what `unshare` says when it cannot. */
const untrue = 3;

/** Says whether a claim is true; a false one spoils the exit status but not the rest of the show. */
function claim(holds: boolean, text: string): void {
  say(`${holds ? "  ok  " : "  NOT "} ${text}`);
  if (!holds) broken.push(text);
}

/** Runs this script again in namespaces of its own; the exit status is that of the run inside. */
async function runInside(): Promise<number> {
  await fetchImports();
  const asRoot = Deno.uid() === 0;
  const { code } = await new Deno.Command("unshare", {
    args: [
      ...(asRoot ? [] : ["--user", "--map-root-user"]),
      ...["--net", "--mount", "--", Deno.execPath(), "run", "--allow-all", "--no-check"],
      ...[import.meta.filename ?? "scripts/demo.ts", ...Deno.args],
    ],
    env: { [insideMark]: "1" },
  }).spawn().status;
  if (code === untrue || code === 0) return code;
  console.error(
    asRoot
      ? "The demonstration needs unshare, nsenter, ip and the right to make namespaces."
      : "Without root this needs a kernel that allows unprivileged user namespaces.",
  );
  return code;
}

async function runProbe<T>(at: Namespace, ...words: readonly string[]): Promise<T> {
  const { stdout, stderr } = await at.finish([
    Deno.execPath(),
    "run",
    "-A",
    "--no-check",
    probe,
    ...words,
  ]);
  if (stdout === "") throw new Error(`probe ${words.join(" ")}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Echo and a checked TCP transfer through the tunnel. */
async function claimTraffic(client: Namespace, address: string): Promise<void> {
  const echo = await runProbe<{ sent: number; received: number; meanMs: number }>(
    client,
    ...["ping", address, inside, "5"],
  );
  claim(
    echo.received === echo.sent,
    `${echo.received} of ${echo.sent} pings through the tunnel, ${echo.meanMs?.toFixed(2)} ms`,
  );
  const tcp = await runProbe<{ intact: boolean; megabitsPerSecond: number }>(
    client,
    ...["transfer", address, inside, "7777", "20"],
  );
  claim(tcp.intact, `20 MB of TCP arrived intact, ${tcp.megabitsPerSecond.toFixed(0)} Mbit/s`);
}

/** What must be the same after every return. */
async function sessionOf(gateway: RejoinGateway): Promise<{
  readonly id: number;
  readonly addresses: readonly string[];
  readonly firstLogin: string;
  readonly state: string;
  readonly method: string;
  readonly peerType: string;
}> {
  const session = await gateway.session("alice");
  if (session === undefined) throw new Error("the gateway has no session of alice");
  const { id, addresses, firstLogin, state, method, peerType } = session;
  return { id, addresses, firstLogin, state, method, peerType };
}

async function askedAaa(gateway: RejoinGateway): Promise<number> {
  return (await gateway.counters())["aaa-question"] ?? 0;
}

/** The client is back: by token, with its address, and AAA was not asked again. */
async function claimBack(
  client: {
    readonly process: RejoinClient;
    readonly at: Namespace;
    readonly address: string;
    readonly peerType: string;
  },
  gateway: RejoinGateway,
  askedBefore: number,
): Promise<void> {
  const { how, tookMs } = await client.process.nextEstablished(60_000);
  claim(how === "reconnect", `back by ${how === "reconnect" ? "token" : how} in ${tookMs} ms`);
  const address = await client.process.innerAddress("rejoin1");
  claim(address === client.address, `the same inner address ${address}`);
  const session = await sessionOf(gateway);
  claim(
    isDeepStrictEqual(session.addresses, [client.address]),
    "the gateway holds that address for the session",
  );
  claim(session.peerType === client.peerType, `the session is still of type ${session.peerType}`);
  const asked = await askedAaa(gateway) - askedBefore;
  claim(asked === 0, `${asked} questions to AAA`);
  await claimTraffic(client.at, client.address);
}

/** How to log in, as the command line says; EAP-MSCHAPv2 if it says nothing. */
function authOf([flag, word, extra]: readonly string[]): keyof typeof methodNames | undefined {
  if (flag === undefined) return "eap-mschapv2";
  const isKnown = word === "eap-mschapv2" || word === "anyconnect-eap";
  return flag === "--auth" && isKnown && extra === undefined ? word : undefined;
}

const methodNames = {
  "eap-mschapv2": "EAP-MSCHAPv2",
  "anyconnect-eap": "AnyConnect-EAP",
} as const;

async function run(auth: keyof typeof methodNames): Promise<void> {
  await mustRun(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  await using lab = await Lab.create();
  say(`the program is ${rejoinCommand().join(" ")}`);
  const gatewayAt = await lab.namespace("gateway");
  const clientAt = await lab.namespace("client");
  await lab.link(
    { namespace: gatewayAt, interfaceName: "wan", addresses: [`${outer.gateway}/24`] },
    { namespace: clientAt, interfaceName: "wan", addresses: [`${outer.client}/24`] },
  );
  say(`a gateway at ${outer.gateway} and a client at ${outer.client}, joined by a veth pair`);

  const start = {
    namespace: gatewayAt,
    folder: `${lab.folder}/gateway`,
    flags: { pool, user: "alice:wonderland", id: "gw.example.test", dpd: 10, auth, banner },
  };
  let gateway = await startGateway(start);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => gateway[Symbol.asyncDispose]());
  say(`rejoin serve --pool ${pool} --user alice:… --auth ${auth} is ready`);
  const [, ca = ""] = await gateway.process.waitFor(/\bcaFile=(\S+)/, 1000);

  await using process = await startClient({
    namespace: clientAt,
    folder: `${lab.folder}/client`,
    gateway: outer.gateway,
    flags: {
      auth,
      user: "alice",
      "password-file": await passwordFile(lab.folder),
      ca,
      "remote-id": "gw.example.test",
      "state-dir": `${lab.folder}/client`,
      tun: "rejoin1",
      dpd: 3,
      "dpd-retry": 1,
    },
  });
  const first = await process.nextEstablished(20_000);
  claim(
    first.how === "login",
    `logged in as alice with ${methodNames[auth]} in ${first.tookMs} ms`,
  );
  const { method, peerType } = await sessionOf(gateway);
  say(`        the gateway has a session of type ${peerType} by ${method}`);
  if (auth === "anyconnect-eap") {
    const heard = await process.process.waitFor(/\bbanner text="(.*)"/, 5000);
    claim(heard[1] === banner, `the client was greeted with "${heard[1]}"`);
  }
  const address = await process.innerAddress("rejoin1");
  say(`        inner address ${address}`);
  const client = { process, at: clientAt, address, peerType };
  const server = [Deno.execPath(), "run", "-A", "--no-check", probe, "serve", inside, "7777"];
  await using receiver = gatewayAt.start("receiver", server);
  await receiver.waitFor(/listening/, 10_000);
  await claimTraffic(clientAt, address);
  const asked = await askedAaa(gateway);
  claim(asked === 1, `AAA was asked ${asked} time`);

  say("the link goes down");
  await clientAt.setLink("wan", "down");
  await gateway.untilSession("alice", "inactive", (it) => it?.state === "inactive", 60_000);
  claim(true, "the gateway has noticed; the session is inactive and keeps its address");
  await clientAt.setLink("wan", "up");
  say("the link is up again");
  await claimBack(client, gateway, asked);

  say("kill -9 for the gateway");
  await gateway.process.stop("SIGKILL");
  gateway = await startGateway(start);
  say("the gateway is started again");
  await receiver.stop("SIGKILL");
  await using again = gatewayAt.start("receiver", server);
  await again.waitFor(/listening/, 10_000);
  await claimBack(client, gateway, 0);

  for (
    const words of [["crypto", "session", "detail"], ["crypto", "ikev2", "stats", "reconnect"]]
  ) {
    console.log(`\n# rejoin show ${words.join(" ")}\n${await gateway.show(...words)}`);
  }
}

async function passwordFile(folder: string): Promise<string> {
  const path = `${folder}/password`;
  await Deno.writeTextFile(path, "wonderland\n", { mode: 0o600 });
  return path;
}

if (import.meta.main) {
  const auth = authOf(Deno.args);
  if (auth === undefined) {
    console.error("deno task demo [--auth eap-mschapv2|anyconnect-eap]");
    Deno.exit(2);
  }
  if (Deno.env.get(insideMark) === undefined) Deno.exit(await runInside());
  try {
    await run(auth);
  } catch (error) {
    broken.push(error instanceof Error ? error.message : String(error));
  }
  say(broken.length === 0 ? "all of it was true" : `NOT true:\n  ${broken.join("\n  ")}`);
  Deno.exit(broken.length === 0 ? 0 : untrue);
}
