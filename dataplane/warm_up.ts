/**
 * Runs made-up packets through the hot path before the first real one, so that the engine has compiled
 * it: cold, it loses thousands of packets of the first burst.
 */
import type { ChildSaInstall } from "../core/gateway/output.ts";
import { Encr, Integ } from "../core/message/constants.ts";
import type { TrafficSelector } from "../core/message/payload.ts";
import type { EspSuite } from "../core/sa/suite.ts";
import type { IpAddress } from "../core/wire/address.ts";
import { type Arena, headroomBytes, tailroomBytes } from "./buffers.ts";
import { newCounters } from "./counters.ts";
import type { EspCiphers } from "./esp/cipher.ts";
import { outerPath } from "./esp/outer_path.ts";
import { windowSizes } from "./esp/replay_window.ts";
import { Forwarder } from "./forwarder.ts";
import { SaTable } from "./sa_table.ts";

/** Packets of each suite: about where the optimising compiler has had its say. */
const packets = 3000;
const innerBytes = 100;
const rules = { outerClassMask: 0xff, clampMtu: 0 };

const suites: readonly { readonly suite: EspSuite; readonly keys: readonly [number, number] }[] = [
  {
    suite: { encryption: Encr.AES_GCM_16, keyBits: 256, integrity: Integ.NONE, esn: false },
    keys: [36, 0],
  },
  {
    suite: {
      encryption: Encr.AES_CBC,
      keyBits: 256,
      integrity: Integ.HMAC_SHA2_256_128,
      esn: false,
    },
    keys: [32, 32],
  },
];

/** Octets of the arena that `warmUp` takes. */
export const warmUpBytes: number = headroomBytes + innerBytes + tailroomBytes + 64;

/**
 * Seals and opens packets for at most `budgetMs` of the clock `now`. Returns how many went through unharmed.
 */
export function warmUp(
  arena: Arena,
  ciphers: EspCiphers,
  budgetMs: number,
  now: () => number = () => performance.now(),
): number {
  const offset = arena.reserve(warmUpBytes - 64) + headroomBytes;
  const deadline = now() + budgetMs;
  let done = 0;
  for (const { suite, keys } of suites) {
    const table = new SaTable(ciphers, windowSizes.most);
    const forwarder = new Forwarder(arena.view, table, newCounters(), rules);
    const path = outerPath(0, new Uint32Array(0), new Uint32Array(0));
    table.install(loopback(suite, keys), path);
    for (let i = 0; i < packets && now() < deadline; i++) {
      writeInner(arena.view, offset);
      if (!forwarder.seal(offset, innerBytes)) break;
      ciphers.flush();
      if (forwarder.open(forwarder.outOffset, forwarder.outLength, 0)) done++;
    }
    table.remove(1);
  }
  return done;
}

const somewhere: IpAddress = { family: 4, octets: Uint8Array.of(127, 0, 0, 1) };
const single: TrafficSelector = {
  protocol: 0,
  startPort: 0,
  endPort: 0xffff,
  startAddress: somewhere,
  endAddress: somewhere,
};

/** A pair that talks to itself. Its keys never protect anything. */
function loopback(
  suite: EspSuite,
  [encryption, integrity]: readonly [number, number],
): ChildSaInstall {
  const keys = {
    encryption: new Uint8Array(encryption),
    integrity: new Uint8Array(integrity),
  };
  const nowhere = { address: somewhere, port: 0 };
  return {
    inboundSpi: 1,
    outboundSpi: 1,
    suite,
    inboundKeys: keys,
    outboundKeys: keys,
    localSelectors: [single],
    remoteSelectors: [single],
    local: nowhere,
    remote: nowhere,
    followPeer: false,
    outboundWaits: false,
  };
}

function writeInner(view: DataView, offset: number): void {
  for (let i = 0; i < innerBytes; i += 4) view.setUint32(offset + i, 0);
  view.setUint8(offset, 0x45);
  view.setUint16(offset + 2, innerBytes);
  view.setUint8(offset + 9, 17);
  view.setUint32(offset + 12, 0x7f00_0001);
  view.setUint32(offset + 16, 0x7f00_0001);
}
