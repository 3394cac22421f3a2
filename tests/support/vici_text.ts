/** The text that `swanctl --raw` prints: `list-sa event {name {key=value list=[a b] section {…}}}`. */

/** A section: values, lists and further sections by name. */
export interface ViciSection {
  readonly values: Readonly<Record<string, string>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly sections: Readonly<Record<string, ViciSection>>;
}

/** The events of a raw print, one section each. Values may have spaces, as names of certificates do. */
export function parseVici(text: string): readonly ViciSection[] {
  return text.split("\n").flatMap((line) => {
    const body = /^[\w-]+ event \{(.*)\}\s*$/.exec(line)?.[1];
    return body === undefined ? [] : [parseSection(body, 0).section];
  });
}

function parseSection(text: string, start: number): { section: ViciSection; end: number } {
  const values: Record<string, string> = {};
  const lists: Record<string, readonly string[]> = {};
  const sections: Record<string, ViciSection> = {};
  let at = start;
  while (at < text.length && text[at] !== "}") {
    const head = /\s*([^\s={}]+)\s*(=\[|=|\{)/y;
    head.lastIndex = at;
    const match = head.exec(text);
    if (match === null) {
      at++;
      continue;
    }
    const [, name = "", kind] = match;
    at = head.lastIndex;
    if (kind === "{") {
      const inner = parseSection(text, at);
      sections[name] = inner.section;
      at = inner.end;
    } else if (kind === "=[") {
      const end = text.indexOf("]", at);
      lists[name] = text.slice(at, end).split(" ").filter((it) => it !== "");
      at = end + 1;
    } else {
      const rest = /.*?(?=\s+([a-z][a-z0-9-]*=|[\w.-]+\s*\{)|\}|$)/y;
      rest.lastIndex = at;
      values[name] = rest.exec(text)?.[0] ?? "";
      at = rest.lastIndex;
    }
  }
  return { section: { values, lists, sections }, end: at + 1 };
}
