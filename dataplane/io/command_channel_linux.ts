/** A pair of connected sockets that keep records apart: the way for commands into the packet loop. */
import type { Bytes } from "../../core/bytes.ts";
import { DataplaneError } from "../error.ts";
import { Errno } from "../ffi/errno.ts";
import { Linux } from "../ffi/layout.ts";
import { errno, libc, systemError } from "../ffi/libc.ts";
import { growBuffers } from "./udp_socket_linux.ts";

/** How long a command may wait for the packet loop to take others, seconds. */
const patienceSeconds = 5;

/** Both ends. */
export interface CommandChannel {
  /** The end of the control plane. */
  readonly controlFd: number;
  /** The end of the packet loop. */
  readonly loopFd: number;
}

/** Makes the pair; throws `DataplaneError`. */
export function openCommandChannel(): CommandChannel {
  const fds = new Int32Array(2);
  const type = Linux.SOCK_SEQPACKET | Linux.SOCK_CLOEXEC;
  if (libc.socketpair(Linux.AF_UNIX, type, 0, fds) < 0) {
    throw systemError("make a pair of sockets", errno());
  }
  const [controlFd = -1, loopFd = -1] = fds;
  growBuffers(controlFd);
  const timeout = BigInt64Array.of(BigInt(patienceSeconds), 0n); // struct timeval
  libc.setsockopt(controlFd, Linux.SOL_SOCKET, Linux.SO_SNDTIMEO, timeout, timeout.byteLength);
  return { controlFd, loopFd };
}

/** Sends one record, waiting for room. Throws `DataplaneError` when the loop takes nothing any more. */
export function sendRecord(fd: number, record: Uint8Array<ArrayBuffer>): void {
  for (;;) {
    if (libc.send(fd, record, record.length, Linux.MSG_NOSIGNAL) === record.length) return;
    const number = errno();
    if (number === Errno.EINTR) continue;
    if (number === Errno.EAGAIN) {
      throw new DataplaneError(
        "worker-failed",
        `Cannot reach the packet loop: it took no command for ${patienceSeconds} s`,
      );
    }
    throw systemError("send a command to the packet loop", number);
  }
}

/**
 * Takes the next record into `buffer` without waiting: a view of it, `undefined` when there is none,
 * and an empty one when the other end is closed.
 */
export function receiveRecord(fd: number, buffer: Uint8Array<ArrayBuffer>): Bytes | undefined {
  for (;;) {
    const length = libc.recv(fd, buffer, buffer.length, Linux.MSG_DONTWAIT);
    if (length >= 0) return buffer.subarray(0, length);
    const number = errno();
    if (number === Errno.EAGAIN) return undefined;
    if (number !== Errno.EINTR) throw systemError("receive a command", number);
  }
}
