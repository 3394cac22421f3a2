/** Routes to networks behind users come and go with the Child SAs that carry them. */
import assert from "node:assert/strict";
import type { Packets } from "../../appliance/driver.ts";
import { withNetworkRoutes } from "../../appliance/network_routes.ts";
import { type AddressPrefix, formatPrefix, parsePrefix } from "../../core/mod.ts";
import { pair } from "../dataplane/support/ends.ts";
import { keepingLog } from "./aaa/radius/support.ts";

function prefix(text: string): AddressPrefix {
  return parsePrefix(text) ?? assert.fail();
}

/** What was done, in order. */
interface Scene {
  readonly packets: Packets;
  readonly done: string[];
  readonly log: ReturnType<typeof keepingLog>;
  install(spi: number, ...networks: readonly string[]): void;
}

function scene(refused: ReadonlySet<string> = new Set()): Scene {
  const done: string[] = [];
  const note = (word: string, network: AddressPrefix): void => {
    const text = formatPrefix(network);
    if (refused.has(`${word} ${text}`)) throw new Error(`Cannot ${word} ${text}: EEXIST`);
    done.push(`${word} ${text}`);
  };
  const log = keepingLog();
  const packets = withNetworkRoutes({
    packets: {
      transmit: () => void done.push("transmit"),
      installChildSa: ({ inboundSpi }) => void done.push(`install ${inboundSpi}`),
      moveChildSa: (spi) => void done.push(`move ${spi}`),
      removeChildSa: (spi) => void done.push(`remove ${spi}`),
      filterChildSa: (spi) => void done.push(`filter ${spi}`),
    },
    routes: {
      addRoute: (network) => note("route", network),
      removeRoute: (network) => note("unroute", network),
    },
    log,
  });
  return {
    packets,
    done,
    log,
    install: (inboundSpi, ...networks) =>
      packets.installChildSa(
        pair({ inboundSpi, ...(networks.length === 0 ? {} : { networks: networks.map(prefix) }) }),
      ),
  };
}

Deno.test("a route is there from the first Child SA of a network to the last", () => {
  const { packets, done, install } = scene();
  install(1, "10.77.0.0/24", "fd77::/64");
  install(2, "10.77.0.0/24");
  install(3);
  packets.removeChildSa(1);
  packets.removeChildSa(3);
  packets.removeChildSa(2);
  packets.removeChildSa(2);
  assert.deepEqual(done, [
    "install 1",
    "route 10.77.0.0/24",
    "route fd77::/64",
    "install 2",
    "install 3",
    "remove 1",
    "unroute fd77::/64",
    "remove 3",
    "remove 2",
    "unroute 10.77.0.0/24",
    "remove 2",
  ]);
});

Deno.test("a rekey leaves no gap, and everything else passes through", () => {
  const { packets, done, install } = scene();
  const here = pair();
  install(1, "10.77.0.0/24");
  packets.moveChildSa(1, here.local, here.remote);
  packets.filterChildSa(1, undefined);
  packets.transmit(here.local, here.remote, new Uint8Array(0));
  install(2, "10.77.0.0/24");
  packets.removeChildSa(1);
  assert.deepEqual(done, [
    "install 1",
    "route 10.77.0.0/24",
    "move 1",
    "filter 1",
    "transmit",
    "install 2",
    "remove 1",
  ]);
});

Deno.test("a route that the host refuses costs no Child SA, and is told", () => {
  const { packets, done, install, log } = scene(new Set(["route 10.77.0.0/24"]));
  install(1, "10.77.0.0/24", "10.78.0.0/24");
  assert.deepEqual(done, ["install 1", "route 10.78.0.0/24"]);
  assert.deepEqual(log.told, [["network-not-routed", {
    network: "10.77.0.0/24",
    reason: "Cannot route 10.77.0.0/24: EEXIST",
  }]]);
  packets.removeChildSa(1);
  assert.equal(log.told.length, 1);
});

Deno.test("what a Child SA takes along does not cost more with every other one", () => {
  const { packets, done, install } = scene();
  const count = 20_000;
  for (let spi = 1; spi <= count; spi++) {
    install(spi, `10.${spi >> 8}.${spi & 0xff}.0/24`);
  }
  const began = performance.now();
  for (let spi = count; spi >= 1; spi--) packets.removeChildSa(spi);
  const tookMs = performance.now() - began;
  assert.equal(done.filter((line) => line.startsWith("unroute")).length, count);
  assert.ok(tookMs < 3_000, `${tookMs} ms`);
});
