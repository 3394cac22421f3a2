/**
 * Reading inner packets from the TUN device and writing them to it, one by one or as super-packets.
 *
 * With IFF_VNET_HDR a virtio header (the `struct virtio_net_hdr` of the Linux headers) stands before each
 * packet. A packet within the MTU is read into a slot, where it can be sealed in place. A super-packet
 * fills a slot and goes on behind it in the overflow area; then its start is copied before the rest.
 */
import { type Arena, headroomBytes, slotStride, tailroomBytes } from "../buffers.ts";
import { Errno } from "../ffi/errno.ts";
import { Size, VirtioNet, writePointer } from "../ffi/layout.ts";
import { addressOf, errno, libc, pointerTo } from "../ffi/libc.ts";
import { type Aggregate, aggregateLimits } from "../ip/coalescer.ts";
import { Upper } from "../ip/header.ts";
import { completeChecksum, type Segmenter } from "../ip/segmentation.ts";

/** Packets that can wait in slots: two super-packets of 64 KB and more. */
export const tunSlots = 128;

/** Octets of the longest super-packet, rounded up. */
const superPacketBytes = 66_560;

/** Vectors of the longest write: virtio header, first packet, further payloads. */
const vectors = aggregateLimits.parts + 1;

/** Octets of the arena that a queue takes. */
export function tunQueueBytes(mtu: number): number {
  const slot = slotStride(headroomBytes + mtu + tailroomBytes);
  return tunSlots * slot + mtu + superPacketBytes + (vectors + 3) * Size.IOVEC + 1024;
}

/** Slots for packets from the device, and writing packets to it. */
export class TunQueue {
  readonly #fd: number;
  readonly #mtu: number;
  readonly #arena: Arena;
  readonly #hasHeader: boolean;
  readonly #base: number;
  readonly #slots: number;
  readonly #stride: number;
  /** Where a super-packet is put together: `mtu` octets from a slot, the rest read behind them. */
  readonly #super: number;
  readonly #readHeader: number;
  readonly #writeHeader: number;
  readonly #readVectors: number;
  readonly #writeVectors: number;
  readonly #readPointer: Deno.PointerObject;
  readonly #writePointer: Deno.PointerObject;
  /** Behind the virtio header, which a packet without one leaves out. */
  readonly #plainPointer: Deno.PointerObject;

  /** Lays out the slots in an arena that has `tunQueueBytes(mtu)` left. */
  constructor(arena: Arena, fd: number, mtu: number, hasHeader: boolean) {
    this.#arena = arena;
    this.#fd = fd;
    this.#mtu = mtu;
    this.#hasHeader = hasHeader;
    this.#stride = slotStride(headroomBytes + mtu + tailroomBytes);
    this.#slots = arena.reserve(tunSlots * this.#stride);
    this.#super = arena.reserve(mtu + superPacketBytes);
    this.#readHeader = arena.reserve(Size.VIRTIO_NET_HDR);
    this.#writeHeader = arena.reserve(Size.VIRTIO_NET_HDR);
    this.#readVectors = arena.reserve(3 * Size.IOVEC);
    this.#writeVectors = arena.reserve(vectors * Size.IOVEC);
    const { address, pointer } = addressOf(arena.bytes);
    this.#base = address;
    this.#readPointer = pointerTo(pointer, this.#readVectors);
    this.#writePointer = pointerTo(pointer, this.#writeVectors);
    this.#plainPointer = pointerTo(pointer, this.#writeVectors + Size.IOVEC);
    this.#setVector(this.#readVectors, this.#readHeader, hasHeader ? Size.VIRTIO_NET_HDR : 0);
    const rest = hasHeader ? superPacketBytes : 0;
    this.#setVector(this.#readVectors + 2 * Size.IOVEC, this.#super + mtu, rest);
    this.#setVector(this.#writeVectors, this.#writeHeader, Size.VIRTIO_NET_HDR);
  }

  /** Where the packet of slot `i` starts: behind its headroom. */
  offset(i: number): number {
    return this.#slots + i * this.#stride + headroomBytes;
  }

  /**
   * Reads without waiting; the length, or minus the error number. A packet then stands in slot `i`; a
   * super-packet, see `isSuper`, is to be taken by `startSegments`.
   */
  read(i: number): number {
    this.#setVector(this.#readVectors + Size.IOVEC, this.offset(i), this.#mtu);
    const length = libc.readv(this.#fd, this.#readPointer, 3);
    if (length < 0) return -errno();
    return this.#hasHeader ? length - Size.VIRTIO_NET_HDR : length;
  }

  /** Whether what was read last stands for several packets. */
  get isSuper(): boolean {
    return this.#hasHeader &&
      this.#arena.view.getUint8(this.#readHeader + VirtioNet.GSO_TYPE) !== VirtioNet.GSO_NONE;
  }

  /** Makes the packet just read into slot `i` complete; `false` when that cannot be. */
  finish(i: number, length: number): boolean {
    if (!this.#hasHeader) return true;
    const { view } = this.#arena;
    const header = this.#readHeader;
    if (length < 0 || length > this.#mtu) return false;
    const needsChecksum = view.getUint8(header + VirtioNet.FLAGS) & VirtioNet.NEEDS_CHECKSUM;
    if (needsChecksum === 0) return true;
    const start = view.getUint16(header + VirtioNet.CHECKSUM_START, true);
    const field = view.getUint16(header + VirtioNet.CHECKSUM_OFFSET, true);
    return completeChecksum(this.#arena, this.offset(i), length, start, field);
  }

  /** Gives the super-packet just read by way of slot `i` to be cut; `false` when it is not sound. */
  startSegments(segmenter: Segmenter, i: number, length: number): boolean {
    const { view, bytes } = this.#arena;
    const header = this.#readHeader;
    const slot = this.offset(i);
    const at = this.#super;
    bytes.copyWithin(at, slot, slot + Math.min(length, this.#mtu));
    const type = view.getUint8(header + VirtioNet.GSO_TYPE) & ~VirtioNet.GSO_ECN;
    const protocol = type === VirtioNet.GSO_UDP_L4
      ? Upper.UDP
      : type === VirtioNet.GSO_TCPV4 || type === VirtioNet.GSO_TCPV6
      ? Upper.TCP
      : -1;
    const start = view.getUint16(header + VirtioNet.CHECKSUM_START, true);
    const size = view.getUint16(header + VirtioNet.GSO_SIZE, true);
    return protocol >= 0 && segmenter.start(at, length, protocol, start, size, this.#mtu);
  }

  /** Writes one packet that lies anywhere in the arena; 0, or the error number. */
  write(offset: number, length: number): number {
    this.#setVector(this.#writeVectors + Size.IOVEC, offset, length);
    if (!this.#hasHeader) {
      return outcomeOf(libc.writev(this.#fd, this.#plainPointer, 1), length);
    }
    this.#arena.bytes.fill(0, this.#writeHeader, this.#writeHeader + Size.VIRTIO_NET_HDR);
    const written = libc.writev(this.#fd, this.#writePointer, 2);
    return outcomeOf(written, length + Size.VIRTIO_NET_HDR);
  }

  /** Writes a super-packet; 0, or the error number. Needs the virtio header. */
  writeAggregate(aggregate: Aggregate): number {
    const { view } = this.#arena;
    const { protocol, version, parts, offsets, lengths } = aggregate;
    const header = this.#writeHeader;
    const isUdp = protocol === Upper.UDP;
    const tcpType = version === 4 ? VirtioNet.GSO_TCPV4 : VirtioNet.GSO_TCPV6;
    view.setUint8(header + VirtioNet.FLAGS, VirtioNet.NEEDS_CHECKSUM);
    view.setUint8(header + VirtioNet.GSO_TYPE, isUdp ? VirtioNet.GSO_UDP_L4 : tcpType);
    view.setUint16(header + VirtioNet.HEADER_LENGTH, aggregate.headers, true);
    view.setUint16(header + VirtioNet.GSO_SIZE, aggregate.size, true);
    view.setUint16(header + VirtioNet.CHECKSUM_START, aggregate.transport, true);
    view.setUint16(header + VirtioNet.CHECKSUM_OFFSET, isUdp ? 6 : 16, true);
    let vector = this.#writeVectors + Size.IOVEC;
    this.#setVector(vector, aggregate.at, aggregate.length);
    for (let i = 1; i < parts; i++) {
      vector += Size.IOVEC;
      this.#setVector(vector, offsets[i] as number, lengths[i] as number);
    }
    const written = libc.writev(this.#fd, this.#writePointer, parts + 1);
    return outcomeOf(written, aggregate.total + Size.VIRTIO_NET_HDR);
  }

  #setVector(vector: number, offset: number, length: number): void {
    writePointer(this.#arena.view, vector, this.#base + offset);
    this.#arena.view.setUint32(vector + 8, length, true);
  }
}

/** 0 if all was written, else an error number. */
function outcomeOf(written: number, wanted: number): number {
  if (written < 0) return errno();
  return written === wanted ? 0 : Errno.EIO;
}
