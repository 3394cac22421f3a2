/**
 * The gateway as `show` tells it: strings, numbers and booleans only, no secrets. The text layouts
 * and `--json` are both made from these values, so they cannot disagree, and these values are what
 * crosses the control socket.
 */

/** A traffic selector: addresses and ports, inclusive. */
export interface SelectorFacts {
  readonly first: string;
  readonly last: string;
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
}

/** One Child SA. */
export interface ChildSaFacts {
  /** SPIs as `0x` and hexadecimal digits without leading zeros. */
  readonly inboundSpi: string;
  readonly outboundSpi: string;
  readonly encryption: string;
  readonly keyBits: number;
  readonly integrity: string;
  readonly esn: boolean;
  readonly localSelectors: readonly SelectorFacts[];
  readonly remoteSelectors: readonly SelectorFacts[];
  readonly established: string;
  readonly remainingSeconds: number;
  /** Kilobytes left of the volume limit, per direction; absent without a limit. */
  readonly remainingKilobytesIn?: number;
  readonly remainingKilobytesOut?: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly dropsIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly dropsOut: number;
  /** Both by cause, as the counters of the packet path are called. */
  readonly drops: Readonly<Record<string, number>>;
}

/** One endpoint. */
export interface EndpointFacts {
  readonly address: string;
  readonly port: number;
}

/** One IKE SA. */
export interface IkeSaFacts {
  readonly local: EndpointFacts;
  readonly remote: EndpointFacts;
  readonly localSpi: string;
  readonly remoteSpi: string;
  readonly initiator: boolean;
  readonly encryption: string;
  readonly keyBits: number;
  readonly prf: string;
  readonly integrity: string;
  readonly group: number;
  readonly authSign: string;
  readonly authVerify: string;
  readonly established: string;
  readonly lifetimeSeconds: number;
  readonly activeSeconds: number;
  readonly nextLocalMessageId: number;
  readonly nextRemoteMessageId: number;
  readonly localId: string;
  readonly remoteId: string;
  readonly nat: "none" | "inside" | "outside" | "both";
  readonly fragmentation: boolean;
}

/** What AAA or a group gives a user over what everybody gets; what is left out is as for everybody. */
export interface GivenFacts {
  readonly pools?: readonly string[];
  /** For IPv6 addresses alone. */
  readonly ipv6Pools?: readonly string[];
  readonly netmask?: string;
  /** Networks behind the user. */
  readonly networks?: readonly string[];
  readonly dns?: readonly string[];
  readonly wins?: readonly string[];
  readonly domain?: string;
  readonly splitInclude?: readonly string[];
  readonly splitDns?: readonly string[];
  readonly banner?: string;
  readonly smartcardRemovalDisconnect?: boolean;
  readonly sessionTimeoutSeconds?: number;
  readonly idleTimeoutSeconds?: number;
  readonly interimSeconds?: number;
}

/** One session, active or waiting to come back. */
export interface SessionFacts {
  readonly id: number;
  readonly userName: string;
  readonly group?: string;
  /** What its packets must pass, and how many have not on the Child SAs that stand. */
  readonly filter?: { readonly name: string; readonly drops: number };
  readonly method: string;
  readonly peerType: string;
  readonly state: "active" | "inactive";
  readonly addresses: readonly string[];
  readonly given: GivenFacts;
  readonly firstLogin: string;
  /** Seconds since the first login. */
  readonly uptimeSeconds: number;
  readonly absoluteEnd?: string;
  readonly reconnect?: {
    readonly count: number;
    readonly deadline?: string;
    /** Seconds until an inactive record dies. */
    readonly secondsLeft?: number;
  };
  /** Only while active: how long its user has sent nothing, and how long that may last, if limited. */
  readonly idle?: { readonly seconds: number; readonly limitSeconds?: number };
  readonly lastRemote: string;
  /** Letters of `show crypto session detail`. */
  readonly capabilities: string;
  readonly dpd: { readonly intervalSeconds: number; readonly retrySeconds: number };
  readonly ikeSa?: IkeSaFacts;
  readonly childSas: readonly ChildSaFacts[];
}

/** One access list of this gateway. */
export interface AccessListFacts {
  readonly name: string;
  /** Rules of IPv4, then those of IPv6, each family numbered by itself. */
  readonly rules: readonly {
    readonly family: 4 | 6;
    readonly sequence: number;
    readonly rule: string;
  }[];
}

/** One address range. */
export interface PoolFacts {
  /** Of the pool, where it has one. */
  readonly name?: string;
  readonly begin: string;
  readonly end: string;
  readonly free: number;
  readonly inUse: number;
}

/** `show crypto ikev2 stats reconnect`. */
export interface ReconnectFacts {
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly activeCapable: number;
  readonly inactiveCapable: number;
}

/** What became of one kind of questions at one server. */
export interface AaaFigures {
  readonly state: "UP" | "DEAD";
  /** How long it has been so, and how long it was otherwise before; 0 when it never was. */
  readonly durationSeconds: number;
  readonly previousSeconds: number;
  /** All times as dead together, and how many they were. */
  readonly deadSeconds: number;
  readonly deadCount: number;
  /** Questions that wait for its answer. */
  readonly outstanding: number;
  /** How long an answer took on average, milliseconds. */
  readonly averageMs: number;
  /** By name; what never happened is left out. */
  readonly counters: Readonly<Record<string, number>>;
}

/** One AAA server. */
export interface AaaServerFacts {
  readonly id: number;
  /** Its place among those with the same purpose, from 1. */
  readonly priority: number;
  readonly host: string;
  /** Absent where it is not asked about users. */
  readonly authPort?: number;
  /** Absent where it is not told of sessions. */
  readonly acctPort?: number;
  /** Over TLS, in place of the others. */
  readonly radsecPort?: number;
  readonly access?: AaaFigures;
  readonly accounting?: AaaFigures;
  /** Since its counters were zero. */
  readonly countedSeconds: number;
}

/** What `show` can ask for. */
export interface GatewayFacts {
  readonly sessions: readonly SessionFacts[];
  readonly negotiating: number;
  readonly pools: readonly PoolFacts[];
  readonly reconnect: ReconnectFacts;
  readonly aaaServers: readonly AaaServerFacts[];
  /** Counters of the control plane, the packet path and the appliance, by name. */
  readonly counters: Readonly<Record<string, number>>;
}
