/** Opens the server of dynamic authorization that the flags ask for. */
import { equalAddresses, invariant, type IpAddress, parseIpAddress } from "../../../../core/mod.ts";
import type { AccessLists } from "../../access_list/lists.ts";
import type { ServeSettings } from "../../../config/serve_flags.ts";
import { readFilter } from "../filters.ts";
import { type DynamicAuthor, type DynamicAuthorOptions, openDynamicAuthor } from "./server.ts";

/** What the flags do not say. */
export interface DynamicAuthorParts
  extends Pick<DynamicAuthorOptions, "sessions" | "clock" | "log"> {
  /** Of `--dynamic-author-secret-file`, as it is now; there is one wherever there are clients. */
  readonly secret: () => Uint8Array | undefined;
  readonly nasIdentifier: string;
  /** What filters may be called by name. */
  readonly accessLists: AccessLists;
}

/** The server; none without clients. */
export async function dynamicAuthorOf(
  settings: ServeSettings,
  { secret, nasIdentifier, accessLists, ...rest }: DynamicAuthorParts,
): Promise<DynamicAuthor | undefined> {
  const clients = settings["dynamic-author"];
  if (clients.length === 0) return undefined;
  const listen = settings["dynamic-author-listen"];
  const families = clients.map(({ address }) => address.family);
  return await openDynamicAuthor({
    ...rest,
    clients,
    secret: () => {
      const now = secret();
      invariant(now !== undefined, "clients of dynamic authorization have a secret");
      return now;
    },
    listen: listen.length > 0 ? listen : [families.includes(6) ? anyAddress6 : anyAddress4],
    ports: settings["dynamic-author-port"],
    strict: settings["dynamic-author-strict"],
    rules: {
      nasIdentifier,
      isOwnAddress,
      readFilter: (packet) => readFilter(packet, accessLists),
    },
  });
}

const anyAddress4: IpAddress = { family: 4, octets: new Uint8Array(4) };
const anyAddress6: IpAddress = { family: 6, octets: new Uint8Array(16) };

/** Whether this host has an address now. */
function isOwnAddress(address: IpAddress): boolean {
  return Deno.networkInterfaces().some((one) => {
    const own = parseIpAddress(one.address);
    return own !== undefined && equalAddresses(own, address);
  });
}
