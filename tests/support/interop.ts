/** How every interop test begins: the ground laid, our gateway up, or skipped with the reason printed. */
import { equal } from "node:assert/strict";
import { type Charon, startCharon, whyNoCharon } from "./charon.ts";
import { Lab, type Namespace } from "./netns.ts";
import {
  fetchImports,
  type Flags,
  type RejoinGateway,
  startGateway,
  whyNoGateway,
} from "./rejoin.ts";
import { type RejoinClient, startClientAt } from "./rejoin_client.ts";
import {
  charonClient,
  charonGateway,
  type ClientAuth,
  type ClientSettings,
  type ClientSite,
  connectedLab,
} from "./road_warrior.ts";
import { makeTestPki, type TestPki } from "./test_pki.ts";

/** The inner address of the gateway: the first host of the pool. */
export const gatewayInner = "10.99.0.1";

/** A lab with our gateway in it. */
export interface InteropScene {
  readonly lab: Lab;
  readonly pki: TestPki;
  /** Where the gateway runs. */
  readonly inside: Namespace;
  readonly sites: readonly ClientSite[];
  /** The gateway now; `restart` puts another here. */
  gateway: RejoinGateway;
  /** Starts strongSwan at a site. */
  client(site: ClientSite, who: ClientAuth, settings?: ClientSettings): Promise<Charon>;
  /** The first site; most tests have one. */
  readonly site: ClientSite;
}

/** What a test wants to be different. */
export interface InteropOptions {
  readonly sites?: number;
  readonly flags?: Flags;
  readonly keys?: "ecdsa" | "rsa";
}

const reason = whyNoCharon() ?? whyNoGateway();

/** Declares a test that runs with our gateway and strongSwan, each in a namespace of its own. */
export function interopTest(
  name: string,
  run: (scene: InteropScene) => Promise<void>,
  options: InteropOptions = {},
): void {
  const full = `interop: ${name}`;
  if (reason !== undefined) console.log(`skipped: ${full}: ${reason}`);
  Deno.test({ name: full, ignore: reason !== undefined, fn: () => runScene(run, options) });
}

/** strongSwan as the gateway, and our client, which is logged in. */
export interface SwanScene {
  readonly server: Charon;
  readonly client: RejoinClient;
  readonly site: ClientSite;
  /** The client's inner address. */
  readonly source: string;
}

/** Declares a test of our client with strongSwan's gateway; `settings` are strongSwan's. */
export function swanGatewayTest(
  name: string,
  run: (scene: SwanScene) => Promise<void>,
  settings?: string,
): void {
  const full = `interop: ${name}`;
  if (reason !== undefined) console.log(`skipped: ${full}: ${reason}`);
  Deno.test({ name: full, ignore: reason !== undefined, fn: () => runSwanScene(run, settings) });
}

async function runSwanScene(
  run: (scene: SwanScene) => Promise<void>,
  settings: string | undefined,
): Promise<void> {
  await fetchImports();
  await using lab = await Lab.create();
  const { gateway, clients: [site] } = await connectedLab(lab, 1);
  if (site === undefined) throw new Error("an interop test needs a site");
  const pki = await makeTestPki(`${lab.folder}/pki`);
  const options = charonGateway(lab, gateway, pki);
  await using server = await startCharon(
    settings === undefined ? options : { ...options, settings },
  );
  await using client = await startClientAt(`${lab.folder}/client`, site, pki);
  equal((await client.nextEstablished(10_000)).how, "login");
  const source = await client.innerAddress("rejoin1");
  await run({ server, client, site, source });
}

async function runScene(
  run: (scene: InteropScene) => Promise<void>,
  options: InteropOptions,
): Promise<void> {
  await fetchImports();
  await using lab = await Lab.create();
  const { gateway: inside, clients: sites } = await connectedLab(lab, options.sites ?? 1);
  const site = sites[0];
  if (site === undefined) throw new Error("an interop test needs a site");
  const pki = await makeTestPki(`${lab.folder}/pki`, options.keys);
  const started = await startGateway({
    namespace: inside,
    folder: `${lab.folder}/state`,
    pki,
    ...(options.flags === undefined ? {} : { flags: options.flags }),
  });
  await using cleanup = new AsyncDisposableStack();
  const scene: InteropScene = {
    lab,
    pki,
    inside,
    sites,
    site,
    gateway: started,
    client: async (at, who, settings) =>
      cleanup.use(await startCharon(charonClient(lab, at, pki, who, settings))),
  };
  cleanup.defer(() => scene.gateway[Symbol.asyncDispose]());
  try {
    await run(scene);
  } catch (error) {
    console.log(`--- the gateway's log:\n${scene.gateway.process.output.slice(-8000)}`);
    throw error;
  }
}
