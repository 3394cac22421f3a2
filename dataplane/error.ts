/** What can stop the packet path from starting, each with a line that an operator can act on. */

/** Why the packet path cannot work. */
export type DataplaneErrorKind =
  /** No C library that this program can load. */
  | "no-libc"
  /** The wanted crypto provider cannot be loaded. */
  | "no-crypto"
  /** `/dev/net/tun` is missing. */
  | "no-tun"
  /** The process lacks CAP_NET_ADMIN. */
  | "no-cap-net-admin"
  /** The TUN device exists and belongs to another process. */
  | "tun-busy"
  /** Somebody else has the UDP port. */
  | "port-taken"
  /** A listening address is not one of this host. */
  | "no-address"
  /** A low port without CAP_NET_BIND_SERVICE. */
  | "no-permission"
  /** An option has a value that is not supported. */
  | "bad-option"
  /** The worker died or does not answer. */
  | "worker-failed"
  /** Another system call failed; the message names it. */
  | "system";

/** A failure of the packet path. The message is one line: what was tried, on what, and why it failed. */
export class DataplaneError extends Error {
  /** The name of the class, also in a compiled program. */
  override name = "DataplaneError";
  /** The kind, for exit codes and hints. */
  readonly kind: DataplaneErrorKind;

  /** Makes an error of `kind`. */
  constructor(kind: DataplaneErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
