/** No tunnel: what the machine and iperf3 can do without one. */
import { Lab } from "../../../tests/support/netns.ts";
import { joinedSpaces, outer4 } from "../../../tests/dataplane/support/two_ends.ts";
import type { System } from "./system.ts";

/** A veth pair. */
export const noTunnel: System = {
  name: "no tunnel",
  suite: "none",
  run: async (use): Promise<void> => {
    await using lab = await Lab.create();
    const [from, to] = await joinedSpaces(lab);
    await use({
      from: { namespace: from, address: outer4.here },
      to: { namespace: to, address: outer4.there },
      cpu: () => Promise.resolve({ from: 0, to: 0 }),
    });
  },
};
