/** Session stores as a gateway with many users leaves them when it is killed. */
import { ReconnectStore } from "../../../appliance/reconnect_store.ts";
import { systemRandom } from "../../../appliance/entropy.ts";
import { secretOf } from "../../../appliance/state_dir.ts";
import {
  addressFromBigInt,
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
  type SessionPair,
  type SessionRecord,
  wall,
} from "../../../core/mod.ts";
import { selectProvider } from "../../../dataplane/mod.ts";
import type { Stay } from "./load_client.ts";

/** What the pool of the gateway must be. */
export const storedPool = "10.128.0.0/9";
/** 10.128.0.2: the first address of a client. */
const firstAddress = (10n << 24n) + (128n << 16n) + 2n;

/** Stores `count` sessions in a state folder, and says what their clients have to come back to. */
export async function storeSessions(folder: string, count: number): Promise<readonly Stay[]> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const masterKey = secretOf(`${folder}/store.key`, 32, () => systemRandom.bytes(32));
  const sealing = { crypto: selectProvider(), random: systemRandom, masterKey };
  const store = await ReconnectStore.open(`${folder}/sessions.kv`, sealing, () => Date.now());
  const pending: Promise<void>[] = [];
  for (let i = 0; i < count; i++) pending.push(store.put(recordOf(i)));
  await Promise.all(pending);
  await store.close();
  return Array.from({ length: count }, (_, i) => ({
    pair: pairOf(i),
    addresses: [formatIpAddress(addressOf(i))],
  }));
}

function addressOf(i: number): IpAddress {
  return addressFromBigInt(4, firstAddress + BigInt(i));
}

function pairOf(i: number): SessionPair {
  const letters = i.toString(26).padStart(18, "0").replace(
    /[0-9]/g,
    (digit) => "ABCDEFGHIJ"[Number(digit)] ?? "A",
  );
  return { sessionId: letters, token: `${"T".repeat(30)}${String(i).padStart(13, "0")}` };
}

function recordOf(i: number): SessionRecord {
  const now = Date.now();
  const endpoint = (text: string): { address: IpAddress; port: number } => ({
    address: parseIpAddress(text) ?? addressOf(i),
    port: 4500,
  });
  const key = `record${String(i).padStart(16, "0")}`;
  return {
    version: 1,
    key,
    ...pairOf(i),
    userName: `user${i}`,
    identity: { idType: 2, data: new TextEncoder().encode(`user${i}`) },
    method: "eap-mschapv2",
    peerType: "Other",
    addresses: [addressOf(i)],
    attributes: { group: "staff", sessionLifetimeSeconds: 86_400 },
    accounting: { sessionId: key, class: [] },
    firstLogin: wall(now - 60_000),
    absoluteEnd: wall(now + 86_400_000),
    state: "active",
    lastSeen: wall(now - 1000),
    deadline: wall(now + 1_800_000),
    reconnectCount: 0,
    lastRemote: `198.51.${i >> 8 & 0xff}.${i & 0xff}:4500`,
    ikeSa: {
      spiI: systemRandom.bytes(8),
      spiR: systemRandom.bytes(8),
      originalInitiator: false,
      local: endpoint("198.51.100.1"),
      remote: endpoint(`198.51.${i >> 8 & 0xff}.${i & 0xff}`),
    },
    gatewayName: "bench",
  };
}
