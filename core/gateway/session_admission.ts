/**
 * How users come in and come back (design rules 1, 2, 6, 7, 9, 14).
 *
 * A login is admitted first, which takes its addresses and makes its pair; once the record is stored
 * and the last response made, it is activated, or else given up. Between the two nobody but the SA
 * under way knows of it.
 */
import { equalBytes, textOf } from "../bytes.ts";
import type { Admission, Login, Wishes } from "../exchange/auth_host.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import { trace } from "../exchange/step.ts";
import { wall } from "../moment.ts";
import { invariant } from "../result.ts";
import { formatEndpoint } from "../wire/address.ts";
import type { Policy } from "./policy.ts";
import type { UserAttributes } from "./question.ts";
import type { SessionPair, SessionRecord } from "./record.ts";
import type { Session } from "./session.ts";
import { endSession, forgetSession } from "./session_end.ts";
import type { SessionGround } from "./session_ground.ts";
import { aliveFacts } from "./session_ground.ts";
import { leaseAddresses, makeRoomForUser } from "./session_leases.ts";
import { tellSharedNetworks } from "./session_networks.ts";
import { makePair, makeRecordKey, pairOf, withPair } from "./session_pair.ts";

type FreshLogin = Login & { readonly kind: "fresh" };
type Return = Login & { readonly kind: "reconnect" };

/** Makes the session of somebody who logs in. */
export function beginSession(
  ground: SessionGround,
  sa: IkeSa,
  step: Step,
  login: FreshLogin,
  wishes: Wishes,
): Admission {
  const { host: { policy, random }, table } = ground;
  const { userName, identity, method, peerType, attributes, certificates } = login;
  if (login.initialContact && peerType !== "AnyConnect") supersede(ground, sa, step, login);
  if (!makeRoomForUser(ground, step, userName)) return { kind: "no-address" };
  const id = table.newId();
  const newcomer = { id, sa, userName, attributes };
  const addresses = leaseAddresses(ground, step, newcomer, wishes);
  if (addresses.length === 0) return { kind: "no-address" };
  const { wall: now } = step.at;
  const lifetimeMs = lifetimeOf(policy, attributes);
  const isAsked = wishes.pair && policy.reconnect.timeoutMs > 0;
  const pair = isAsked ? makePair(random) : undefined;
  const session: Session = {
    id,
    userName,
    identity,
    method,
    certificates,
    peerType,
    attributes,
    accountingId: makeRecordKey(random),
    addresses,
    firstLogin: now,
    absoluteEnd: lifetimeMs === undefined ? undefined : wall(now + lifetimeMs),
    deadline: undefined,
    ikeSa: undefined,
    pending: undefined,
    record: undefined,
    pendingRecord: undefined,
    lastUsed: step.at.monotonic,
    lastRemote: formatEndpoint(sa.remote),
    refreshedAt: now,
  };
  table.add(session);
  table.expect(session, sa);
  if (pair === undefined) {
    return admission(session);
  }
  const record: SessionRecord = {
    version: 1,
    key: session.accountingId,
    ...pair,
    userName,
    identity,
    method,
    ...(certificates.length === 0 ? {} : { certificates }),
    peerType,
    addresses,
    attributes,
    accounting: { sessionId: session.accountingId, class: attributes.class ?? [] },
    firstLogin: now,
    ...(session.absoluteEnd === undefined ? {} : { absoluteEnd: session.absoluteEnd }),
    ...aliveFacts(ground, step, sa),
    reconnectCount: 0,
    gatewayName: policy.gatewayName,
  };
  return admitWithPair(session, record, pair);
}

/** Rules 6, 7 and 9: same session, same addresses; a new pair when asked again. */
export function resumeSession(
  ground: SessionGround,
  sa: IkeSa,
  step: Step,
  login: Return,
  wishes: Wishes,
): Admission {
  const { host: { policy, random }, table, tally } = ground;
  const session = table.byId(login.session);
  const used = pairOf(session?.record, textOf(login.sessionId));
  invariant(
    session?.record !== undefined && used !== undefined,
    "a reconnect was verified against a record",
  );
  // Rule 14: of two that come back at the same time, the later one stays.
  const rival = session.pending;
  table.expect(session, sa);
  if (rival !== undefined && rival !== sa) {
    tally.failed++;
    rival.close(step, "taken-over");
  }
  const { key, previous: _, ...rest } = session.record;
  const asked = wishes.pair && policy.reconnect.timeoutMs > 0;
  const fresh = asked ? makePair(random) : undefined;
  const { sessionId, token } = used;
  const record: SessionRecord = {
    ...rest,
    key,
    ...(fresh ?? { sessionId, token }),
    ...(fresh === undefined ? {} : { previous: { sessionId, token } }),
    ...aliveFacts(ground, step, sa),
    reconnectCount: rest.reconnectCount + 1,
  };
  if (fresh !== undefined) return admitWithPair(session, record, fresh);
  session.pendingRecord = record;
  return admission(session);
}

/** The session lives on `sa` from now on. */
export function activateSession(
  ground: SessionGround,
  sa: IkeSa,
  step: Step,
  session: Session | undefined,
  pairStored: boolean,
): void {
  const { host, table, tally } = ground;
  invariant(session !== undefined && session.pending === sa, "only an admitted SA takes over");
  const old = session.ikeSa;
  const isReturn = session.record !== undefined;
  const next = session.pendingRecord;
  session.pending = undefined;
  session.pendingRecord = undefined;
  table.carry(session, sa);
  session.lastUsed = step.at.monotonic;
  session.lastRemote = formatEndpoint(sa.remote);
  session.refreshedAt = step.at.wall;
  if (next !== undefined && pairStored) {
    table.setRecord(session, next);
  } else if (next !== undefined && isReturn) {
    // The pair stays as it was: it was not asked again, or the new one could not be stored.
    const record = next.previous === undefined ? next : withPair(next, next.previous);
    table.setRecord(session, record);
    host.tell(step, { kind: "store-record", record });
  } else if (next !== undefined) {
    // A store that failed may have stored it all the same; nobody will ever know this pair.
    host.tell(step, { kind: "delete-record", key: next.key });
  }
  if (isReturn) {
    tally.success++;
    old?.closeWithDelete(step, "taken-over");
  }
  tellSharedNetworks(ground, step, session);
  trace(step, {
    level: "info",
    event: isReturn ? "session-reconnected" : "session-started",
    sessionId: session.id,
    remote: sa.remote,
    facts: {
      user: session.userName,
      method: session.method,
      reconnectCapable: session.record !== undefined,
      takeover: old !== undefined,
      filter: session.attributes.filter?.name,
    },
  });
  host.reschedule(session, step);
}

/** A login came to nothing between admission and activation, for whatever reason. */
export function giveUpSession(
  ground: SessionGround,
  sa: IkeSa,
  step: Step,
  session: Session | undefined,
): void {
  if (session === undefined || session.pending !== sa) return;
  const { host, tally } = ground;
  session.pending = undefined;
  const planned = session.pendingRecord;
  session.pendingRecord = undefined;
  if (session.record !== undefined) {
    tally.failed++;
    // The store may hold the rotated pair by now: put back what is true.
    host.tell(step, { kind: "store-record", record: session.record });
  } else if (session.ikeSa === undefined) {
    forgetSession(ground, session);
    if (planned !== undefined) host.tell(step, { kind: "delete-record", key: planned.key });
  }
}

/** How long a session may be; that of who has to log in anew ends with that. */
function lifetimeOf(
  { sessionLifetimeMs, reauthentication }: Policy,
  { sessionLifetimeSeconds }: UserAttributes,
): number | undefined {
  const own = sessionLifetimeSeconds === undefined
    ? sessionLifetimeMs
    : sessionLifetimeSeconds * 1000;
  if (reauthentication?.by !== "user") return own;
  return Math.min(own ?? Infinity, reauthentication.ms);
}

function admitWithPair(session: Session, record: SessionRecord, pair: SessionPair): Admission {
  session.pendingRecord = record;
  return { ...admission(session), pair, store: { kind: "store-record", record } };
}

function admission(
  { id, addresses, attributes, absoluteEnd }: Session,
): Admission & { readonly kind: "admitted" } {
  const end = absoluteEnd === undefined ? {} : { absoluteEnd };
  return { kind: "admitted", session: id, addresses, attributes, ...end };
}

/** INITIAL_CONTACT: the user's older sessions under the same IDi are gone (RFC 7296 §2.4). */
function supersede(
  ground: SessionGround,
  sa: IkeSa,
  step: Step,
  { userName, identity }: FreshLogin,
): void {
  for (const session of ground.table.ofUser(userName)) {
    const { idType, data } = session.identity;
    if (idType !== identity.idType || !equalBytes(data, identity.data)) continue;
    if (session.pending === sa) continue;
    const old = session.ikeSa;
    session.ikeSa = undefined;
    old?.close(step, "taken-over");
    endSession(ground, session, step, "superseded");
  }
}
