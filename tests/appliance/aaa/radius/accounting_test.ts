/** Accounting records: their attributes, their order, and their loss. */
import assert from "node:assert/strict";
import type { Account, AccountEvent } from "../../../../appliance/aaa/account.ts";
import {
  accountingAttributes,
  RadiusAccounting,
} from "../../../../appliance/aaa/radius/accounting.ts";
import {
  NoAnswerError,
  type RadiusAnswer,
  type RadiusClient,
  type RadiusQuestion,
} from "../../../../appliance/aaa/radius/client.ts";
import { hexOf, parseIpAddress, textOf, utf8, wall } from "../../../../core/mod.ts";
import { keepingLog } from "./support.ts";

const account: Account = {
  id: "key",
  userName: "alice",
  addresses: ["10.99.0.7", "2001:db8::7"].map((text) => parseIpAddress(text) ?? assert.fail()),
  class: [utf8("a"), utf8("b")],
  remote: "192.0.2.1",
  firstLogin: wall(1_000_000),
};

const usage = { octetsIn: 3 * 2 ** 32 + 5, octetsOut: 2 ** 32 - 1 };
const stop: AccountEvent = { kind: "stop", account, at: wall(1_090_500), usage, why: "operator" };

Deno.test("a record says everything, octets in 64 bits", () => {
  const attributes = accountingAttributes(stop, "gw");
  const hexes = (name: string): string[] =>
    attributes.filter((one) => one.name === name).map(({ value }) => hexOf(value));
  assert.deepEqual(hexes("Acct-Status-Type"), ["00000002"]);
  assert.deepEqual(hexes("Acct-Session-Time"), ["0000005a"]);
  assert.deepEqual(hexes("Acct-Input-Octets"), ["00000005"]);
  assert.deepEqual(hexes("Acct-Input-Gigawords"), ["00000003"]);
  assert.deepEqual(hexes("Acct-Output-Octets"), ["ffffffff"]);
  assert.deepEqual(hexes("Acct-Output-Gigawords"), ["00000000"]);
  assert.deepEqual(hexes("Acct-Terminate-Cause"), ["00000006"]);
  assert.deepEqual(hexes("Framed-IP-Address"), ["0a630007"]);
  assert.equal(hexes("Framed-IPv6-Address").length, 1);
  assert.deepEqual(hexes("Class"), [hexOf(utf8("a")), hexOf(utf8("b"))]);
});

for (
  const [why, cause] of [
    ["user-request", 1],
    ["idle-timeout", 4],
    ["session-lifetime", 5],
    ["disconnected", 6],
    ["no such word", 9],
  ] as const
) {
  Deno.test(`RFC 2866 §5.10: Acct-Terminate-Cause of "${why}" is ${cause}`, () => {
    const [value] = accountingAttributes({ ...stop, why }, "gw")
      .filter(({ name }) => name === "Acct-Terminate-Cause");
    assert.equal(hexOf(value?.value ?? new Uint8Array()), `0000000${cause}`);
  });
}

Deno.test("records of one session go one by one, and one that nobody takes is lost and told", async () => {
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  const client = {
    ask: async ({ attributes }: RadiusQuestion): Promise<RadiusAnswer> => {
      const find = (name: string): Uint8Array =>
        attributes.find((one) => one.name === name)?.value ?? new Uint8Array();
      asked.push(`${textOf(find("Acct-Session-Id"))} ${find("Acct-Status-Type")[3]}`);
      if (asked.length === 1) await gate.promise;
      throw new NoAnswerError("no RADIUS server answered");
    },
  } as unknown as RadiusClient;
  const log = keepingLog();
  const accounting = new RadiusAccounting({ client, log, nasIdentifier: "gw" });
  accounting.tell({ kind: "start", account, at: wall(0) });
  accounting.tell(stop);
  accounting.tell({ kind: "start", account: { ...account, id: "other" }, at: wall(0) });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(asked, ["key 1", "other 1"]);
  gate.resolve();
  await accounting.idle();
  assert.deepEqual(asked, ["key 1", "other 1", "key 2"]);
  assert.equal(accounting.lost, 3);
  assert.deepEqual(log.told.map(([event]) => event), Array(3).fill("radius-accounting-lost"));
});
