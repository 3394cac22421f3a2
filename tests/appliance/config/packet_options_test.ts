import assert from "node:assert/strict";
import { connectFlags } from "../../../appliance/config/connect_flags.ts";
import { gather } from "../../../appliance/config/gather.ts";
import { packetOptions, workersFor } from "../../../appliance/config/packet_options.ts";
import { serveFlags } from "../../../appliance/config/serve_flags.ts";

for (const [name, flags] of [["serve", serveFlags], ["connect", connectFlags]] as const) {
  const optionsOf = (args: Readonly<Record<string, string>>): unknown => {
    const sources = {
      args: new Map(Object.entries(args).map(([flag, value]) => [flag, [value]])),
      unknown: [],
      env: () => undefined,
      readFile: () => "",
    };
    return packetOptions(gather(flags, sources).settings);
  };

  Deno.test(`the packet path is told what the flags of ${name} say`, () => {
    assert.deepEqual(optionsOf({}), {
      tunName: name === "serve" ? "rejoin0" : "rejoin1",
      mtu: 1400,
      replayWindow: 2048,
      fragments: "discover",
      clampsMss: true,
      copiesDscp: true,
    });
    const other = {
      tun: "tunnel7",
      mtu: "1300",
      "replay-window": "64",
      "df-bit": "clear",
      "mss-clamp": "off",
      dscp: "clear",
    };
    assert.deepEqual(optionsOf(other), {
      tunName: "tunnel7",
      mtu: 1300,
      replayWindow: 64,
      fragments: "clear",
      clampsMss: false,
      copiesDscp: false,
    });
  });
}

Deno.test("from four processors on each direction has a packet loop", () => {
  assert.deepEqual([1, 2, 3, 4, 64].map(workersFor), [1, 1, 1, 2, 2]);
});
