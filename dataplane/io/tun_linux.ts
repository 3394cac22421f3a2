/**
 * The TUN device: opening it, and reading and writing inner packets one by one.
 *
 * Plain packets without a prefix (IFF_NO_PI). A virtio header in front (IFF_VNET_HDR), which brings
 * several segments in one read, would be another prefix of the same slots.
 */
import { type Arena, headroomBytes, slotStride, tailroomBytes } from "../buffers.ts";
import { DataplaneError } from "../error.ts";
import { Errno } from "../ffi/errno.ts";
import { Linux, Size, writePointer } from "../ffi/layout.ts";
import { addressOf, cString, errno, libc, pointerTo, systemError } from "../ffi/libc.ts";
import { batchSize } from "./udp_linux.ts";

/** An open TUN device; it goes away when the descriptor is closed. */
export interface TunDevice {
  /** File descriptor, non-blocking. */
  readonly fd: number;
  /** Name that the kernel gave it. */
  readonly name: string;
  /** Interface index. */
  readonly index: number;
}

const tunPath = "/dev/net/tun";
const nameBytes = 16;

/** Makes the device; throws `DataplaneError`. */
export function openTun(name: string): TunDevice {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length >= nameBytes || /[\s/:]/.test(name)) {
    throw new DataplaneError(
      "bad-option",
      `Cannot name a TUN device "${name}": needs 1 to 15 octets without space, slash or colon`,
    );
  }
  const flags = Linux.O_RDWR | Linux.O_NONBLOCK | Linux.O_CLOEXEC;
  const fd = libc.open(cString(tunPath), flags);
  if (fd < 0) throw openError(errno());
  const request = new Uint8Array(Size.IFREQ);
  request.set(bytes);
  new DataView(request.buffer).setUint16(nameBytes, Linux.IFF_TUN | Linux.IFF_NO_PI, true);
  if (libc.ioctl(fd, BigInt(Linux.TUNSETIFF), request) < 0) {
    const number = errno();
    libc.close(fd);
    throw attachError(name, number);
  }
  const given = new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
  const index = libc.if_nametoindex(cString(given));
  if (index === 0) {
    libc.close(fd);
    throw systemError(`find the index of ${given}`, errno());
  }
  return { fd, name: given, index };
}

function openError(number: number): DataplaneError {
  switch (number) {
    case Errno.ENOENT:
    case Errno.ENXIO:
    case Errno.ENODEV:
      return new DataplaneError(
        "no-tun",
        `Cannot open ${tunPath}: it is missing; load the tun module, or give the device to the container`,
      );
    case Errno.EACCES:
    case Errno.EPERM:
      return new DataplaneError(
        "no-cap-net-admin",
        `Cannot open ${tunPath}: no permission; needs root`,
      );
    default:
      return systemError(`open ${tunPath}`, number);
  }
}

function attachError(name: string, number: number): DataplaneError {
  switch (number) {
    case Errno.EPERM:
      return new DataplaneError(
        "no-cap-net-admin",
        `Cannot make TUN device ${name}: needs root or CAP_NET_ADMIN`,
      );
    case Errno.EBUSY:
      return new DataplaneError(
        "tun-busy",
        `Cannot make TUN device ${name}: another program has it`,
      );
    default:
      return systemError(`make TUN device ${name}`, number);
  }
}

/** Octets of the arena that a queue takes. */
export function tunQueueBytes(mtu: number): number {
  return batchSize * slotStride(headroomBytes + mtu + tailroomBytes) + 1024;
}

/** Slots for packets from the device, and writing packets to it. */
export class TunQueue {
  readonly #fd: number;
  readonly #mtu: number;
  readonly #view: DataView;
  readonly #base: number;
  readonly #slots: number;
  readonly #stride: number;
  readonly #iovec: number;
  readonly #iovecPointer: Deno.PointerObject;
  readonly #slotPointers: readonly Deno.PointerObject[];

  /** Lays out the slots in an arena that has `tunQueueBytes(mtu)` left. */
  constructor(arena: Arena, fd: number, mtu: number) {
    this.#fd = fd;
    this.#mtu = mtu;
    this.#view = arena.view;
    this.#stride = slotStride(headroomBytes + mtu + tailroomBytes);
    this.#slots = arena.reserve(batchSize * this.#stride);
    this.#iovec = arena.reserve(Size.IOVEC);
    const { address, pointer } = addressOf(arena.bytes);
    this.#base = address;
    this.#iovecPointer = pointerTo(pointer, this.#iovec);
    const pointers: Deno.PointerObject[] = [];
    for (let i = 0; i < batchSize; i++) pointers.push(pointerTo(pointer, this.offset(i)));
    this.#slotPointers = pointers;
  }

  /** Where the packet of slot `i` starts: behind its headroom. */
  offset(i: number): number {
    return this.#slots + i * this.#stride + headroomBytes;
  }

  /** Reads one packet into slot `i` without waiting; its length, or minus the error number. */
  read(i: number): number {
    const slot = this.#slotPointers[i] as Deno.PointerObject;
    const length = libc.read(this.#fd, slot, this.#mtu);
    return length < 0 ? -errno() : length;
  }

  /** Writes one packet that lies anywhere in the arena; whether the device took it. */
  write(offset: number, length: number): boolean {
    writePointer(this.#view, this.#iovec, this.#base + offset);
    this.#view.setUint32(this.#iovec + 8, length, true);
    return libc.writev(this.#fd, this.#iovecPointer, 1) === length;
  }
}
