/** What stored records have in common with others: it is made once, and takes memory once. */
import {
  buildOctetsJson,
  type PacketFilter,
  parseOctetsJson,
  type UserAttributes,
} from "../core/mod.ts";
import type { OtherParts } from "./record_row.ts";

/** The parts of the records that were read so far. BOUNDED by the records. */
export class CommonParts {
  readonly #others = new Map<string, OtherParts>();
  readonly #filters = new Map<string, PacketFilter>();

  /** What stands in rows by its name, of its JSON; throws for what is none. */
  othersOf(text: string): OtherParts {
    const known = this.#others.get(text);
    if (known !== undefined) return known;
    const made = this.withSharedFilter(parseOctetsJson(text) as OtherParts);
    this.#others.set(text, made);
    return made;
  }

  /** The same with a filter that others have too: users of one access list share its rules. */
  withSharedFilter<T extends { readonly attributes: UserAttributes }>(holder: T): T {
    const { filter } = holder.attributes;
    if (filter === undefined) return holder;
    const text = buildOctetsJson(filter);
    const shared = this.#filters.get(text) ?? filter;
    this.#filters.set(text, shared);
    return { ...holder, attributes: { ...holder.attributes, filter: shared } };
  }
}
