import assert from "node:assert/strict";
import { DatagramKind, datagramKind } from "../../dataplane/datagram.ts";
import { hex } from "../support/hex.ts";

const cases: readonly (readonly [text: string, octets: string, wanted: DatagramKind])[] = [
  ["no octet", "", DatagramKind.JUNK],
  ["one octet of ones", "ff", DatagramKind.KEEPALIVE],
  ["another octet", "fe", DatagramKind.JUNK],
  ["two octets of ones", "ffff", DatagramKind.JUNK],
  ["three zero octets", "000000", DatagramKind.JUNK],
  ["a marker and nothing", "00000000", DatagramKind.JUNK],
  ["an SPI and nothing", "12345678", DatagramKind.JUNK],
  ["a marker and one octet", "0000000001", DatagramKind.IKE],
  ["a marker and an IKE header", "00000000 0102030405060708", DatagramKind.IKE],
  ["an SPI and a sequence number", "00000100 00000001", DatagramKind.ESP],
  ["the highest SPI", "ffffffff 00000001", DatagramKind.ESP],
  ["an SPI whose first octets are zero", "00000001 00000001", DatagramKind.ESP],
];

for (const [text, octets, wanted] of cases) {
  Deno.test(`RFC 3948 §2: ${text} on the NAT traversal port`, () => {
    const bytes = hex("aabbcc" + octets.replaceAll(" ", "") + "dd"); // neighbours must not matter
    const view = new DataView(bytes.buffer);
    assert.equal(datagramKind(view, 3, bytes.length - 4), wanted);
  });
}
