/** How soon a gateway serves again that has many sessions to remember. */
import { ReconnectStore } from "../../../appliance/reconnect_store.ts";
import { systemRandom } from "../../../appliance/entropy.ts";
import { secretOf } from "../../../appliance/state_dir.ts";
import { addressFromBigInt, type SessionRecord, wall } from "../../../core/mod.ts";
import { selectProvider } from "../../../dataplane/mod.ts";
import { Lab } from "../../../tests/support/netns.ts";
import { startGateway } from "../../../tests/support/rejoin.ts";

/** 10.128.0.2: the first address of a client. */
const firstAddress = (10n << 24n) + (128n << 16n) + 2n;

/** Stores `count` sessions as they were when the gateway was killed, and starts it. */
export async function timeToServe(count: number): Promise<{ readonly readySeconds: number }> {
  await using lab = await Lab.create();
  const namespace = await lab.namespace("gw");
  const folder = `${lab.folder}/state`;
  await fill(folder, count);
  const start = performance.now();
  await using gateway = await startGateway({
    namespace,
    folder,
    flags: { pool: "10.128.0.0/9", "log-level": "info", "max-sa": 1_000_000 },
  });
  const readySeconds = (performance.now() - start) / 1000;
  const { inactiveCapable } = await gateway.reconnectStats();
  if (inactiveCapable !== count) throw new Error(`${inactiveCapable} of ${count} were restored`);
  return { readySeconds };
}

async function fill(folder: string, count: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const masterKey = secretOf(`${folder}/store.key`, 32, () => systemRandom.bytes(32));
  const sealing = { crypto: selectProvider(), random: systemRandom, masterKey };
  const store = await ReconnectStore.open(`${folder}/sessions.kv`, sealing, () => Date.now());
  const pending: Promise<void>[] = [];
  for (let i = 0; i < count; i++) pending.push(store.put(recordOf(i)));
  await Promise.all(pending);
  await store.close();
}

function recordOf(i: number): SessionRecord {
  const now = Date.now();
  const letters = i.toString(26).padStart(18, "0").replace(
    /[0-9]/g,
    (digit) => "ABCDEFGHIJ"[Number(digit)] ?? "A",
  );
  return {
    version: 1,
    key: `record${i}`,
    sessionId: letters,
    token: `${"T".repeat(30)}${String(i).padStart(13, "0")}`,
    userName: `user${i}`,
    identity: { idType: 2, data: new TextEncoder().encode(`user${i}`) },
    method: "eap-mschapv2",
    peerType: "Other",
    addresses: [addressFromBigInt(4, firstAddress + BigInt(i))],
    attributes: { group: "staff", sessionLifetimeSeconds: 86_400 },
    accounting: { sessionId: `account${i}`, class: [] },
    firstLogin: wall(now - 60_000),
    absoluteEnd: wall(now + 86_400_000),
    state: "active",
    lastSeen: wall(now - 1000),
    deadline: wall(now + 1_800_000),
    reconnectCount: 0,
    lastRemote: "198.51.100.7:4500",
    gatewayName: "bench",
  };
}
