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
    sessions: [...sessions.all()].filter(isShown).map(sessionSnapshot),
    negotiating,
    pools: sessions.pools(),
    reconnect: sessions.stats(),
    counters: Object.fromEntries([...counters].sort(([a], [b]) => a < b ? -1 : 1)),
  };
}

/** Whether there is something to show: nobody knows yet of a session that is only being admitted. */
export function isShown({ ikeSa, record }: Session): boolean {
  return ikeSa !== undefined || record !== undefined;
}

/** One session at this moment. */
export function sessionSnapshot(session: Session): SessionSnapshot {
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
    firstLogin,
    ...(absoluteEnd === undefined ? {} : { absoluteEnd }),
    accounting: {
      id: session.accountingId,
      class: attributes.class ?? [],
      ...(attributes.interimSeconds === undefined
        ? {}
        : { interimSeconds: attributes.interimSeconds }),
    },
    ...(record === undefined ? {} : {
      reconnect: {
        count: record.reconnectCount,
        ...(deadline === undefined ? {} : { deadline }),
      },
    }),
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
