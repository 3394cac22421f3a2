/** Which server shares which secret: one for all of them, or one each in the order of their flags. */
import type { Bytes, Endpoint } from "../../../core/mod.ts";
import type { RadiusServerSettings } from "./client.ts";

/** What the flags name. */
export interface NamedServers {
  /** Who is asked about users. */
  readonly radius: readonly Endpoint[];
  /** Who is told of sessions, where it is somebody else. */
  readonly "radius-acct": readonly Endpoint[];
}

/** Servers by purpose. */
export interface ServersWithSecrets {
  readonly access: readonly RadiusServerSettings[];
  readonly accounting: readonly RadiusServerSettings[];
}

/** How many secrets would do besides one. */
export function secretsWanted({ radius, "radius-acct": accounting }: NamedServers): number {
  return radius.length + accounting.length;
}

/**
 * The servers with their secrets, which are one or as many as `secretsWanted` says. Without servers for
 * accounting it goes to those for access, to the port behind theirs (RFC 2866 §3).
 */
export function withSecrets(named: NamedServers, secrets: readonly Bytes[]): ServersWithSecrets {
  const share = (server: Endpoint, place: number): RadiusServerSettings => {
    const secret = secrets.length === 1 ? secrets[0] : secrets[place];
    if (secret === undefined) throw new RangeError("a RADIUS server without a secret");
    return { ...server, secret };
  };
  const access = named.radius.map(share);
  const others = named["radius-acct"];
  return {
    access,
    accounting: others.length === 0
      ? access.map((server) => ({ ...server, port: server.port + 1 }))
      : others.map((server, i) => share(server, access.length + i)),
  };
}
