import assert from "node:assert/strict";
import type { Facts, Log } from "../../appliance/log.ts";
import { tellTrouble } from "../../appliance/packet_troubles.ts";
import type { DataplaneTrouble } from "../../dataplane/mod.ts";

/** The line that a trouble makes. */
function told(trouble: DataplaneTrouble): unknown[] {
  const lines: unknown[] = [];
  const log: Log = {
    tell: (level: string, event: string, facts?: Facts) => void lines.push([level, event, facts]),
    trace: () => {},
    close: () => {},
  };
  tellTrouble(log, trouble);
  return lines;
}

Deno.test("what is wrong on this host is a warning, with the kernel's error", () => {
  assert.deepEqual(told({ cause: "send-error", detail: "ENETUNREACH" }), [
    ["warning", "packets-dropped", { cause: "send-error", detail: "ENETUNREACH" }],
  ]);
});

Deno.test("what peers and strangers send is worth knowing", () => {
  assert.deepEqual(told({ cause: "replay" }), [["info", "packets-dropped", { cause: "replay" }]]);
});
