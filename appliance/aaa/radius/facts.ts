/** From servers and what was counted of them to what `show aaa servers` tells. */
import { type Endpoint, formatIpAddress } from "../../../core/mod.ts";
import type { AaaFigures, AaaServerFacts } from "../../show/facts.ts";
import type { Purpose } from "./health.ts";
import type { ServerPicture } from "./server.ts";

/** Servers with the same purpose, and a picture of each. */
export interface PicturedServers {
  readonly servers: readonly Endpoint[];
  readonly pictures: readonly ServerPicture[];
}

/** What there is to tell about. */
export interface AaaPicture {
  readonly access: PicturedServers;
  /** `undefined` where nobody is told of sessions. */
  readonly accounting: PicturedServers | undefined;
  /** Whether accounting goes to the servers for access, each at another port. */
  readonly isShared: boolean;
  /** Milliseconds since the counters were zero. */
  readonly clearedMs: number;
}

/** All servers; one that has both purposes is one. */
export function aaaServerFacts(
  { access, accounting, isShared, clearedMs }: AaaPicture,
): readonly AaaServerFacts[] {
  const countedSeconds = seconds(clearedMs);
  const told = accounting === undefined ? [] : rowsOf(accounting, "accounting");
  const asked = rowsOf(access, "access").map(({ host, port, figures }, i) => {
    const other = isShared ? told[i] : undefined;
    return {
      priority: i + 1,
      host,
      authPort: port,
      access: figures,
      ...(other === undefined ? {} : { acctPort: other.port, accounting: other.figures }),
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
  return servers.flatMap(({ address, port }, i) => {
    const picture = pictures[i];
    if (picture === undefined) return [];
    return [{ host: formatIpAddress(address), port, figures: figuresOf(picture, purpose) }];
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
