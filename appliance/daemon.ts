/**
 * The gateway as a process: builds everything once, in an order in which a failure leaves nothing
 * behind, and takes it down again in the opposite order.
 *
 * What only reads comes first; then the state folder, the session store, the packet path; and last what
 * others can see: addresses and routes, and the control socket. Datagrams that come before the stored
 * sessions are restored are not heard; IKE sends them again.
 */
import {
  type Bytes,
  type CryptoProvider,
  fingerprintOf,
  formatEndpoint,
  formatIpAddress,
  Gateway,
  rangeToPrefixes,
} from "../core/mod.ts";
import {
  type DataplaneEvent,
  type DataplaneOptions,
  type IkeDatagram,
  openDataplane,
} from "../dataplane/mod.ts";
import { Ledger } from "./aaa/ledger.ts";
import { openAaa } from "./aaa/open.ts";
import { systemClock } from "./clock.ts";
import { compilePolicy, type Credentials } from "./config/compile.ts";
import { identityOf } from "./config/identity.ts";
import type { Pools } from "./config/pools.ts";
import type { ServeSettings } from "./config/serve_flags.ts";
import { serveControl } from "./control/server.ts";
import { DebugFeed } from "./debug_feed.ts";
import { Driver } from "./driver.ts";
import { Effects } from "./effects.ts";
import { systemRandom } from "./entropy.ts";
import { forwardingOff } from "./forwarding.ts";
import type { Facts, Log } from "./log.ts";
import { operatorOf } from "./operator.ts";
import { ensureSelfMade } from "./pki/self_made.ts";
import { ReconnectStore } from "./reconnect_store.ts";
import { listenForStop } from "./signals.ts";
import { reasonOf, StartError } from "./start_error.ts";
import { holdStateDir, secretOf } from "./state_dir.ts";
import { LocalUsers } from "./users/local_users.ts";

/** Milliseconds that shutting down waits for the store. */
const storePatienceMs = 5_000;
/** Milliseconds that shutting down waits for answers to DELETE. */
const deletePatienceMs = 1_000;

/** Milliseconds that shutting down waits for accounting. */
const accountingPatienceMs = 3_000;

/** Everything that was settled before anything was touched. */
export interface ServePlan {
  readonly settings: ServeSettings;
  readonly crypto: CryptoProvider;
  readonly pools: Pools;
  /** Of the operator's certificate; without it one is made. */
  readonly credentials: Credentials | undefined;
  /** DER of the CAs of `--client-ca`. */
  readonly clientCas: readonly Bytes[];
  /** Shared with RADIUS servers; only with `--radius`. */
  readonly radiusSecret: Uint8Array | undefined;
  readonly log: Log;
}

/** Runs the gateway until it is asked to stop; the exit status comes back. */
export async function serve(plan: ServePlan): Promise<number> {
  const { settings, pools, crypto } = plan;
  const feed = new DebugFeed({
    clock: systemClock,
    tellMessages: (packets) => driver.command({ kind: "debug", packets }),
  });
  const log = feed.tap(plan.log);
  await using running = new AsyncDisposableStack();
  const signals = listenForStop();
  running.defer(() => signals.close());
  const nowMs = (): number => systemClock.now().wall;

  const state = await holdStateDir(settings["state-dir"]);
  running.defer(() => state.release());
  const users = await LocalUsers.open({
    crypto,
    ...(settings.users === undefined ? {} : { file: settings.users }),
    lab: settings.user,
    onProblem: (problem) => log.tell("error", "users-file-unusable", { problem }),
  });
  const masterKey = secretOf(`${state.path}/store.key`, 32, () => systemRandom.bytes(32));
  const kvPath = settings.kv ?? `${state.path}/sessions.kv`;
  const sealing = { crypto, random: systemRandom, masterKey };
  const store = await ReconnectStore.open(kvPath, sealing, nowMs);
  running.defer(() => store.close());
  const { records, unreadable } = await store.loadAll(kvPath);

  const inbox = new IkeInbox();
  const dataplane = await openDataplane(dataplaneOptions(settings), {
    ike: (datagram) => inbox.datagram(datagram),
    event: (event) => inbox.event(event),
    fatal: (error) => {
      log.tell("error", "packet-path-died", { reason: reasonOf(error) });
      signals.stop("packet-path-died");
    },
  });
  running.defer(() => dataplane.close());

  const { credentials, facts } = await credentialsOf(plan, state.path);
  const policy = compilePolicy(settings, credentials, pools, Deno.hostname());
  const gateway = new Gateway({
    policy,
    crypto,
    random: systemRandom,
    now: systemClock.now(),
    crashSecret: secretOf(`${state.path}/crash.key`, 32, () => systemRandom.bytes(32)),
  });
  const aaa = openAaa({
    settings,
    secret: plan.radiusSecret,
    local: users,
    pools,
    nasIdentifier: policy.gatewayName,
    crypto,
    random: systemRandom,
    clock: systemClock,
    log,
  });
  running.defer(() => aaa.close());
  const effects = new Effects(aaa.verifier, store);
  const ledger = aaa.accounting === undefined ? undefined : new Ledger({
    snapshot: () => gateway.snapshot(),
    counters: () => dataplane.counters(),
    clock: systemClock,
    interimMs: settings["radius-interim"] * 1000,
    tell: (event) => aaa.accounting?.tell(event),
  });
  running.defer(() => ledger?.close());
  const driver = new Driver<never, never>({
    machine: gateway,
    packets: ledger?.tapPackets(dataplane) ?? dataplane,
    answer: (question, signal) => effects.answer(question, signal),
    clock: systemClock,
    log: ledger?.tapLog(log) ?? log,
    extra: () => {},
  });
  running.defer(() => driver.stop());
  if (unreadable > 0) log.tell("warning", "store-records-unreadable", { records: unreadable });
  driver.command({ kind: "restore", records });
  ledger?.adopt();
  if (records.length > 0) log.tell("info", "restored", { records: records.length });
  dataplane.configureTun({ addresses: pools.own, routes: pools.all.flatMap(rangeToPrefixes) });
  inbox.open(driver);

  const control = await serveControl(
    settings.control ?? `${state.path}/control.sock`,
    operatorOf({
      snapshot: () => gateway.snapshot(),
      command: (command) => driver.command(command),
      packets: () => dataplane.counters(),
      counters: () => ({
        ...effects.counters,
        ...aaa.counters(),
        "records-unreadable": unreadable,
      }),
      clearCounters: () => {
        effects.clearCounters();
        aaa.clearCounters();
      },
      debug: (filter, signal) => feed.follow(filter, signal),
      clock: systemClock,
      dpd: { intervalSeconds: settings.dpd, retrySeconds: settings["dpd-retry"] },
    }),
  );
  running.defer(() => control.close());
  log.tell("info", "gateway-ready", {
    id: credentials.identity.text,
    listen: dataplane.sockets.map(formatEndpoint),
    pool: settings.pool.map(({ text }) => text),
    tun: dataplane.tunName,
    inner: pools.own.map(({ address }) => formatIpAddress(address)),
    login: policy.loginMethods,
    users: users.size,
    ...(settings.radius.length === 0 ? {} : { radius: settings.radius.map(formatEndpoint) }),
    crypto: dataplane.cryptoName,
    features: dataplane.features,
    control: control.path,
    ...facts,
  });

  const off = forwardingOff(pools.ranges.map(({ first }) => first.family));
  if (off.length > 0) log.tell("warning", "forwarding-off", { settings: off });

  const reason = await signals.stopped;
  log.tell("info", "shutdown", { reason });
  await drain(driver, inbox);
  await ledger?.close();
  await within(accountingPatienceMs, aaa.accounting?.idle() ?? Promise.resolve());
  return reason === "packet-path-died" ? 1 : 0;
}

/** Tells peers, waits for the store, and for answers to DELETE as far as they come soon. */
async function drain(driver: Driver, inbox: IkeInbox): Promise<void> {
  const before = driver.transmitted;
  driver.command({ kind: "shutdown" });
  // Every peer answers its DELETE with one message.
  const answers = inbox.next(driver.transmitted - before);
  await within(storePatienceMs, driver.idle());
  await within(deletePatienceMs, answers);
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

/** Who the gateway is: as the operator says, or self-made in the state folder. */
async function credentialsOf(
  plan: ServePlan,
  stateDir: string,
): Promise<{ readonly credentials: Credentials; readonly facts: Facts }> {
  const { settings, crypto, credentials, clientCas } = plan;
  if (credentials !== undefined) {
    const [own] = credentials.certificates;
    const facts = own === undefined ? {} : { fingerprint: fingerprintOf(crypto, own) };
    return { credentials, facts };
  }
  const id = settings.id ?? Deno.hostname();
  const made = await ensureSelfMade(stateDir, id, { crypto, now: systemClock.now().wall });
  const signer = crypto.importPrivateKey(made.key);
  if (signer === undefined) throw new StartError("Cannot use the self-made key: it is damaged");
  return {
    credentials: {
      identity: identityOf(id),
      certificates: made.chain,
      signer,
      clientCas: clientCas.length > 0 ? clientCas : [made.authority],
    },
    facts: {
      fingerprint: made.fingerprints.gateway,
      caFingerprint: made.fingerprints.ca,
      caFile: made.authorityFile,
    },
  };
}

function dataplaneOptions(settings: ServeSettings): DataplaneOptions {
  return {
    tunName: settings.tun,
    mtu: settings.mtu,
    listen: settings.listen,
    ikePort: settings["ike-port"],
    nattPort: settings["natt-port"],
    workers: settings.workers,
  };
}

/** Hands IKE messages to a driver that may come later, and knows how many came. */
class IkeInbox {
  #driver: Driver | undefined;
  #awaited = 0;
  #arrived: (() => void) | undefined;

  /** From now on messages are heard. */
  open(driver: Driver): void {
    this.#driver = driver;
  }

  /** A message came in. */
  datagram(datagram: IkeDatagram): void {
    this.#driver?.datagram(datagram);
    if (--this.#awaited === 0) this.#arrived?.();
  }

  /** The packet path reports. */
  event(event: DataplaneEvent): void {
    this.#driver?.event(event);
  }

  /** Resolves after `count` more messages. */
  next(count: number): Promise<void> {
    this.#awaited = count;
    return count <= 0 ? Promise.resolve() : new Promise((resolve) => this.#arrived = resolve);
  }
}
