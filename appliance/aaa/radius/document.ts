/** The attributes as a Markdown table, for `docs/radius.md`. */
import { escaped } from "../../config/markdown.ts";
import { type AttributeName, rowOf } from "./attributes.ts";
import { nameOfRow } from "./authorization.ts";
import { conversationRows, filterRows, policyRows } from "./authorization_table.ts";
import { dynamicRows } from "./dynamic_author/attributes.ts";

/** One row: attribute, number, packets that carry it, word of group policy, what it is for. */
export type AttributeCells = readonly [string, string, string, string, string];

/** What decides about users, in order of precedence, then the rest; last what changes sessions. */
export function attributeRows(): readonly AttributeCells[] {
  return [
    ...policyRows.map((row): AttributeCells => [
      row.key === undefined ? row.attributes.join(", ") : `\`${nameOfRow(row)}\``,
      row.attributes.map(numberOf).join(", "),
      "Access-Accept",
      `\`${row.sets}\``,
      row.what,
    ]),
    ...filterRows.map(({ attribute, pair, what }): AttributeCells => [
      pair === undefined ? attribute : `\`${pair}\``,
      numberOf(attribute),
      "Access-Accept",
      "`filter`",
      what,
    ]),
    ...[...conversationRows, ...dynamicRows].map((
      { attribute, carriers, what },
    ): AttributeCells => [
      attribute,
      numberOf(attribute),
      carriers.join(", "),
      "",
      what,
    ]),
  ];
}

/** The whole table. */
export function attributeMarkdown(): string {
  const rows = [
    ["attribute", "number", "in", "sets", "what"],
    ["---", "---", "---", "---", "---"],
    ...attributeRows(),
  ];
  return rows.map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
}

/** `8`, or `9/1` with the vendor. */
function numberOf(name: AttributeName): string {
  const { type, vendor } = rowOf(name);
  return vendor === undefined ? `${type}` : `${vendor}/${type}`;
}
