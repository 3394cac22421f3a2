import assert from "node:assert/strict";
import { parsePrefix } from "../../../core/wire/address.ts";
import {
  buildAddress,
  buildLinkUp,
  buildMessage,
  buildNoLinkLocal,
  buildRoute,
  buildRouteQuestion,
  NetlinkFlag,
  NetlinkType,
  parseError,
  parseMessages,
  parseRoute,
} from "../../../dataplane/io/netlink_message.ts";
import { hex, toHex } from "../../support/hex.ts";
import { address } from "../support/ends.ts";

function bodies(name: string, bytes: Uint8Array, ...wanted: readonly string[]): void {
  Deno.test(`rtnetlink: ${name}`, () => {
    assert.equal(toHex(bytes), wanted.join("").replaceAll(" ", ""));
  });
}

bodies(
  "a link goes up with MTU and queue length",
  buildLinkUp(7, 1400, 5000),
  "00 00 0000 07000000 01000000 01000000",
  "0800 0400 78050000",
  "0800 0d00 88130000",
);
bodies(
  "a link makes up no IPv6 address",
  buildNoLinkLocal(7),
  "00 00 0000 07000000 00000000 00000000",
  "1000 1a00 0c00 0a00 0500 0800 01 000000",
);
bodies(
  "an IPv4 address",
  buildAddress(7, parsePrefix("10.0.0.1/24")!),
  "02 18 02 00 07000000",
  "0800 0200 0a000001",
  "0800 0100 0a000001",
);
bodies(
  "an IPv6 address",
  buildAddress(7, parsePrefix("fd00::1/128")!),
  "0a 80 02 00 07000000",
  "1400 0200 fd000000000000000000000000000001",
  "1400 0100 fd000000000000000000000000000001",
);
bodies(
  "a route into a device, host bits cleared",
  buildRoute({ destination: parsePrefix("10.1.2.3/20")!, interfaceIndex: 7 }),
  "02 14 00 00 fe 04 fd 01 00000000",
  "0800 0100 0a010000",
  "0800 0400 07000000",
);
bodies(
  "a host route by way of a gateway",
  buildRoute({
    destination: parsePrefix("192.0.2.9/32")!,
    interfaceIndex: 3,
    gateway: address("10.0.0.254"),
  }),
  "02 20 00 00 fe 04 00 01 00000000",
  "0800 0100 c0000209",
  "0800 0400 03000000",
  "0800 0500 0a0000fe",
);
bodies(
  "a question for the way to an address",
  buildRouteQuestion(address("192.0.2.9")),
  "02 20 00 00 00 00 00 00 00000000",
  "0800 0100 c0000209",
);

Deno.test("rtnetlink: a message carries length, type, flags and number", () => {
  const message = buildMessage(
    NetlinkType.NEWROUTE,
    NetlinkFlag.ACK | 1,
    0x01020304,
    hex("aabbccdd"),
  );
  assert.equal(toHex(message), "14000000" + "1800" + "0500" + "04030201" + "00000000" + "aabbccdd");
  assert.deepEqual(parseMessages(message), [
    { type: NetlinkType.NEWROUTE, sequence: 0x01020304, body: hex("aabbccdd") },
  ]);
});

Deno.test("rtnetlink: several messages in one answer, the last cut off", () => {
  const one = buildMessage(NetlinkType.DONE, 0, 1, hex("00000000"));
  const odd = buildMessage(NetlinkType.ERROR, 0, 2, hex("feffffff11"));
  const all = new Uint8Array([...odd, 0, 0, 0, ...one, ...one.subarray(0, 18)]);
  const messages = parseMessages(all);
  assert.deepEqual(messages.map((it) => [it.type, it.sequence]), [[2, 2], [3, 1]]);
  assert.equal(parseError(messages[0]!.body), 2);
  assert.deepEqual(parseMessages(hex("00".repeat(32))), []);
});

Deno.test("rtnetlink: a route reads back as it was built", () => {
  for (
    const route of [
      { destination: parsePrefix("10.1.0.0/16")!, interfaceIndex: 7 },
      { destination: parsePrefix("0.0.0.0/0")!, interfaceIndex: 7, gateway: address("10.0.0.254") },
      {
        destination: parsePrefix("2001:db8::/32")!,
        interfaceIndex: 9,
        gateway: address("fe80::1"),
        source: address("fd00::5"),
      },
    ]
  ) {
    assert.deepEqual(parseRoute(buildRoute(route)), { ...route, priority: 0, isOrdinary: true });
  }
});

Deno.test("rtnetlink: every truncation of a route is read without harm", () => {
  const route = buildRoute({ destination: parsePrefix("10.1.0.0/16")!, interfaceIndex: 7 });
  for (let length = 0; length < 12; length++) {
    assert.equal(parseRoute(route.subarray(0, length)), undefined);
  }
  for (let length = 12; length < route.length; length++) {
    assert.ok(parseRoute(route.slice(0, length)) !== undefined);
  }
});
