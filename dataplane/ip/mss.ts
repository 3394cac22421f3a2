/**
 * Lowers the maximum segment size in TCP SYNs (RFC 9293 §3.7.1) to what a tunnel carries, so that
 * connections never depend on ICMP finding its way back.
 */
import { adjustChecksum } from "./checksum.ts";

const syn = 0x02;
const flagsAt = 13;
const checksumAt = 16;
const headerBytes = 20;

/** Kinds of option (RFC 9293 §3.1). */
const Option = { END: 0, NO_OPERATION: 1, MAXIMUM_SEGMENT_SIZE: 2 } as const;
const mssOptionBytes = 4;

/** Octets of the IP and TCP header without options, which the maximum segment size does not count. */
export function tcpHeaders(version: number): number {
  return version === 4 ? 40 : 60;
}

/** Whether the TCP header at `tcp` begins a connection; the packet ends before `end`. */
export function isSyn(view: DataView, tcp: number, end: number): boolean {
  return tcp + headerBytes <= end && (view.getUint8(tcp + flagsAt) & syn) !== 0;
}

/**
 * Lowers the option of the TCP header at `tcp` to `most` and corrects the checksum, if it is a SYN that
 * announces more; whether it did. The packet ends before `end`; what is not sound is left as it is.
 */
export function clampMss(view: DataView, tcp: number, end: number, most: number): boolean {
  if (!isSyn(view, tcp, end)) return false;
  const optionsEnd = tcp + (view.getUint8(tcp + 12) >>> 4) * 4;
  if (optionsEnd > end) return false;
  for (let at = tcp + headerBytes; at < optionsEnd;) {
    const kind = view.getUint8(at);
    if (kind === Option.END) return false;
    if (kind === Option.NO_OPERATION) {
      at++;
      continue;
    }
    const length = at + 1 < optionsEnd ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > optionsEnd) return false;
    if (kind === Option.MAXIMUM_SEGMENT_SIZE && length === mssOptionBytes) {
      return lower(view, tcp, at + 2, most);
    }
    at += length;
  }
  return false;
}

function lower(view: DataView, tcp: number, at: number, most: number): boolean {
  const announced = view.getUint16(at);
  if (announced <= most) return false;
  view.setUint16(at, most);
  const isOdd = ((at - tcp) & 1) !== 0;
  const word = (value: number): number => isOdd ? ((value & 0xff) << 8) | (value >>> 8) : value;
  adjustChecksum(view, tcp + checksumAt, word(announced), word(most));
  return true;
}
