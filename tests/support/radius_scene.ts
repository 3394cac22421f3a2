/** A gateway whose users are FreeRADIUS's, and its clients. */
import {
  type FreeRadius,
  type FreeRadiusOptions,
  radiusSecret,
  startFreeRadius,
  whyNoFreeRadius,
} from "./free_radius.ts";
import { type InteropOptions, type InteropScene, interopTest } from "./interop.ts";
import type { Flags } from "./rejoin.ts";
import { type RejoinClient, startClient } from "./rejoin_client.ts";
import { gatewayName } from "./test_pki.ts";

const port = 1812;

/** What a test wants to be different. */
export interface RadiusSceneOptions {
  /** Of the gateway. */
  readonly flags?: Flags;
  /** Further users of the server. */
  readonly users?: string;
}

/** Starts a server and a gateway that asks it; `start` starts the server again after it was stopped. */
export async function withRadius(
  scene: InteropScene,
  run: (server: FreeRadius, start: () => Promise<FreeRadius>) => Promise<void>,
  { flags = {}, users = "" }: RadiusSceneOptions = {},
): Promise<void> {
  const { lab: { folder }, inside } = scene;
  const secretFile = `${folder}/radius-secret`;
  await Deno.writeTextFile(secretFile, `${radiusSecret}\n`, { mode: 0o600 });
  const options: FreeRadiusOptions = {
    folder: `${folder}/radius`,
    port,
    namespace: inside,
    users,
    signs: true,
  };
  await using servers = new AsyncDisposableStack();
  const start = async (): Promise<FreeRadius> => servers.use(await startFreeRadius(options));
  const server = await start();
  scene.gateway = await scene.gateway.restart("SIGTERM", {
    radius: `127.0.0.1:${port}`,
    "radius-secret-file": secretFile,
    "radius-timeout": 3,
    ...flags,
  });
  await run(server, start);
}

/** Who logs in, and how; what is left out is alice, straight to the gateway. */
export interface Who {
  readonly user?: string;
  readonly password?: string;
  readonly answer?: string;
  /** What the client takes for the gateway. */
  readonly gateway?: string;
  /** Further flags of the client. */
  readonly flags?: Flags;
}

/** Starts our client at the first site; its folder is that of its user. */
export async function connect(
  { lab, site, pki }: InteropScene,
  auth: "anyconnect-eap" | "eap-mschapv2",
  who: Who = {},
): Promise<RejoinClient> {
  const { user = "alice", password = `${user}pw`, answer = "none" } = who;
  const folder = `${lab.folder}/client-${user}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${folder}/password`, `${password}\n`, { mode: 0o600 });
  await Deno.writeTextFile(`${folder}/answer`, `${answer}\n`, { mode: 0o600 });
  return await startClient({
    namespace: site.namespace,
    folder,
    gateway: who.gateway ?? site.gatewayAddress,
    flags: {
      user,
      auth,
      "password-file": `${folder}/password`,
      "answer-file": `${folder}/answer`,
      ca: pki.ca,
      "remote-id": gatewayName,
      "state-dir": folder,
      ...who.flags,
    },
  });
}

const reason = whyNoFreeRadius();

/** Declares an interop test that needs FreeRADIUS. */
export function radiusInterop(
  name: string,
  run: (scene: InteropScene) => Promise<void>,
  options: InteropOptions = {},
): void {
  if (reason === undefined) interopTest(name, run, options);
  else console.log(`skipped: interop: ${name}: ${reason}`);
}
