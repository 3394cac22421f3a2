/** What holds at every moment of every simulation, and what is left in the end: nothing. */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  type AddressRange,
  addressToBigInt,
  formatIpAddress,
  type IpAddress,
} from "../../core/wire/address.ts";
import type { SimWorld } from "./sim_world.ts";

/** IKE SAs at most in a world of a few clients, ending ones included. */
const MOST_IKE_SAS = 60;

/** One holder an address, one session an IKE SA, no more held than there is use for. */
export function assertGroundClaims(world: SimWorld): void {
  if (!world.gatewayUp) return;
  const { sessions, pools } = world.show;
  const addresses = sessions.flatMap(({ addresses }) => addresses.map(formatIpAddress));
  equal(new Set(addresses).size, addresses.length, "one holder an address");
  const leased = pools.reduce((sum, { inUse }) => sum + inUse, 0);
  const pooled = sessions.flatMap(({ addresses }) => addresses).filter((address) =>
    pools.some(({ range }) => isWithin(range, address))
  );
  ok(leased >= pooled.length, "every address of a pool is leased");
  const ikeSas = sessions.flatMap(({ ikeSa }) => ikeSa === undefined ? [] : [ikeSa.localSpi]);
  equal(new Set(ikeSas).size, ikeSas.length, "one session an IKE SA");
  const spis = sessions.flatMap(({ childSas }) => childSas.map(({ inboundSpi }) => inboundSpi));
  deepEqual(
    spis.sort((a, b) => a - b),
    [...world.installed.keys()].sort((a, b) => a - b),
    "the packet path holds what the sessions have",
  );
  const load = world.gateway.load();
  const text = JSON.stringify(load);
  ok(load.ikeSas <= MOST_IKE_SAS && load.questions <= load.negotiating, text);
  ok(load.timers <= load.ikeSas + sessions.length + load.negotiating, text);
  ok(load.espSpis >= spis.length && load.espSpis <= spis.length + load.ikeSas, text);
}

/** Whether an address is of a range; that of who came before the range was changed, or of AAA, may not be. */
export function isWithin({ first, last }: AddressRange, address: IpAddress): boolean {
  if (address.family !== first.family) return false;
  const value = addressToBigInt(address);
  return addressToBigInt(first) <= value && value <= addressToBigInt(last);
}

/** After everybody has gone and every deadline is over. */
export function assertNothingLeft(world: SimWorld): void {
  deepEqual(world.show.sessions, []);
  deepEqual(world.show.pools.filter(({ inUse }) => inUse > 0), [], "no lease");
  equal(world.backend.store.size, 0, "no record");
  equal(world.installed.size, 0, "no SA in the packet path");
  const nothing = { ikeSas: 0, espSpis: 0, negotiating: 0, timers: 0, questions: 0 };
  deepEqual(world.gateway.load(), nothing);
  equal(world.backend.next(), undefined, "no question");
}
