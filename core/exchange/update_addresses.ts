/** Changes of address by MOBIKE, both halves (RFC 4555 §3.5, §3.6, §3.8, §3.9). */
import { copyBytes, equalBytes } from "../bytes.ts";
import { ExchangeType, NotifyType } from "../message/constants.ts";
import { buildAdditionalAddress, parseCookie2, parseNoNatsAllowed } from "../message/mobike.ts";
import { findErrorNotify, findNotify, notify } from "../message/notify.ts";
import type { Payload } from "../message/payload.ts";
import { equalAddresses, equalEndpoints } from "../wire/address.ts";
import type { IkeSa } from "./ike_sa.ts";
import { announceNat, natFacts } from "./nat_announcement.ts";
import type { Path } from "./path.ts";
import { equalPaths } from "./path.ts";
import type { Step } from "./step.ts";
import { trace } from "./step.ts";
import type { Task } from "./task.ts";

/** What a NO_NATS_ALLOWED has to stand beside (§3.9). */
const ADDRESS_NOTIFIES: readonly number[] = [
  NotifyType.UPDATE_SA_ADDRESSES,
  NotifyType.ADDITIONAL_IP4_ADDRESS,
  NotifyType.ADDITIONAL_IP6_ADDRESS,
  NotifyType.NO_ADDITIONAL_ADDRESSES,
];

/** The initiator says that it is elsewhere. */
export class UpdateAddresses implements Task {
  readonly name = "update-addresses";
  readonly exchangeType = ExchangeType.INFORMATIONAL;
  #changes = 0;

  build({ where, world, spiI, spiR }: IkeSa): readonly Payload[] {
    this.#changes = where.changes;
    return [
      notify(NotifyType.UPDATE_SA_ADDRESSES),
      ...announceNat(world, spiI, spiR, where.remote),
    ];
  }

  handle(sa: IkeSa, step: Step, response: readonly Payload[]): void {
    // Who has moved on meanwhile has another update in the queue (§3.5).
    if (this.#changes !== sa.where.changes) return;
    const error = findErrorNotify(response);
    if (error === undefined) takeNatSight(sa, response);
    sa.world.onUpdateAnswered(sa, error?.notifyType, step);
  }
}

/** We are at another address: the packets move at once, and the peer is told before all else. */
export function moveTo(sa: IkeSa, step: Step, path: Path): void {
  const { where } = sa;
  where.move(step, path);
  where.moveTraffic(step, path);
  tellAddresses(sa, step);
}

/** One update that waits for its turn is enough: it will say what is true then. */
function tellAddresses(sa: IkeSa, step: Step): void {
  const update = new UpdateAddresses();
  if (!sa.hasWaiting(update.name)) sa.requestNext(step, update);
}

/**
 * Notes as whom the peer sees us; a NAT in front of us has another mapping when that has changed, and
 * then the peer is told (§3.8).
 */
export function watchNat(sa: IkeSa, step: Step, response: readonly Payload[]): void {
  const before = sa.where.seenAs;
  takeNatSight(sa, response);
  const { seenAs, mobility } = sa.where;
  if (mobility !== "initiator" || before === undefined || seenAs === undefined) return;
  if (equalBytes(before, seenAs)) return;
  sa.world.count("nat-mapping-changed");
  tellAddresses(sa, step);
}

function takeNatSight({ where }: IkeSa, response: readonly Payload[]): void {
  const hash = findNotify(response, NotifyType.NAT_DETECTION_DESTINATION_IP);
  if (hash !== undefined) where.seenAs = copyBytes(hash.data);
}

/** What follows once a request has its answer. */
export interface MobikeAnswer {
  /** What the answer says of MOBIKE. */
  readonly payloads: readonly Payload[];
  /** To be done when the answer has left. */
  readonly then: () => void;
}

const NOTHING: MobikeAnswer = { payloads: [], then: () => {} };

/** Answers what an INFORMATIONAL request says of addresses. */
export function respondMobike(sa: IkeSa, step: Step, request: readonly Payload[]): MobikeAnswer {
  const { where, world } = sa;
  if (where.mobility === undefined) return NOTHING;
  const isAboutAddresses = ADDRESS_NOTIFIES.some((type) => findNotify(request, type) !== undefined);
  if (isAboutAddresses && cameThroughNat(where.askedFrom, request)) {
    world.count("unexpected-nat");
    return refusal(request, NotifyType.UNEXPECTED_NAT_DETECTED);
  }
  const payloads: readonly Payload[] = [...natAnswer(sa, request), ...cookieAnswer(request)];
  const isUpdate = findNotify(request, NotifyType.UPDATE_SA_ADDRESSES) !== undefined;
  const isOurs = where.mobility === "responder" && sa.phase === "established";
  if (!isUpdate || !isOurs) return { ...NOTHING, payloads };
  const path = where.askedFrom;
  if (!world.acceptsPath(sa, path)) {
    trace(step, { level: "warning", event: "address-unacceptable", remote: path.remote });
    return refusal(request, NotifyType.UNACCEPTABLE_ADDRESSES);
  }
  world.count("address-update");
  where.unproven = undefined;
  if (request.some((it) => it.kind === "N" && isNatDetection(it.notifyType))) {
    sa.nat = natFacts(world, sa.spiI, sa.spiR, request, path);
  }
  if (!equalPaths(where, path)) where.move(step, path);
  const hasMoved = !equalPaths(where.traffic, path);
  return {
    payloads,
    then: () => {
      if (!hasMoved) return;
      if (!where.followWaits) where.arrive(step, path);
      where.prove(step, path);
    },
  };
}

/** A no; the cookie comes back all the same, or the peer would have to end the IKE SA (§3.7). */
function refusal(request: readonly Payload[], why: number): MobikeAnswer {
  return { ...NOTHING, payloads: [notify(why), ...cookieAnswer(request)] };
}

/** MOBIKE_SUPPORTED where the peer asks for it and we want it, with our other addresses (§3.3, §3.4). */
export function agreeOnMobike(sa: IkeSa, request: readonly Payload[]): readonly Payload[] {
  const { mobike, outerAddresses } = sa.world.settings;
  const isAsked = findNotify(request, NotifyType.MOBIKE_SUPPORTED) !== undefined;
  if (!isAsked || mobike === "off") return [];
  sa.where.mobility = "responder";
  const others = outerAddresses.filter((address) => !equalAddresses(address, sa.local.address));
  return [
    notify(NotifyType.MOBIKE_SUPPORTED),
    ...others.map(buildAdditionalAddress),
    ...(outerAddresses.length > 0 && others.length === 0
      ? [notify(NotifyType.NO_ADDITIONAL_ADDRESSES)]
      : []),
  ];
}

/** Whether a message came another way than its NO_NATS_ALLOWED says (§3.9). */
export function cameThroughNat({ local, remote }: Path, payloads: readonly Payload[]): boolean {
  const claim = findNotify(payloads, NotifyType.NO_NATS_ALLOWED);
  if (claim === undefined) return false;
  const way = parseNoNatsAllowed(claim);
  return way === undefined || !equalEndpoints(way.source, remote) ||
    !equalEndpoints(way.destination, local);
}

/** §3.8: who asks for NAT detection gets it. */
function natAnswer(
  { where, world, spiI, spiR }: IkeSa,
  request: readonly Payload[],
): readonly Payload[] {
  const isAsked = request.some((it) => it.kind === "N" && isNatDetection(it.notifyType));
  return isAsked ? announceNat(world, spiI, spiR, where.askedFrom.remote) : [];
}

/** §3.7: a cookie comes back as it was. */
function cookieAnswer(request: readonly Payload[]): readonly Payload[] {
  const cookie2 = findNotify(request, NotifyType.COOKIE2);
  const cookie = cookie2 === undefined ? undefined : parseCookie2(cookie2);
  return cookie === undefined ? [] : [notify(NotifyType.COOKIE2, cookie)];
}

function isNatDetection(notifyType: number): boolean {
  const { NAT_DETECTION_SOURCE_IP, NAT_DETECTION_DESTINATION_IP } = NotifyType;
  return notifyType === NAT_DETECTION_SOURCE_IP || notifyType === NAT_DETECTION_DESTINATION_IP;
}
