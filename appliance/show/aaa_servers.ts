/**
 * `show aaa servers` in the layout of IOS XE. `request` counts packets and `timeouts` those that stayed
 * unanswered, retransmissions among both, as IOS does; a transaction is a question. Accounting has
 * a state of its own here, because it has a port of its own. What IOS counts besides (throttling,
 * authorization apart from authentication, requests a minute) does not exist here.
 */
import type { AaaFigures, AaaServerFacts } from "./facts.ts";

/** All servers, with an empty line between two. */
export function aaaServersLines(servers: readonly AaaServerFacts[]): string[] {
  if (servers.length === 0) return ["No AAA server: the users of this gateway decide"];
  return servers.flatMap((server, i) =>
    i === 0 ? serverLines(server) : ["", ...serverLines(server)]
  );
}

function serverLines(server: AaaServerFacts): string[] {
  const { id, priority, host, access, accounting } = server;
  const main = access ?? accounting;
  return [
    `RADIUS: id ${id}, priority ${priority}, host ${host}, ${portsText(server)}`,
    ...(main === undefined ? [] : stateLines("", main)),
    ...(access === undefined || accounting === undefined || server.radsecPort !== undefined
      ? []
      : stateLines("Accounting ", accounting)),
    "     Quarantined: No",
    ...(access === undefined ? [] : accessLines(access)),
    ...(accounting === undefined ? [] : accountingLines(accounting)),
    `     Elapsed time since counters last cleared: ${elapsedText(server.countedSeconds)}`,
    `     Estimated Outstanding Access Transactions: ${access?.outstanding ?? 0}`,
    `     Estimated Outstanding Accounting Transactions: ${accounting?.outstanding ?? 0}`,
  ];
}

function portsText({ authPort = 0, acctPort = 0, radsecPort }: AaaServerFacts): string {
  return radsecPort === undefined
    ? `auth-port ${authPort}, acct-port ${acctPort}`
    : `RADSEC-port ${radsecPort}`;
}

function stateLines(whose: string, figures: AaaFigures): string[] {
  const { state, durationSeconds, previousSeconds, deadSeconds, deadCount } = figures;
  return [
    `     ${whose}State: current ${state}, duration ${durationSeconds}s, ` +
    `previous duration ${previousSeconds}s`,
    `     ${whose}Dead: total time ${deadSeconds}s, count ${deadCount}`,
  ];
}

function accessLines(figures: AaaFigures): string[] {
  const count = counting(figures);
  return [
    `     Authen: ${requestText(figures)}`,
    detail(
      `Response: accept ${count("accepts")}, reject ${count("rejects")}, ` +
        `challenge ${count("challenges")}`,
    ),
    ...commonLines(figures),
  ];
}

function accountingLines(figures: AaaFigures): string[] {
  const count = counting(figures);
  const kinds = (what: string): string =>
    ["start", "interim", "stop"].map((kind) => `${kind} ${count(`${kind}-${what}`)}`).join(", ");
  return [
    `     Account: ${requestText(figures)}`,
    detail(`Request: ${kinds("requests")}`),
    detail(`Response: ${kinds("responses")}`),
    ...commonLines(figures),
  ];
}

function requestText(figures: AaaFigures): string {
  const count = counting(figures);
  const retransmissions = count("retransmissions");
  return `request ${count("requests") + retransmissions}, ` +
    `timeouts ${count("timeouts") + retransmissions}, ` +
    `failover ${count("failovers")}, retransmission ${retransmissions}`;
}

/** No server reports errors of its own here, so their number is 0. */
function commonLines(figures: AaaFigures): string[] {
  const count = counting(figures);
  const sum = (names: readonly string[]): number =>
    names.reduce((total, name) => total + count(name), 0);
  const malformed = sum(malformedCauses);
  const unbelieved = sum(unbelievedCauses);
  return [
    detail(
      `Response: unexpected ${sum(unexpectedCauses)}, server error 0, ` +
        `incorrect ${malformed + unbelieved}, time ${figures.averageMs}ms`,
    ),
    detail(
      `Transaction: success ${count("answers")}, ` +
        `failure ${count("timeouts") + count("unreachable")}`,
    ),
    detail(`Malformed responses: ${malformed}`),
    detail(`Bad authenticators: ${unbelieved}`),
  ];
}

const unexpectedCauses = ["unexpected-code", "unasked", "duplicate", "late", "foreign-source"];
const malformedCauses = [
  "too-short",
  "bad-length",
  "bad-attribute",
  "bad-vendor-attribute",
  "bad-hidden-value",
];
const unbelievedCauses = [
  "bad-authenticator",
  "bad-message-authenticator",
  "no-message-authenticator",
];

function counting({ counters }: AaaFigures): (name: string) => number {
  return (name) => counters[name] ?? 0;
}

function detail(text: string): string {
  return `             ${text}`;
}

/** `2h9m`, `3w4d1h39m`; `0m` for less than a minute. */
function elapsedText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const parts = [
    [Math.floor(minutes / 10_080), "w"],
    [Math.floor(minutes / 1440) % 7, "d"],
    [Math.floor(minutes / 60) % 24, "h"],
    [minutes % 60, "m"],
  ] as const;
  const text = parts.filter(([value]) => value > 0).map(([value, unit]) => `${value}${unit}`);
  return text.length === 0 ? "0m" : text.join("");
}
