/** Compiled filters, one for all pairs with the same rules: a list is long and has many users. */
import type { PacketFilter } from "../../core/gateway/packet_filter.ts";
import { CompiledFilter } from "./packet_filter.ts";

/** Filters in use. BOUNDED by the pairs that use them. */
export class SharedFilters {
  readonly #byRules = new Map<string, CompiledFilter>();
  readonly #uses = new Map<CompiledFilter, { readonly rules: string; count: number }>();

  /** How many different ones there are. */
  get size(): number {
    return this.#byRules.size;
  }

  /** The filter for one more pair. */
  take(filter: PacketFilter | undefined): CompiledFilter | undefined {
    if (filter === undefined) return undefined;
    const rules = JSON.stringify(filter.rules);
    const known = this.#byRules.get(rules);
    const use = known === undefined ? undefined : this.#uses.get(known);
    if (known !== undefined && use !== undefined) {
      use.count++;
      return known;
    }
    const compiled = new CompiledFilter(filter);
    this.#byRules.set(rules, compiled);
    this.#uses.set(compiled, { rules, count: 1 });
    return compiled;
  }

  /** A pair does not use it any more. */
  release(compiled: CompiledFilter | undefined): void {
    const use = compiled === undefined ? undefined : this.#uses.get(compiled);
    if (compiled === undefined || use === undefined || --use.count > 0) return;
    this.#uses.delete(compiled);
    this.#byRules.delete(use.rules);
  }
}
