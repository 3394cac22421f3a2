/** What single flags of `rejoin serve` cannot know: whether they agree with each other. */
import { compareAddresses, formatIpAddress, type IpAddress } from "../../core/mod.ts";
import { secretsWanted } from "../aaa/radius/servers.ts";
import type { FlagProblem } from "./flag.ts";
import { authMethod } from "./forms.ts";
import type { Gathered } from "./gather.ts";
import { type FilterLookup, readGroups } from "./groups.ts";
import { rangesOfPools } from "./pools.ts";
import { radsecFlags } from "./serve_files.ts";
import type { serveFlags } from "./serve_flags.ts";

/** All disagreements; `filterOf` finds the access lists that groups may name. */
export function checkServe(
  gathered: Gathered<typeof serveFlags>,
  filterOf: FilterLookup,
): readonly FlagProblem[] {
  const { settings, given } = gathered;
  const problems: FlagProblem[] = [];
  const add = (name: string, value: string | undefined, wanted: string): void => {
    problems.push({ name, ...(value === undefined ? {} : { value }), wanted });
  };
  const selfMade = settings.cert.length === 0;
  if (!selfMade && settings.key.length === 0) add("key", undefined, "the private key of --cert");
  if (selfMade && settings.key.length > 0) add("cert", undefined, "the certificate of --key");
  if (selfMade && settings.chain.length > 0) {
    add("chain", settings.chain.join(), "a --cert that it belongs to");
  }
  if (settings.auth.includes("psk")) {
    add("auth", "psk", pskRefusal(settings["reconnect-timeout"]));
  }
  const loginByUser = settings.auth.includes("eap-mschapv2");
  const hasUsers = settings.users !== undefined || given.has("user") ||
    given.has("radius") || given.has("radius-tls");
  if (given.has("auth") && loginByUser && !hasUsers) {
    add("users", undefined, "users for eap-mschapv2: a users file, or --user NAME:PASSWORD");
  }
  problems.push(...radiusProblems(gathered), ...dynamicAuthorProblems(gathered));
  if (
    given.has("auth") && settings.auth.includes("certificate") && !selfMade &&
    settings["client-ca"].length === 0
  ) {
    add("client-ca", undefined, "the CA whose client certificates may log in by --auth cert");
  }
  if (settings.pool.length === 0) {
    add("pool", undefined, "at least one range or block of addresses");
  }
  for (const [a, b] of overlaps(settings)) {
    add("pool", a, `addresses that are not in ${b} as well`);
  }
  const context = { pools: rangesOfPools(settings.pool), filterOf };
  problems.push(...readGroups(settings.group, context).problems);
  if (settings["group-override"] && settings.group.length === 0) {
    add("group-override", undefined, "a --group with it");
  }
  if (settings["ike-port"] === settings["natt-port"]) {
    add("natt-port", String(settings["natt-port"]), "another port than --ike-port");
  }
  if (settings["dpd-retry"] > settings.dpd) {
    add("dpd-retry", String(settings["dpd-retry"]), `at most --dpd, ${settings.dpd}`);
  }
  const users = settings.user.map(({ name }) => name);
  for (const name of repeated(users)) {
    add("user", `${name}:…`, "each name once");
  }
  const listens = settings.listen.map(formatIpAddress);
  for (const address of repeated(listens)) add("listen", address, "each address once");
  for (const { family } of settings.listen.filter(isUnspecified)) {
    const others = settings.listen.filter((one) => one.family === family && !isUnspecified(one));
    for (const other of others) {
      const all = family === 4 ? "0.0.0.0" : "::";
      add("listen", formatIpAddress(other), `not to stand beside ${all}, which hears it too`);
    }
  }
  return problems;
}

function radiusProblems(
  { settings, given }: Gathered<typeof serveFlags>,
): readonly FlagProblem[] {
  const { radius, "radius-source": source } = settings;
  if (given.has("radius-tls")) return radsecProblems(settings, given);
  if (!given.has("radius")) {
    const relays = settings.auth.includes("eap-radius");
    const missing = { name: "radius", wanted: "a server that speaks the method of eap-radius" };
    const stray = [...given].filter((name) => name.startsWith("radius-"));
    return [
      ...(relays ? [missing] : []),
      ...stray.map((name) => ({ name, wanted: "a --radius server with it" })),
    ];
  }
  const problems = radsecFlags.filter((name) => given.has(name)).map((name): FlagProblem => ({
    name,
    wanted: "a --radius-tls server with it",
  }));
  // None of the servers can be read, which is told already.
  if (radius.length === 0) return problems;
  const accounting = settings["radius-acct"];
  const secrets = settings["radius-secret-file"].length;
  const each = secretsWanted(settings);
  if (secrets === 0) {
    problems.push({ name: "radius-secret-file", wanted: "the secret shared with --radius" });
  } else if (secrets !== 1 && secrets !== each) {
    const wanted = each === 1
      ? "one file"
      : `one file for all servers, or ${each}: one each, in the order of --radius` +
        (accounting.length === 0 ? "" : " and then --radius-acct");
    problems.push({ name: "radius-secret-file", value: `${secrets} files`, wanted });
  }
  if (accounting.length > 0 && !settings["radius-accounting"]) {
    problems.push({ name: "radius-accounting", wanted: "it with --radius-acct" });
  }
  const servers = [...radius, ...accounting];
  if (source !== undefined && servers.some(({ address }) => address.family !== source.family)) {
    const value = formatIpAddress(source);
    problems.push({ name: "radius-source", value, wanted: "an address of the servers' family" });
  }
  return problems;
}

function dynamicAuthorProblems(
  { settings, given }: Gathered<typeof serveFlags>,
): readonly FlagProblem[] {
  const {
    "dynamic-author": clients,
    "dynamic-author-listen": listens,
    "dynamic-author-port": ports,
  } = settings;
  if (!given.has("dynamic-author")) {
    const stray = [...given].filter((name) => name.startsWith("dynamic-author-"));
    return stray.map((name) => ({ name, wanted: "a --dynamic-author client with it" }));
  }
  // None of the clients can be read, which is told already.
  if (clients.length === 0) return [];
  const problems: FlagProblem[] = [];
  if (settings["dynamic-author-secret-file"] === undefined) {
    problems.push({
      name: "dynamic-author-secret-file",
      wanted: "the secret shared with --dynamic-author",
    });
  }
  const add = (flag: "port" | "listen", value: string, wanted: string): void => {
    problems.push({ name: `dynamic-author-${flag}`, value, wanted });
  };
  for (const port of repeated(ports)) add("port", `${port}`, "each port once");
  for (const port of [settings["ike-port"], settings["natt-port"]]) {
    if (ports.includes(port)) add("port", `${port}`, "another port than those of IKE");
  }
  const texts = listens.map(formatIpAddress);
  for (const text of repeated(texts)) add("listen", text, "each address once");
  if (texts.includes("::") && texts.includes("0.0.0.0")) {
    add("listen", "0.0.0.0", "not to stand beside ::, which hears both families");
  }
  const heard = new Set(texts.includes("::") ? [4, 6] : listens.map(({ family }) => family));
  for (const { address } of clients) {
    if (listens.length === 0 || heard.has(address.family)) continue;
    add("listen", texts.join(), `an address of the family of ${formatIpAddress(address)} too`);
    break;
  }
  return problems;
}

function isUnspecified({ octets }: IpAddress): boolean {
  return octets.every((octet) => octet === 0);
}

/** What is in a list more than once, each once. */
function repeated<T>(values: readonly T[]): ReadonlySet<T> {
  return new Set(values.filter((value, i) => values.indexOf(value) !== i));
}

/** What has no meaning with servers over TLS. */
const udpFlags = [
  "radius",
  "radius-acct",
  "radius-secret-file",
  "radius-source",
  "radius-allow-unsigned",
];

function radsecProblems(
  settings: Gathered<typeof serveFlags>["settings"],
  given: ReadonlySet<string>,
): readonly FlagProblem[] {
  const missing = radsecFlags.filter((name) => settings[name] === undefined);
  const strange = udpFlags.filter((name) => given.has(name));
  return [
    ...strange.map((name) => ({ name, wanted: "no such flag beside --radius-tls" })),
    ...missing.map((name) => ({ name, wanted: "a file for --radius-tls" })),
  ];
}

/** As in Cisco's restriction: reconnect is itself a login by PSK. */
function pskRefusal(reconnectTimeout: number): string {
  const methods = authMethod.wanted;
  return reconnectTimeout > 0
    ? `${methods}. Reconnect authenticates the returning client by PSK itself, so local or remote ` +
      `pre-share, a keyring and PSK authorization cannot be configured together with it`
    : `${methods}; login by PSK is not offered`;
}

function overlaps(settings: Gathered<typeof serveFlags>["settings"]): [string, string][] {
  const pools = settings.pool.map((form) => ({
    text: form.text,
    range: rangesOfPools([form]).all[0],
  }));
  const found: [string, string][] = [];
  for (const [i, a] of pools.entries()) {
    for (const b of pools.slice(0, i)) {
      if (a.range === undefined || b.range === undefined) continue;
      const apart = a.range.first.family !== b.range.first.family ||
        compareAddresses(a.range.last, b.range.first) < 0 ||
        compareAddresses(b.range.last, a.range.first) < 0;
      if (!apart) found.push([a.text, b.text]);
    }
  }
  return found;
}
