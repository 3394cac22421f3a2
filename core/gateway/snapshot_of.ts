/** Takes the picture that `snapshot.ts` describes. */
import { hexOf } from "../bytes.ts";
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { ChildSa } from "../exchange/child_sa.ts";
import type { Lifetimes } from "./policy.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type {
  ChildSaSnapshot,
  GatewaySnapshot,
  IkeSaSnapshot,
  SessionSnapshot,
} from "./snapshot.ts";

/** Everything at this moment. */
export function snapshotOf(
  sessions: Sessions,
  negotiating: number,
  counters: ReadonlyMap<string, number>,
): GatewaySnapshot {
  return {
    sessions: snapshotsOf(sessions, [...sessions.all()]),
    negotiating,
    pools: sessions.pools(),
    reconnect: sessions.stats(),
    counters: Object.fromEntries([...counters].sort(([a], [b]) => a < b ? -1 : 1)),
  };
}

/** Some of them; one that is about to be is not shown. */
export function snapshotsOf(
  sessions: Sessions,
  some: readonly Session[],
): readonly SessionSnapshot[] {
  return some
    .filter(({ ikeSa, record }) => ikeSa !== undefined || record !== undefined)
    .map((session) => sessionSnapshot(session, sessions.idleLimitSeconds(session)));
}

function sessionSnapshot(session: Session, limitSeconds: number): SessionSnapshot {
  const { ikeSa, record, absoluteEnd, attributes } = session;
  const { id, userName, method, peerType, addresses, firstLogin } = session;
  const deadline = ikeSa === undefined ? record?.deadline : undefined;
  return {
    id,
    userName,
    ...(attributes.group === undefined ? {} : { group: attributes.group }),
    method,
    peerType,
    state: ikeSa === undefined ? "inactive" : "active",
    addresses,
    attributes,
    firstLogin,
    ...(absoluteEnd === undefined ? {} : { absoluteEnd }),
    accounting: { id: session.accountingId, class: attributes.class ?? [] },
    ...(record === undefined ? {} : {
      reconnect: {
        count: record.reconnectCount,
        ...(deadline === undefined ? {} : { deadline }),
      },
    }),
    ...(ikeSa === undefined ? {} : { idle: { since: session.lastUsed, limitSeconds } }),
    lastRemote: session.lastRemote,
    ...(ikeSa === undefined ? {} : ikeSaPart(ikeSa)),
    childSas: ikeSa === undefined
      ? []
      : [...ikeSa.children.values()].map((child) => childSnapshot(child, ikeSa)),
  };
}

function ikeSaPart(sa: IkeSa): { readonly ikeSa: IkeSaSnapshot } | Record<never, never> {
  const { authentication, established, messageIds } = sa;
  if (authentication === undefined || established === undefined) return {};
  return {
    ikeSa: {
      localSpi: hexOf(sa.localSpi).toUpperCase(),
      remoteSpi: hexOf(sa.peerSpi).toUpperCase(),
      local: sa.local,
      remote: sa.remote,
      initiator: sa.originalInitiator,
      suite: sa.suite,
      authSign: authentication.sign,
      authVerify: authentication.verify,
      established: established.wall,
      lifetimeMs: sa.world.settings.lifetimes.ikeMs,
      nextLocalMessageId: messageIds.nextLocal,
      nextRemoteMessageId: messageIds.nextRemote,
      localId: authentication.localId,
      remoteId: authentication.remoteId,
      nat: sa.nat,
      fragmentation: sa.fragmentation,
    },
  };
}

function childSnapshot(child: ChildSa, sa: IkeSa): ChildSaSnapshot {
  const lifetimes: Lifetimes = sa.world.settings.lifetimes;
  return {
    inboundSpi: child.inboundSpi,
    outboundSpi: child.outboundSpi,
    suite: child.suite,
    localSelectors: child.localSelectors,
    remoteSelectors: child.remoteSelectors,
    established: child.established.wall,
    lifetimeMs: lifetimes.espMs,
    ...(lifetimes.espBytes === undefined ? {} : { lifetimeBytes: lifetimes.espBytes }),
  };
}
