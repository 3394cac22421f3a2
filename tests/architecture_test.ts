/** The structure of the project, and proof that each of its rules can find a violation. */
import assert from "node:assert/strict";
import plugin, { mustBePure } from "../scripts/lint_plugin.ts";
import { violations } from "./support/architecture.ts";
import { scanSource } from "./support/source_text.ts";

const root = new URL("../", import.meta.url);

async function readSources(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(new URL(folder, root))) {
      const path = folder + entry.name;
      if (entry.isDirectory && entry.name !== "vectors") await walk(`${path}/`);
      else if (path.endsWith(".ts")) files.set(path, await Deno.readTextFile(new URL(path, root)));
    }
  };
  for (const top of ["core/", "dataplane/", "appliance/", "tests/", "scripts/"]) await walk(top);
  files.set("main.ts", await Deno.readTextFile(new URL("main.ts", root)));
  return files;
}

Deno.test("the project follows its own structure", async () => {
  assert.deepEqual(violations(await readSources()), []);
});

Deno.test("every file of the product begins by saying what it is", async () => {
  const silent = [...await readSources()]
    .filter(([path, text]) => !path.startsWith("tests/") && !text.trimStart().startsWith("/**"));
  assert.deepEqual(silent.map(([path]) => path), []);
});

/** Planted files, and the violation that must be found in them. */
const planted: readonly (readonly [files: Readonly<Record<string, string>>, wanted: string])[] = [
  [{ "core/a.ts": 'import "../dataplane/b.ts";' }, "core/a.ts may not import dataplane/b.ts"],
  [{ "core/a.ts": 'import { x } from "npm:y";' }, "core/a.ts may not import npm:y"],
  [{ "core/sa/a.ts": 'import "node:fs";' }, "core/sa/a.ts may not import node:fs"],
  [
    { "core/crypto/sha.ts": 'import { sha1 } from "@noble/hashes/legacy.js";' },
    "core/crypto/sha.ts may not import @noble/hashes/legacy.js",
  ],
  [
    { "core/eap/anyconnect/a.ts": 'import { parseXml } from "@rgrove/parse-xml";' },
    "core/eap/anyconnect/a.ts may not import @rgrove/parse-xml",
  ],
  [
    { "core/message/a.ts": 'import { b } from "../crypto/b.ts";' },
    "core/message/a.ts may not import core/crypto/b.ts",
  ],
  [
    { "core/eap/a.ts": 'import type { B } from "../exchange/b.ts";' },
    "core/eap/a.ts may not import core/exchange/b.ts",
  ],
  [
    { "core/exchange/a.ts": 'import { b } from "../gateway/output.ts";' },
    "core/exchange/a.ts may not import core/gateway/output.ts",
  ],
  [{ "core/misc/a.ts": "export const a = 1;" }, "core/misc/a.ts is in no layer of core"],
  [
    { "dataplane/a.ts": 'import { Gateway } from "../core/gateway/gateway.ts";' },
    "dataplane/a.ts may not import core/gateway/gateway.ts",
  ],
  [
    { "dataplane/forwarder.ts": 'import { send } from "./io/udp_linux.ts";' },
    "dataplane/forwarder.ts may not import dataplane/io/udp_linux.ts",
  ],
  [
    { "appliance/a.ts": 'import type { B } from "../core/bytes.ts";' },
    "appliance/a.ts may not import core/bytes.ts",
  ],
  [
    { "appliance/a.ts": 'import { getLogger } from "@logtape/logtape";' },
    "appliance/a.ts may not import @logtape/logtape",
  ],
  [
    { "appliance/a.ts": 'import { Command } from "commander";' },
    "appliance/a.ts may not import commander",
  ],
  [
    { "appliance/a.ts": 'import { netns } from "../tests/support/netns.ts";' },
    "appliance/a.ts may not import tests/support/netns.ts",
  ],
  [{ "main.ts": 'import "./core/mod.ts";' }, "main.ts may not import core/mod.ts"],
  [{ "core/a.ts": "export default 1;" }, "core/a.ts has a default export"],
  [{ "core/sa/mod.ts": 'export * from "./a.ts";' }, "core/sa/mod.ts re-exports ./a.ts"],
  [
    { "core/sa/b.ts": 'export type { A } from "./a.ts";' },
    "core/sa/b.ts re-exports ./a.ts",
  ],
  [
    { "dataplane/io/a.ts": 'const c = Deno.dlopen("libc.so.6", {});' },
    "dataplane/io/a.ts opens a shared library",
  ],
  [
    {
      "core/a.ts": 'import { b } from "./b.ts";\nimport type { c } from "./c.ts";',
      "core/b.ts": 'import {\n  type C,\n} from "./c.ts";',
      "core/c.ts": 'import { b } from "./b.ts";',
    },
    "import cycle: core/b.ts -> core/c.ts -> core/b.ts",
  ],
  [{ "core/a.ts": "const now = Date.now();" }, "core/a.ts names Date"],
  [
    { "core/a.ts": "const x = `${performance.now()}`;\nperformance;" },
    "core/a.ts names performance",
  ],
  [{ "core/a.ts": "Deno.env;" }, "core/a.ts names Deno"],
  [{ "core/a.ts": "setTimeout(f, 1);" }, "core/a.ts names setTimeout"],
  [{ "core/a.ts": "console.log(1);" }, "core/a.ts names console"],
  [{ "core/a.ts": "const r = Math.random();" }, "core/a.ts names Math.random"],
  [{ "core/a.ts": "crypto.getRandomValues(b);" }, "core/a.ts names crypto.getRandomValues"],
  [{ "dataplane/esp/a.ts": "fetch(x);" }, "dataplane/esp/a.ts names fetch"],
  [{ "dataplane/buffers.ts": "async function f() {}" }, "dataplane/buffers.ts waits"],
  [{ "core/a.ts": "const f = async () => 1;" }, "core/a.ts waits"],
  [{ "core/a.ts": "for await (const x of y);" }, "core/a.ts waits"],
];

for (const [files, wanted] of planted) {
  Deno.test(`a planted mistake is found: ${wanted}`, () => {
    assert.deepEqual(violations(new Map(Object.entries(files))), [wanted]);
  });
}

Deno.test("what is allowed is not called a mistake", () => {
  const files = {
    "core/mod.ts": 'export { Gateway } from "./gateway/gateway.ts";',
    "core/trace.ts": 'import type { Endpoint } from "./wire/address.ts";',
    "core/exchange/a.ts": 'import type { Output } from "../gateway/output.ts";',
    "core/crypto/noble_provider_mac.ts": 'import { hmac } from "@noble/hashes/hmac.js";',
    "core/eap/anyconnect/xml.ts": 'import { parseXml } from "@rgrove/parse-xml";',
    "core/crypto/a.ts": 'import { Encr } from "../message/constants.ts";',
    "core/a.ts": [
      "// Date.now() in a comment",
      'const text = "await fetch(console)" + /["`]Date/.source + `Deno ${1} Date`;',
      "const v = options.crypto.hmac(x) / 2 / options.Date;",
      "interface P { readonly process?: number }",
      "const validDate = 1;",
    ].join("\n"),
    "dataplane/io/udp_linux.ts": "await Deno.open(x); Date.now();",
    "appliance/a.ts":
      'import { Gateway } from "../core/mod.ts";\nimport { join } from "node:path";',
  };
  assert.deepEqual(violations(new Map(Object.entries(files))), []);
});

Deno.test("the scanner reads references of every form", () => {
  const { references } = scanSource(
    'import { a } from "./a.ts";\nimport type { b } from "./b.ts";\nexport {\n  c,\n} from "./c.ts";\n' +
      'import "./d.ts";\nconst e = await import("./e.ts");\n// import "./no.ts"\nconst s = `\nimport "./no.ts"`;',
  );
  assert.deepEqual(
    references.map((it) => `${it.specifier} ${it.typeOnly} ${it.reexport}`),
    [
      "./a.ts false false",
      "./b.ts true false",
      "./c.ts false true",
      "./d.ts false false",
      "./e.ts false false",
    ],
  );
});

Deno.test("the lint rules find planted mistakes and nothing else", () => {
  const source = [
    "export function f(crypto: { x: number }): number { return crypto.x; }",
    "export async function g(): Promise<number> { await h; return Date.now() + Math.random(); }",
    "export const h = { Date: 1, console: 2 }.Date;",
    "export interface Q { readonly process: number }",
    "export const i = h!;",
  ].join("\n");
  const messages = (path: string): readonly string[] =>
    Deno.lint.runPlugin(plugin, path, source).map((it) => it.message).toSorted();
  assert.deepEqual(messages("core/a.ts"), [
    "a pure file has no async",
    "a pure file may not use Date",
    "a pure file may not use Math.random",
    "a pure file never waits",
    "no non-null assertion in the product",
  ]);
  assert.deepEqual(messages("appliance/a.ts"), ["no non-null assertion in the product"]);
  assert.deepEqual(messages("tests/core/a_test.ts"), []);
});

Deno.test("the pure folders are core and the middle of the packet path", () => {
  const pure = ["core/mod.ts", "dataplane/esp/packet.ts", "dataplane/ip/header.ts"];
  for (const path of [...pure, "dataplane/sa_table.ts"]) assert.equal(mustBePure(path), true, path);
  const free = ["dataplane/io/tun_linux.ts", "appliance/clock.ts", "tests/core/x_test.ts"];
  for (const path of free) assert.equal(mustBePure(path), false, path);
});
