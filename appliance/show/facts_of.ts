/** From snapshots and packet counters to facts. */
import {
  type ChildSaSnapshot,
  encryptionName,
  formatIpAddress,
  formatPrefix,
  type GatewaySnapshot,
  type IkeSaSnapshot,
  integrityName,
  type Moment,
  type PoolSnapshot,
  prfName,
  type ReconnectStats,
  type SessionSnapshot,
  type TrafficSelector,
  type UserAttributes,
} from "../../core/mod.ts";
import type { ChildSaCounters } from "../../dataplane/mod.ts";
import type {
  AaaServerFacts,
  ChildSaFacts,
  EndpointFacts,
  GatewayFacts,
  GivenFacts,
  IkeSaFacts,
  PoolFacts,
  ReconnectFacts,
  SelectorFacts,
  SessionFacts,
} from "./facts.ts";

/** What the snapshot does not say. */
export interface FactsContext {
  readonly at: Moment;
  /** DPD as configured; an interval of 0 is off. */
  readonly dpd: { readonly intervalSeconds: number; readonly retrySeconds: number };
  /** Packet counters by inbound SPI. */
  readonly packets: ReadonlyMap<number, ChildSaCounters>;
  /** Counters beside those of the snapshot. */
  readonly counters: Readonly<Record<string, number>>;
}

/** Everything but the sessions. */
export function summaryFacts(
  snapshot: GatewaySnapshot,
  context: FactsContext,
  aaaServers: readonly AaaServerFacts[],
): Omit<GatewayFacts, "sessions"> {
  return {
    negotiating: snapshot.negotiating,
    pools: snapshot.pools.map(poolFacts),
    reconnect: reconnectFacts(snapshot.reconnect),
    aaaServers,
    counters: { ...snapshot.counters, ...context.counters },
  };
}

/** One session. */
export function sessionFacts(session: SessionSnapshot, context: FactsContext): SessionFacts {
  const now = context.at.wall;
  const { reconnect, attributes: { filter } } = session;
  return {
    id: session.id,
    userName: session.userName,
    ...(session.group === undefined ? {} : { group: session.group }),
    ...(filter === undefined ? {} : {
      filter: { name: filter.name, drops: filtered(session, context) },
    }),
    method: session.method,
    peerType: session.peerType,
    state: session.state,
    addresses: session.addresses.map(formatIpAddress),
    given: givenFacts(session.attributes),
    firstLogin: isoTime(session.firstLogin),
    uptimeSeconds: seconds(now - session.firstLogin),
    ...(session.absoluteEnd === undefined ? {} : { absoluteEnd: isoTime(session.absoluteEnd) }),
    ...(reconnect === undefined ? {} : {
      reconnect: {
        count: reconnect.count,
        ...(reconnect.deadline === undefined ? {} : {
          deadline: isoTime(reconnect.deadline),
          secondsLeft: seconds(reconnect.deadline - now),
        }),
      },
    }),
    ...(session.idle === undefined ? {} : { idle: idleFacts(session.idle, context) }),
    lastRemote: session.lastRemote,
    capabilities: capabilitiesOf(session, context),
    dpd: context.dpd,
    ...(session.ikeSa === undefined ? {} : { ikeSa: ikeSaFacts(session.ikeSa, context) }),
    childSas: session.childSas.map((sa) => childSaFacts(sa, context)),
  };
}

function idleFacts(
  { since, limitSeconds }: NonNullable<SessionSnapshot["idle"]>,
  context: FactsContext,
): NonNullable<SessionFacts["idle"]> {
  return {
    seconds: seconds(context.at.monotonic - since),
    ...(limitSeconds === 0 ? {} : { limitSeconds }),
  };
}

function filtered({ childSas }: SessionSnapshot, { packets }: FactsContext): number {
  return childSas.reduce((sum, sa) => sum + (packets.get(sa.inboundSpi)?.drops.filtered ?? 0), 0);
}

function givenFacts(attributes: UserAttributes): GivenFacts {
  const { told = {} } = attributes;
  const facts: { readonly [Name in keyof GivenFacts]: GivenFacts[Name] | undefined } = {
    pools: attributes.pools,
    ipv6Pools: attributes.ip6Pools,
    netmask: attributes.netmask && formatIpAddress(attributes.netmask),
    networks: attributes.networks?.map(formatPrefix),
    dns: told.dns?.map(formatIpAddress),
    wins: told.nbns?.map(formatIpAddress),
    domain: told.domain,
    splitInclude: told.splitInclude?.map(formatPrefix),
    splitDns: told.splitDns,
    banner: told.banner,
    smartcardRemovalDisconnect: told.smartcardRemovalDisconnect,
    sessionTimeoutSeconds: attributes.sessionLifetimeSeconds,
    idleTimeoutSeconds: attributes.idleTimeoutSeconds,
    interimSeconds: attributes.interimSeconds,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Letters in the order of the legend: D, N, F, and R only for who came back. */
function capabilitiesOf(session: SessionSnapshot, context: FactsContext): string {
  const sa = session.ikeSa;
  if (sa === undefined) return "";
  return [
    context.dpd.intervalSeconds > 0 ? "D" : "",
    sa.nat === "none" ? "" : "N",
    sa.fragmentation ? "F" : "",
    (session.reconnect?.count ?? 0) > 0 ? "R" : "",
  ].join("");
}

function ikeSaFacts(sa: IkeSaSnapshot, context: FactsContext): IkeSaFacts {
  return {
    local: endpointFacts(sa.local),
    remote: endpointFacts(sa.remote),
    localSpi: sa.localSpi.toUpperCase(),
    remoteSpi: sa.remoteSpi.toUpperCase(),
    initiator: sa.initiator,
    encryption: encryptionName(sa.suite.encryption),
    keyBits: sa.suite.keyBits,
    prf: prfName(sa.suite.prf),
    integrity: integrityName(sa.suite.integrity),
    group: sa.suite.group,
    authSign: sa.authSign,
    authVerify: sa.authVerify,
    established: isoTime(sa.established),
    lifetimeSeconds: seconds(sa.lifetimeMs),
    activeSeconds: seconds(context.at.wall - sa.established),
    nextLocalMessageId: sa.nextLocalMessageId,
    nextRemoteMessageId: sa.nextRemoteMessageId,
    localId: sa.localId,
    remoteId: sa.remoteId,
    nat: sa.nat,
    fragmentation: sa.fragmentation,
  };
}

function childSaFacts(sa: ChildSaSnapshot, context: FactsContext): ChildSaFacts {
  const carried = context.packets.get(sa.inboundSpi);
  const kilobytesLeft = (bytes: number): number =>
    Math.max(0, Math.floor(((sa.lifetimeBytes ?? 0) - bytes) / 1024));
  return {
    inboundSpi: spiText(sa.inboundSpi),
    outboundSpi: spiText(sa.outboundSpi),
    encryption: encryptionName(sa.suite.encryption),
    keyBits: sa.suite.keyBits,
    integrity: integrityName(sa.suite.integrity),
    esn: sa.suite.esn,
    localSelectors: sa.localSelectors.map(selectorFacts),
    remoteSelectors: sa.remoteSelectors.map(selectorFacts),
    established: isoTime(sa.established),
    remainingSeconds: seconds(sa.established + sa.lifetimeMs - context.at.wall),
    ...(sa.lifetimeBytes === undefined ? {} : {
      remainingKilobytesIn: kilobytesLeft(carried?.bytesIn ?? 0),
      remainingKilobytesOut: kilobytesLeft(carried?.bytesOut ?? 0),
    }),
    packetsIn: carried?.packetsIn ?? 0,
    bytesIn: carried?.bytesIn ?? 0,
    dropsIn: carried?.dropsIn ?? 0,
    packetsOut: carried?.packetsOut ?? 0,
    bytesOut: carried?.bytesOut ?? 0,
    dropsOut: carried?.dropsOut ?? 0,
    drops: carried?.drops ?? {},
  };
}

function selectorFacts(selector: TrafficSelector): SelectorFacts {
  return {
    first: formatIpAddress(selector.startAddress),
    last: formatIpAddress(selector.endAddress),
    protocol: selector.protocol,
    startPort: selector.startPort,
    endPort: selector.endPort,
  };
}

function endpointFacts(endpoint: IkeSaSnapshot["local"]): EndpointFacts {
  return { address: formatIpAddress(endpoint.address), port: endpoint.port };
}

function poolFacts(pool: PoolSnapshot): PoolFacts {
  const { first, last, name } = pool.range;
  return {
    ...(name === undefined ? {} : { name }),
    begin: formatIpAddress(first),
    end: formatIpAddress(last),
    free: pool.size - pool.inUse,
    inUse: pool.inUse,
  };
}

function reconnectFacts(stats: ReconnectStats): ReconnectFacts {
  return { total: stats.success + stats.failed, ...stats };
}

function spiText(spi: number): string {
  return `0x${spi.toString(16).toUpperCase()}`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Whole seconds, never negative. */
function seconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}
