/** A flag table as a Markdown table, for the README. */
import type { FlagTable } from "./flag.ts";

/** One row: flag with its form, default, help. */
export type FlagRow = readonly [flag: string, byDefault: string, help: string];

/** The rows of a table in its order, group by group. */
export function flagRows(table: FlagTable): readonly FlagRow[] {
  return Object.entries(table).map(([name, flag]) => {
    if (flag.kind === "switch") return [`\`--${name}\``, "", flag.help];
    const repeatable = flag.kind === "list" ? " (repeatable)" : "";
    const fallback = flag.fallback === undefined ? "" : `\`${flag.fallback}\``;
    return [`\`--${name} ${flag.form}\``, fallback, `${flag.help}${repeatable}`];
  });
}

/** The whole table. */
export function flagMarkdown(table: FlagTable): string {
  const rows = [["flag", "default", "what"], ["---", "---", "---"], ...flagRows(table)];
  return rows.map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
}

/** A bar inside a cell would end it. */
export function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
