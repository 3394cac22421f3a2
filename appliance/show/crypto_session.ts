/**
 * `show crypto session [detail|brief]` in the layout of IOS XE. A session that waits to come back
 * stands there as DOWN, its description saying until when; that of one that may not be idle for long
 * says for how long it is.
 */
import { parseRange, rangeToPrefixes } from "../../core/mod.ts";
import type { ChildSaFacts, SelectorFacts, SessionFacts } from "./facts.ts";
import { clockText, isIpv6, maskText, selectorPairs, slashed, uptimeText } from "./text.ts";

const legend = [
  "Code: C - IKE Configuration mode, D - Dead Peer Detection",
  "K - Keepalives, N - NAT-traversal, T - cTCP encapsulation",
  "X - IKE Extended Authentication, F - IKE Fragmentation",
  "R - IKE Auto Reconnect",
];

/** The heading, before any session. */
export function cryptoSessionHeading(detail: boolean): readonly string[] {
  return ["Crypto session current status", "", ...(detail ? [...legend, ""] : [])];
}

/** The lines of one session, with an empty line behind. */
export function cryptoSessionLines(session: SessionFacts, detail: boolean): readonly string[] {
  const { ikeSa } = session;
  const peer = ikeSa?.remote ?? endpointOf(session.lastRemote);
  return [
    `Interface: Virtual-Access${session.id}`,
    ...(detail
      ? [
        `Username: ${session.userName}`,
        "Profile: rejoin",
        ...(session.group === undefined ? [] : [`Group: ${session.group}`]),
        ...session.addresses.map((address) => `Assigned address: ${address}`),
        ...(session.filter === undefined
          ? []
          : [`Inbound access list: ${session.filter.name} drop ${session.filter.drops}`]),
        ...givenLines(session),
        `Uptime: ${uptimeText(session.uptimeSeconds)}`,
      ]
      : ["Profile: rejoin"]),
    `Session status: ${statusOf(session)}`,
    `Peer: ${peer.address} port ${peer.port}${detail ? " fvrf: (none) ivrf: (none)" : ""}`,
    ...(detail
      ? [
        `      Phase1_id: ${ikeSa?.remoteId ?? session.userName}`,
        `      Desc: ${descriptionOf(session)}`,
      ]
      : []),
    `  Session ID: ${session.id}`,
    ...ikeSaLines(session, detail),
    ...session.childSas.flatMap((sa) => flowLines(sa, detail)),
    "",
  ];
}

/** The heading of `show crypto session brief`. */
export const cryptoSessionBriefHeading: readonly string[] = [
  "Status: A- Active, U - Up, D - Down, I - Idle, S - Standby, N - Negotiating",
  "        K - No IKE",
  "ivrf = (none)",
  briefRow("Peer", "I/F", "Username", "Group/Phase1_id", "Uptime", "Status"),
];

/** One line of `show crypto session brief`. */
export function cryptoSessionBriefLine(session: SessionFacts): string {
  const peer = session.ikeSa?.remote ?? endpointOf(session.lastRemote);
  const group = session.group ?? session.ikeSa?.remoteId ?? session.userName;
  const up = uptimeText(session.uptimeSeconds);
  const status = { "UP-ACTIVE": "UA", "UP-IDLE": "UI", DOWN: "D" }[statusOf(session)];
  return briefRow(peer.address, `Vi${session.id}`, session.userName, group, up, status);
}

function briefRow(...[peer, port, user, group, uptime, status]: readonly string[]): string {
  return [
    (peer ?? "").padEnd(15),
    (port ?? "").padEnd(7),
    (user ?? "").padEnd(15),
    (group ?? "").padEnd(20),
    (uptime ?? "").padEnd(9),
    status ?? "",
  ].join(" ").trimEnd();
}

/** What an operator looks for first of what AAA gave; `--json` has all of it. */
function givenLines({ given }: SessionFacts): readonly string[] {
  const { pools, ipv6Pools, dns, sessionTimeoutSeconds, idleTimeoutSeconds } = given;
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["Pool", pools?.join(", ")],
    ["IPv6 pool", ipv6Pools?.join(", ")],
    ["DNS", dns?.join(", ")],
    ["Session timeout", secondsText(sessionTimeoutSeconds)],
    ["Idle timeout", secondsText(idleTimeoutSeconds)],
  ];
  return lines.filter(([, value]) => value !== undefined).map(([name, it]) => `${name}: ${it}`);
}

function secondsText(seconds: number | undefined): string | undefined {
  return seconds === undefined ? undefined : `${seconds} sec`;
}

function statusOf(session: SessionFacts): "UP-ACTIVE" | "UP-IDLE" | "DOWN" {
  if (session.state === "inactive") return "DOWN";
  return session.childSas.length > 0 ? "UP-ACTIVE" : "UP-IDLE";
}

function descriptionOf(session: SessionFacts): string {
  const { reconnect, state, idle } = session;
  if (idle?.limitSeconds !== undefined) {
    return `idle for ${clockText(idle.seconds)}, at most ${clockText(idle.limitSeconds)}`;
  }
  if (state !== "inactive" || reconnect?.deadline === undefined) return "(none)";
  const left = clockText(reconnect.secondsLeft ?? 0);
  return `may reconnect until ${reconnect.deadline}, ${left} left`;
}

function ikeSaLines({ id, ikeSa, capabilities }: SessionFacts, detail: boolean): string[] {
  if (ikeSa === undefined) return [];
  const local = `  IKEv2 SA: local ${slashed(ikeSa.local)}`;
  const remote = `remote ${slashed(ikeSa.remote)} Active`;
  // IOS breaks the line before a remote IPv6 address.
  const lines = isIpv6(ikeSa.remote.address)
    ? [local, `          ${remote}`]
    : [`${local} ${remote}`];
  if (detail) {
    const letters = capabilities === "" ? "(none)" : capabilities;
    const left = clockText(ikeSa.lifetimeSeconds - ikeSa.activeSeconds);
    lines.push(`          Capabilities:${letters} connid:${id} lifetime:${left}`);
  }
  return lines;
}

function flowLines(sa: ChildSaFacts, detail: boolean): string[] {
  return selectorPairs(sa.localSelectors, sa.remoteSelectors).flatMap(([ours, theirs]) => {
    const protocol = ours.protocol === 0 ? "ip" : String(ours.protocol);
    const kilobytes = (left: number | undefined): string =>
      left === undefined ? "KB Vol Rekey Disabled" : String(left);
    return [
      `  IPSEC FLOW: permit ${protocol} ${sideText(ours)} ${sideText(theirs)}`,
      "        Active SAs: 2, origin: crypto map",
      ...(detail
        ? [
          `        Inbound:  #pkts dec'ed ${sa.packetsIn} drop ${sa.dropsIn} life (KB/Sec) ` +
          `${kilobytes(sa.remainingKilobytesIn)}/${sa.remainingSeconds}`,
          `        Outbound: #pkts enc'ed ${sa.packetsOut} drop ${sa.dropsOut} life (KB/Sec) ` +
          `${kilobytes(sa.remainingKilobytesOut)}/${sa.remainingSeconds}`,
        ]
        : []),
    ];
  });
}

/** `host A`, `A/MASK` for IPv4 blocks, `A/LENGTH` for IPv6 blocks, `range A B` for the rest. */
function sideText(side: SelectorFacts): string {
  const ports = side.startPort === 0 && side.endPort === 65535 ? "" : ` port ${portText(side)}`;
  if (side.first === side.last) return `host ${side.first}${ports}`;
  const range = parseRange(`${side.first}-${side.last}`);
  const [prefix, ...more] = range === undefined ? [] : rangeToPrefixes(range);
  if (prefix === undefined || more.length > 0) return `range ${side.first} ${side.last}${ports}`;
  if (isIpv6(side.first)) return `${side.first}/${prefix.length}${ports}`;
  return `${side.first}/${maskText(prefix.length)}${ports}`;
}

function portText(side: SelectorFacts): string {
  return side.startPort === side.endPort
    ? `${side.startPort}`
    : `${side.startPort} ${side.endPort}`;
}

/** Host and port of `192.0.2.1:4500` or `[2001:db8::1]:4500`. */
function endpointOf(text: string): { readonly address: string; readonly port: number } {
  const colon = text.lastIndexOf(":");
  return {
    address: text.slice(0, colon).replace(/^\[|\]$/g, ""),
    port: Number(text.slice(colon + 1)),
  };
}
