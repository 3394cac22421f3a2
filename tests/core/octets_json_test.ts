import { deepEqual, equal, throws } from "node:assert/strict";
import { buildOctetsJson, parseOctetsJson } from "../../core/octets_json.ts";

const values: readonly unknown[] = [
  null,
  7,
  "hex",
  [],
  { kind: "stop" },
  new Uint8Array(0),
  Uint8Array.of(0, 255),
  { a: [{ octets: Uint8Array.of(1, 2) }, Uint8Array.of(3)], b: {} },
];

for (const value of values) {
  const text = buildOctetsJson(value);
  Deno.test(`octets come back from JSON as they went in: ${text}`, () => {
    deepEqual(parseOctetsJson(text), value);
  });
}

Deno.test("octets are two digits each behind one name", () => {
  equal(buildOctetsJson({ id: Uint8Array.of(9, 0xab) }), '{"id":{"hex":"09ab"}}');
});

for (const text of ['{"hex":"0"}', '{"hex":"zz"}', '{"hex":7}', '{"a":{"hex":null}}', "{"]) {
  Deno.test(`a text that was never built is refused: ${text}`, () => {
    throws(() => parseOctetsJson(text), SyntaxError);
  });
}
