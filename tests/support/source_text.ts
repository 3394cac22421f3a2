/**
 * TypeScript source as far as a structural test needs it: text without comments and literals, and the
 * modules that a file names. A scanner, not a parser: formatted code is assumed.
 */

/** One `import`, `export … from` or `import()` of a file. */
export interface ModuleReference {
  /** As written. */
  readonly specifier: string;
  /** Erased by the compiler, so it can make no cycle at run time. */
  readonly typeOnly: boolean;
  /** `export … from`. */
  readonly reexport: boolean;
}

/** A file, prepared. */
export interface SourceText {
  /** Everything except comments, the inside of strings, templates and regular expressions. */
  readonly code: string;
  /** What it imports and re-exports. */
  readonly references: readonly ModuleReference[];
}

const regexMayFollow = /(^|[(,=:[!&|?{};+\-*%~^<>]|\b(return|typeof|case|in|of|do|else))\s*$/;

/** Where the literal or comment that begins at `at` ends, or `undefined` when none begins there. */
function endOfSpan(text: string, at: number, before: string): number | undefined {
  const two = text.slice(at, at + 2);
  if (two === "//") return endAt(text.indexOf("\n", at), text);
  if (two === "/*") return endAt(text.indexOf("*/", at + 2), text, 2);
  const first = text[at];
  if (first === '"' || first === "'") return endOfQuoted(text, at, first);
  if (first === "`") return endOfTemplate(text, at);
  if (first === "/" && regexMayFollow.test(before.slice(-40))) return endOfRegex(text, at);
  return undefined;
}

function endAt(found: number, text: string, extra = 0): number {
  return found < 0 ? text.length : found + extra;
}

function endOfQuoted(text: string, at: number, quote: string): number {
  let i = at + 1;
  while (i < text.length && text[i] !== quote && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

function endOfRegex(text: string, at: number): number {
  let inClass = false;
  let i = at + 1;
  while (i < text.length && text[i] !== "\n" && (inClass || text[i] !== "/")) {
    if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    i += text[i] === "\\" ? 2 : 1;
  }
  return i + 1;
}

function endOfTemplate(text: string, at: number): number {
  let i = at + 1;
  while (i < text.length && text[i] !== "`") {
    if (text[i] === "\\") i += 2;
    else if (text.startsWith("${", i)) i = endOfBraces(text, i + 2);
    else i++;
  }
  return i + 1;
}

function endOfBraces(text: string, at: number): number {
  let depth = 1;
  let i = at;
  while (i < text.length && depth > 0) {
    const end = endOfSpan(text, i, text.slice(Math.max(0, i - 40), i));
    if (end !== undefined) {
      i = end;
      continue;
    }
    if (text[i] === "{") depth++;
    else if (text[i] === "}") depth--;
    i++;
  }
  return i;
}

/** Blanks out comments and literals; `keepStrings` leaves quoted strings, for import specifiers. */
function blank(text: string, keepStrings: boolean): string {
  let code = "";
  let i = 0;
  while (i < text.length) {
    const end = endOfSpan(text, i, code);
    if (end === undefined) {
      code += text[i++];
      continue;
    }
    const quoted = text[i] === '"' || text[i] === "'";
    if (quoted) code += keepStrings ? text.slice(i, end) : '""';
    else if (text[i] === "`" || (text[i] === "/" && !/[/*]/.test(text[i + 1] ?? ""))) code += '""';
    else code += " ";
    code += "\n".repeat(text.slice(i, end).split("\n").length - 1);
    i = end;
  }
  return code;
}

const fromStatement =
  /^[ \t]*(import|export)\s+(type\s+)?([\w$*{},\s]*?)\s*\bfrom\s*["']([^"'\n]+)["']/gm;
const bareImport = /^[ \t]*import\s*["']([^"'\n]+)["']/gm;
const dynamicImport = /\bimport\s*\(\s*["']([^"'\n]+)["']/g;

/** Prepares a file's text. */
export function scanSource(text: string): SourceText {
  const withStrings = blank(text, true);
  const references: ModuleReference[] = [];
  for (const [, word, type, , specifier = ""] of withStrings.matchAll(fromStatement)) {
    references.push({ specifier, typeOnly: type !== undefined, reexport: word === "export" });
  }
  for (const pattern of [bareImport, dynamicImport]) {
    for (const [, specifier = ""] of withStrings.matchAll(pattern)) {
      references.push({ specifier, typeOnly: false, reexport: false });
    }
  }
  return { code: blank(text, false), references };
}

/** The path that a relative specifier of `from` names; paths are relative to the project's root. */
export function resolveReference(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
