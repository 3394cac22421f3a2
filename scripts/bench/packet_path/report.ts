/** From readings to what people and programs read: one table, one object a line, one document. */
import { median, type Reading } from "./loads.ts";

/** One figure: the median over all rounds. */
export interface Figure extends Reading {
  readonly system: string;
  readonly suite: string;
  readonly test: string;
  /** Of both daemons together. */
  readonly cpuPerGbit: number;
}

/** A reading of one round. */
export interface Measured extends Reading {
  readonly system: string;
  readonly suite: string;
  readonly test: string;
}

/** The medians of every system, suite and test, in the order of first appearance. */
export function mediansOf(all: readonly Measured[]): readonly Figure[] {
  const groups = Object.groupBy(all, (it) => `${it.test}|${it.system}|${it.suite}`);
  return Object.values(groups).flatMap((group = []) => {
    const [first] = group;
    if (first === undefined) return [];
    const of = (key: keyof Reading) =>
      median(group.flatMap((it) => it[key] === undefined ? [] : [it[key]]));
    const [cpuPerGbitFrom, cpuPerGbitTo] = [of("cpuPerGbitFrom"), of("cpuPerGbitTo")];
    return [{
      system: first.system,
      suite: first.suite,
      test: first.test,
      gbitPerSecond: of("gbitPerSecond"),
      cpuPerGbitFrom,
      cpuPerGbitTo,
      cpuPerGbit: cpuPerGbitFrom + cpuPerGbitTo,
      ...(first.lostPercent === undefined ? {} : { lostPercent: of("lostPercent") }),
      ...(first.pingMs === undefined ? {} : { pingMs: of("pingMs") }),
    }];
  });
}

const headings = [
  "test",
  "system",
  "suite",
  "Gbit/s",
  "CPU s/Gbit from",
  "to",
  "ping ms",
  "lost %",
] as const;

/** Rows of text, the headings first; the tests in the order given. */
export function tableOf(figures: readonly Figure[], tests: readonly string[]): string[][] {
  const rows = tests.flatMap((test) =>
    figures.filter((it) => it.test === test).map((it) => [
      test,
      it.system,
      it.suite,
      it.gbitPerSecond.toFixed(3),
      it.cpuPerGbit === 0 ? "" : it.cpuPerGbitFrom.toFixed(3),
      it.cpuPerGbit === 0 ? "" : it.cpuPerGbitTo.toFixed(3),
      it.pingMs?.toFixed(2) ?? "",
      it.lostPercent?.toFixed(2) ?? "",
    ])
  );
  return [[...headings], ...rows];
}

/** Columns under each other. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd())
    .join("\n");
}

/** The same for Markdown. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

/** What the figures are held against, as in the text of the goals. */
export function targetsOf(figures: readonly Figure[]): string[][] {
  const find = (test: string, system: string, suite?: string): Figure | undefined =>
    figures.find((it) =>
      it.test === test && it.system === system && (suite === undefined || it.suite === suite)
    );
  const ratio = (a: number | undefined, b: number | undefined): number =>
    a === undefined || b === undefined ? Number.NaN : a / b;
  const rows: string[][] = [["goal", "wanted", "measured", "met"]];
  const add = (goal: string, wanted: string, value: number, isMet: boolean, unit: string): void => {
    if (Number.isNaN(value)) return;
    rows.push([
      goal,
      wanted,
      `${value.toFixed(unit === "ms" ? 2 : 1)} ${unit}`,
      isMet ? "yes" : "no",
    ]);
  };
  const gcm = "aes256gcm16";
  const cbc = "aes256-sha384";
  const others = ["OpenVPN", "wireguard-go"];
  for (const test of ["TCP 1 stream", "TCP 4 streams"]) {
    const own = find(test, "rejoin", gcm);
    const swan = find(test, "strongSwan", gcm);
    const best = Math.max(0, ...others.map((name) => find(test, name)?.gbitPerSecond ?? 0));
    const speed = ratio(own?.gbitPerSecond, swan?.gbitPerSecond);
    add(`${test}, ${gcm}, against strongSwan`, "15 ×", speed, speed >= 15, "×");
    const lead = ratio(own?.gbitPerSecond, best || undefined);
    add(`${test}, ${gcm}, against the best other peer`, "5 ×", lead, lead >= 5, "×");
    const thrift = ratio(swan?.cpuPerGbit, own?.cpuPerGbit);
    add(`${test}, ${gcm}, CPU of strongSwan to ours`, "15 ×", thrift, thrift >= 15, "×");
    const old = ratio(
      find(test, "rejoin", cbc)?.gbitPerSecond,
      find(test, "strongSwan", cbc)?.gbitPerSecond,
    );
    add(`${test}, ${cbc}, against strongSwan`, "7 ×", old, old >= 7, "×");
    const mark = own?.gbitPerSecond ?? Number.NaN;
    add(`${test}, ${gcm}: half of the path without crypto`, "4 Gbit/s", mark, mark >= 4, "Gbit/s");
  }
  for (const test of ["UDP 64", "UDP 512", "UDP 1372"]) {
    const speed = ratio(
      find(test, "rejoin", gcm)?.gbitPerSecond,
      find(test, "strongSwan", gcm)?.gbitPerSecond,
    );
    add(`${test}, ${gcm}, against strongSwan`, "3 ×", speed, speed >= 3, "×");
  }
  const ping = find("TCP 4 streams", "rejoin", gcm)?.pingMs ?? Number.NaN;
  add("ping under load", "5 ms", ping, ping < 5, "ms");
  const spread = ratio(
    find("TCP 8 flows", "rejoin, 1000 SAs")?.gbitPerSecond,
    find("TCP 8 flows", "rejoin, 1 SA")?.gbitPerSecond,
  );
  add("1000 SAs against one", "90 %", spread * 100, spread >= 0.9, "%");
  return rows;
}
