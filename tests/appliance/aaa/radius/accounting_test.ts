/** Accounting records as RADIUS attributes, and what becomes of a record that is sent. */
import assert from "node:assert/strict";
import type { Account, AccountRecord } from "../../../../appliance/aaa/account.ts";
import {
  accountingAttributes,
  RadiusAccounting,
} from "../../../../appliance/aaa/radius/accounting.ts";
import {
  NoAnswerError,
  type RadiusAnswer,
  type RadiusQuestion,
} from "../../../../appliance/aaa/radius/client.ts";
import { hexOf, moment, textOf, utf8, wall } from "../../../../core/mod.ts";
import { accountOf, address } from "../support/accounts.ts";

const account = accountOf("key");
const usage = {
  octetsIn: 3 * 2 ** 32 + 5,
  octetsOut: 2 ** 32 - 1,
  packetsIn: 7,
  packetsOut: 2 ** 32 + 9,
};
const outer = { remote: "192.0.2.9", local: "198.51.100.9" };
const at = wall(1_090_500);
const stop: AccountRecord = {
  id: "r-1",
  at,
  since: at,
  ...outer,
  kind: "stop",
  usage,
  why: "operator",
};

/** Attribute values by name: text where the name says so, else hexadecimal digits. */
function shown(record: AccountRecord, of: Account | undefined, delayMs = 0): Map<string, string> {
  const facts = { nasIdentifier: "gw", delayMs };
  const values = new Map<string, string>();
  for (const { name, value } of accountingAttributes(record, of, facts)) {
    const isText = /-Id$|^User-Name$|^NAS-Identifier$|^Cisco-AVPair$/.test(name);
    const text = isText ? textOf(value) : hexOf(value);
    values.set(name, values.has(name) ? `${values.get(name)} ${text}` : text);
  }
  return values;
}

Deno.test("RFC 2866 §5: a Stop says everything, octets in 64 bits", () => {
  assert.deepEqual(Object.fromEntries(shown(stop, account, 61_999)), {
    "Acct-Status-Type": "00000002",
    "Acct-Session-Id": "key",
    "NAS-Identifier": "gw",
    "NAS-IP-Address": "0a000001",
    "NAS-Port-Type": "00000005",
    "Event-Timestamp": "00000442",
    "Acct-Delay-Time": "0000003d",
    "Cisco-AVPair": "rejoin:record-id=r-1",
    "User-Name": "alice",
    "Service-Type": "00000002",
    // Where the peer was then, not where it is now.
    "Calling-Station-Id": "192.0.2.9",
    "Called-Station-Id": "198.51.100.9",
    "Acct-Authentic": "00000001",
    "Framed-IP-Address": "0a630007",
    "Framed-IPv6-Address": "20010db8000000000000000000000007",
    "Class": `${hexOf(utf8("a"))} ${hexOf(utf8("b"))}`,
    "Acct-Session-Time": "0000005a",
    "Acct-Input-Octets": "00000005",
    "Acct-Input-Gigawords": "00000003",
    "Acct-Input-Packets": "00000007",
    "Acct-Output-Octets": "ffffffff",
    "Acct-Output-Gigawords": "00000000",
    "Acct-Output-Packets": "00000009",
    "Acct-Terminate-Cause": "00000006",
  });
});

Deno.test("a report says why it comes when it is not by the clock", () => {
  const report = { id: "r-2", at, since: at, ...outer, kind: "interim", usage } as const;
  for (const turn of ["reconnect", "roam", "restored"] as const) {
    const values = shown({ ...report, turn }, account);
    assert.equal(values.get("Acct-Status-Type"), "00000003");
    assert.equal(values.get("Cisco-AVPair"), `rejoin:record-id=r-2 rejoin:event=${turn}`);
    assert.equal(values.has("Acct-Terminate-Cause"), false);
  }
  assert.equal(shown(report, account).get("Cisco-AVPair"), "rejoin:record-id=r-2");
});

Deno.test("a Start carries no usage; what is not known is left out", () => {
  const { local: _, authentic: __, nasAddress: ___, ...poor } = account;
  const start: AccountRecord = { id: "r-3", at, since: at, remote: "192.0.2.9", kind: "start" };
  assert.deepEqual([...shown(start, poor).keys()], [
    "Acct-Status-Type",
    "Acct-Session-Id",
    "NAS-Identifier",
    "NAS-Port-Type",
    "Event-Timestamp",
    "Acct-Delay-Time",
    "Cisco-AVPair",
    "User-Name",
    "Service-Type",
    "Calling-Station-Id",
    "Framed-IP-Address",
    "Framed-IPv6-Address",
    "Class",
  ]);
});

Deno.test("RFC 2866 §5.1: Accounting-On and -Off are of the gateway alone", () => {
  const nasAddress = address("2001:db8::1");
  for (const [kind, status] of [["on", "00000007"], ["off", "00000008"]] as const) {
    assert.deepEqual(
      Object.fromEntries(shown({ id: "r-4", at, since: at, kind, nasAddress }, undefined)),
      {
        "Acct-Status-Type": status,
        "Acct-Session-Id": "r-4",
        "NAS-Identifier": "gw",
        "NAS-IPv6-Address": "20010db8000000000000000000000001",
        "NAS-Port-Type": "00000005",
        "Event-Timestamp": "00000442",
        "Acct-Delay-Time": "00000000",
        "Cisco-AVPair": "rejoin:record-id=r-4",
      },
    );
  }
});

Deno.test("no time is negative, whatever the wall clock does", () => {
  const values = shown({ ...stop, at: wall(999_000) }, account, -5_000);
  assert.equal(values.get("Acct-Session-Time"), "00000000");
  assert.equal(values.get("Acct-Delay-Time"), "00000000");
});

Deno.test("RFC 2866 §5.2: sent again a record is the same but for a longer delay", async () => {
  let wallMs = 1_091_500;
  const asked: RadiusQuestion[] = [];
  const outcomes: (RadiusAnswer | Error)[] = [
    new NoAnswerError("no RADIUS server answered"),
    new Error("too many questions to RADIUS server"),
    { server: 0 } as RadiusAnswer,
    new RangeError("a RADIUS attribute is too long"),
  ];
  const accounting = new RadiusAccounting({
    client: {
      ask: (question) => {
        asked.push(question);
        const outcome = outcomes.shift() ?? assert.fail("asked too often");
        return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
      },
    },
    clock: { now: () => moment(0, wallMs) },
    nasIdentifier: "gw",
  });
  const deliveries: string[] = [];
  for (; deliveries.length < 4; wallMs += 3_000) {
    deliveries.push(await accounting.deliver(stop, account));
  }
  assert.deepEqual(deliveries, ["unanswered", "unanswered", "acknowledged", "not-sendable"]);
  const delays = asked.map(({ attributes }) =>
    attributes.find(({ name }) => name === "Acct-Delay-Time")?.value.at(-1)
  );
  assert.deepEqual(delays, [1, 4, 7, 10]);
  const rest = asked.map(({ attributes }) =>
    attributes.filter(({ name }) => name !== "Acct-Delay-Time")
  );
  for (const attributes of rest) assert.deepEqual(attributes, rest[0]);
});
