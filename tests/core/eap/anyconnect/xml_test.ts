/** XML at the edge of the program: what is read, what is refused, and what is written. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, textOf, utf8 } from "../../../../core/bytes.ts";
import {
  buildXml,
  element,
  parseXml,
  type XmlElement,
} from "../../../../core/eap/anyconnect/xml.ts";
import { limits } from "../../../../core/limits.ts";
import { bitFlips, truncations } from "../../../support/mutate.ts";

function read(text: string): XmlElement {
  const parsed = parseXml(utf8(text));
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.fault));
  return parsed.value;
}

function faultOf(octets: Uint8Array | string): string {
  const parsed = parseXml(typeof octets === "string" ? utf8(octets) : octets);
  ok(!parsed.ok);
  return `${parsed.fault.kind} ${parsed.fault.path}`;
}

Deno.test("elements, attributes, text and CDATA are read", () => {
  const root = read(
    `<?xml version="1.0" encoding="UTF-8"?>\r\n<a x="1" y='&lt;"'>one<b/>&#x26;two<![CDATA[<&]]><!-- no --><?no no?></a>`,
  );
  equal(root.name, "a");
  deepEqual([...root.attributes], [["x", "1"], ["y", '<"']]);
  equal(root.text, "one&two<&");
  deepEqual(root.children.map(({ name }) => name), ["b"]);
});

Deno.test("NULs and white space behind a document do not count, and are never written", () => {
  for (const tail of ["\0", "\0\0\n", " \t\r\n", "\n\0"]) equal(read(`<a/>${tail}`).name, "a");
  equal(faultOf("<a>\0</a>"), "bad-value xml.document");
  equal(faultOf("\0\0"), "bad-value xml.document");
  ok(!buildXml(element("a", "b\0c")).includes(0));
});

Deno.test("line breaks become line feeds, quickly even when there are many", () => {
  equal(read("<a>\r\n\r\n\r</a>").text, "\n\n\n");
  equal(read(`<a>${"\r".repeat(60_000)}</a>`).text.length, 60_000);
});

Deno.test("what is written is read again as it was", () => {
  const hard = `<&>"' \t\r\nä€😀 ]]> &amp;`;
  const written = buildXml(element("a", [element("b", hard, { c: hard })]));
  const [b] = read(textOf(written)).children;
  equal(b?.text, hard);
  equal(b?.attributes.get("c"), hard);
});

Deno.test("what XML has no way to say is written as U+FFFD", () => {
  equal(read(textOf(buildXml(element("a", "x\x01\x1f\ud800\uffffy")))).text, "x����y");
});

Deno.test("a document begins with its declaration and ends with a line feed", () => {
  equal(
    textOf(buildXml(element("a", [element("b"), element("c", "d", { e: undefined, f: "g" })]))),
    '<?xml version="1.0" encoding="UTF-8"?>\n<a><b/><c f="g">d</c></a>\n',
  );
});

Deno.test("declarations of types and entities are refused before parsing", () => {
  const bomb = ["lol1", "lol2", "lol3"].map((name, i) =>
    `<!ENTITY ${name} "${`&lol${i};`.repeat(10)}">`
  );
  const hostile = [
    `<!DOCTYPE a [<!ENTITY lol0 "lol">${bomb.join("")}]><a>&lol3;</a>`,
    `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`,
    `<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/">]><a>&x;</a>`,
    `<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>`,
    `<!DOCTYPE a><a/>`,
    `<!doctype a><a/>`,
    `<a><!ENTITY b "c"></a>`,
    `<a><!ELEMENT b ANY></a>`,
    `<a><![INCLUDE[x]]></a>`,
  ];
  for (const text of hostile) equal(faultOf(text), "unexpected xml.declaration", text);
});

Deno.test("entities other than the five are refused", () => {
  for (const name of ["x", "nbsp", "constructor", "__proto__", "toString"]) {
    equal(faultOf(`<a>&${name};</a>`), "bad-value xml.document");
  }
  equal(read("<a>&lt;&gt;&amp;&quot;&apos;&#65;</a>").text, `<>&"'A`);
  for (const bad of ["&#0;", "&#xd800;", "&#x110000;", "&#99999999999;", "&#;", "&"]) {
    equal(faultOf(`<a>${bad}</a>`), "bad-value xml.document", bad);
  }
});

Deno.test("ten megabytes are refused without a look", () => {
  const big = new Uint8Array(10_000_000).fill(0x61);
  equal(faultOf(big), "too-many xml.octets");
  equal(faultOf(new Uint8Array(limits.xmlBytes + 1).fill(0x20)), "too-many xml.octets");
  const head = utf8("<a>");
  const full = concatBytes(head, new Uint8Array(limits.xmlBytes - 7).fill(0x62), utf8("</a>"));
  equal(full.length, limits.xmlBytes);
  ok(parseXml(full).ok);
});

Deno.test("depth, elements, attributes and markup are limited", () => {
  const nested = (depth: number): string => "<a>".repeat(depth) + "</a>".repeat(depth);
  ok(parseXml(utf8(nested(limits.xmlDepth))).ok);
  equal(faultOf(nested(limits.xmlDepth + 1)), "too-many xml.depth");
  equal(faultOf(nested(600)), "too-many xml.depth");
  equal(faultOf(nested(601)), "too-many xml.markup");
  equal(faultOf("<a>".repeat(20_000)), "too-many xml.markup");
  const wide = (children: number): string => `<a>${"<b/>".repeat(children)}</a>`;
  ok(parseXml(utf8(wide(limits.xmlElements - 1))).ok);
  equal(faultOf(wide(limits.xmlElements)), "too-many xml.elements");
  const many = (count: number): string =>
    `<a ${Array.from({ length: count }, (_, i) => `x${i}="1"`).join(" ")}/>`;
  ok(parseXml(utf8(many(limits.xmlAttributes))).ok);
  equal(faultOf(many(limits.xmlAttributes + 1)), "too-many xml.attributes");
  equal(faultOf(many(5000)), "too-many xml.attributes");
});

Deno.test("what is not well-formed, not UTF-8, or oddly named is refused without its text", () => {
  const bad = ["", "a", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a x=1/>", "<a x='1' x='2'/>", "<a"];
  for (const text of bad) equal(faultOf(text), "bad-value xml.document", text);
  equal(
    faultOf(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e)),
    "bad-value xml.encoding",
  );
  equal(faultOf("<é/>"), "bad-value xml.name");
  equal(faultOf("<a é='1'/>"), "bad-value xml.name");
  const secret = parseXml(utf8("<a><password>hunter2</password>"));
  ok(!JSON.stringify(secret).includes("hunter2"));
});

Deno.test("names that JavaScript objects have mean nothing", () => {
  const root = read(`<a __proto__="1" constructor="2"><toString/></a>`);
  deepEqual([...root.attributes], [["__proto__", "1"], ["constructor", "2"]]);
  equal(root.children[0]?.name, "toString");
});

Deno.test("no mutant of a document throws, and every accepted one is written and read again", () => {
  const seed = utf8(`<?xml version="1.0"?>\n<a b="c&amp;">x<d/><![CDATA[y]]>&#65;<!--z--></a>\n`);
  for (const { name, bytes } of [...bitFlips(seed), ...truncations(seed)]) {
    const parsed = parseXml(bytes);
    if (parsed.ok) deepEqual(parseXml(buildXml(parsed.value)), parsed, name);
  }
});
