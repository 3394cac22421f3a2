/**
 * Views of inner IPv4 (RFC 791) and IPv6 (RFC 8200) headers: lengths, addresses, upper protocol, ports.
 *
 * One `InnerHeader` is reused for every packet. Addresses are four 32-bit words each; an IPv4 address
 * stands in the last one. Checksums are not looked at: the receiving kernel does that. Jumbograms
 * (RFC 2675) are not supported.
 */

/** Port number of a packet that has none, or whose first fragment carried it. */
export const noPort = -1;

/** Version 4 with a header of five words. */
const plainIpv4 = 0x45;
/** More fragments, and the offset of a fragment. */
const fragmentBits = 0x3fff;

const tcp = 6;
const udp = 17;
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
  /** Whether it is whole TCP or UDP with nothing before the upper header. Valid after `parseUpper`. */
  isPlain = false;
  /**
   * Whoever receives it may find another upper header than we do, or go on to another destination: the
   * extension headers lead outside the packet, into what can be fragmented, or over further hops. Valid
   * after `parseUpper`.
   */
  isAmbiguous = false;

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
    this.isAmbiguous = false;
    if (this.version === 4) {
      this.protocol = view.getUint8(offset + 9);
      this.fragmentOffset = view.getUint16(offset + 6) & 0x1fff;
      this.upperAt = offset + (view.getUint8(offset) & 15) * 4;
      this.#parsePorts(view, this.fragmentOffset !== 0 ? end : this.upperAt, end);
      this.isPlain = view.getUint8(offset) === plainIpv4 && this.#hasTransport &&
        (view.getUint16(offset + 6) & fragmentBits) === 0;
      return;
    }
    this.fragmentOffset = 0;
    let isFragment = false;
    let at = offset + 40;
    let next = view.getUint8(offset + 6);
    for (;;) {
      const isExtension = next === hopByHop || next === routing || next === destinationOptions ||
        next === fragment || next === authentication;
      if (!isExtension) break;
      if (isFragment || at + 8 > end) this.isAmbiguous = true;
      if (at + 8 > end) break;
      const units = view.getUint8(at + 1);
      let size = (units + 1) * 8;
      switch (next) {
        case fragment:
          isFragment = true;
          this.fragmentOffset = view.getUint16(at + 2) >>> 3;
          size = this.fragmentOffset === 0 ? 8 : end - at;
          break;
        case authentication:
          size = (units + 2) * 4;
          break;
        case routing: // segments left (RFC 8200 §4.4)
          if (view.getUint8(at + 3) !== 0) this.isAmbiguous = true;
      }
      next = view.getUint8(at);
      at += size;
    }
    if (at > end) this.isAmbiguous = true;
    this.protocol = next;
    this.upperAt = at;
    this.#parsePorts(view, at, end);
    this.isPlain = at === offset + 40 && this.#hasTransport;
  }

  get #hasTransport(): boolean {
    return (this.protocol === tcp || this.protocol === udp) && this.sourcePort !== noPort;
  }

  /**
   * After `parseUpper`: whether the packet is plain, as the one parsed was, and has the same addresses,
   * upper protocol and ports. Then its length and upper header replace those of the former one.
   */
  repeats(view: DataView, offset: number, length: number): boolean {
    if (!this.isPlain) return false;
    return this.version === 4
      ? this.#repeats4(view, offset, length)
      : this.#repeats6(view, offset, length);
  }

  #repeats4(view: DataView, offset: number, length: number): boolean {
    if (length < 24) return false;
    const totalLength = view.getUint16(offset + 2);
    const isSame = view.getUint8(offset) === plainIpv4 &&
      totalLength >= 24 && totalLength <= length &&
      (view.getUint16(offset + 6) & fragmentBits) === 0 &&
      view.getUint8(offset + 9) === this.protocol &&
      view.getUint32(offset + 12) === this.source[3] &&
      view.getUint32(offset + 16) === this.destination[3];
    return isSame && this.#repeatsPorts(view, offset, 20, totalLength);
  }

  #repeats6(view: DataView, offset: number, length: number): boolean {
    if (length < 44) return false;
    const totalLength = view.getUint16(offset + 4) + 40;
    const isSame = view.getUint8(offset) >>> 4 === 6 &&
      totalLength >= 44 && totalLength <= length &&
      view.getUint8(offset + 6) === this.protocol;
    if (!isSame) return false;
    for (let i = 0; i < 4; i++) {
      if (view.getUint32(offset + 8 + 4 * i) !== this.source[i]) return false;
      if (view.getUint32(offset + 24 + 4 * i) !== this.destination[i]) return false;
    }
    return this.#repeatsPorts(view, offset, 40, totalLength);
  }

  #repeatsPorts(view: DataView, offset: number, transport: number, totalLength: number): boolean {
    const at = offset + transport;
    if (view.getUint16(at) !== this.sourcePort || view.getUint16(at + 2) !== this.destinationPort) {
      return false;
    }
    this.totalLength = totalLength;
    this.upperAt = at;
    return true;
  }

  #parsePorts(view: DataView, at: number, end: number): void {
    this.sourcePort = noPort;
    this.destinationPort = noPort;
    if (at + 4 > end) return;
    switch (this.protocol) {
      case tcp:
      case udp:
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
