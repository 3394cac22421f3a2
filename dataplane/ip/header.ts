/**
 * Views of inner IPv4 (RFC 791) and IPv6 (RFC 8200) headers: lengths, addresses, upper protocol, ports.
 *
 * One `InnerHeader` is reused for every packet. Addresses are four 32-bit words each; an IPv4 address
 * stands in the last one. Checksums are not looked at: the receiving kernel does that. Jumbograms
 * (RFC 2675) are not supported.
 */

/** Port number of a packet that has none, or whose first fragment carried it. */
export const noPort = -1;

const hopByHop = 0;
const routing = 43;
const fragment = 44;
const authentication = 51;
const destinationOptions = 60;

/** What one inner packet says about itself. */
export class InnerHeader {
  /** 4 or 6. */
  version = 0;
  /** Octets of the packet, from its own length field. */
  totalLength = 0;
  /** Source address. */
  readonly source: Uint32Array = new Uint32Array(4);
  /** Destination address. */
  readonly destination: Uint32Array = new Uint32Array(4);
  /** Upper protocol; valid after `parseUpper`. */
  protocol = 0;
  /** Source port, ICMP type and code, or `noPort`; valid after `parseUpper`. */
  sourcePort = noPort;
  /** Destination port, ICMP type and code, or `noPort`; valid after `parseUpper`. */
  destinationPort = noPort;
  /** Where the upper header starts, or would; valid after `parseUpper`. */
  upperAt = 0;
  /** Units of 8 octets; 0 for a whole packet and a first fragment. Valid after `parseUpper`. */
  fragmentOffset = 0;

  /** Reads version, length and addresses. `false` when they are not consistent with `length`. */
  parse(view: DataView, offset: number, length: number): boolean {
    if (length < 20) return false;
    const first = view.getUint8(offset);
    this.version = first >>> 4;
    if (this.version === 4) {
      const headerLength = (first & 15) * 4;
      this.totalLength = view.getUint16(offset + 2);
      if (headerLength < 20 || this.totalLength < headerLength || this.totalLength > length) {
        return false;
      }
      setLast(this.source, view.getUint32(offset + 12));
      setLast(this.destination, view.getUint32(offset + 16));
      return true;
    }
    if (this.version !== 6 || length < 40) return false;
    this.totalLength = 40 + view.getUint16(offset + 4);
    if (this.totalLength > length) return false;
    for (let i = 0; i < 4; i++) {
      this.source[i] = view.getUint32(offset + 8 + 4 * i);
      this.destination[i] = view.getUint32(offset + 24 + 4 * i);
    }
    return true;
  }

  /** After `parse`: finds the upper protocol and, where they are present, its ports. */
  parseUpper(view: DataView, offset: number): void {
    const end = offset + this.totalLength;
    if (this.version === 4) {
      this.protocol = view.getUint8(offset + 9);
      this.fragmentOffset = view.getUint16(offset + 6) & 0x1fff;
      this.upperAt = offset + (view.getUint8(offset) & 15) * 4;
      this.#parsePorts(view, this.fragmentOffset !== 0 ? end : this.upperAt, end);
      return;
    }
    this.fragmentOffset = 0;
    let at = offset + 40;
    let next = view.getUint8(offset + 6);
    for (;;) {
      const isExtension = next === hopByHop || next === routing || next === destinationOptions ||
        next === fragment || next === authentication;
      if (!isExtension || at + 8 > end) break;
      const units = view.getUint8(at + 1);
      if (next === fragment) this.fragmentOffset = view.getUint16(at + 2) >>> 3;
      const isLaterFragment = next === fragment && this.fragmentOffset !== 0;
      const size = next === fragment
        ? 8
        : next === authentication
        ? (units + 2) * 4
        : (units + 1) * 8;
      next = view.getUint8(at);
      at = isLaterFragment ? end : at + size;
    }
    this.protocol = next;
    this.upperAt = at;
    this.#parsePorts(view, at, end);
  }

  #parsePorts(view: DataView, at: number, end: number): void {
    this.sourcePort = noPort;
    this.destinationPort = noPort;
    if (at + 4 > end) return;
    switch (this.protocol) {
      case 6: // TCP
      case 17: // UDP
      case 33: // DCCP
      case 132: // SCTP
      case 136: // UDP-Lite
        this.sourcePort = view.getUint16(at);
        this.destinationPort = view.getUint16(at + 2);
        break;
      case 1: // ICMP and ICMPv6: type and code stand for both ports (RFC 7296 §3.13.1)
      case 58:
        this.sourcePort = view.getUint16(at);
        this.destinationPort = this.sourcePort;
        break;
    }
  }
}

function setLast(words: Uint32Array, last: number): void {
  words[0] = 0;
  words[1] = 0;
  words[2] = 0;
  words[3] = last;
}
