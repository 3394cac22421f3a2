/**
 * Opening the TUN device, with as much offload as the kernel has and the caller wants.
 *
 * Packets have no protocol prefix (IFF_NO_PI), and a virtio header (IFF_VNET_HDR) where segmentation is
 * left to us.
 */
import { DataplaneError } from "../error.ts";
import { Errno } from "../ffi/errno.ts";
import { Linux, Size } from "../ffi/layout.ts";
import { cString, errno, libc, systemError } from "../ffi/libc.ts";
import type { DataplaneFeature } from "../features.ts";

/** An open TUN device; it goes away when the descriptor is closed. */
export interface TunDevice {
  /** File descriptor, non-blocking. */
  readonly fd: number;
  /** Name that the kernel gave it. */
  readonly name: string;
  /** Interface index. */
  readonly index: number;
  /** Which of the TUN features it has; without any, packets have no virtio header. */
  readonly features: readonly DataplaneFeature[];
}

interface Attached {
  readonly fd: number;
  /** The `ifreq` in which the kernel wrote the name. */
  readonly request: Uint8Array;
}

const tunPath = "/dev/net/tun";
const nameBytes = 16;

/** Makes the device, with the features that are wanted and there; throws `DataplaneError`. */
export function openTun(name: string, wanted: ReadonlySet<DataplaneFeature>): TunDevice {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length === 0 || bytes.length >= nameBytes || /[\s/:]/.test(name)) {
    throw new DataplaneError(
      "bad-option",
      `Cannot name a TUN device "${name}": needs 1 to 15 octets without space, slash or colon`,
    );
  }
  const withHeader = wanted.has("tun-tso") ? attach(name, bytes, Linux.IFF_VNET_HDR) : undefined;
  const offload = withHeader === undefined ? [] : setOffload(withHeader.fd, wanted);
  // A kernel that leaves no segmentation to us would only add its header to each packet.
  if (withHeader !== undefined && offload.length === 0) libc.close(withHeader.fd);
  const attached = withHeader !== undefined && offload.length > 0
    ? withHeader
    : attach(name, bytes, 0);
  const { fd, request } = attached;
  const given = new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
  const index = libc.if_nametoindex(cString(given));
  if (index === 0) {
    libc.close(fd);
    throw systemError(`find the index of ${given}`, errno());
  }
  return { fd, name: given, index, features: offload };
}

/** Makes a device with these flags; `undefined` where the kernel does not know a further one. */
function attach(name: string, bytes: Uint8Array, more: 0): Attached;
function attach(name: string, bytes: Uint8Array, more: number): Attached | undefined;
function attach(name: string, bytes: Uint8Array, more: number): Attached | undefined {
  const fd = libc.open(cString(tunPath), Linux.O_RDWR | Linux.O_NONBLOCK | Linux.O_CLOEXEC);
  if (fd < 0) throw openError(errno());
  const request = new Uint8Array(Size.IFREQ);
  request.set(bytes);
  const flags = Linux.IFF_TUN | Linux.IFF_NO_PI | more;
  new DataView(request.buffer).setUint16(nameBytes, flags, true);
  if (libc.ioctl(fd, BigInt(Linux.TUNSETIFF), request) === 0) return { fd, request };
  const number = errno();
  libc.close(fd);
  if (more !== 0 && number === Errno.EINVAL) return undefined;
  throw attachError(name, number);
}

/** Which segmentation the kernel agrees to leave to us. */
function setOffload(fd: number, wanted: ReadonlySet<DataplaneFeature>): DataplaneFeature[] {
  const set = (flags: number): boolean =>
    libc.ioctlNumber(fd, BigInt(Linux.TUNSETOFFLOAD), BigInt(flags)) === 0;
  const tso = Linux.TUN_F_CSUM | Linux.TUN_F_TSO4 | Linux.TUN_F_TSO6;
  const uso = Linux.TUN_F_USO4 | Linux.TUN_F_USO6;
  if (wanted.has("tun-uso") && set(tso | uso)) return ["tun-tso", "tun-uso"];
  return set(tso) ? ["tun-tso"] : [];
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
