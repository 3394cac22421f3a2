/** Lines of access lists by chance, every form among them. */
import { formatIpAddress } from "../../../../core/mod.ts";
import type { SeededRandom } from "../../../support/seeded_random.ts";

/** One line for a list of the family. */
export function randomLine(random: SeededRandom, family: 4 | 6): string {
  const any = family === 4 ? "ip" : "ipv6";
  const protocol = random.pick([any, "tcp", "udp", "sctp", "icmp", "gre", "6", "58", "200"]);
  const hasPorts = ["tcp", "udp", "sctp", "6"].includes(protocol);
  return [
    random.pick(["permit", "deny"]),
    protocol,
    randomAddress(random, family),
    ...(hasPorts && random.chance(0.3) ? [randomPorts(random)] : []),
    randomAddress(random, family),
    ...(hasPorts && random.chance() ? [randomPorts(random)] : []),
    ...(protocol === "tcp" && random.chance(0.2) ? ["established"] : []),
    ...(protocol === "icmp" && random.chance() ? [randomType(random)] : []),
    ...(random.chance(0.1) ? ["log"] : []),
  ].join(" ");
}

function randomAddress(random: SeededRandom, family: 4 | 6): string {
  if (random.chance(0.3)) return "any";
  const text = formatIpAddress({ family, octets: random.bytes(family === 4 ? 4 : 16) });
  const form = random.below(family === 4 ? 3 : 2);
  if (form === 0) return `host ${text}`;
  if (form === 1) return `${text}/${random.between(0, family === 4 ? 32 : 128)}`;
  const wildcard = 2 ** random.between(0, 32) - 1;
  return `${text} ${[24, 16, 8, 0].map((shift) => (wildcard >>> shift) & 0xff).join(".")}`;
}

function randomPorts(random: SeededRandom): string {
  const port = (): number => random.pick([0, 1, 80, 514, 65_534, 65_535, random.below(65_536)]);
  switch (random.below(4)) {
    case 0:
      return `gt ${Math.min(port(), 65_534)}`;
    case 1:
      return `lt ${Math.max(port(), 1)}`;
    case 2: {
      const [a, b] = [port(), port()];
      return `range ${Math.min(a, b)} ${Math.max(a, b)}`;
    }
    default:
      return `${random.pick(["eq", "neq"])} ${random.list(random.between(1, 10), port).join(" ")}`;
  }
}

function randomType(random: SeededRandom): string {
  const type = random.pick([0, 1, 3, 8, 128, 135, random.below(256)]);
  return random.chance() ? String(type) : `${type} ${random.pick([0, 1, 4, random.below(256)])}`;
}
