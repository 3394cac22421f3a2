/**
 * What this gateway can give and route, and the verdicts that ask for no more. A user who is to have an
 * address of no pool, a pool that is not there or a network that is ours is not let in: half of what AAA
 * says may be the opposite of it.
 */
import {
  type AddressPrefix,
  type AddressRange,
  type Credential,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
  parsePrefix,
  type PoolRange,
  prefixesOverlap,
  prefixToRange,
  rangeContains,
  rangeToPrefixes,
  type UserAttributes,
  type Verdict,
} from "../../core/mod.ts";
import { hasPool } from "../config/pools.ts";
import type { UserVerifier, VerifyContext } from "../effects.ts";
import type { Log } from "../log.ts";
import { Counted } from "./counted.ts";
import type { PolicyWord } from "./policy_items.ts";

/** The gateway's. */
export interface Territory {
  /** What clients can get. */
  readonly pools: readonly PoolRange[];
  /** All that the pools cover, the gateway's own inner addresses included. */
  readonly inner: readonly AddressRange[];
  /** Addresses that must not be routed to a user: those of this host, and of servers that it needs. */
  readonly kept: () => readonly IpAddress[];
}

/** What a user cannot have. */
export interface Impossible {
  readonly item: PolicyWord;
  readonly value: string;
  readonly reason: string;
}

/** Longest lists: what fits into messages and tables, and more than anybody means. */
const longest = { addresses: 2, pools: 16, servers: 16, domains: 64, included: 64, networks: 32 };

/** Blocks that nobody's network is in: this host, link-local ones, multicast, reserved ones. */
const nowhere = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "fe80::/10",
  "ff00::/8",
].map(parsePrefix).filter((block) => block !== undefined);

/** The first thing that a user at `remote` cannot have; `undefined` when all can be had. */
export function impossibleIn(
  attributes: UserAttributes,
  territory: Territory,
  remote: IpAddress,
): Impossible | undefined {
  return tooLong(attributes) ?? addressFault(attributes, territory) ??
    poolFault(attributes, territory) ?? networkFault(attributes, territory, remote);
}

function tooLong({ addresses, pools, ip6Pools, networks, told }: UserAttributes):
  | Impossible
  | undefined {
  const lists: readonly (readonly [PolicyWord, readonly unknown[] | undefined, number])[] = [
    ["address", addresses, longest.addresses],
    ["pool", pools, longest.pools],
    ["ipv6-pool", ip6Pools, longest.pools],
    ["network", networks, longest.networks],
    ["dns", told?.dns, longest.servers],
    ["wins", told?.nbns, longest.servers],
    ["split-include", told?.splitInclude, longest.included],
    ["split-dns", told?.splitDns, longest.domains],
  ];
  for (const [item, list = [], most] of lists) {
    if (list.length > most) {
      return { item, value: `${list.length} values`, reason: `more than ${most}` };
    }
  }
  return undefined;
}

function addressFault(
  { addresses = [] }: UserAttributes,
  { pools }: Territory,
): Impossible | undefined {
  const outside = addresses.find((address) => !pools.some((pool) => rangeContains(pool, address)));
  if (outside === undefined) return undefined;
  const item = outside.family === 4 ? "address" : "ipv6-address";
  return { item, value: formatIpAddress(outside), reason: "in no pool" };
}

function poolFault(
  { pools = [], ip6Pools = [] }: UserAttributes,
  territory: Territory,
): Impossible | undefined {
  const missing = pools.find((name) => !hasPool(territory.pools, name));
  if (missing !== undefined) return { item: "pool", value: missing, reason: "no such pool" };
  const missing6 = ip6Pools.find((name) => !hasPool(territory.pools, name, 6));
  if (missing6 === undefined) return undefined;
  return { item: "ipv6-pool", value: missing6, reason: "no such pool with IPv6 addresses" };
}

function networkFault(
  { networks = [] }: UserAttributes,
  territory: Territory,
  remote: IpAddress,
): Impossible | undefined {
  if (networks.length === 0) return undefined;
  const inner = territory.inner.flatMap(rangeToPrefixes);
  const kept = territory.kept();
  const faultOf = (network: AddressPrefix): string | undefined => {
    const range = prefixToRange(network);
    const meets = (block: AddressPrefix): boolean => prefixesOverlap(block, network);
    if (network.length === 0) return "it is everything";
    if (inner.some(meets)) return "it meets a pool";
    if (kept.some((address) => rangeContains(range, address))) return "it has an address of ours";
    if (rangeContains(range, remote)) return "it has the client's outer address";
    return nowhere.some(meets) ? "it is no network of hosts" : undefined;
  };
  for (const network of networks) {
    const reason = faultOf(network);
    if (reason !== undefined) return { item: "network", value: formatPrefix(network), reason };
  }
  return undefined;
}

/** What verdicts are checked with. */
export interface TerritoryCheckOptions {
  readonly verifier: UserVerifier;
  readonly territory: Territory;
  readonly log: Log;
}

/** Whoever knows the users, without the verdicts that cannot be carried out. */
export class TerritoryCheck implements UserVerifier {
  readonly #options: TerritoryCheckOptions;
  /** `aaa-impossible`: users let in by AAA and refused here. */
  readonly counted = new Counted();

  /** Over this verifier. */
  constructor(options: TerritoryCheckOptions) {
    this.#options = options;
  }

  /** The verdict, or a rejection in its place. */
  async verify(
    userName: string,
    credential: Credential,
    context: VerifyContext,
  ): Promise<Verdict> {
    const { verifier, territory, log } = this.#options;
    const verdict = await verifier.verify(userName, credential, context);
    if (verdict.kind !== "accept") return verdict;
    const impossible = impossibleIn(verdict.attributes, territory, context.remote.address);
    if (impossible === undefined) return verdict;
    this.counted.count("aaa-impossible");
    log.tell("warning", "aaa-impossible", { user: userName, ...impossible });
    return { kind: "reject" };
  }
}
