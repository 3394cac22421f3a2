/**
 * The stores of a gateway and of a client that are not running: puts a session into the one, as if its
 * user had logged in before, and reads the pair out of the other. Stock clients can come back with a pair,
 * but cannot ask for one.
 */
import { systemRandom } from "../../appliance/entropy.ts";
import { ReconnectStore } from "../../appliance/reconnect_store.ts";
import { PairStore } from "../../appliance/pair_store.ts";
import { secretOf } from "../../appliance/state_dir.ts";
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import { parseIpAddress, type SessionRecord, wall } from "../../core/mod.ts";

/** A pair as a client holds it. */
export interface Pair {
  readonly sessionId: string;
  readonly token: string;
}

/** A fresh pair for a test. */
export function testPair(letter: string): Pair {
  return { sessionId: `Session${letter.repeat(11)}`, token: `Token${letter.repeat(38)}` };
}

/** Opens the store of a state folder as the gateway does, for the time of `use`. */
async function withStore(
  folder: string,
  use: (store: ReconnectStore) => Promise<void>,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const masterKey = secretOf(`${folder}/store.key`, 32, () => systemRandom.bytes(32));
  const sealing = { crypto: nobleProvider, random: systemRandom, masterKey };
  const store = await ReconnectStore.open(`${folder}/sessions.kv`, sealing, () => Date.now());
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** Stores an inactive session of a user at an inner address; `deadlineMs` counts from now. */
export async function storeSession(
  folder: string,
  pair: Pair,
  session: { readonly userName: string; readonly address: string; readonly deadlineMs: number },
): Promise<void> {
  const now = Date.now();
  const address = parseIpAddress(session.address);
  if (address === undefined) throw new RangeError(`no address: ${session.address}`);
  const record: SessionRecord = {
    version: 1,
    key: pair.sessionId,
    ...pair,
    userName: session.userName,
    identity: { idType: 2, data: new TextEncoder().encode(session.userName) },
    method: "eap-mschapv2",
    peerType: "Other",
    addresses: [address],
    attributes: {},
    accounting: { sessionId: "0", class: [] },
    firstLogin: wall(now - 60_000),
    state: "inactive",
    lastSeen: wall(now - 1000),
    deadline: wall(now + session.deadlineMs),
    reconnectCount: 0,
    lastRemote: "198.18.1.2:4500",
    gatewayName: "test",
  };
  await withStore(folder, (store) => store.put(record));
}

/** The pair that `rejoin connect` keeps for a gateway and user. */
export async function readClientPair(folder: string, gateway: string, user: string): Promise<Pair> {
  const masterKey = secretOf(`${folder}/pair.key`, 32, () => {
    throw new Error(`no key in ${folder}`);
  });
  const sealing = { crypto: nobleProvider, random: systemRandom, masterKey };
  const store = await PairStore.open(`${folder}/pair.kv`, sealing, `${user}@${gateway}`);
  const pair = await store.load();
  store.close();
  if (pair === undefined) throw new Error(`no pair of ${user} for ${gateway}`);
  return pair;
}
