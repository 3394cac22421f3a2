/** docs/radius.md and the table behind it are true: nothing is sent or read that is not in it. */
import assert from "node:assert/strict";
import { accountingAttributes } from "../../../../appliance/aaa/radius/accounting.ts";
import { type AttributeName, attributeTable } from "../../../../appliance/aaa/radius/attributes.ts";
import {
  type Carrier,
  conversationRows,
  filterRows,
  policyRows,
} from "../../../../appliance/aaa/radius/authorization_table.ts";
import { dynamicRows } from "../../../../appliance/aaa/radius/dynamic_author/attributes.ts";
import { attributeRows } from "../../../../appliance/aaa/radius/document.ts";
import type { RadiusQuestion } from "../../../../appliance/aaa/radius/client.ts";
import { escaped } from "../../../../appliance/config/markdown.ts";
import { type Credential, wall } from "../../../../core/mod.ts";
import { accountOf, address, usageOf } from "../support/accounts.ts";
import { asked } from "./support.ts";

const page = await Deno.readTextFile(new URL("../../../../docs/radius.md", import.meta.url));

Deno.test("docs/radius.md lists the attributes as they are (scripts/radius_document.ts)", () => {
  const [, section = ""] = /<!-- attributes -->(.*)<!-- end of attributes -->/s.exec(page) ?? [];
  const rows = section.trim().split("\n").slice(2).map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())
  );
  assert.deepEqual(rows, attributeRows().map((row) => row.map(escaped)));
});

Deno.test("every attribute that is spoken is in the table", () => {
  const listed = new Set([
    ...policyRows.flatMap(({ attributes }) => attributes),
    ...filterRows.map(({ attribute }) => attribute),
    ...conversationRows.map(({ attribute }) => attribute),
    ...dynamicRows.map(({ attribute }) => attribute),
  ]);
  assert.deepEqual([...listed].sort(), Object.keys(attributeTable).sort());
});

function carriedBy(carrier: Carrier): readonly string[] {
  return [
    ...new Set(
      conversationRows.filter(({ carriers }) => carriers.includes(carrier))
        .map(({ attribute }) => attribute),
    ),
  ].sort();
}

Deno.test("Accounting-Requests carry what the table says", () => {
  const sent = ["10.0.0.1", "2001:db8::1"].flatMap((nas) => {
    const account = accountOf("x", { nasAddress: address(nas) });
    const [at, outer] = [wall(0), { remote: "192.0.2.9", local: "198.51.100.9" }];
    const record = { id: "r", at, since: at, ...outer, kind: "stop", why: "operator" } as const;
    const facts = { nasIdentifier: "gw", delayMs: 0 };
    return accountingAttributes({ ...record, usage: usageOf(1) }, account, facts);
  });
  assert.deepEqual(
    [...new Set(sent.map(({ name }) => name))].sort(),
    carriedBy("Accounting-Request"),
  );
});

Deno.test("Access-Requests carry what the table says", async () => {
  const credentials: readonly Credential[] = [
    { kind: "password", password: "secret" },
    { kind: "challenge-answer", answer: "42", state: Uint8Array.of(0, 1, 2) },
    {
      kind: "mschapv2",
      authenticatorChallenge: new Uint8Array(16),
      peerChallenge: new Uint8Array(16),
      ntResponse: new Uint8Array(24),
    },
    { kind: "eap", packet: Uint8Array.of(2, 1, 0, 5, 1), state: undefined },
  ];
  const questions: RadiusQuestion[] = [];
  for (const credential of credentials) {
    questions.push(...(await asked({}, credential)).questions);
  }
  const names = new Set<AttributeName>(
    questions.flatMap(({ attributes }) => attributes.map(({ name }) => name)),
  );
  // The client itself adds the signature.
  names.add("Message-Authenticator");
  assert.deepEqual([...names].sort(), carriedBy("Access-Request"));
});
