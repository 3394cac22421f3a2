/**
 * What the kernel knows of the path to a peer: the MTU of the link, or less where routers have said so.
 *
 * A socket that is connected to the peer and never used is asked (`IP_MTU`); the ESP sockets themselves are
 * connected to nobody. That a path is looked up by its destination alone is enough for all but hosts whose
 * routes depend on the source.
 */
import type { OuterPath } from "../esp/outer_path.ts";
import { Linux } from "../ffi/layout.ts";
import { libc } from "../ffi/libc.ts";

/** Asks. */
export class PathProbe {
  /** A socket for each family; -1 where there is none. */
  readonly #fd4 = open(Linux.AF_INET);
  readonly #fd6 = open(Linux.AF_INET6);
  readonly #value = new Int32Array(1);
  readonly #length = new Uint32Array(1);

  /** Largest IP packet that `path` is known to take; `undefined` when the kernel does not say. */
  mtuOf({ name, isIpv6 }: OuterPath): number | undefined {
    const fd = isIpv6 ? this.#fd6 : this.#fd4;
    const bytes = new Uint8Array(name.buffer as ArrayBuffer, name.byteOffset, name.byteLength);
    if (libc.connect(fd, bytes, bytes.length) < 0) return undefined;
    this.#length[0] = this.#value.byteLength;
    const [level, option] = isIpv6
      ? [Linux.IPPROTO_IPV6, Linux.IPV6_MTU]
      : [Linux.IPPROTO_IP, Linux.IP_MTU];
    if (libc.getsockopt(fd, level, option, this.#value, this.#length) < 0) return undefined;
    return this.#value[0];
  }

  /** Closes the sockets. */
  close(): void {
    for (const fd of [this.#fd4, this.#fd6]) if (fd >= 0) libc.close(fd);
  }
}

function open(domain: number): number {
  return libc.socket(domain, Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC, 0);
}
