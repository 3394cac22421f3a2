/** Our packet path at both ends, with keys from this script and no IKE. */
import { Encr, Integ } from "../../../core/message/constants.ts";
import type { EspSuite } from "../../../core/sa/suite.ts";
import { type DataplaneCounters, dataplaneFeatures } from "../../../dataplane/mod.ts";
import { address, gcm, selector } from "../../../tests/dataplane/support/ends.ts";
import { RemoteEnd } from "../../../tests/dataplane/support/remote_end.ts";
import {
  configureInner,
  installBoth,
  joinedSpaces,
  outer4,
  pairOver,
  type TwoEnds,
} from "../../../tests/dataplane/support/two_ends.ts";
import { Lab } from "../../../tests/support/netns.ts";
import { type Flow, innerMtu, type Profile, type System, type Tunnel } from "./system.ts";

/** Suites by name. */
export const suites = {
  "aes256gcm16": gcm,
  "aes256-sha384": {
    encryption: Encr.AES_CBC,
    keyBits: 256,
    integrity: Integ.HMAC_SHA2_384_192,
    esn: false,
  },
  "chacha20poly1305": {
    encryption: Encr.CHACHA20_POLY1305,
    keyBits: 256,
    integrity: Integ.NONE,
    esn: false,
  },
} as const satisfies Readonly<Record<string, EspSuite>>;

/** What may differ between two of our systems. */
export interface RejoinOptions {
  readonly suite: keyof typeof suites;
  /** Without the kernel's segmentation and joining. */
  readonly plain?: boolean;
  /** Eight flows between as many addresses, over so many pairs of SAs; else two addresses and one pair. */
  readonly pairs?: number;
  /** Take the time of every stage. */
  readonly profiles?: boolean;
}

/** Flows that are spread over many SAs. */
const spreadFlows = 8;
const spreadDistance = 125;

/** Two of our packet paths. */
export function rejoin(name: string, options: RejoinOptions): System {
  const { suite, plain = false, pairs, profiles = false } = options;
  return {
    name,
    suite,
    run: async (use): Promise<void> => {
      await using lab = await Lab.create();
      const spaces = await joinedSpaces(lab);
      await using here = new RemoteEnd(spaces[0]);
      await using there = new RemoteEnd(spaces[1]);
      const without = plain ? dataplaneFeatures : [];
      const packets = { listen: [address("0.0.0.0")], mtu: innerMtu, without, profiles };
      await Promise.all([here.open(packets), there.open(packets)]);
      const ends = { spaces, here, there };
      const tunnel: Omit<Tunnel, "cpu"> = pairs === undefined
        ? await single(ends, suite)
        : await many(ends, suite, pairs);
      await use({
        ...tunnel,
        cpu: async () => ({
          from: await here.call<number>("ticks") / 100,
          to: await there.call<number>("ticks") / 100,
        }),
        profile: async () => ({
          from: profileOf(await here.counters()),
          to: profileOf(await there.counters()),
        }),
        memory: async () => ({
          from: await here.call<number>("residentBytes"),
          to: await there.call<number>("residentBytes"),
        }),
      });
    },
  };
}

function profileOf({ totals, stages }: DataplaneCounters): Profile {
  return { packets: totals["packets-in"] + totals["packets-out"], stages: stages ?? {} };
}

async function single(ends: TwoEnds, suite: RejoinOptions["suite"]): Promise<Omit<Tunnel, "cpu">> {
  await configureInner(ends);
  const install = pairOver(outer4, { suite: suites[suite] });
  await installBoth(ends, install);
  const [from, to] = ends.spaces;
  return {
    from: { namespace: from, address: "10.0.0.1" },
    to: { namespace: to, address: "10.0.0.2" },
  };
}

/** Pair `i` joins 10.1.x.y and 10.2.x.y, or a single one both networks. */
async function many(
  { spaces: [from, to], here, there }: TwoEnds,
  suite: RejoinOptions["suite"],
  pairs: number,
): Promise<Omit<Tunnel, "cpu">> {
  const inner = (net: number, i: number) => `10.${net}.${i >> 8}.${i & 0xff}`;
  const used = Array.from({ length: spreadFlows }, (_, i) => i * spreadDistance);
  const own = (net: number) => used.map((i) => ({ address: address(inner(net, i)), length: 32 }));
  const network = (net: number) => selector(`10.${net}.0.0-10.${net}.255.255`);
  const route = (net: number) => [{ address: address(inner(net, 0)), length: 16 }];
  await here.call("configureTun", { addresses: own(1), routes: route(2) });
  await there.call("configureTun", { addresses: own(2), routes: route(1) });
  for (let i = 0; i < pairs; i++) {
    const install = pairOver(outer4, {
      suite: suites[suite],
      inboundSpi: 0x10_0000 + i,
      outboundSpi: 0x20_0000 + i,
      localSelectors: [pairs === 1 ? network(1) : selector(inner(1, i))],
      remoteSelectors: [pairs === 1 ? network(2) : selector(inner(2, i))],
    });
    await installBoth({ here, there }, install);
  }
  const flows = used.map((i): Flow => ({
    from: { namespace: from, address: inner(1, i) },
    to: { namespace: to, address: inner(2, i) },
  }));
  return { ...(flows[0] as Flow), flows };
}
