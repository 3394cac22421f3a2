/**
 * From an Access-Accept to what a session gets. One table, read-only:
 *
 * | attribute | what it does |
 * | --- | --- |
 * | Framed-IP-Address | the inner IPv4 address; 255.255.255.254 and .255 mean one of the pool |
 * | Framed-IPv6-Address (RFC 6911) | the inner IPv6 address |
 * | Session-Timeout | seconds from this login until the session ends; 0 is no limit |
 * | Cisco-AVPair `ipsec:session-lifetime=N` | the same, and wins over Session-Timeout |
 * | Class | comes back in accounting, untouched |
 *
 * Everything else that a server may send is passed over.
 */
import { copyBytes, type IpAddress, textOf, type UserAttributes } from "../../../core/mod.ts";
import type { AttributeName } from "./attributes.ts";
import { type RadiusPacket, readNumber32, valuesOf } from "./packet.ts";

/** The attributes, or the one that makes no sense: who cannot be obeyed is not let in by halves. */
export type Authorization =
  | { readonly kind: "attributes"; readonly attributes: UserAttributes }
  | { readonly kind: "unusable"; readonly attribute: AttributeName };

/** Longest session: as with `--session-lifetime`. */
const longestSeconds = 25_920_000;

/** Reads an Access-Accept. `isServed` says whether an address is one that the gateway routes. */
export function authorize(
  packet: RadiusPacket,
  isServed: (address: IpAddress) => boolean,
): Authorization {
  const addresses: IpAddress[] = [];
  for (const [name, family, length] of addressAttributes) {
    const [octets] = valuesOf(packet, name);
    if (octets === undefined || (family === 4 && meansPool(octets))) continue;
    const address = { family, octets: copyBytes(octets) };
    if (octets.length !== length || !isServed(address)) {
      return { kind: "unusable", attribute: name };
    }
    addresses.push(address);
  }
  const lifetime = lifetimeOf(packet);
  if (typeof lifetime === "string") return { kind: "unusable", attribute: lifetime };
  const classes = valuesOf(packet, "Class").map(copyBytes);
  return {
    kind: "attributes",
    attributes: {
      ...(addresses.length === 0 ? {} : { addresses }),
      ...(lifetime === 0 ? {} : { sessionLifetimeSeconds: lifetime }),
      ...(classes.length === 0 ? {} : { class: classes }),
    },
  };
}

const addressAttributes = [
  ["Framed-IP-Address", 4, 4],
  ["Framed-IPv6-Address", 6, 16],
] as const;

/** RFC 2865 §5.8: the user chooses, or the gateway does. */
function meansPool(octets: Uint8Array): boolean {
  const value = readNumber32(octets);
  return value === 0xffff_ffff || value === 0xffff_fffe;
}

/** Seconds, 0 for no limit, or the attribute that is wrong. */
function lifetimeOf(packet: RadiusPacket): number | AttributeName {
  for (const octets of valuesOf(packet, "Cisco-AVPair")) {
    const [, text] = /^ipsec:session-lifetime[=*](.*)$/s.exec(textOf(octets)) ?? [];
    if (text === undefined) continue;
    const seconds = /^\d{1,8}$/.test(text) ? Number(text) : Number.NaN;
    return seconds >= 1 && seconds <= longestSeconds ? seconds : "Cisco-AVPair";
  }
  const [octets] = valuesOf(packet, "Session-Timeout");
  if (octets === undefined) return 0;
  const seconds = readNumber32(octets);
  return seconds === undefined ? "Session-Timeout" : Math.min(seconds, longestSeconds);
}
