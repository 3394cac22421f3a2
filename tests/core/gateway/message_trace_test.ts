/** What an operator who debugs is told of messages. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import { announcedVendorIds } from "../../../core/eap/anyconnect/vendor_ids.ts";
import { messageTrace } from "../../../core/gateway/message_trace.ts";
import { knownCiscoAttributes } from "../../../core/message/cisco_attributes.ts";
import { ConfigType, ExchangeType, IdType } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { formatEndpoint } from "../../../core/wire/address.ts";
import { SimWorld } from "../../support/sim_world.ts";

const header = {
  initiatorSpi: new Uint8Array(8).fill(1),
  responderSpi: new Uint8Array(8).fill(2),
  exchangeType: ExchangeType.IKE_AUTH,
  flags: { initiator: true, response: false },
  messageId: 1,
};

function factsOf(payloads: readonly Payload[]): Readonly<Record<string, unknown>> {
  return messageTrace("received", header, payloads, {
    ...knownCiscoAttributes,
    "session-token": [28720],
  }).facts ?? {};
}

Deno.test("every attribute of a CP payload is named with number and length, known or not", () => {
  const attribute = (type: number, text = ""): { type: number; value: Uint8Array } => ({
    type,
    value: utf8(text),
  });
  const facts = factsOf([
    { kind: "IDi", idType: IdType.CISCO_GROUP, data: utf8("*$AnyConnectClient$*") },
    { kind: "V", data: announcedVendorIds[0] ?? utf8("") },
    { kind: "V", data: utf8("strange") },
    {
      kind: "CP",
      configType: ConfigType.REQUEST,
      attributes: [
        attribute(1),
        attribute(28672),
        attribute(28720),
        attribute(28717),
        attribute(7, "AnyConnect Windows 5.1"),
      ],
    },
  ]);
  equal(facts.direction, "received");
  equal(facts.message, "IKE_AUTH request 1 { IDi, V, V, CP(CFG_REQUEST) }");
  deepEqual(facts.details, [
    "IDi type: CISCO_GROUP (201), length: 20",
    "Vendor ID: delete-reason (434953434f2d44454c4554452d524541534f4e), length: 19",
    "Vendor ID: unknown (737472616e6765), length: 7",
    "Attrib type: INTERNAL_IP4_ADDRESS (1), length: 0",
    "Attrib type: UNITY_BANNER (28672), length: 0",
    "Attrib type: session-token (28720), length: 0",
    "Attrib type: unknown (28717), length: 0",
    "Attrib type: APPLICATION_VERSION (7), length: 22",
  ]);
});

Deno.test("a message with too many attributes is told in bounds", () => {
  const attributes = Array.from({ length: 3000 }, (_, i) => ({
    type: i,
    value: new Uint8Array(0),
  }));
  const { details } = factsOf([{ kind: "CP", configType: ConfigType.REQUEST, attributes }]);
  ok(Array.isArray(details));
  deepEqual([details.length, details.at(-1)], [101, "and 2900 more"]);
});

Deno.test("messages are told from the command on and no longer than wanted, in both directions", () => {
  const world = new SimWorld(41);
  const told = (): readonly string[] =>
    world.traces.filter(({ event }) => event === "ikev2-packet")
      .map(({ facts }) => `${facts?.direction} ${facts?.message}`);
  const alice = world.addClient("alice", "198.51.100.7");
  world.connect(alice);
  world.run(3000);
  deepEqual(told(), []);
  world.command({ kind: "debug", packets: true });
  const bob = world.addClient("bob", "198.51.100.8");
  world.connect(bob);
  world.run(3000);
  const lines = told();
  match(lines[0] ?? "", /^received IKE_SA_INIT request 0 \{ SA, /);
  match(lines[1] ?? "", /^sent IKE_SA_INIT response 0 \{ SA, /);
  match(lines[2] ?? "", /^received IKE_AUTH request 1 \{ IDi, .*CP\(CFG_REQUEST\)/);
  match(lines.at(-1) ?? "", /^sent IKE_AUTH response \d+ \{ AUTH, CP\(CFG_REPLY\), /);
  equal(lines.filter((line) => line.startsWith("sent")).length * 2, lines.length);
  const traces = world.traces.filter(({ event }) => event === "ikev2-packet");
  ok(
    traces.every(({ remote }) =>
      remote !== undefined && formatEndpoint(remote).startsWith("198.51.100.8:")
    ),
  );
  const { token } = bob.last("established")?.assignment.pair ?? {};
  ok(token !== undefined);
  const said = JSON.stringify(traces);
  ok(!said.includes(token) && !said.includes("bobpw"), "no secret is told");
  world.command({ kind: "debug", packets: false });
  world.command({ kind: "clear-sessions", selector: {} });
  world.run(3000);
  equal(told().length, lines.length);
});
