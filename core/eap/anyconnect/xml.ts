/**
 * XML as AnyConnect-EAP needs it: small documents, elements and text, in and out (XML 1.0).
 *
 * The only file that knows an XML library. `@rgrove/parse-xml` is pure ESM without dependencies, in
 * active use and maintenance, synchronous, strict about well-formedness, and has no entities but the five
 * predefined ones and character references; it skips a DOCTYPE, but here one is refused. Parsers that are
 * lenient, emit CommonJS, or expand entities themselves were left aside.
 *
 * A peer's octets are counted before the library sees them (octets, markup, declarations), so that
 * its work, and the depth of its recursion, is bounded; depth, elements and attributes are counted
 * after. Whatever it throws becomes a fault without text: its messages quote the document, which may
 * hold a password. Namespaces, comments and processing instructions mean nothing here.
 */
import { parseXml as parseWithLibrary, XmlElement as LibraryElement } from "@rgrove/parse-xml";
import { type Bytes, type OwnedBytes, utf8 } from "../../bytes.ts";
import { limits } from "../../limits.ts";
import { fail, invariant, ok, type Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";

/** An element with its own text, that of its children left out. */
export interface XmlElement {
  /** The tag. */
  readonly name: string;
  /** Attributes in order. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Elements directly inside, in order. */
  readonly children: readonly XmlElement[];
  /** All text directly inside, CDATA included, joined. */
  readonly text: string;
}

const NUL = 0x00;
const WHITE_SPACE: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];
/** Names that the dialect may come to use; others are refused, so that what was read can be built. */
const NAME = /^[A-Za-z_][A-Za-z0-9._:-]*$/;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Whether an element or attribute may have this name. */
export function isXmlName(name: string): boolean {
  return NAME.test(name);
}

/** An element to build: no attributes, no children, no text unless given. */
export function element(
  name: string,
  content: string | readonly XmlElement[] = "",
  attributes: Readonly<Record<string, string | undefined>> = {},
): XmlElement {
  const present = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const]
  );
  const isText = typeof content === "string";
  return {
    name,
    attributes: new Map(present),
    children: isText ? [] : content,
    text: isText ? content : "",
  };
}

/**
 * The root element of a document. NULs and white space behind it, which C programs leave there, do
 * not count.
 */
export function parseXml(octets: Bytes): Result<XmlElement, WireFault> {
  if (octets.length > limits.xmlBytes) {
    return refuse("too-many", "octets", octets.length, limits.xmlBytes);
  }
  const text = decode(octets.subarray(0, lengthWithoutTail(octets)));
  if (text === undefined) return refuse("bad-value", "encoding");
  const fault = faultBeforeParsing(text);
  if (fault !== undefined) return fail(fault);
  const root = parseText(text);
  if (root === undefined) return refuse("bad-value", "document");
  return convert(root, 1, { elements: 0 });
}

/**
 * The octets of a document, with the XML declaration and a line feed at the end; never a NUL. Indented,
 * every element stands on a line of its own, which adds white space to text that has elements behind it.
 */
export function buildXml(root: XmlElement, layout: "compact" | "indented" = "compact"): OwnedBytes {
  const content = format(root, layout === "indented" ? "\n" : "");
  return utf8(`<?xml version="1.0" encoding="UTF-8"?>\n${content}\n`);
}

function refuse(
  kind: WireFault["kind"],
  field: string,
  had?: number,
  needed?: number,
): { readonly ok: false; readonly fault: WireFault } {
  return fail({
    kind,
    offset: 0,
    path: `xml.${field}`,
    ...(had === undefined ? {} : { had }),
    ...(needed === undefined ? {} : { needed }),
  });
}

function lengthWithoutTail(octets: Bytes): number {
  let length = octets.length;
  while (length > 0) {
    const last = octets[length - 1];
    if (last === undefined || (last !== NUL && !WHITE_SPACE.includes(last))) break;
    length -= 1;
  }
  return length;
}

/** Line breaks are made one here (XML 1.0 §2.11), because the library's way is slow with many. */
function decode(octets: Bytes): string | undefined {
  try {
    return decoder.decode(octets).replaceAll(/\r\n?/g, "\n");
  } catch {
    return undefined;
  }
}

/**
 * What is refused unseen: too much markup, and every declaration. `<!` begins comments, CDATA
 * sections and declarations; only the last are dangerous, and we need none of them.
 */
function faultBeforeParsing(text: string): WireFault | undefined {
  let markup = 0;
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", at + 1)) {
    markup += 1;
    if (markup > limits.xmlMarkup) {
      return { kind: "too-many", offset: 0, path: "xml.markup", needed: limits.xmlMarkup };
    }
    const isDeclaration = text[at + 1] === "!" && !text.startsWith("<!--", at) &&
      !text.startsWith("<![CDATA[", at);
    if (isDeclaration) return { kind: "unexpected", offset: 0, path: "xml.declaration" };
  }
  return undefined;
}

function parseText(text: string): LibraryElement | undefined {
  try {
    return parseWithLibrary(text).root ?? undefined;
  } catch {
    return undefined;
  }
}

function convert(
  from: LibraryElement,
  depth: number,
  count: { elements: number },
): Result<XmlElement, WireFault> {
  count.elements += 1;
  const attributes = Object.entries(from.attributes);
  const names = [from.name, ...attributes.map(([key]) => key)];
  if (!names.every(isXmlName)) return refuse("bad-value", "name");
  if (depth > limits.xmlDepth) return refuse("too-many", "depth", depth, limits.xmlDepth);
  if (count.elements > limits.xmlElements) {
    return refuse("too-many", "elements", count.elements, limits.xmlElements);
  }
  if (attributes.length > limits.xmlAttributes) {
    return refuse("too-many", "attributes", attributes.length, limits.xmlAttributes);
  }
  const children: XmlElement[] = [];
  let text = "";
  for (const node of from.children) {
    if (node instanceof LibraryElement) {
      const child = convert(node, depth + 1, count);
      if (!child.ok) return child;
      children.push(child.value);
    } else if ("text" in node) {
      text += node.text;
    }
  }
  return ok({ name: from.name, attributes: new Map(attributes), children, text });
}

/** `line` begins the line of this element: a line feed and blanks, or nothing for one long line. */
function format({ name, attributes, children, text }: XmlElement, line: string): string {
  invariant([name, ...attributes.keys()].every(isXmlName), "names can be written");
  const start = [name, ...[...attributes].map(([key, value]) => `${key}="${escapeXml(value)}"`)];
  const inner = line === "" ? "" : `${line}  `;
  const formatted = children.map((child) => inner + format(child, inner));
  const content = escapeXml(text) + formatted.join("") + (children.length > 0 ? line : "");
  return content === "" ? `<${start.join(" ")}/>` : `<${start.join(" ")}>${content}</${name}>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/**
 * Text that is safe in content and in attribute values. White space other than blanks is written as
 * references, because attribute values would lose it; what XML has no way to say becomes U+FFFD.
 */
function escapeXml(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex -- these are what XML 1.0 §2.2 leaves out
    .replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replaceAll(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
