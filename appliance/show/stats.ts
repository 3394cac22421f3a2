/** `show crypto ikev2 stats [reconnect]`. */
import type { GatewayFacts, ReconnectFacts } from "./facts.ts";

/** The five lines of IOS XE, in its order. */
export function reconnectStatsLines(stats: ReconnectFacts): string[] {
  return [
    `Total incoming reconnect connection: ${stats.total}`,
    `Success reconnect connection: ${stats.success}`,
    `Failed reconnect connection: ${stats.failed}`,
    `Reconnect capable active session count: ${stats.activeCapable}`,
    `Reconnect capable inactive session count: ${stats.inactiveCapable}`,
  ];
}

/** The heading of IOS XE, then our own counters by name: they are not those of IOS XE. */
export function statsLines(facts: Pick<GatewayFacts, "counters" | "negotiating">): string[] {
  const rule = "-".repeat(80);
  const rows = Object.entries(facts.counters).sort(([a], [b]) => a < b ? -1 : 1);
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 1;
  return [
    rule,
    `${" ".repeat(26)}Crypto IKEv2 SA Statistics`,
    rule,
    `${"negotiating:".padEnd(width)} ${facts.negotiating}`,
    ...rows.map(([name, value]) => `${`${name}:`.padEnd(width)} ${value}`),
  ];
}
