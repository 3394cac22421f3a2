/**
 * The traffic class of a packet, and how the mark of a congested router gets from the outer header to the
 * inner one (RFC 6040 §4.2, which replaces RFC 4301 §5.1.2.1 there).
 *
 * Outbound the whole class is copied to the outer header: that is RFC 6040's normal mode, which an IKEv2
 * peer always understands (§4.3). Inbound the inner DSCP stays as it is.
 */
import { adjustChecksum } from "./checksum.ts";

/** The lower two bits of the traffic class (RFC 3168 §5). */
export const Ecn = {
  /** The sender does not understand marks. */
  NOT_ECT: 0,
  ECT_1: 1,
  ECT_0: 2,
  /** Congestion experienced. */
  CE: 3,
} as const;

/** The bits of the traffic class that are ECN. */
export const ecnMask = 3;

const drop = -1;

/** RFC 6040 figure 4: a row for each inner mark, in it the result for each outer one. */
// deno-fmt-ignore
const combined: readonly number[] = [
  // NOT_ECT    ECT_1        ECT_0        CE
  Ecn.NOT_ECT, Ecn.NOT_ECT, Ecn.NOT_ECT, drop,   // inner NOT_ECT
  Ecn.ECT_1,   Ecn.ECT_1,   Ecn.ECT_1,   Ecn.CE, // inner ECT_1
  Ecn.ECT_0,   Ecn.ECT_1,   Ecn.ECT_0,   Ecn.CE, // inner ECT_0
  Ecn.CE,      Ecn.CE,      Ecn.CE,      Ecn.CE, // inner CE
];

/** The traffic class of the IPv4 (TOS) or IPv6 packet at `at`: DSCP and ECN. */
export function trafficClass(view: DataView, at: number, version: number): number {
  return version === 4 ? view.getUint8(at + 1) : (view.getUint16(at) >>> 4) & 0xff;
}

/**
 * Gives the inner packet at `at` the mark that follows from its own and that of the outer header, whose
 * traffic class is `outer`. `false`: the packet must be dropped, as congestion was marked on a packet
 * whose sender would not hear of it.
 */
export function combineEcn(view: DataView, at: number, version: number, outer: number): boolean {
  const inner = trafficClass(view, at, version) & ecnMask;
  const mark = combined[inner * 4 + (outer & ecnMask)] as number;
  if (mark === drop) return false;
  if (mark === inner) return true;
  const before = view.getUint16(at);
  if (version === 4) {
    const after = (before & ~ecnMask) | mark;
    view.setUint16(at, after);
    adjustChecksum(view, at + 10, before, after);
  } else {
    view.setUint16(at, (before & ~(ecnMask << 4)) | (mark << 4));
  }
  return true;
}
