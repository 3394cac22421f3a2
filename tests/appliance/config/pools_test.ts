import assert from "node:assert/strict";
import { pool } from "../../../appliance/config/forms.ts";
import { rangesOfPools } from "../../../appliance/config/pools.ts";
import { formatIpAddress, formatPrefix } from "../../../core/mod.ts";

function shown(...texts: readonly string[]): Record<string, readonly string[]> {
  const forms = texts.map(pool.parse).filter((form) => form !== undefined);
  const { ranges, own, tooSmall } = rangesOfPools(forms);
  return {
    ranges: ranges.map(({ first, last, name }) =>
      `${name === undefined ? "" : `${name}=`}${formatIpAddress(first)}-${formatIpAddress(last)}`
    ),
    own: own.map(formatPrefix),
    tooSmall,
  };
}

Deno.test("a block keeps its network and broadcast address and the gateway's own", () => {
  assert.deepEqual(shown("192.168.20.0/24"), {
    ranges: ["192.168.20.2-192.168.20.254"],
    own: ["192.168.20.1/32"],
    tooSmall: [],
  });
});

Deno.test("a range is given out whole and leaves the gateway without an inner address", () => {
  assert.deepEqual(shown("10.0.0.7-10.0.0.7"), {
    ranges: ["10.0.0.7-10.0.0.7"],
    own: [],
    tooSmall: [],
  });
});

Deno.test("the gateway has one inner address a family, from the first block of it", () => {
  assert.deepEqual(shown("10.0.0.0/30", "10.1.0.0/30", "fd00::/64").own, [
    "10.0.0.1/32",
    "fd00::1/128",
  ]);
});

Deno.test("blocks that leave nothing for a client are too small", () => {
  assert.deepEqual(shown("10.0.0.0/31", "10.1.0.0/32", "fd00::/127", "10.2.0.0/30").tooSmall, [
    "10.0.0.0/31",
    "10.1.0.0/32",
    "fd00::/127",
  ]);
});

Deno.test("a pool may have a name, and several ranges the same one", () => {
  assert.deepEqual(
    shown("10.99.0.0/30", "staff=10.1.0.0/30", "staff=10.2.0.7-10.2.0.9", "v6.only=fd00::/126"),
    {
      ranges: [
        "10.99.0.2-10.99.0.2",
        "staff=10.1.0.2-10.1.0.2",
        "staff=10.2.0.7-10.2.0.9",
        "v6.only=fd00::2-fd00::3",
      ],
      own: ["10.99.0.1/32", "fd00::1/128"],
      tooSmall: [],
    },
  );
});

for (
  const text of ["=10.0.0.0/24", "a b=10.0.0.0/24", "a=b=10.0.0.0/24", "staff=", "a=10.0.0.0/33"]
) {
  Deno.test(`what is no pool: ${text}`, () => assert.equal(pool.parse(text), undefined));
}
