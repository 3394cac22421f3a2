/** A netlink socket: one request, one answer, on the thread that asks. The kernel answers at once. */
import type { Bytes } from "../../core/bytes.ts";
import { DataplaneError } from "../error.ts";
import { Errno } from "../ffi/errno.ts";
import { Linux } from "../ffi/layout.ts";
import { errno, libc, systemError } from "../ffi/libc.ts";
import {
  buildMessage,
  NetlinkFlag,
  type NetlinkMessage,
  NetlinkType,
  parseError,
  parseMessages,
} from "./netlink_message.ts";

const netlinkRoute = 0;
const answerBytes = 65_536;

/** The socket. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(answerBytes);
  #sequence = 0;

  /** Opens it; throws `DataplaneError`. */
  constructor() {
    this.#fd = libc.socket(Linux.AF_NETLINK, Linux.SOCK_RAW | Linux.SOCK_CLOEXEC, netlinkRoute);
    if (this.#fd < 0) throw systemError("open a netlink socket", errno());
  }

  /** Sends a request that is only acknowledged. Returns the error number, 0 for success. */
  tell(type: number, flags: number, body: Bytes): number {
    return this.#exchange(type, flags | NetlinkFlag.ACK, body).error;
  }

  /** As `tell`, but throws unless the answer is success or one of `tolerated`. */
  order(
    attempt: string,
    type: number,
    flags: number,
    body: Bytes,
    ...tolerated: readonly number[]
  ): void {
    const error = this.tell(type, flags, body);
    if (error === 0 || tolerated.includes(error)) return;
    if (error === Errno.EPERM) {
      throw new DataplaneError(
        "no-cap-net-admin",
        `Cannot ${attempt}: needs root or CAP_NET_ADMIN`,
      );
    }
    throw systemError(attempt, error);
  }

  /** Asks a question; the answers' messages, none when the kernel has an error to tell. */
  ask(type: number, flags: number, body: Bytes): NetlinkMessage[] {
    return this.#exchange(type, flags, body).messages;
  }

  /** Closes it. */
  close(): void {
    libc.close(this.#fd);
  }

  #exchange(
    type: number,
    flags: number,
    body: Bytes,
  ): { readonly error: number; readonly messages: NetlinkMessage[] } {
    const sequence = ++this.#sequence;
    const request = buildMessage(type, flags | NetlinkFlag.REQUEST, sequence, body).slice();
    if (libc.send(this.#fd, request, request.length, 0) < 0) {
      return { error: errno(), messages: [] };
    }
    const isDump = (flags & NetlinkFlag.DUMP) === NetlinkFlag.DUMP && type === NetlinkType.GETROUTE;
    const messages: NetlinkMessage[] = [];
    for (;;) {
      const length = libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      if (length < 0) {
        const number = errno();
        if (number === Errno.EINTR) continue;
        return { error: number, messages };
      }
      for (const message of parseMessages(this.#buffer.slice(0, length))) {
        if (message.sequence !== sequence) continue;
        if (message.type === NetlinkType.ERROR) {
          return { error: parseError(message.body), messages };
        }
        if (message.type === NetlinkType.DONE) return { error: 0, messages };
        messages.push(message);
        if (!isDump && (flags & NetlinkFlag.ACK) === 0) return { error: 0, messages };
      }
    }
  }
}
