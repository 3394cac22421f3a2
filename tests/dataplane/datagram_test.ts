import assert from "node:assert/strict";
import { DatagramKind, datagramKind, IkeLine, ikeLine } from "../../dataplane/datagram.ts";
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

const spis = "0102030405060708 1112131415161718";
const lines: readonly (readonly [text: string, octets: string, wanted: IkeLine])[] = [
  ["an IKE_SA_INIT request", `${spis} 21202208 00000000 0000001c`, IkeLine.INITIAL],
  ["an IKE_SA_INIT response", `${spis} 21202220 00000000 0000001c`, IkeLine.ESTABLISHED],
  ["an IKE_AUTH request", `${spis} 2e202308 00000001 0000001c`, IkeLine.ESTABLISHED],
  ["a rekey by the gateway's peer", `${spis} 2e202400 00000001 0000001c`, IkeLine.ESTABLISHED],
  ["a message that is cut in its header", `${spis} 2e202308 00000001 000000`, IkeLine.INITIAL],
  ["no octet", "", IkeLine.INITIAL],
];

for (const [text, octets, wanted] of lines) {
  Deno.test(`${text} waits in the line of those that ${wanted === IkeLine.INITIAL ? "begin" : "have"} an IKE SA`, () => {
    const bytes = hex("aabbcc" + octets.replaceAll(" ", "") + "dd");
    assert.equal(ikeLine(new DataView(bytes.buffer), 3, bytes.length - 4), wanted);
  });
}
