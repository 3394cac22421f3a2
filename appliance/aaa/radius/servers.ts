/** From what the flags name to servers with a way to each and the secret that goes with it. */
import {
  type Bytes,
  type Endpoint,
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
} from "../../../core/mod.ts";
import type { Clock } from "../../clock.ts";
import type { RadiusServerSettings } from "./client.ts";
import { radsecSecret, tlsChannel, type TlsCredentials, type TlsServer } from "./tls_channel.ts";
import { udpChannel } from "./udp_channel.ts";

/** What the flags name. */
export interface NamedServers {
  /** Who is asked about users, over UDP. */
  readonly radius: readonly Endpoint[];
  /** Who is told of sessions, where it is somebody else. */
  readonly "radius-acct": readonly Endpoint[];
}

/** What servers over UDP have in common. */
export interface UdpOptions {
  /** Address to ask from; else the host chooses. */
  readonly source: IpAddress | undefined;
  /** Believes answers to Access-Requests without Message-Authenticator. */
  readonly allowUnsigned: boolean;
}

/** Servers by purpose. */
export interface ServersByPurpose {
  readonly access: readonly RadiusServerSettings[];
  readonly accounting: readonly RadiusServerSettings[];
}

/** Where they are, as far as that is known now. */
export function addressesOf({ access, accounting }: ServersByPurpose): readonly IpAddress[] {
  return [...access, ...accounting].map(({ address }) => address())
    .filter((address) => address !== undefined);
}

/** A server over UDP. */
export function udpServer(
  server: Endpoint,
  secret: () => Bytes,
  { source, allowUnsigned }: UdpOptions,
): RadiusServerSettings {
  return {
    host: formatIpAddress(server.address),
    port: server.port,
    secret,
    allowUnsigned,
    address: () => server.address,
    openChannel: (events) => udpChannel({ server, source, events }),
  };
}

/** A server over TLS, for both purposes. Nobody on the way can change an answer, signed or not. */
export function tlsServer(
  server: TlsServer,
  credentials: () => TlsCredentials,
  clock: Clock,
): RadiusServerSettings {
  let address = parseIpAddress(server.host);
  return {
    ...server,
    secret: () => radsecSecret,
    allowUnsigned: true,
    address: () => address,
    openChannel: (events) =>
      tlsChannel({ server, credentials, clock, events, reached: (at) => address = at }),
  };
}

/** How many secrets would do besides one. */
export function secretsWanted({ radius, "radius-acct": accounting }: NamedServers): number {
  return radius.length + accounting.length;
}

/**
 * The servers over UDP with their secrets, which are one for all or as many as `secretsWanted` says.
 * Without servers for accounting it goes to those for access, to the port behind theirs (RFC 2866 §3).
 */
export function udpServers(
  named: NamedServers,
  secrets: () => readonly Bytes[],
  options: UdpOptions,
): ServersByPurpose {
  const secretAt = (place: number) => (): Bytes => {
    const now = secrets();
    const secret = now.length === 1 ? now[0] : now[place];
    if (secret === undefined) throw new RangeError("a RADIUS server without a secret");
    return secret;
  };
  const { radius, "radius-acct": others } = named;
  const accounting = others.length === 0
    ? radius.map(({ address, port }, i) => [{ address, port: port + 1 }, i] as const)
    : others.map((server, i) => [server, radius.length + i] as const);
  return {
    access: radius.map((server, i) => udpServer(server, secretAt(i), options)),
    accounting: accounting.map(([server, i]) => udpServer(server, secretAt(i), options)),
  };
}
