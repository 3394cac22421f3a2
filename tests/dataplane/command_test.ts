import assert from "node:assert/strict";
import { limits } from "../../core/limits.ts";
import { buildOctetsJson } from "../../core/octets_json.ts";
import type { FilterRule, PacketFilter } from "../../core/gateway/packet_filter.ts";
import {
  buildCommand,
  commandBytes,
  type LoopCommand,
  mostNamedPairs,
  parseCommand,
} from "../../dataplane/command.ts";
import { address, pair, selector } from "./support/ends.ts";

const block = { address: address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), length: 128 };
const ranges = Array.from({ length: 11 }, () => ({ first: 10_000, last: 65_535 }));

/** As long as a rule can be. */
const rule: FilterRule = {
  action: "permit",
  family: 6,
  protocol: 132,
  source: block,
  destination: block,
  sourcePorts: ranges,
  destinationPorts: ranges,
};
const filter: PacketFilter = { name: "staff", rules: [rule, { action: "deny", family: 4 }] };

const endpoint = { address: address("2001:db8::1"), port: 4500 };
const commands: readonly LoopCommand[] = [
  { kind: "install", sa: pair({ replaces: 7, softLimitBytes: 2 ** 40, followPeer: true }) },
  { kind: "move", inboundSpi: 0xffff_ffff, local: endpoint, remote: endpoint },
  { kind: "confirm", inboundSpi: 256 },
  { kind: "remove", id: 2, inboundSpi: 256 },
  { kind: "filter", inboundSpi: 256, filter },
  { kind: "filter", inboundSpi: 256 },
  { kind: "counters", id: 3 },
  { kind: "counters", id: 4, only: [256, 0xffff_ffff] },
  { kind: "stop" },
];
for (const command of commands) {
  const what = `${command.kind}${"filter" in command ? " with rules" : ""}`;
  Deno.test(`a command reads back as it was written: ${what}`, () => {
    assert.deepEqual(parseCommand(buildCommand(command)), command);
  });
}

Deno.test("as many pairs as one command may name fit a record", () => {
  const only = new Array(mostNamedPairs).fill(0xffff_ffff);
  assert.ok(buildCommand({ kind: "counters", id: Number.MAX_SAFE_INTEGER, only }).length < 100_000);
});

Deno.test("the largest pair with the longest filter fits a record", () => {
  const selectors = Array.from({ length: 64 }, () => selector("fd00:ffff::1-fd00:ffff::ffff:ffff"));
  const count = Math.floor(limits.filterBytes / buildOctetsJson(rule).length);
  const sa = pair({
    localSelectors: selectors,
    remoteSelectors: selectors,
    filter: { name: "n".repeat(64), rules: new Array(count).fill(rule) },
  });
  assert.ok(buildCommand({ kind: "install", sa }).length < commandBytes);
});
