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

/** One session, active or waiting to come back. */
export interface SessionFacts {
  readonly id: number;
  readonly userName: string;
  readonly group?: string;
  readonly method: string;
  readonly peerType: string;
  readonly state: "active" | "inactive";
  readonly addresses: readonly string[];
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
  readonly lastRemote: string;
  /** Letters of `show crypto session detail`. */
  readonly capabilities: string;
  readonly dpd: { readonly intervalSeconds: number; readonly retrySeconds: number };
  readonly ikeSa?: IkeSaFacts;
  readonly childSas: readonly ChildSaFacts[];
}

/** One address range. */
export interface PoolFacts {
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

/** What `show` can ask for. */
export interface GatewayFacts {
  readonly sessions: readonly SessionFacts[];
  readonly negotiating: number;
  readonly pools: readonly PoolFacts[];
  readonly reconnect: ReconnectFacts;
  /** Counters of the control plane, the packet path and the appliance, by name. */
  readonly counters: Readonly<Record<string, number>>;
}
