import assert from "node:assert/strict";
import {
  buildCommand,
  commandBytes,
  type LoopCommand,
  mostNamedPairs,
  parseCommand,
} from "../../dataplane/command.ts";
import { address, pair, selector } from "./support/ends.ts";

const endpoint = { address: address("2001:db8::1"), port: 4500 };
const commands: readonly LoopCommand[] = [
  { kind: "install", sa: pair({ replaces: 7, softLimitBytes: 2 ** 40, followPeer: true }) },
  { kind: "move", inboundSpi: 0xffff_ffff, local: endpoint, remote: endpoint },
  { kind: "remove", inboundSpi: 256 },
  { kind: "counters", id: 3 },
  { kind: "counters", id: 4, only: [256, 0xffff_ffff] },
  { kind: "stop" },
];
for (const command of commands) {
  Deno.test(`a command reads back as it was written: ${command.kind}`, () => {
    assert.deepEqual(parseCommand(buildCommand(command)), command);
  });
}

Deno.test("as many pairs as one command may name fit a record", () => {
  const only = new Array(mostNamedPairs).fill(0xffff_ffff);
  assert.ok(buildCommand({ kind: "counters", id: Number.MAX_SAFE_INTEGER, only }).length < 100_000);
});

Deno.test("the largest pair fits a record", () => {
  const selectors = Array.from({ length: 64 }, () => selector("fd00:ffff::1-fd00:ffff::ffff:ffff"));
  const sa = pair({ localSelectors: selectors, remoteSelectors: selectors });
  assert.ok(buildCommand({ kind: "install", sa }).length < commandBytes);
});
