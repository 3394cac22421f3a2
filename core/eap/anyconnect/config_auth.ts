/**
 * The envelope of every document: `config-auth` with its type and version, and an error that ends the
 * conversation when it stands directly inside. Older programs leave the version out.
 *
 * Elements are found by name among the direct children; unknown ones, and the order, mean nothing.
 */
import type { Bytes, OwnedBytes } from "../../bytes.ts";
import { fail, ok, type Result } from "../../result.ts";
import type { WireFault } from "../../wire/fault.ts";
import { buildXml, element, parseXml, type XmlElement } from "./xml.ts";

/** The types of documents, in the order in which they are first seen. */
export const documentTypes = [
  "hello",
  "init",
  "auth-request",
  "auth-reply",
  "complete",
  "ack",
] as const;

/** What a document is. */
export type DocumentType = typeof documentTypes[number];

/** A document whose content has not been looked at. */
export interface ConfigAuth {
  /** Its type. */
  readonly type: DocumentType;
  /** The element `config-auth`. */
  readonly root: XmlElement;
}

/** An error that the other side reports, for people. */
export interface DocumentError {
  /** A number that means something to its maker. */
  readonly id: string;
  /** The text with its parameters filled in. */
  readonly text: string;
}

const ROOT = "config-auth";
const VERSION = "2";

/** The envelope of a document. */
export function parseConfigAuth(octets: Bytes): Result<ConfigAuth, WireFault> {
  const parsed = parseXml(octets);
  if (!parsed.ok) return parsed;
  const root = parsed.value;
  const type = documentTypes.find((it) => it === root.attributes.get("type"));
  if (root.name !== ROOT || type === undefined) {
    const path = root.name === ROOT ? "config-auth.type" : "config-auth";
    return fail({ kind: "unexpected", offset: 0, path });
  }
  return ok({ type, root });
}

/** The octets of a document. */
export function buildConfigAuth(type: DocumentType, children: readonly XmlElement[]): OwnedBytes {
  const attributes = { client: "vpn", type, "aggregate-auth-version": VERSION };
  return buildXml(element(ROOT, children, attributes));
}

/** The first child of that name. */
export function childOf(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((child) => child.name === name);
}

/** All children of that name. */
export function childrenOf(parent: XmlElement | undefined, name: string): readonly XmlElement[] {
  return parent?.children.filter((child) => child.name === name) ?? [];
}

/** The text of the first child of that name. */
export function childText(parent: XmlElement | undefined, name: string): string | undefined {
  return childOf(parent, name)?.text;
}

/** As `childText`, with blanks around it left out, and nothing for an empty element. */
export function childWord(parent: XmlElement | undefined, name: string): string | undefined {
  const word = childText(parent, name)?.trim();
  return word === "" ? undefined : word;
}

/** The `error` directly inside; `%s` stands for its parameters one after the other. */
export function errorIn(parent: XmlElement | undefined): DocumentError | undefined {
  const found = childOf(parent, "error");
  if (found === undefined) return undefined;
  const parameters = ["param1", "param2"].map((name) => found.attributes.get(name) ?? "");
  const text = found.text.replaceAll("%s", () => parameters.shift() ?? "").trim();
  return { id: found.attributes.get("id") ?? "", text };
}

/** An `error` element. A text with a `%` is a parameter, so that nothing in it is filled in. */
export function errorElement({ id, text }: DocumentError): XmlElement {
  return text.includes("%")
    ? element("error", "%s", { id, param1: text, param2: "" })
    : element("error", text, { id, param1: "", param2: "" });
}

/** The elements that are there, for documents with optional parts. */
export function present(
  ...elements: readonly (XmlElement | undefined)[]
): readonly XmlElement[] {
  return elements.filter((it) => it !== undefined);
}

/** An element of this text, unless there is none. */
export function optional(name: string, text: string | undefined): XmlElement | undefined {
  return text === undefined ? undefined : element(name, text);
}
