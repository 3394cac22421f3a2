/**
 * One case of the fuzz campaign: a world with two clients, of which bob is honest and left alone, and
 * somebody who lies, chosen by the seed:
 *
 * - `client`: alice, who has all keys, says other things than she should, sealed as it should be;
 * - `gateway`: the gateway does so to alice;
 * - `stranger`: somebody on the way sends garbled copies of what he sees, to both ends.
 *
 * Nothing throws, bob does not notice, what is kept is bounded, and in the end nothing is left. A
 * finding repeats by its lies, also when the mutators have changed since.
 */
import { equal, ok } from "node:assert/strict";
import { hexOf, parseHex } from "../../core/bytes.ts";
import type { ClientLogin, ClientSettings } from "../../core/exchange/initiator_settings.ts";
import { type Endpoint, equalEndpoints } from "../../core/wire/address.ts";
import { type Corpus, garble, lieAbout } from "./lies.ts";
import { type MessageSeed, readMessageSeeds } from "./message_seeds.ts";
import { type SealedContent, SealedTap } from "./sealed_tap.ts";
import { SeededRandom } from "./seeded_random.ts";
import type { SimClient } from "./sim_client.ts";
import { quickCrypto } from "./sim_crypto.ts";
import { assertGroundClaims, assertNothingLeft } from "./sim_invariants.ts";
import { anyConnectLogin, endpoint, proposals } from "./sim_settings.ts";
import { describe, SimWorld } from "./sim_world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ACTS = 8;

/** Who lies. */
export type Liar = "client" | "gateway" | "stranger";

/** Something that is not as it should be, and when. */
export interface Lie {
  /** Which message of the liar, counted from 0 over all that could be one. */
  readonly at: number;
  /** What was done, for people. */
  readonly name: string;
  /** What is sealed in its place. */
  readonly content?: SealedContent;
  /** What a stranger sends besides, as hexadecimal digits, and from where. */
  readonly octets?: string;
  readonly from?: "there" | "elsewhere";
}

/** A case that failed, as it is kept under `tests/fuzz/findings`. */
export interface Finding {
  readonly seed: number;
  readonly liar: Liar;
  readonly lies: readonly Lie[];
  /** The first line of what went wrong. */
  readonly why: string;
}

/** What a case came to. */
export interface FuzzFacts {
  readonly liar: Liar;
  readonly lies: readonly Lie[];
  /** Whether alice's packets pass in the end. */
  readonly isUp: boolean;
  /** Datagrams that the gateway did not like, by cause. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A case that failed, with all that it takes to see it again. */
export class FuzzFailure extends Error {
  readonly finding: Finding;

  constructor(finding: Finding, world: SimWorld, cause: unknown) {
    const told = finding.lies.map((lie) => `${lie.at}: ${lie.name}`);
    const lies = [...told.slice(0, 12), ...(told.length > 12 ? ["…"] : [])].join("; ");
    super(
      `seed ${finding.seed}, ${finding.liar} lies (${lies}): ${finding.why}\n${describe(world)}`,
      {
        cause,
      },
    );
    this.name = "FuzzFailure";
    this.finding = finding;
  }
}

/** What is beside the project in some places only would make another case of the same seed. */
const isEverywhere = ({ name }: MessageSeed): boolean => !name.startsWith("thirdparty/");
let corpus: Corpus | undefined;

/** Runs the case of a seed, or one with the lies of a finding; throws `FuzzFailure`. */
export function fuzz(seed: number, finding?: Finding): FuzzFacts {
  corpus ??= readMessageSeeds().chains.filter(isEverywhere);
  const run = new FuzzRun(seed, corpus, finding);
  try {
    return run.play();
  } catch (error) {
    const [why = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new FuzzFailure({ seed, liar: run.liar, lies: run.lies, why }, run.world, error);
  }
}

class FuzzRun {
  readonly world: SimWorld;
  readonly liar: Liar;
  /** What was said that is not so. */
  readonly lies: Lie[] = [];
  readonly #tap = new SealedTap(quickCrypto);
  readonly #corpus: Corpus;
  /** The course of events; lies have their own chance, so that they can be given instead. */
  readonly #course: SeededRandom;
  readonly #chance: SeededRandom;
  readonly #given: ReadonlyMap<number, Lie> | undefined;
  readonly #alice: SimClient;
  readonly #bob: SimClient;
  /** What was made of a message that may be sent again. */
  readonly #told = new Map<string, Uint8Array>();
  readonly #loss: number;
  readonly #elsewhere = endpoint("203.0.113.66", 4500);
  #messages = 0;
  #restarts = 0;
  #checkedTraces = 0;

  constructor(seed: number, corpus: Corpus, finding: Finding | undefined) {
    const course = new SeededRandom(seed * 2);
    this.#course = course;
    this.#chance = new SeededRandom(seed * 2 + 1);
    this.#corpus = corpus;
    this.#given = finding && new Map(finding.lies.map((lie) => [lie.at, lie]));
    this.liar = course.pick<Liar>(["client", "client", "gateway", "stranger"]);
    this.#loss = course.pick([0, 0, 0.1]);
    const fragmentMtu = course.pick([576, 1280]);
    const ikeProposals = proposals("ike", "aes128gcm16-prfsha256-ecp256");
    this.world = new SimWorld(
      seed,
      {
        ikeProposals,
        fragmentMtu,
        loginMethods: [
          "anyconnect-eap",
          course.pick(["eap-mschapv2", "eap-radius"]),
          "certificate",
        ],
        mobike: course.pick(["check-first", "move-first", "off"]),
        cookieThreshold: course.pick([0, 1_000]),
        lifetimes: { ikeMs: 20 * MINUTE, espMs: 8 * MINUTE },
        dpd: { intervalMs: 30_000, retryMs: 2_000 },
      },
      { loss: this.#loss, duplication: course.pick([0, 0.2]), latencyMs: [5, 40] },
      { crypto: this.#tap.crypto },
    );
    const { certificate, signer } = this.world.pki.client;
    const logins: readonly { readonly login?: ClientLogin }[] = [
      { login: { kind: "certificate", certificates: [certificate], signer } },
      { login: anyConnectLogin("alice") },
      {},
      {},
    ];
    const common: Partial<ClientSettings> = {
      ikeProposals,
      fragmentMtu,
      lifetimes: { ikeMs: 20 * MINUTE, espMs: 8 * MINUTE },
      dpd: { intervalMs: 20_000, retryMs: 2_000 },
    };
    this.#alice = this.world.addClient("alice", "198.51.100.7", {
      ...common,
      mobike: course.chance(0.7),
      ...course.pick(logins),
    });
    this.#bob = this.world.addClient("bob", "198.51.100.8", { ...common, mobike: true });
    this.world.alter = (from, to, bytes) => this.#alter(from, to, bytes);
  }

  play(): FuzzFacts {
    const { world } = this;
    for (const sim of world.clients) world.connect(sim);
    this.#advance(3_000);
    for (let act = 0; act < ACTS; act++) {
      this.#act();
      this.#advance(this.#course.pick([0, 50, 500, 5_000, 45_000]));
    }
    const isUp = this.#comeToRest();
    const { counters } = world.show;
    this.#leave();
    return { liar: this.liar, lies: this.lies, isUp, counters };
  }

  // --- what happens -------------------------------------------------------------------------

  #act(): void {
    const { world } = this;
    const course = this.#course;
    const sim = this.#alice;
    const what = course.pick(["ike", "child"] as const);
    const host = `198.19.${course.below(256)}.${course.below(256)}`;
    const acts: readonly (() => void)[] = [
      (): void => world.tellClient(sim, { kind: "rekey", at: world.at, what }),
      (): void => {
        for (const { id } of world.show.sessions) world.command({ kind: "rekey", id, what });
      },
      (): void => world.roam(sim, host),
      (): void => {
        sim.outer = endpoint(host, 1_024 + course.below(60_000));
        world.traffic(sim);
      },
      (): void => {
        world.crash();
        world.restart();
        this.#restarts++;
      },
      (): void => world.restartClient(sim),
      (): void => {
        if (sim.events.at(-1)?.kind === "closed") world.connect(sim, sim.client.pair);
        else world.clear({ userName: "alice" });
      },
      (): void => {
        world.wallOffsetMs += course.pick([-3_600_000, -5_000, 5_000, 200_000]);
      },
    ];
    course.pick(acts)();
  }

  // --- lies ---------------------------------------------------------------------------------

  #alter(from: Endpoint, to: Endpoint, bytes: Uint8Array): Uint8Array {
    const isAlice = equalEndpoints(from, this.#alice.outer);
    const isForAlice = equalEndpoints(to, this.#alice.outer);
    if (!isAlice && !isForAlice) return bytes;
    if (this.liar === "stranger") {
      this.#besides(from, to, bytes);
      return bytes;
    }
    if (isAlice !== (this.liar === "client")) return bytes;
    const key = hexOf(bytes);
    const told = this.#told.get(key);
    if (told !== undefined) return told;
    const honest = this.#tap.open(bytes);
    if (honest === undefined) return bytes;
    const lie = this.#nextLie((at) => ({ at, ...lieAbout(honest, this.#chance, this.#corpus) }));
    const altered = lie?.content === undefined ? bytes : this.#tap.reseal(bytes, lie.content);
    this.#told.set(key, altered);
    return altered;
  }

  #besides(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const lie = this.#nextLie((at) => ({
      at,
      name: "garbled",
      octets: hexOf(garble(bytes, this.#chance)),
      from: this.#chance.pick(["there", "elsewhere"]),
    }));
    const octets = lie?.octets === undefined ? undefined : parseHex(lie.octets);
    // A few bits may mean nothing, so that it is the message itself.
    if (octets === undefined || hexOf(octets) === hexOf(bytes)) return;
    const source = lie?.from === "elsewhere" ? this.#elsewhere : from;
    this.world.sendUnaltered(source, to, octets);
  }

  /** The lie that is due now: of the finding, or by chance. */
  #nextLie(make: (at: number) => Lie): Lie | undefined {
    const at = this.#messages++;
    const share = this.liar === "stranger" ? 0.5 : 0.12;
    const lie = this.#given === undefined
      ? (this.#chance.chance(share) ? make(at) : undefined)
      : this.#given.get(at);
    if (lie !== undefined) this.lies.push(lie);
    return lie;
  }

  // --- claims -------------------------------------------------------------------------------

  #advance(ms: number): void {
    this.world.run(ms, () => {
      this.#check();
      return false;
    });
  }

  #check(): void {
    const { world } = this;
    for (; this.#checkedTraces < world.traces.length; this.#checkedTraces++) {
      const trace = world.traces[this.#checkedTraces]!;
      ok(trace.level !== "error", `trace ${JSON.stringify(trace)}`);
    }
    assertGroundClaims(world);
  }

  /** Everybody is honest from here on; whether alice is up in the end. */
  #comeToRest(): boolean {
    const { world } = this;
    const [alice, bob] = [this.#alice, this.#bob];
    world.alter = (_, _to, bytes) => bytes;
    Object.assign(world.network, { loss: 0, duplication: 0 });
    const isEnough = (): boolean => world.carries(bob) && world.carries(alice);
    for (let i = 0; i < 120 && !isEnough(); i++) this.#advance(5_000);
    ok(world.carries(bob), "bob is up");
    const returns = bob.events.filter(({ kind }) => kind === "reconnecting").length;
    // On a network that loses, a peer may seem to be gone.
    const isCalm = this.#loss === 0;
    ok(returns <= this.#restarts || !isCalm, `bob comes back ${returns} times, not for restarts`);
    ok(bob.count("closed") === 0 && bob.count("pair-refused") === 0, "bob is never refused");
    if (this.liar === "stranger") {
      const isOver = alice.events.at(-1)?.kind === "closed";
      ok(isOver || world.carries(alice), "a stranger keeps nobody out");
    }
    return world.carries(alice);
  }

  #leave(): void {
    const { world } = this;
    for (const sim of world.clients) world.tellClient(sim, { kind: "disconnect", at: world.at });
    this.#advance(3 * MINUTE);
    for (const sim of world.clients) {
      equal(sim.client.nextTimeout(), undefined, `no timer of ${sim.name}`);
      equal(sim.installed.size, 0, `no SA of ${sim.name}`);
    }
    this.#advance(5 * MINUTE);
    world.wallOffsetMs += DAY;
    this.#advance(20_000);
    assertNothingLeft(world);
  }
}
