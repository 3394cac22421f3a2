/**
 * One seeded run of a whole world: chance decides what happens, claims are checked after every
 * step. `simulate(seed)` repeats exactly, so a failure is replayed by its seed.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { ClientLogin } from "../../core/exchange/initiator_settings.ts";
import type { SessionChange } from "../../core/gateway/input.ts";
import type { PacketFilter } from "../../core/gateway/packet_filter.ts";
import type { UserAttributes } from "../../core/gateway/question.ts";
import type { Policy } from "../../core/gateway/policy.ts";
import type { SessionRecord } from "../../core/gateway/record.ts";
import type { GatewaySnapshot, SessionSnapshot } from "../../core/gateway/snapshot.ts";
import { limits } from "../../core/limits.ts";
import type { RevocationList } from "../../core/pki/revocation_list.ts";
import { formatEndpoint, formatIpAddress } from "../../core/wire/address.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { SeededRandom as Seeded } from "./seeded_random.ts";
import { ended } from "./sim_claims.ts";
import type { SimClient } from "./sim_client.ts";
import { assertGroundClaims, assertNothingLeft, isWithin } from "./sim_invariants.ts";
import { SimModel } from "./sim_model.ts";
import { listOfClient, otherPool, otherSettings } from "./sim_policies.ts";
import { address, anyConnectLogin, endpoint, range } from "./sim_settings.ts";
import { calm, describe, SimWorld } from "./sim_world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Longer than a finished SA repeats its last response. */
const LINGERING = 10_000;
const STEPS = 44;
const USERS = ["alice", "bob", "carol"] as const;
/** Half of them has one of these, from the first login or from a change. */
const FILTERS: readonly PacketFilter[] = ["staff", "guests"].map((name) => ({
  name,
  rules: [{ action: "permit", family: 4, protocol: name === "staff" ? 6 : 17 }],
}));
/** A pool of a name with hardly more addresses than users. */
const STAFF = { ...range("10.98.0.2-10.98.0.5"), name: "staff" };
const NETWORK = { address: address("10.50.0.0"), length: 24 };
const REKEYS = ["ike", "child", "child"] as const;

/** What a run came to. */
export interface RunFacts {
  readonly world: SimWorld;
  /** How often somebody came back by a pair, and how often a pair was refused. */
  readonly reconnects: number;
  readonly refusals: number;
  readonly crashes: number;
  /** Of these: in the middle of what the gateway had to do. */
  readonly midway: number;
  /** How often AAA ended and changed sessions, and how often one was idle for too long. */
  readonly disconnects: number;
  readonly changes: number;
  readonly idleEnds: number;
  /** How often a client changed its address without coming back, and learned of a crash by its token. */
  readonly moves: number;
  readonly tokens: number;
  /** How many Child SAs were one too many, after rekeys that crossed. */
  readonly collisions: number;
  /** How often the gateway was given another configuration: while it ran, and by a restart. */
  readonly reloads: number;
  readonly otherStarts: number;
  /** How many sessions ended because their certificate was taken back. */
  readonly revoked: number;
}

/** Runs a world; throws with seed, virtual time and the last actions when a claim fails. */
export function simulate(seed: number, steps = STEPS): RunFacts {
  const run = new Run(seed);
  try {
    return run.play(steps);
  } catch (error) {
    const { world, actions } = run;
    const last = actions.slice(-12).join("\n");
    const text = error instanceof Error ? error.message : String(error);
    const where = `seed ${seed}, virtual time ${world.nowMs} ms: ${text}`;
    throw new Error(`${where}\n${last}\n${describe(world)}`, { cause: error });
  }
}

class Run {
  readonly world: SimWorld;
  readonly actions: string[] = [];
  readonly #random: SeededRandom;
  /** What somebody outside would think that there is. */
  readonly #model: SimModel;
  #crashes = 0;
  #midway = 0;
  #disconnects = 0;
  #changes = 0;
  /** What AAA said last about sessions, by what accounting calls them; `undefined`: no more of it. */
  readonly #orders = new Map<string, SessionChange | undefined>();
  #hosts = 0;
  #collisions = 0;
  #reloads = 0;
  #otherStarts = 0;
  /** The configuration of the beginning and of the end. */
  readonly #policy: Policy;
  readonly #taken: RevocationList;
  /** Whether there was a time in which nobody got a pair. */
  #wasOff = false;
  #checkedTraces = 0;

  constructor(seed: number) {
    this.#random = new Seeded(seed * 2 + 1);
    const random = this.#random;
    const lifetimes = { ikeMs: 20 * MINUTE, espMs: 8 * MINUTE };
    this.world = new SimWorld(
      seed,
      {
        pools: [range("10.99.0.2-10.99.0.250"), STAFF],
        lifetimes,
        dpd: { intervalMs: 30_000, retryMs: 2_000 },
        fragmentMtu: random.pick([576, 1280]),
        cookieThreshold: random.pick([0, 2, 1_000]),
        mobike: random.pick(["check-first", "check-first", "move-first", "off"]),
        loginMethods: [
          "anyconnect-eap",
          random.pick(["eap-mschapv2", "eap-radius"] as const),
          "certificate",
        ],
        idleAction: random.pick(["end", "park"]),
      },
      { loss: random.fraction() * 0.2, duplication: random.fraction() * 0.2, latencyMs: [5, 80] },
    );
    this.#policy = this.world.policy;
    this.#taken = listOfClient(this.world.pki);
    for (const user of USERS) {
      const attributes: UserAttributes = {
        idleTimeoutSeconds: random.pick([0, 0, 90, 600]),
        ...random.pick([{}, { filter: random.pick(FILTERS) }]),
        ...random.pick([{}, { pools: ["staff"] }]),
        ...random.pick([{}, { networks: [NETWORK] }]),
        ...random.pick([{}, {}, { addresses: [address(`10.97.0.${USERS.indexOf(user)}`)] }]),
      };
      // Who logs in by certificate goes by the name in it.
      for (const name of [user, `${user}@example.test`]) {
        this.world.backend.attributes.set(name, attributes);
      }
    }
    this.#model = new SimModel(this.world);
    this.world.watch = (event) => {
      this.#model.feed(event);
      if (event.kind === "crash") this.#crashed(event.isMidway);
      if (event.kind === "sent" || event.kind === "crash") return;
      if (event.output.kind !== "install-child-sa") return;
      if (event.output.sa.inboundOnly === true) this.#collisions++;
    };
    const { certificate, signer } = this.world.pki.client;
    const logins: Partial<Record<string, ClientLogin>> = {
      alice: { kind: "certificate", certificates: [certificate], signer },
      carol: anyConnectLogin("carol"),
    };
    for (const user of USERS) {
      const login = random.chance(0.7) ? logins[user] : undefined;
      this.world.addClient(user, this.#newHost(), {
        ...(login === undefined ? {} : { login }),
        lifetimes,
        dpd: { intervalMs: 20_000, retryMs: 2_000 },
        fragmentMtu: random.pick([576, 1280]),
        mobike: random.chance(0.7),
      });
    }
  }

  play(steps: number): RunFacts {
    const { world } = this;
    for (const sim of world.clients) world.connect(sim);
    for (let step = 0; step < steps; step++) {
      this.#act(this.#random.pick(world.clients));
      this.#advance(this.#random.pick([0, 20, 300, 2_000, 20_000, 60_000]));
    }
    this.#comeToRest();
    this.#leave();
    const events = world.clients.flatMap(({ events }) => events);
    return {
      world,
      reconnects: events.filter((e) => e.kind === "established" && e.how === "reconnect").length,
      refusals: events.filter(({ kind }) => kind === "pair-refused").length,
      crashes: this.#crashes,
      midway: this.#midway,
      disconnects: this.#disconnects,
      changes: this.#changes,
      idleEnds:
        world.traces.filter(({ facts }) =>
          facts?.["why"] === "idle-timeout" || facts?.["reason"] === "idle-timeout"
        ).length,
      moves: events.filter(({ kind }) => kind === "moved").length,
      collisions: this.#collisions,
      reloads: this.#reloads,
      otherStarts: this.#otherStarts,
      revoked: ended(world).filter((why) => why === "certificate-revoked").length,
      tokens: events.filter((e) => e.kind === "reconnecting" && e.why === "peer-restarted").length,
    };
  }

  #act(sim: SimClient): void {
    const { world } = this;
    const random = this.#random;
    const actions: Record<string, () => void> = {
      crash: () => this.#crash(),
      restart: () => {
        if (!world.gatewayUp) world.restart();
      },
      offline: () => {
        sim.online = false;
      },
      online: () => {
        sim.online = true;
      },
      roam: () => world.roam(sim, this.#newHost()),
      rebind: () => {
        sim.outer = endpoint(this.#newHost(), random.between(1_024, 65_535));
      },
      jump: () => {
        world.wallOffsetMs += random.pick([-3_600_000, -5_000, 5_000, 600_000, 2_400_000]);
      },
      clear: () => {
        if (!world.gatewayUp) return;
        world.clear(
          random.pick([{ remote: formatIpAddress(sim.outer.address) }, { userName: sim.name }, {}]),
        );
      },
      disconnect: () => this.#order(undefined),
      change: () => {
        const seconds = random.pick([0, 120, 900, 7200]);
        this.#order(random.pick<SessionChange>([
          { sessionLifetimeSeconds: seconds },
          { idleTimeoutSeconds: random.pick([0, 60, 600]) },
          { filter: random.pick(FILTERS) },
        ]));
      },
      dummies: () => world.traffic(sim, "dummies"),
      traffic: () => world.traffic(sim),
      "traffic of all": () => {
        for (const each of world.clients) world.traffic(each);
      },
      "client rekeys": () => {
        const what = random.pick(["ike", "child"] as const);
        world.tellClient(sim, { kind: "rekey", at: world.at, what });
      },
      "gateway rekeys": () => {
        if (!world.gatewayUp) return;
        const what = random.pick(["ike", "child"] as const);
        for (const { id } of world.show.sessions) world.command({ kind: "rekey", id, what });
      },
      "both rekey": () => {
        if (!world.gatewayUp) return;
        const [ours, theirs] = [random.pick(REKEYS), random.pick(REKEYS)];
        for (const { id } of world.show.sessions) world.command({ kind: "rekey", id, what: ours });
        this.#advance(random.pick([0, 0, 40, 150]));
        for (const each of world.clients) {
          world.tellClient(each, { kind: "rekey", at: world.at, what: theirs });
        }
      },
      "moves twice": () => {
        world.roam(sim, this.#newHost());
        this.#advance(random.pick([0, 30, 100, 700]));
        world.roam(sim, this.#newHost());
      },
      "crash and restart": () => {
        this.#crash();
        if (!world.gatewayUp) world.restart();
      },
      "crash soon": () => {
        world.crashAfter = random.below(12);
      },
      reload: () => {
        if (world.gatewayUp) this.#reload(this.#otherPolicy());
      },
      "another start": () => {
        if (random.chance(0.5)) return;
        this.#crash();
        this.#otherStarts++;
        this.#start({ ...this.#otherPolicy(), pools: [otherPool(random), STAFF] });
      },
      dismiss: () => {
        world.backend.dismissed.add(sim.name);
      },
      logout: () => {
        if (random.chance(0.3)) world.tellClient(sim, { kind: "disconnect", at: world.at });
      },
      login: () => this.#revive(sim),
      "client restarts": () => world.restartClient(sim),
      AAA: () => {
        world.backend.aaa = random.pick(["works", "works", "works", "works", "fails", "silent"]);
      },
      "slow answers": () => {
        world.backend.answerMs = random.pick([1, 5, 200, 3_000]);
      },
      weather: () => {
        world.network.loss = random.fraction() * 0.2;
        world.network.latencyMs = random.pick([[5, 80], [1, 400], [10, 10]]);
      },
    };
    const name = random.pick(Object.keys(actions));
    this.actions.push(`${world.nowMs} ms: ${name} (${sim.name})`);
    actions[name]?.();
    this.#check();
  }

  /** The configuration of the beginning but for what chance changes; pools are those that are in force. */
  #otherPolicy(): Policy {
    const { pools } = this.world.policy;
    return { ...this.#policy, ...otherSettings(this.#random, this.#policy, this.#taken), pools };
  }

  /** Another configuration while it runs: of sessions it ends those whose certificate it takes back. */
  #reload(policy: Policy): void {
    const { world } = this;
    const staying = (): readonly string[] =>
      world.show.sessions.filter(({ method }) =>
        policy.revocation === undefined || method !== "certificate"
      )
        .map(({ id, state, absoluteEnd }) => `${id} ${state} ${absoluteEnd}`);
    const before = staying();
    this.#reloads++;
    this.#take(policy);
    world.command({ kind: "reconfigure", policy });
    if (world.gatewayUp) deepEqual(staying(), before, "a reload leaves sessions as they are");
  }

  #start(policy: Policy): void {
    this.#take(policy);
    this.world.restart();
  }

  #take(policy: Policy): void {
    this.world.policy = policy;
    if (policy.reconnect.timeoutMs === 0) this.#wasOff = true;
  }

  #crash(): void {
    const { world } = this;
    if (!world.gatewayUp) return;
    world.crash();
  }

  #crashed(isMidway: boolean): void {
    // What is not stored yet may be lost.
    if (isMidway || this.world.backend.waiting > 0) this.#orders.clear();
    this.#crashes++;
    if (isMidway) this.#midway++;
  }

  /** AAA ends one of the sessions, or changes it. */
  #order(change: SessionChange | undefined): void {
    const { world } = this;
    const sessions = world.gatewayUp ? world.show.sessions : [];
    if (sessions.length === 0) return;
    const { id, accounting } = this.#random.pick(sessions);
    this.#orders.set(accounting.id, change);
    if (change === undefined) {
      this.#disconnects++;
      return world.command({ kind: "disconnect-session", id });
    }
    this.#changes++;
    world.command({ kind: "change-session", id, change });
  }

  #advance(ms: number): void {
    this.world.run(ms, () => {
      this.#check();
      return false;
    });
  }

  /** Whoever has given up begins again with what it has. */
  #revive(sim: SimClient): void {
    const isOver = sim.events.at(-1)?.kind === "closed";
    if (isOver) this.world.connect(sim, sim.client.pair);
  }

  /** The network calms down: everybody with valid credentials is up. */
  #comeToRest(): void {
    const { world } = this;
    Object.assign(world.network, calm);
    world.backend.answerMs = 5;
    world.backend.aaa = "works";
    world.backend.dismissed.clear();
    world.crashAfter = undefined;
    if (world.policy.pools !== this.#policy.pools) this.#crash();
    if (world.gatewayUp) this.#reload(this.#policy);
    else this.#start(this.#policy);
    for (const sim of world.clients) sim.online = true;
    // Who is logging out is given the time to do so.
    this.#advance(MINUTE);
    // Who presented a password to a gateway that then died waits long for its answer.
    const latest = world.nowMs + limits.patientMs + 2 * MINUTE;
    while (world.nowMs < latest && !this.#isRested()) {
      for (const sim of world.clients) this.#revive(sim);
      this.#advance(5_000);
    }
    const missing = world.clients.filter((sim) => !world.carries(sim)).map((sim) =>
      `${sim.name} ${sim.events.at(-1)?.kind} ${JSON.stringify(sim.traces.at(-1))}`
    );
    deepEqual(missing, [], "everybody is up when the network is calm");
    for (const sim of world.clients) world.traffic(sim);
    this.#advance(500);
    this.#checkRest(world.show);
  }

  #isRested(): boolean {
    const { world } = this;
    const soon = world.at.wall + 1_000;
    const isEnding = world.show.sessions.some(({ absoluteEnd = soon }) => absoluteEnd < soon);
    // A login that its client has given up holds lease and record until its time is over.
    const isNegotiating = world.show.negotiating > 0;
    return world.clients.every((sim) => world.carries(sim)) && world.backend.waiting === 0 &&
      !isEnding && !isNegotiating;
  }

  #checkRest({ sessions, pools }: GatewaySnapshot): void {
    const { world } = this;
    for (const sim of world.clients) {
      const holder = sessions.find(({ addresses }) =>
        addresses.map(formatIpAddress).join() === sim.address
      );
      equal(holder?.userName.split("@")[0], sim.name, `${sim.name} has its own address`);
      equal(holder?.state, "active");
      equal(holder?.lastRemote, formatEndpoint(sim.outer), `${sim.name} is where it is`);
      equal(sim.client.pair === undefined, holder?.reconnect === undefined);
      ok(sim.client.pair !== undefined || this.#wasOff, "everybody has a pair");
    }
    const held = sessions.flatMap(({ addresses }) => addresses)
      .filter((address) => pools.some(({ range }) => isWithin(range, address))).length;
    const leased = pools.reduce((sum, { inUse }) => sum + inUse, 0);
    // A login that its client left in the middle holds its address for a while.
    const { negotiating } = world.gateway.load();
    const abandoned = leased - held;
    ok(abandoned >= 0 && abandoned <= negotiating, "leases are the addresses of the sessions");
    const facts = (
      { userName, addresses, absoluteEnd }: SessionRecord | SessionSnapshot,
    ): string => JSON.stringify([userName, addresses.map(formatIpAddress), absoluteEnd]);
    deepEqual(
      [...world.backend.store.values()].map(facts).sort(),
      sessions.filter(({ reconnect }) => reconnect !== undefined).map(facts).sort(),
      "the store equals the sessions",
    );
    // A start takes who was up for inactive, and leaves the record as it is.
    for (const { accounting, state } of world.backend.store.values()) {
      const session = sessions.find(({ accounting: { id } }) => id === accounting.sessionId);
      ok(session?.state === "inactive" || state === "active", "who is up is stored as up");
    }
    for (const sim of world.clients) {
      const records = [...world.backend.store.values()];
      if (sim.client.pair === undefined) continue;
      const { sessionId, token } = sim.pair;
      const mine = records.find((record) => record.sessionId === sessionId);
      equal(mine?.token, token, "what the client has is what is stored");
      equal(mine?.previous, undefined, "and an older pair is void");
    }
  }

  /** Everybody goes; in the end nothing is left of anything. */
  #leave(): void {
    const { world } = this;
    for (const sim of world.clients) world.tellClient(sim, { kind: "disconnect", at: world.at });
    // A rekeyed IKE SA may still wait for its DELETE.
    this.#advance(MINUTE + LINGERING);
    for (const sim of world.clients) {
      equal(sim.client.nextTimeout(), undefined, "no timer of a client");
      equal(sim.installed.size, 0, "no SA of a client");
    }
    // Sessions that nobody knew of fall silent, and a day later they have expired.
    world.run(5 * MINUTE);
    world.wallOffsetMs += DAY;
    world.run(LINGERING);
    assertNothingLeft(world);
  }

  /** What must hold at every moment. */
  #check(): void {
    const { world } = this;
    for (; this.#checkedTraces < world.traces.length; this.#checkedTraces++) {
      const trace = world.traces[this.#checkedTraces]!;
      ok(trace.level !== "error", `trace ${JSON.stringify(trace)}`);
    }
    if (!world.gatewayUp) return;
    assertGroundClaims(world);
    this.#model.check();
    const { sessions } = world.show;
    const isTaken = world.policy.revocation !== undefined;
    ok(
      !isTaken || sessions.every(({ method }) => method !== "certificate"),
      "nobody is in by what was taken back",
    );
    const isTimeDue = (world.gateway.nextTimeout() ?? Number.POSITIVE_INFINITY) <= world.nowMs;
    for (const { accounting, absoluteEnd, addresses, attributes, childSas, idle } of sessions) {
      for (const { inboundSpi } of childSas) {
        const { filter, networks } = world.installed.get(inboundSpi)!;
        equal(filter, attributes.filter, "every Child SA has its session's filter");
        ok(networks === undefined || attributes.networks !== undefined, "and its networks alone");
      }
      const isStaff = addresses.every((one) => formatIpAddress(one).startsWith("10.98."));
      const hasPool = attributes.addresses === undefined && attributes.pools !== undefined;
      equal(isStaff, hasPool, "a pool with a name is for those alone who are given it");
      if (idle !== undefined && idle.limitSeconds > 0 && !isTimeDue) {
        ok(world.nowMs - idle.since <= idle.limitSeconds * 1000, "nobody is idle for too long");
      }
      if (!this.#orders.has(accounting.id)) continue;
      const order = this.#orders.get(accounting.id);
      ok(order !== undefined, "whom AAA disconnects is gone for good");
      const { idleTimeoutSeconds, sessionLifetimeSeconds, filter } = order;
      if (filter !== undefined) {
        equal(attributes.filter?.name, filter.name, "what AAA changes stays so");
      }
      if (idleTimeoutSeconds !== undefined && idle !== undefined) {
        equal(idle.limitSeconds, idleTimeoutSeconds, "what AAA changes stays so");
      }
      if (sessionLifetimeSeconds === undefined) continue;
      equal(absoluteEnd !== undefined, sessionLifetimeSeconds > 0, "what AAA changes stays so");
    }
  }

  #newHost(): string {
    const n = this.#hosts++;
    return `198.18.${n >> 8}.${n & 255}`;
  }
}
