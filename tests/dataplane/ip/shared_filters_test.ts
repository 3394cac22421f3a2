import assert from "node:assert/strict";
import type { PacketFilter } from "../../../core/gateway/packet_filter.ts";
import { SharedFilters } from "../../../dataplane/ip/shared_filters.ts";
import { address } from "../support/ends.ts";

function filterOf(name: string, host: string): PacketFilter {
  return {
    name,
    rules: [{
      action: "permit",
      family: 4,
      destination: { address: address(host), length: 32 },
    }],
  };
}

Deno.test("filters with the same rules are compiled once, and forgotten with their last user", () => {
  const shared = new SharedFilters();
  const [a, b] = [shared.take(filterOf("a", "10.0.0.1")), shared.take(filterOf("b", "10.0.0.1"))];
  const other = shared.take(filterOf("a", "10.0.0.2"));
  assert.ok(a !== undefined && a === b && other !== a);
  assert.equal(shared.size, 2);
  shared.release(a);
  assert.equal(shared.size, 2);
  shared.release(b);
  assert.equal(shared.size, 1);
  shared.release(b); // once too often
  assert.notEqual(shared.take(filterOf("a", "10.0.0.1")), a);
  shared.release(other);
  assert.equal(shared.size, 1);
});

Deno.test("no filter is none", () => {
  const shared = new SharedFilters();
  assert.equal(shared.take(undefined), undefined);
  shared.release(undefined);
  assert.equal(shared.size, 0);
});
