/**
 * Who has to make room for a login: addresses of the pools that are the user's, addresses that AAA
 * fixes, and the number of sessions that one user may have (design rule 10).
 *
 * A user gives up their own sessions before anybody else does, and only inactive sessions are ever
 * given up for an address of the pool. An address that AAA fixes for a user goes to that user's latest
 * login; no login takes one from somebody else.
 */
import type { Wishes } from "../exchange/auth_host.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import { limits } from "../limits.ts";
import type { IpAddress } from "../wire/address.ts";
import { formatIpAddress } from "../wire/address.ts";
import type { AddressPool, PoolChoice } from "./address_pool.ts";
import type { UserAttributes } from "./question.ts";
import type { Session } from "./session.ts";
import { isAheadOf } from "./session.ts";
import { endSession } from "./session_end.ts";
import type { SessionGround } from "./session_ground.ts";

/** The session that is about to be. */
export interface Newcomer {
  /** Its number. */
  readonly id: number;
  /** Its SA. */
  readonly sa: IkeSa;
  readonly userName: string;
  /** What AAA says of its addresses. */
  readonly attributes: Pick<UserAttributes, "addresses" | "pools" | "ip6Pools">;
}

interface Wanted {
  readonly family: 4 | 6;
  readonly given: IpAddress | undefined;
  readonly choice: PoolChoice;
}

/** Whether the user may have one more session; the longest parked of their own goes for it. */
export function makeRoomForUser(ground: SessionGround, step: Step, userName: string): boolean {
  for (;;) {
    const sessions = ground.table.ofUser(userName);
    if (sessions.length < limits.sessionsPerUser) return true;
    const [oldest] = waitingOf(ground, userName);
    if (oldest === undefined) {
      const facts = { user: userName, sessions: sessions.length };
      trace(step, { level: "warning", event: "user-session-limit", facts });
      return false;
    }
    endSession(ground, oldest, step, "user-limit");
  }
}

/** One address of each family that is wished and served; none at all when one is missing. */
export function leaseAddresses(
  ground: SessionGround,
  step: Step,
  newcomer: Newcomer,
  wishes: Wishes,
): readonly IpAddress[] {
  const { pool } = ground;
  const { userName: user } = newcomer;
  const refuse = (event: string, facts: Readonly<Record<string, string | number>>): [] => {
    trace(step, { level: "warning", event, facts: { user, ...facts } });
    return [];
  };
  const unknown = unknownPool(pool, newcomer.attributes);
  if (unknown !== undefined) return refuse("unknown-pool", { pool: unknown });
  const wanted = wantedBy(pool, newcomer.attributes, wishes);
  if (wanted.length === 0) return refuse("no-pool-for-user", {});
  // Nobody is ended for a login that cannot have all it needs.
  for (const { family, given, choice } of wanted) {
    if (given !== undefined) {
      if (!mayHave(ground, step, newcomer, given)) return [];
    } else if (!pool.hasFree(family, choice) && !isAnyoneWaiting(ground, family, choice)) {
      return refuse("no-address-left", { family });
    }
  }
  const leased: IpAddress[] = [];
  for (const { family, given, choice } of wanted) {
    const address = given === undefined
      ? leaseOrEvict(ground, step, newcomer, family, choice)
      : takeFixed(ground, step, newcomer, given);
    if (address === undefined) {
      for (const taken of leased) pool.release(taken, newcomer.id);
      return refuse("no-address-left", { family });
    }
    leased.push(address);
  }
  return leased;
}

/** A name that AAA gives and nobody configured: its user is not let in by another way. */
function unknownPool(
  pool: AddressPool,
  { pools = [], ip6Pools = [] }: Newcomer["attributes"],
): string | undefined {
  return pools.find((name) => !pool.knows(name)) ??
    ip6Pools.find((name) => !pool.knows(name, 6));
}

function wantedBy(
  pool: AddressPool,
  attributes: Newcomer["attributes"],
  { ip4, ip6 }: Wishes,
): readonly Wanted[] {
  const { addresses = [] } = attributes;
  return [...(ip4 ? [4] as const : []), ...(ip6 ? [6] as const : [])]
    .map((family) => ({
      family,
      given: addresses.find((address) => address.family === family),
      choice: choiceFor(pool, family, attributes),
    }))
    .filter(({ family, given, choice }) => given !== undefined || pool.serves(family, choice));
}

/** A family that none of the pools named for both has comes from those that everybody has. */
function choiceFor(
  pool: AddressPool,
  family: 4 | 6,
  { pools, ip6Pools }: Newcomer["attributes"],
): PoolChoice {
  if (family === 6 && ip6Pools !== undefined) return ip6Pools;
  return pools !== undefined && pool.serves(family, pools) ? pools : undefined;
}

// --- fixed addresses ----------------------------------------------------------------------------

/** An address that AAA fixes is free, or the same user holds it by an older attempt. */
function mayHave(
  { pool, table }: SessionGround,
  step: Step,
  { userName, sa }: Newcomer,
  given: IpAddress,
): boolean {
  const id = pool.holderOf(given);
  if (id === undefined) return true;
  const holder = table.byId(id);
  if (holder?.userName === userName && !isAheadOf(holder, sa)) return true;
  trace(step, {
    level: "warning",
    event: "fixed-address-taken",
    facts: { user: userName, address: formatIpAddress(given), holder: holder?.userName },
  });
  return false;
}

/** Ends the user's own session that holds it. */
function takeFixed(
  ground: SessionGround,
  step: Step,
  { id }: Newcomer,
  given: IpAddress,
): IpAddress | undefined {
  const { pool, table } = ground;
  const holder = table.byId(pool.holderOf(given) ?? id);
  if (holder !== undefined) endSession(ground, holder, step, "superseded");
  return pool.reserve(given, id) ? given : undefined;
}

// --- a full pool --------------------------------------------------------------------------------

/** Rule 10: a full pool gives up the oldest inactive record first, never an active one. */
function leaseOrEvict(
  ground: SessionGround,
  step: Step,
  { id, userName }: Newcomer,
  family: 4 | 6,
  choice: PoolChoice,
): IpAddress | undefined {
  const { pool, table } = ground;
  const free = pool.lease(family, choice, id);
  if (free !== undefined) return free;
  for (const candidates of [waitingOf(ground, userName), table.parked()]) {
    for (const parked of candidates) {
      if (!isWaiting(ground, parked) || !holdsOf(ground, parked, family, choice)) continue;
      evict(ground, step, parked);
      const address = pool.lease(family, choice, id);
      if (address !== undefined) return address;
    }
  }
  return undefined;
}

function evict(ground: SessionGround, step: Step, parked: Session): void {
  trace(step, {
    level: "warning",
    event: "pool-full",
    sessionId: parked.id,
    facts: { user: parked.userName },
  });
  endSession(ground, parked, step, "evicted");
}

/**
 * Whether any address to choose is held by somebody who can be ended for it. The holders are looked
 * through, not everybody who waits: those may be many, and a user may try again and again.
 */
function isAnyoneWaiting(ground: SessionGround, family: 4 | 6, choice: PoolChoice): boolean {
  for (const id of ground.pool.holders(family, choice)) {
    const holder = ground.table.byId(id);
    if (holder !== undefined && isWaiting(ground, holder)) return true;
  }
  return false;
}

/** Whether its end gives an address back that may be chosen. */
function holdsOf(
  { pool }: SessionGround,
  { addresses }: Session,
  family: 4 | 6,
  choice: PoolChoice,
): boolean {
  return addresses.some((address) => address.family === family && pool.isAmong(address, choice));
}

/** Whether it is inactive and nobody is coming back to it now. */
function isWaiting({ table }: SessionGround, session: Session): boolean {
  return table.isParked(session) && session.pending === undefined;
}

/** Those of a user's sessions that wait, the longest parked first. */
function waitingOf(ground: SessionGround, userName: string): readonly Session[] {
  return ground.table.ofUser(userName)
    .filter((session) => isWaiting(ground, session))
    .sort((a, b) => (a.deadline ?? 0) - (b.deadline ?? 0));
}
