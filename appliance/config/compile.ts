/** From what the operator said to what the core decides by. */
import {
  type Bytes,
  type CiscoAttributeName,
  type CiscoAttributeNumbers,
  defaultEspProposals,
  defaultIkeProposals,
  type IpAddress,
  knownCiscoAttributes,
  type LoginMethod,
  type OwnCertificate,
  type Policy,
  type Proposal,
  type RevocationList,
} from "../../core/mod.ts";
import { versionText } from "../build_info.ts";
import { StartError } from "../start_error.ts";
import type { AttributeNumber } from "./forms.ts";
import type { NamedIdentity } from "./identity.ts";
import { type Pools, rangesOfPools } from "./pools.ts";
import type { ServeSettings } from "./serve_flags.ts";

/** Who the gateway is and whom it trusts, files read. */
export interface Credentials extends OwnCertificate {
  readonly identity: NamedIdentity;
  /** Further certificates of it. */
  readonly alternates: readonly OwnCertificate[];
  /** DER of the CAs whose clients may log in by certificate. */
  readonly clientCas: readonly Bytes[];
  /** What they, and CAs below them, took back. */
  readonly revocationLists: readonly RevocationList[];
}

/** The pools, or a `StartError` when one leaves no address for a client. */
export function poolsOf(settings: ServeSettings): Pools {
  const pools = rangesOfPools(settings.pool);
  const [small, ...more] = pools.tooSmall;
  if (small !== undefined) {
    const others = more.length === 0 ? "" : ` (and ${more.join(", ")})`;
    throw new StartError(
      `Cannot use pool ${small}${others}: too small, it leaves no address for a client; ` +
        `needs at least a /30, or /126 with IPv6`,
    );
  }
  return pools;
}

/** The core's policy. */
export function compilePolicy(
  settings: ServeSettings,
  credentials: Credentials,
  pools: Pools,
  gatewayName: string,
): Policy {
  const { identity, certificates, signer, authorities, alternates } = credentials;
  const { clientCas, revocationLists } = credentials;
  const kilobytes = settings["esp-lifetime-kbytes"];
  const packets = settings["esp-lifetime-packets"];
  const lifetime = settings["session-lifetime"];
  return {
    gatewayName,
    identity: { idType: identity.idType, data: identity.data },
    certificates,
    signer,
    authorities,
    alternates,
    loginMethods: loginMethodsOf(settings, clientCas),
    clientCas,
    ...(revocationLists.length === 0
      ? {}
      : { revocation: { lists: revocationLists, stale: settings["crl-stale"] } }),
    clockSkewMs: settings["clock-skew"] * 1000,
    pools: pools.ranges,
    attributes: {
      dns: settings.dns,
      nbns: settings.wins,
      ...(settings.domain === undefined ? {} : { domain: settings.domain }),
      splitInclude: settings["split-include"],
      splitDns: settings["split-dns"],
      ...(settings.banner === undefined ? {} : { banner: settings.banner }),
      applicationVersion: `rejoin ${versionText()}`,
      mtu: settings.mtu,
      ...(lifetime === undefined ? {} : { sessionTimeoutSeconds: lifetime }),
      idleTimeoutSeconds: settings["idle-timeout"],
      disconnectedTimeoutSeconds: settings["reconnect-timeout"],
      dpdSeconds: settings.dpd,
      keepaliveSeconds: KEEPALIVE_SECONDS,
      smartcardRemovalDisconnect: settings["smartcard-removal-disconnect"],
    },
    attributeNumbers: attributeNumbersOf(settings["cisco-attr"]),
    anyConnect: {
      mode: settings["anyconnect-mode"],
      groups: settings["login-group"],
      tries: settings["login-tries"],
      rsaHash: settings["anyconnect-rsa-hash"],
    },
    allowSha1: settings["allow-sha1"],
    reconnect: { timeoutMs: settings["reconnect-timeout"] * 1000 },
    ...(lifetime === undefined ? {} : { sessionLifetimeMs: lifetime * 1000 }),
    ...(settings["reauth-lifetime"] === 0 ? {} : {
      reauthentication: { ms: settings["reauth-lifetime"] * 1000, by: settings["reauth-by"] },
    }),
    idleAction: settings["idle-action"],
    ikeProposals: numbered(settings["ike-proposal"]) ?? defaultIkeProposals(),
    espProposals: numbered(settings["esp-proposal"]) ?? defaultEspProposals(),
    lifetimes: {
      ikeMs: settings["ike-lifetime"] * 1000,
      espMs: settings["esp-lifetime"] * 1000,
      ...(kilobytes === 0 ? {} : { espBytes: kilobytes * 1024 }),
      ...(packets === 0 ? {} : { espPackets: packets }),
    },
    dpd: { intervalMs: settings.dpd * 1000, retryMs: settings["dpd-retry"] * 1000 },
    fragmentMtu: settings["fragment-mtu"],
    mobike: settings.mobike,
    outerAddresses: outerAddressesOf(settings.listen),
    cookieThreshold: settings["cookie-threshold"],
    ...(settings["puzzle-bits"] === 0 ? {} : {
      puzzles: { threshold: settings["puzzle-threshold"], bits: settings["puzzle-bits"] },
    }),
    maxSa: settings["max-sa"],
    maxNegotiating: settings["max-negotiating"],
  };
}

/** The addresses that are listened on, unless "all" is among them: then nobody knows which they are. */
function outerAddressesOf(listen: readonly IpAddress[]): readonly IpAddress[] {
  const isAll = listen.some(({ octets }) => octets.every((octet) => octet === 0));
  return isAll ? [] : listen;
}

/** What a client behind a NAT sends to keep its port open; RFC 3948 §4 has 20 s. */
const KEEPALIVE_SECONDS = 20;

/** Without a CA nobody can log in by certificate, so it is not offered. */
function loginMethodsOf(
  settings: ServeSettings,
  clientCas: readonly Bytes[],
): readonly LoginMethod[] {
  return [...new Set(settings.auth)].flatMap((method): LoginMethod[] =>
    method === "psk" || (method === "certificate" && clientCas.length === 0) ? [] : [method]
  );
}

/**
 * Numbers by name; one that was not given keeps its default, but for a number that was given to
 * another name: what an operator has seen is above what we guess.
 */
export function attributeNumbersOf(given: readonly AttributeNumber[]): CiscoAttributeNumbers {
  const table: Record<CiscoAttributeName, readonly number[]> = { ...knownCiscoAttributes };
  const taken = new Set(given.flatMap(({ numbers }) => numbers));
  for (const [name, numbers] of Object.entries(knownCiscoAttributes)) {
    table[name as CiscoAttributeName] = numbers.filter((number) => !taken.has(number));
  }
  for (const { name } of given) {
    const named = given.filter((one) => one.name === name).flatMap((one) => one.numbers);
    table[name] = [...new Set(named)];
  }
  return table;
}

/** Proposals numbered from 1 (RFC 7296 §3.3.1); `undefined` when there are none. */
export function numbered(proposals: readonly Proposal[]): readonly Proposal[] | undefined {
  if (proposals.length === 0) return undefined;
  return proposals.map((proposal, i) => ({ ...proposal, number: i + 1 }));
}
