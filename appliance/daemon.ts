/**
 * The gateway as a process: builds everything once, in an order in which a failure leaves nothing
 * behind, and takes it down again in the opposite order.
 *
 * What only reads comes first; then the state folder, the session store, the packet path; and last what
 * others can see: addresses and routes, and the control socket. The stored sessions are read, passwords
 * hashed and the packet path opened side by side. Datagrams that come before sessions are restored are
 * not heard; IKE sends them again.
 */
import {
  fingerprintOf,
  formatEndpoint,
  formatIpAddress,
  Gateway,
  type IpAddress,
  parseIpAddress,
  type Policy,
  rangeToPrefixes,
  type Signer,
} from "../core/mod.ts";
import {
  type ChildSaCounters,
  type Dataplane,
  type DataplaneEvent,
  type DataplaneOptions,
  type IkeDatagram,
  type IkePlace,
  openDataplane,
} from "../dataplane/mod.ts";
import { Accounting } from "./aaa/accounting.ts";
import { openAaa } from "./aaa/open.ts";
import { dynamicAuthorOf } from "./aaa/radius/dynamic_author/open.ts";
import { systemClock } from "./clock.ts";
import { CryptoTally } from "./crypto_tally.ts";
import { compilePolicy, type Credentials } from "./config/compile.ts";
import { identityOf } from "./config/identity.ts";
import { packetOptions, workersFor } from "./config/packet_options.ts";
import type { ServeSettings } from "./config/serve_flags.ts";
import { serveControl } from "./control/server.ts";
import { DebugFeed } from "./debug_feed.ts";
import { Driver } from "./driver.ts";
import { Effects } from "./effects.ts";
import { systemRandom } from "./entropy.ts";
import { forwardingOff } from "./forwarding.ts";
import type { Facts, Log } from "./log.ts";
import { LoopWatch } from "./loop_watch.ts";
import { withNetworkRoutes } from "./network_routes.ts";
import { operatorOf } from "./operator.ts";
import { tellTrouble } from "./packet_troubles.ts";
import { ensureSelfMade } from "./pki/self_made.ts";
import { ReconnectStore } from "./reconnect_store.ts";
import { Reloader } from "./reload.ts";
import { SaTally } from "./sa_tally.ts";
import type { ServePlan } from "./serve_plan.ts";
import { listenForStop, onSignal } from "./signals.ts";
import { reasonOf, StartError } from "./start_error.ts";
import { holdStateDir, secretOf } from "./state_dir.ts";
import { LocalUsers } from "./users/local_users.ts";

/** Milliseconds that shutting down waits for the store. */
const storePatienceMs = 5_000;
/** Milliseconds that shutting down waits for answers to DELETE. */
const deletePatienceMs = 1_000;

/** Runs the gateway until it is asked to stop; the exit status comes back. */
export async function serve(plan: ServePlan, startLog: Log): Promise<number> {
  const { settings, pools, crypto } = plan;
  const inForce = { plan, accessLists: new Map(plan.accessLists) };
  const feed = new DebugFeed({
    clock: systemClock,
    tellMessages: (packets) => driver.command({ kind: "debug", packets }),
  });
  const log = feed.tap(startLog);
  await using running = new AsyncDisposableStack();
  const signals = listenForStop();
  running.defer(() => signals.close());
  // Who is just starting has read everything.
  let reload: () => void = () => {};
  running.defer(onSignal("SIGHUP", () => reload()));
  const nowMs = (): number => systemClock.now().wall;

  const state = await holdStateDir(settings["state-dir"]);
  running.defer(() => state.release());
  const masterKey = secretOf(`${state.path}/store.key`, 32, () => systemRandom.bytes(32));
  const kvPath = settings.kv ?? `${state.path}/sessions.kv`;
  const sealing = { crypto, random: systemRandom, masterKey };
  const store = await ReconnectStore.open(kvPath, sealing, nowMs);
  running.defer(() => store.close());
  const openingUsers = begun(openUsers(plan, log));
  const inbox = new IkeInbox();
  const openingDataplane = begun(openDataplane(dataplaneOptions(settings), {
    ike: (datagram, place) => inbox.datagram(datagram, place),
    event: (event) => inbox.event(event),
    removed: (counters) => inbox.removed(counters),
    trouble: (trouble) => tellTrouble(log, trouble),
    fatal: (error) => {
      log.tell("error", "packet-path-died", { reason: reasonOf(error) });
      signals.stop("packet-path-died");
    },
  }));
  // Whatever fails meanwhile: what has been opened by then is closed.
  running.defer(() => openingDataplane.then((opened) => opened.close(), () => {}));
  const loading = begun(store.loadAll(kvPath));
  let users = await openingUsers;
  const dataplane = await openingDataplane;

  const { credentials, facts } = await credentialsOf(plan, state.path);
  const cryptoTally = new CryptoTally();
  const saTally = new SaTally();
  const policyOf = (from: ServeSettings, who: Credentials): Policy => {
    const tapped = withSigners(who, (signer) => cryptoTally.tapSigner(signer));
    return compilePolicy(from, tapped, pools, Deno.hostname());
  };
  const policy = policyOf(settings, credentials);
  const gateway = new Gateway({
    policy,
    crypto: cryptoTally.tap(crypto),
    random: systemRandom,
    now: systemClock.now(),
    crashSecret: secretOf(`${state.path}/crash.key`, 32, () => systemRandom.bytes(32)),
  });
  const aaa = openAaa({
    settings,
    secrets: () => inForce.plan.radiusSecrets,
    tls: () => inForce.plan.radiusTls,
    local: { verify: (userName, credential) => users.verify(userName, credential) },
    pools,
    accessLists: inForce.accessLists,
    nasIdentifier: policy.gatewayName,
    crypto,
    random: systemRandom,
    clock: systemClock,
    log,
  });
  running.defer(() => aaa.close());
  const effects = new Effects(aaa.verifier, store);
  const accountant = aaa.accounting;
  const accounting = accountant === undefined ? undefined : await Accounting.open({
    path: `${state.path}/accounting.kv`,
    sealing,
    deliver: (record, account) => accountant.deliver(record, account),
    gateway,
    counters: (only) => dataplane.counters(only),
    intervalMs: settings["radius-interim"] * 1000,
    canReconnect: settings["reconnect-timeout"] > 0,
    nasAddress: settings["radius-source"] ?? sourceTowards(settings, dataplane),
    authenticOf: (method) => aaa.authenticOf(method),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  // After the driver has stopped: nothing happens any more that would have to be told.
  running.defer(() => accounting?.close());
  const packets = withNetworkRoutes({ packets: dataplane, routes: dataplane, log });
  const driver = new Driver<never, never>({
    machine: gateway,
    packets: saTally.tap(accounting?.tapPackets(packets) ?? packets),
    answer: (question, signal) => effects.answer(question, signal),
    clock: systemClock,
    log: accounting?.tapLog(log) ?? log,
    extra: () => {},
  });
  running.defer(() => driver.stop());
  const { records, unreadable } = await loading;
  if (unreadable > 0) log.tell("warning", "store-records-unreadable", { records: unreadable });
  driver.command({ kind: "restore", records });
  accounting?.start(records);
  if (records.length > 0) log.tell("info", "restored", { records: records.length });
  dataplane.configureTun({ addresses: pools.own, routes: pools.all.flatMap(rangeToPrefixes) });
  inbox.open(driver, accounting);

  const dynamicAuthor = await dynamicAuthorOf(settings, {
    secret: () => inForce.plan.dynamicAuthorSecret,
    nasIdentifier: policy.gatewayName,
    accessLists: inForce.accessLists,
    sessions: {
      find: (selector) => gateway.find(selector),
      command: (command) => driver.command(command),
      settled: () => effects.settled(),
    },
    clock: systemClock,
    log,
  });
  running.defer(() => dynamicAuthor?.close());

  const loop = new LoopWatch(() => systemClock.now().monotonic);
  running.defer(() => loop.close());
  const reloader = new Reloader({
    plan,
    apply: async (next) => {
      const { credentials, facts } = await credentialsOf(next, state.path);
      const nextUsers = isOfOtherUsers(inForce.plan.settings, next.settings)
        ? await openUsers(next, log)
        : users;
      // Nothing fails from here on, and nobody is served in between.
      users = nextUsers;
      inForce.plan = next;
      refill(inForce.accessLists, next.accessLists);
      aaa.regroup(next.settings);
      driver.command({ kind: "reconfigure", policy: policyOf(next.settings, credentials) });
      return { id: credentials.identity.text, users: users.size, ...facts };
    },
    log,
  });
  reload = () => void reloader.reload();

  const control = await serveControl(
    settings.control ?? `${state.path}/control.sock`,
    operatorOf({
      snapshot: () => gateway.snapshot(),
      find: (selector) => gateway.find(selector),
      command: (command) => driver.command(command),
      packets: () => dataplane.counters(),
      counters: () => ({
        ...effects.counters,
        ...aaa.counters(),
        ...dynamicAuthor?.counters(),
        ...accounting?.counters(),
        ...cryptoTally.counters,
        ...saTally.counters,
        ...store.counters,
        ...loop.counters,
        "records-unreadable": unreadable,
      }),
      clearCounters: () => {
        effects.clearCounters();
        aaa.clearCounters();
        dynamicAuthor?.clearCounters();
        accounting?.clearCounters();
        cryptoTally.clear();
        saTally.clear();
        store.clearCounters();
        loop.clear();
      },
      aaaServers: () => aaa.servers(),
      clearAaaCounters: () => aaa.clearCounters(),
      debug: (filter, signal) => feed.follow(filter, signal),
      accessLists: inForce.accessLists,
      reload: () => reloader.reload(),
      clock: systemClock,
      get dpd() {
        const { dpd, "dpd-retry": retry } = inForce.plan.settings;
        return { intervalSeconds: dpd, retrySeconds: retry };
      },
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
    ...(aaa.names.length === 0 ? {} : { radius: aaa.names }),
    ...(dynamicAuthor === undefined
      ? {}
      : { dynamicAuthor: dynamicAuthor.endpoints.map(formatEndpoint) }),
    crypto: dataplane.cryptoName,
    features: dataplane.features,
    loops: dataplane.loops,
    control: control.path,
    ...facts,
  });

  const off = forwardingOff(pools.ranges.map(({ first }) => first.family));
  if (off.length > 0) log.tell("warning", "forwarding-off", { settings: off });

  const reason = await signals.stopped;
  log.tell("info", "shutdown", { reason });
  await drain(driver, inbox);
  return reason === "packet-path-died" ? 1 : 0;
}

/** The address that this host asks the first server from; unknown for one that is called by a name. */
function sourceTowards(
  { radius: [server], "radius-tls": [other] }: ServeSettings,
  dataplane: Dataplane,
): IpAddress | undefined {
  const address = server?.address ?? parseIpAddress(other?.host ?? "");
  return address === undefined ? undefined : dataplane.sourceFor(address);
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

/** Work that is awaited later, or never if something else fails first. */
function begun<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
}

/** The users of this machine. */
function openUsers({ settings, crypto }: ServePlan, log: Log): Promise<LocalUsers> {
  return LocalUsers.open({
    crypto,
    ...(settings.users === undefined ? {} : { file: settings.users }),
    lab: settings.user,
    onProblem: (problem) => log.tell("error", "users-file-unusable", { problem }),
  });
}

/** Whether users come from elsewhere now. A file that is another is read again at each login anyway. */
function isOfOtherUsers(before: ServeSettings, now: ServeSettings): boolean {
  const namesOf = ({ users, user }: ServeSettings): string => JSON.stringify([users, user]);
  return namesOf(before) !== namesOf(now);
}

/** The same with other signers. */
function withSigners(who: Credentials, tap: (signer: Signer) => Signer): Credentials {
  const alternates = who.alternates.map((one) => ({ ...one, signer: tap(one.signer) }));
  return { ...who, signer: tap(who.signer), alternates };
}

/** Puts what is in `from` in the place of all that is in `into`, whose holders look there. */
function refill<Key, Value>(into: Map<Key, Value>, from: ReadonlyMap<Key, Value>): void {
  into.clear();
  for (const [key, value] of from) into.set(key, value);
}

/** Who the gateway is: as the operator says, or self-made in the state folder. */
async function credentialsOf(
  plan: ServePlan,
  stateDir: string,
): Promise<{ readonly credentials: Credentials; readonly facts: Facts }> {
  const { settings, crypto, credentials, clientCas, revocationLists } = plan;
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
      authorities: [],
      alternates: [],
      clientCas: clientCas.length > 0 ? clientCas : [made.authority],
      revocationLists,
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
    ...packetOptions(settings),
    listen: settings.listen,
    ikePort: settings["ike-port"],
    nattPort: settings["natt-port"],
    workers: settings.workers ?? workersFor(navigator.hardwareConcurrency),
  };
}

/** Hands what the packet path reports to whom it concerns, who may come later; counts IKE messages. */
class IkeInbox {
  #driver: Driver | undefined;
  #accounting: Accounting | undefined;
  #awaited = 0;
  #heard: (() => void) | undefined;

  /** From now on messages are heard. */
  open(driver: Driver, accounting: Accounting | undefined): void {
    this.#driver = driver;
    this.#accounting = accounting;
  }

  /** A message came in. */
  datagram(datagram: IkeDatagram, place: IkePlace): void {
    if (this.#driver === undefined) return place.leave();
    this.#driver.datagram(datagram, {
      line: place.line,
      leave: () => {
        place.leave();
        if (--this.#awaited === 0) this.#heard?.();
      },
    });
  }

  /** The packet path reports. */
  event(event: DataplaneEvent): void {
    this.#driver?.event(event);
  }

  /** A pair is gone. */
  removed(counters: ChildSaCounters): void {
    this.#accounting?.settle(counters);
  }

  /** Resolves when `count` more messages were dealt with. */
  next(count: number): Promise<void> {
    this.#awaited = count;
    return count <= 0 ? Promise.resolve() : new Promise((resolve) => this.#heard = resolve);
  }
}
