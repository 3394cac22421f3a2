/** Accounts for tests of accounting. */
import assert from "node:assert/strict";
import type { Account, Usage } from "../../../../appliance/aaa/account.ts";
import type { BookLimits } from "../../../../appliance/aaa/account_book.ts";
import { parseIpAddress, utf8, wall } from "../../../../core/mod.ts";

/** An address that must be one. */
export function address(text: string): Account["addresses"][number] {
  return parseIpAddress(text) ?? assert.fail(`${text} is no address`);
}

/** An account with everything in it. */
export function accountOf(id: string, change: Partial<Account> = {}): Account {
  return {
    id,
    userName: "alice",
    addresses: ["10.99.0.7", "2001:db8::7"].map(address),
    class: [utf8("a"), utf8("b")],
    remote: "192.0.2.1",
    local: "198.51.100.1",
    firstLogin: wall(1_000_000),
    authentic: "radius",
    nasAddress: address("10.0.0.1"),
    ...change,
  };
}

/** So much carried, every number another one. */
export function usageOf(packets: number): Usage {
  return {
    octetsIn: packets * 100,
    octetsOut: packets * 1000,
    packetsIn: packets,
    packetsOut: packets * 2,
  };
}

/** Limits that nothing in a test comes near. */
export const wideLimits: BookLimits = {
  mostRecords: 1_000_000,
  mostPerSheet: 1_000_000,
  longestWaitMs: Number.POSITIVE_INFINITY,
};
