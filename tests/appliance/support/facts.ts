/** Facts for tests of `show` and the control socket: the numbers of Cisco's own sample session. */
import type {
  AaaFigures,
  AaaServerFacts,
  ChildSaFacts,
  GatewayFacts,
  IkeSaFacts,
  SelectorFacts,
  SessionFacts,
} from "../../../appliance/show/facts.ts";

/** All of a range with any protocol and port. */
export function selectorOf(first: string, last: string): SelectorFacts {
  return { first, last, protocol: 0, startPort: 0, endPort: 65535 };
}

/** A Child SA that gives a user one address and everything behind the gateway. */
export function childSaFactsOf(change: Partial<ChildSaFacts> = {}): ChildSaFacts {
  return {
    inboundSpi: "0x2E14CBAF",
    outboundSpi: "0xD5590D3",
    encryption: "AES-CBC",
    keyBits: 256,
    integrity: "SHA384",
    esn: false,
    localSelectors: [selectorOf("0.0.0.0", "255.255.255.255")],
    remoteSelectors: [selectorOf("192.168.20.5", "192.168.20.5")],
    established: "2026-01-01T00:00:00.000Z",
    remainingSeconds: 1874,
    remainingKilobytesIn: 4607772,
    remainingKilobytesOut: 4607812,
    packetsIn: 47673,
    bytesIn: 1,
    dropsIn: 0,
    packetsOut: 47672,
    bytesOut: 1,
    dropsOut: 2,
    drops: { "too-big": 2 },
    ...change,
  };
}

/** An IKE SA behind NAT. */
export function ikeSaFactsOf(change: Partial<IkeSaFacts> = {}): IkeSaFacts {
  return {
    local: { address: "10.106.69.69", port: 4500 },
    remote: { address: "10.106.36.37", port: 50055 },
    localSpi: "39125EA1EB1B358D",
    remoteSpi: "29C6416947D54ECA",
    initiator: false,
    encryption: "AES-CBC",
    keyBits: 256,
    prf: "SHA512",
    integrity: "SHA512",
    group: 19,
    authSign: "RSA",
    authVerify: "EAP",
    established: "2026-01-01T00:00:00.000Z",
    lifetimeSeconds: 86400,
    activeSeconds: 47834,
    nextLocalMessageId: 0,
    nextRemoteMessageId: 9,
    localId: "vpn.example.net",
    remoteId: "user1",
    nat: "outside",
    fragmentation: false,
    ...change,
  };
}

/** An active session. */
export function sessionFactsOf(change: Partial<SessionFacts> = {}): SessionFacts {
  return {
    id: 16,
    userName: "user1",
    method: "eap-mschapv2",
    peerType: "Other",
    state: "active",
    addresses: ["192.168.20.5"],
    given: {},
    firstLogin: "2026-01-01T00:00:00.000Z",
    uptimeSeconds: 47834,
    lastRemote: "10.106.36.37:50055",
    capabilities: "DN",
    dpd: { intervalSeconds: 45, retrySeconds: 2 },
    ikeSa: ikeSaFactsOf(),
    childSas: [childSaFactsOf()],
    ...change,
  };
}

/** What a server did for one purpose. */
export function aaaFiguresOf(change: Partial<AaaFigures> = {}): AaaFigures {
  return {
    state: "UP",
    durationSeconds: 7787,
    previousSeconds: 0,
    deadSeconds: 0,
    deadCount: 0,
    outstanding: 0,
    averageMs: 94,
    counters: {},
    ...change,
  };
}

/** A RADIUS server that knows users and sessions. */
export function aaaServerFactsOf(change: Partial<AaaServerFacts> = {}): AaaServerFacts {
  return {
    id: 1,
    priority: 1,
    host: "11.15.24.213",
    authPort: 1812,
    acctPort: 1813,
    access: aaaFiguresOf({
      counters: { requests: 30, retransmissions: 19, timeouts: 6, answers: 24, accepts: 8 },
    }),
    accounting: aaaFiguresOf({ averageMs: 3 }),
    countedSeconds: 7787,
    ...change,
  };
}

/** Everything but the sessions. */
export const summary: Omit<GatewayFacts, "sessions"> = {
  negotiating: 1,
  pools: [{ begin: "192.168.20.2", end: "192.168.20.254", free: 252, inUse: 1 }],
  reconnect: { total: 10, success: 9, failed: 1, activeCapable: 4, inactiveCapable: 6 },
  aaaServers: [aaaServerFactsOf()],
  counters: { "aaa.questions": 3, "ike-in": 77 },
};
