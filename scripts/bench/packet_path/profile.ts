/** Where a packet's time goes in our packet loop: a table of its stages at both ends. */
import type { Load, Pace } from "./loads.ts";
import type { Profile, System } from "./system.ts";

/** One stage of one loop at one end. */
export interface StageFigure {
  readonly system: string;
  readonly suite: string;
  readonly test: string;
  readonly end: "from" | "to";
  readonly loop: string;
  readonly stage: string;
  /** Of the load's time. */
  readonly percent: number;
  readonly nanosecondsPerPacket: number;
}

/** Runs a load and says how long each end was in which stage meanwhile. */
export async function profileOf(
  system: System,
  load: Load,
  pace: Pace,
): Promise<readonly StageFigure[]> {
  const figures: StageFigure[] = [];
  await system.run(async (tunnel) => {
    if (tunnel.profile === undefined) throw new TypeError(`Cannot profile ${system.name}`);
    const before = await tunnel.profile();
    await load.measure(tunnel, pace);
    const after = await tunnel.profile();
    const names = { system: system.name, suite: system.suite, test: load.name };
    for (const end of ["from", "to"] as const) {
      figures.push(...between(before[end], after[end]).map((it) => ({ ...names, end, ...it })));
    }
  });
  return figures;
}

function between(
  before: Profile,
  after: Profile,
): Pick<StageFigure, "loop" | "stage" | "percent" | "nanosecondsPerPacket">[] {
  const packets = after.packets - before.packets;
  return Object.entries(after.stages).flatMap(([loop, stages]) => {
    const spent = Object.entries(stages).map(([stage, ms]) => ({
      stage,
      ms: ms - (before.stages[loop]?.[stage] ?? 0),
    }));
    const total = spent.reduce((sum, { ms }) => sum + ms, 0);
    return spent.map(({ stage, ms }) => ({
      loop,
      stage,
      percent: ms / total * 100,
      nanosecondsPerPacket: ms * 1e6 / packets,
    }));
  });
}

/** Rows of text, the headings first. */
export function profileTable(figures: readonly StageFigure[]): string[][] {
  return [
    ["test", "suite", "end", "loop", "stage", "% of time", "ns a packet"],
    ...figures.map((it) => [
      it.test,
      it.suite,
      it.end,
      it.loop,
      it.stage,
      it.percent.toFixed(1),
      it.nanosecondsPerPacket.toFixed(0),
    ]),
  ];
}
