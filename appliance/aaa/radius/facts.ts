/** From servers and what was counted of them to what `show aaa servers` tells. */
import type { AaaFigures, AaaServerFacts } from "../../show/facts.ts";
import type { Purpose } from "./health.ts";
import type { ServerPicture } from "./server.ts";

/** Servers with the same purpose, and a picture of each. */
export interface PicturedServers {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  readonly pictures: readonly ServerPicture[];
}

/** What there is to tell about. */
export interface AaaPicture {
  readonly access: PicturedServers;
  /** `undefined` where nobody is told of sessions. */
  readonly accounting: PicturedServers | undefined;
  /** Over TLS one port is for both. */
  readonly transport: "udp" | "tls";
  /** Whether accounting goes to the servers for access, each at another port. */
  readonly isShared: boolean;
  /** Milliseconds since the counters were zero. */
  readonly clearedMs: number;
}

/** All servers; one that has both purposes is one. */
export function aaaServerFacts(
  { access, accounting, transport, isShared, clearedMs }: AaaPicture,
): readonly AaaServerFacts[] {
  const countedSeconds = seconds(clearedMs);
  const told = accounting === undefined ? [] : rowsOf(accounting, "accounting");
  const asked = rowsOf(access, "access").map(({ host, port, figures }, i) => {
    const other = isShared ? told[i] : undefined;
    return {
      priority: i + 1,
      host,
      ...(transport === "tls" ? { radsecPort: port } : {
        authPort: port,
        ...(other === undefined ? {} : { acctPort: other.port }),
      }),
      access: figures,
      ...(other === undefined ? {} : { accounting: other.figures }),
      countedSeconds,
    };
  });
  const others = isShared ? [] : told.map(({ host, port, figures }, i) => ({
    priority: i + 1,
    host,
    acctPort: port,
    accounting: figures,
    countedSeconds,
  }));
  return [...asked, ...others].map((server, i) => ({ id: i + 1, ...server }));
}

interface Row {
  readonly host: string;
  readonly port: number;
  readonly figures: AaaFigures;
}

function rowsOf({ servers, pictures }: PicturedServers, purpose: Purpose): readonly Row[] {
  return servers.flatMap(({ host, port }, i) => {
    const picture = pictures[i];
    return picture === undefined ? [] : [{ host, port, figures: figuresOf(picture, purpose) }];
  });
}

function figuresOf(picture: ServerPicture, purpose: Purpose): AaaFigures {
  const { isAlive, durationMs, previousMs, deadMs, deaths, tallies, outstanding } = picture;
  const { averageMs, counters } = tallies[purpose];
  return {
    state: isAlive ? "UP" : "DEAD",
    durationSeconds: seconds(durationMs),
    previousSeconds: seconds(previousMs),
    deadSeconds: seconds(deadMs),
    deadCount: deaths,
    outstanding: outstanding[purpose],
    averageMs,
    counters: Object.fromEntries(counters),
  };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
