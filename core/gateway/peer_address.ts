/** Which addresses a peer may say that it is reached at (RFC 4555 §3.5). */
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Path } from "../exchange/path.ts";
import type { IpAddress } from "../wire/address.ts";
import { rangeContains } from "../wire/address.ts";
import type { Policy } from "./policy.ts";

/**
 * Whether packets may go this way: over a port that carries ESP, as that of the SA does, and not to an
 * inner address, from where they would come back into the tunnel, nor to one of nobody or of many.
 */
export function acceptsPath({ pools }: Policy, sa: IkeSa, { local, remote }: Path): boolean {
  return local.port === sa.local.port && remote.port !== 0 && isHost(remote.address) &&
    !pools.some((pool) => rangeContains(pool, remote.address));
}

/** Neither unspecified nor broadcast nor multicast (RFC 6890, RFC 4291 §2.7). */
function isHost({ family, octets }: IpAddress): boolean {
  const [first = 0] = octets;
  if (octets.every((octet) => octet === 0)) return false;
  return family === 6 ? first !== 0xff : first < 224;
}
