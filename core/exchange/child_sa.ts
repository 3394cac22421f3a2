/** A Child SA pair as the control plane sees it (RFC 4301 §4.4.2), and how one comes to be. */
import type { Bytes } from "../bytes.ts";
import type { ChildSaInstall } from "../gateway/output.ts";
import type { Lifetimes } from "../gateway/policy.ts";
import type { Moment, Monotonic } from "../moment.ts";
import { after } from "../moment.ts";
import type { TrafficSelector } from "../message/payload.ts";
import { deriveChildKeys } from "../sa/keymat.ts";
import { intersectSelectors, selectorOfPrefix } from "../sa/narrowing.ts";
import type { EspSuite } from "../sa/suite.ts";
import type { AddressPrefix } from "../wire/address.ts";
import type { IkeSa } from "./ike_sa.ts";
import { rekeyMoment, rekeyPoint } from "./rekey_time.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { SaWorld } from "./world.ts";

/** One Child SA pair. */
export interface ChildSa {
  /** SPI of packets we receive. */
  readonly inboundSpi: number;
  /** SPI of packets we send. */
  readonly outboundSpi: number;
  /** Algorithms. */
  readonly suite: EspSuite;
  /** Inner addresses on our side. */
  readonly localSelectors: readonly TrafficSelector[];
  /** Inner addresses on the peer's side. */
  readonly remoteSelectors: readonly TrafficSelector[];
  /**
   * The pair that the peer rekeyed into this one. Until it deletes that, it may not know this one, and
   * has no use for a rekey of it.
   */
  readonly follows: number | undefined;
  /** When it was made. */
  readonly established: Moment;
  /** When we begin to rekey it; never, if the peer does not rekey at all. */
  rekeyAt: Monotonic | undefined;
  /** When it is removed if it was not rekeyed. */
  expireAt: Monotonic;
  /** Whether its lifetime is over and its DELETE under way. */
  isEnding: boolean;
  /** `replaced`: another pair carries the traffic and this one waits for its DELETE. */
  state: "installed" | "rekeying" | "replaced" | "deleting";
}

/** What negotiation settled. */
export interface ChildSaPlan {
  /** Our SPI. */
  readonly inboundSpi: number;
  /** The peer's SPI. */
  readonly outboundSpi: number;
  /** Algorithms. */
  readonly suite: EspSuite;
  /** Nonce of the exchange's initiator. */
  readonly nonceI: Bytes;
  /** Nonce of the exchange's responder. */
  readonly nonceR: Bytes;
  /** g^ir where the exchange had KE payloads. */
  readonly sharedSecret?: Bytes;
  /** Whether we began the exchange that makes it. */
  readonly weInitiate: boolean;
  /** Our side's selectors. */
  readonly localSelectors: readonly TrafficSelector[];
  /** The peer's side's selectors. */
  readonly remoteSelectors: readonly TrafficSelector[];
  /** The inbound SPI of the pair it takes over from. */
  readonly replaces?: number | undefined;
  /** When we begin to send on it; `waits` is for the peer to use it, or the old one to go. */
  readonly sends: "at-once" | "waits" | "never";
}

/** Derives keys (RFC 7296 §2.17), installs the pair in the packet path and adds it to the IKE SA. */
export function installChildSa(sa: IkeSa, step: Step, plan: ChildSaPlan): ChildSa {
  const { crypto, settings } = sa.world;
  const keys = deriveChildKeys(
    crypto,
    sa.suite.prf,
    sa.keys.d,
    plan.suite,
    plan.sharedSecret,
    plan.nonceI,
    plan.nonceR,
  );
  const [outboundKeys, inboundKeys] = plan.weInitiate
    ? [keys.initiatorToResponder, keys.responderToInitiator]
    : [keys.responderToInitiator, keys.initiatorToResponder];
  const { espMs } = settings.lifetimes;
  const networks = networksOf(sa, plan.remoteSelectors);
  const now = step.at.monotonic;
  const child: ChildSa = {
    inboundSpi: plan.inboundSpi,
    outboundSpi: plan.outboundSpi,
    suite: plan.suite,
    localSelectors: plan.localSelectors,
    remoteSelectors: plan.remoteSelectors,
    follows: plan.sends === "waits" ? plan.replaces : undefined,
    established: step.at,
    rekeyAt: rekeyMoment(sa.world, now, espMs),
    expireAt: after(now, espMs),
    isEnding: false,
    state: "installed",
  };
  sa.children.set(child.inboundSpi, child);
  step.outputs.push({
    kind: "install-child-sa",
    sa: {
      inboundSpi: child.inboundSpi,
      outboundSpi: child.outboundSpi,
      suite: child.suite,
      inboundKeys,
      outboundKeys,
      localSelectors: child.localSelectors,
      remoteSelectors: child.remoteSelectors,
      ...sa.where.traffic,
      followPeer: settings.followPeer,
      ...(sa.where.followWaits ? { followWaits: true } : {}),
      outboundWaits: plan.sends !== "at-once",
      ...(plan.sends === "never" ? { inboundOnly: true } : {}),
      ...(networks.length === 0 ? {} : { networks }),
      ...(plan.replaces === undefined ? {} : { replaces: plan.replaces }),
      ...(sa.filter === undefined ? {} : { filter: sa.filter }),
      ...volumeLimits(sa.world, settings.lifetimes),
    },
  });
  trace(step, {
    level: "debug",
    event: "child-sa-installed",
    remote: sa.remote,
    facts: { inboundSpi: child.inboundSpi, outboundSpi: child.outboundSpi },
  });
  return child;
}

/** The networks behind the peer that a pair carries, each whole if only a part was agreed upon. */
function networksOf(
  { allowedSelectors }: IkeSa,
  remoteSelectors: readonly TrafficSelector[],
): readonly AddressPrefix[] {
  return (allowedSelectors?.networks ?? []).filter((network) => {
    const whole = selectorOfPrefix(network);
    return remoteSelectors.some((one) => intersectSelectors(one, whole) !== undefined);
  });
}

/** When the packet path asks for a rekey, and when it stops. */
function volumeLimits(
  world: SaWorld,
  { espBytes, espPackets }: Lifetimes,
): Pick<
  ChildSaInstall,
  "softLimitBytes" | "softLimitPackets" | "hardLimitBytes" | "hardLimitPackets"
> {
  const soft = (limit: number): number => rekeyPoint(world, limit);
  return {
    ...(espBytes === undefined ? {} : { softLimitBytes: soft(espBytes), hardLimitBytes: espBytes }),
    ...(espPackets === undefined
      ? {}
      : { softLimitPackets: soft(espPackets), hardLimitPackets: espPackets }),
  };
}

/** Another pair carries the traffic; the peer has so long to delete this one, and then we do. */
export function retireChildSa(child: ChildSa, step: Step, withinMs: number): void {
  child.state = "replaced";
  endWithin(child, step, withinMs);
}

/** A pair has so long and no longer. */
export function endWithin(child: ChildSa, step: Step, withinMs: number): void {
  const end = after(step.at.monotonic, withinMs);
  if (end < child.expireAt) child.expireAt = end;
}

/** Takes a pair out of the packet path and out of its IKE SA. */
export function removeChildSa(sa: IkeSa, step: Step, inboundSpi: number): void {
  if (!sa.children.delete(inboundSpi)) return;
  sa.world.freeEspSpi(inboundSpi);
  step.outputs.push({ kind: "remove-child-sa", inboundSpi });
}

/** The pair that we know by the SPI under which the peer receives. */
export function childByOutboundSpi(sa: IkeSa, spi: number): ChildSa | undefined {
  for (const child of sa.children.values()) if (child.outboundSpi === spi) return child;
  return undefined;
}
