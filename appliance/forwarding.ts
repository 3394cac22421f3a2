/**
 * Whether this host forwards packets. A gateway that does not is reached by its clients, and nothing
 * behind it is: the first thing that goes wrong on a fresh machine, and silent everywhere else.
 */

/** What the kernel is asked, by address family. */
const settings = {
  4: { name: "net.ipv4.ip_forward", path: "/proc/sys/net/ipv4/ip_forward" },
  6: { name: "net.ipv6.conf.all.forwarding", path: "/proc/sys/net/ipv6/conf/all/forwarding" },
} as const;

/** The settings that are off, among those for some families; one that cannot be read is no news. */
export function forwardingOff(
  families: Iterable<4 | 6>,
  readFile: (path: string) => string = Deno.readTextFileSync,
): readonly string[] {
  return [...new Set(families)].map((family) => settings[family]).filter(({ path }) => {
    try {
      return readFile(path).trim() === "0";
    } catch {
      return false;
    }
  }).map(({ name }) => name);
}
