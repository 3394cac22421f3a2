import assert from "node:assert/strict";
import {
  buildPacketInfo,
  buildSockaddr,
  parsePacketInfo,
  parseSockaddr,
  writePointer,
} from "../../../dataplane/ffi/layout.ts";
import { hex, toHex } from "../../support/hex.ts";
import { address } from "../support/ends.ts";

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const names: readonly (readonly [text: string, port: number, octets: string])[] = [
  ["192.0.2.7", 4500, "0200 1194 c0000207 0000000000000000"],
  ["2001:db8::7", 500, "0a00 01f4 00000000 20010db8000000000000000000000007 00000000"],
];
for (const [text, port, octets] of names) {
  Deno.test(`the socket address of ${text} is the kernel's`, () => {
    const endpoint = { address: address(text), port };
    const bytes = buildSockaddr(endpoint);
    assert.equal(toHex(bytes), octets.replaceAll(" ", ""));
    assert.deepEqual(parseSockaddr(viewOf(bytes), 0), endpoint);
  });
}

Deno.test("a socket address of another family is none", () => {
  assert.equal(parseSockaddr(viewOf(hex("0100" + "00".repeat(26))), 0), undefined);
});

const infos: readonly (readonly [text: string, octets: string])[] = [
  ["192.0.2.7", "1c000000 00000000 00000000 08000000 00000000 c0000207 00000000 00000000"],
  [
    "2001:db8::7",
    "24000000 00000000 29000000 32000000 20010db8000000000000000000000007 00000000 00000000",
  ],
];
for (const [text, octets] of infos) {
  Deno.test(`the control message for source ${text} is the kernel's`, () => {
    const bytes = buildPacketInfo(address(text));
    assert.equal(toHex(bytes), octets.replaceAll(" ", ""));
    assert.deepEqual(parsePacketInfo(viewOf(bytes), 0, bytes.length), address(text));
  });
}

Deno.test("packet information is found behind other control messages, and its absence is", () => {
  const other = hex("14000000 00000000 01000000 1d000000 00000000 00000000"); // 20 octets, padded to 24
  const info = buildPacketInfo(address("192.0.2.7"));
  const both = new Uint8Array([...other, ...info]);
  assert.deepEqual(parsePacketInfo(viewOf(both), 0, both.length), address("192.0.2.7"));
  assert.equal(parsePacketInfo(viewOf(other), 0, other.length), undefined);
  assert.equal(parsePacketInfo(viewOf(both), 0, 0), undefined);
  assert.equal(parsePacketInfo(viewOf(new Uint8Array(64)), 0, 64), undefined);
});

Deno.test("a pointer is written exactly, up to the end of user space", () => {
  for (const address of [0n, 0xffff_ffffn, 0x1_0000_0000n, 0x7fff_ffff_f008n]) {
    const view = new DataView(new ArrayBuffer(8));
    writePointer(view, 0, Number(address));
    assert.equal(view.getBigUint64(0, true), address);
  }
});
