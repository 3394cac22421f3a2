/** Error numbers of Linux on x86-64 and aarch64, which agree, with the names that operators know. */

/** The numbers that the packet path tells apart. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  EPIPE: 32,
  ENOSYS: 38,
  EBADFD: 77,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
} as const;

/** `EADDRINUSE`, or `errno 4711` for a number without a name here. */
export function errnoName(errno: number): string {
  for (const [name, number] of Object.entries(Errno)) if (number === errno) return name;
  return `errno ${errno}`;
}

/** Whether an error says that a queue or the memory is full now, and later may not be. */
export function isWantOfRoom(errno: number): boolean {
  return errno === Errno.EAGAIN || errno === Errno.ENOBUFS || errno === Errno.ENOMEM;
}
