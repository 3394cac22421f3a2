import assert from "node:assert/strict";
import { combineEcn, Ecn, trafficClass } from "../../../dataplane/ip/ecn.ts";
import { madePacket, naiveFinish } from "../support/naive_packets.ts";

const names = ["Not-ECT", "ECT(1)", "ECT(0)", "CE"];

/** RFC 6040 figure 4, as it is printed there: a row for each inner mark, a column for each outer one. */
const figure: Readonly<Record<string, readonly string[]>> = {
  columns: ["Not-ECT", "ECT(0)", "ECT(1)", "CE"],
  "Not-ECT": ["Not-ECT", "Not-ECT", "Not-ECT", "drop"],
  "ECT(0)": ["ECT(0)", "ECT(0)", "ECT(1)", "CE"],
  "ECT(1)": ["ECT(1)", "ECT(1)", "ECT(1)", "CE"],
  "CE": ["CE", "CE", "CE", "CE"],
};

for (const version of [4, 6] as const) {
  for (const [inner, results] of Object.entries(figure).slice(1)) {
    Deno.test(`RFC 6040 §4.2: outer marks on an inner packet that is ${inner}, IPv${version}`, () => {
      for (const [i, wanted] of results.entries()) {
        const outer = names.indexOf(figure.columns![i]!);
        for (const dscp of [0, 0x2e, 0x3f]) {
          const tos = (dscp << 2) | names.indexOf(inner);
          const packet = madePacket({ version, protocol: "udp", payload: new Uint8Array(9), tos });
          const view = new DataView(packet.slice().buffer);
          // The outer DSCP is nobody's business here.
          const kept = combineEcn(view, 0, version, 0xa4 | outer);
          if (wanted === "drop") {
            assert.equal(kept, false);
            continue;
          }
          assert.equal(kept, true);
          const marked = new Uint8Array(view.buffer);
          const mark = names.indexOf(wanted);
          assert.equal(trafficClass(view, 0, version), (dscp << 2) | mark);
          const wantedPacket = { version, protocol: "udp", payload: new Uint8Array(9) } as const;
          const again = madePacket({ ...wantedPacket, tos: (dscp << 2) | mark });
          assert.deepEqual(marked, naiveFinish(again), `${names[outer]} outside`);
        }
      }
    });
  }
}

Deno.test("the marks have the numbers of RFC 3168", () => {
  assert.deepEqual([Ecn.NOT_ECT, Ecn.ECT_1, Ecn.ECT_0, Ecn.CE], [0, 1, 2, 3]);
});
