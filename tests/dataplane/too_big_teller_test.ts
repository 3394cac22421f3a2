import assert from "node:assert/strict";
import { Arena } from "../../dataplane/buffers.ts";
import { namedNonZero, newCounters } from "../../dataplane/counters.ts";
import { TooBigTeller, tooBigTellerBytes } from "../../dataplane/too_big_teller.ts";
import { innerPacket } from "./support/inner_packet.ts";

/** A teller, and what it has written. */
function scene(): {
  readonly tell: (packet: Uint8Array, now: number) => void;
  readonly written: Uint8Array[];
  readonly counted: () => object;
  isRefusing: boolean;
} {
  const arena = new Arena(tooBigTellerBytes + 4096);
  const written: Uint8Array[] = [];
  const counters = newCounters();
  const writePacket = (at: number, length: number): boolean => {
    if (made.isRefusing) return false;
    written.push(arena.bytes.slice(at, at + length));
    return true;
  };
  const teller = new TooBigTeller(arena, { writePacket }, counters);
  const place = arena.reserve(2048);
  const made = {
    tell: (packet: Uint8Array, now: number): void => {
      arena.bytes.set(packet, place);
      teller.tell(place, packet.length, 1300, now);
    },
    written,
    counted: () => namedNonZero(counters),
    isRefusing: false,
  };
  return made;
}

Deno.test("the sender of a packet hears how long it may be", () => {
  const { tell, written, counted } = scene();
  tell(innerPacket({ content: 1400 }), 5);
  tell(innerPacket({ source: "fd00::1", destination: "fd00::2", content: 1400 }), 5);
  assert.deepEqual(written.map((it) => it.length), [576, 1280]);
  assert.equal(new DataView(written[0]!.buffer).getUint16(26), 1300);
  assert.deepEqual(counted(), { "icmp-sent": 2 });
});

Deno.test("what nobody is told of uses nothing up, and is not counted as sent", () => {
  const { tell, written, counted } = scene();
  for (let i = 0; i < 200; i++) tell(innerPacket({ fragmentOffset: 1480 }), 5);
  tell(new Uint8Array(10), 5);
  assert.deepEqual([written.length, counted()], [0, {}]);
  tell(innerPacket({ content: 1400 }), 5);
  assert.equal(written.length, 1);
});

Deno.test("fifty at once and a thousand a second are enough", () => {
  const { tell, written } = scene();
  const packet = innerPacket({ content: 1400 });
  const burst = (now: number): number => {
    const before = written.length;
    for (let i = 0; i < 300; i++) tell(packet, now);
    return written.length - before;
  };
  assert.equal(burst(1000), 50);
  assert.equal(burst(1000.4), 0);
  assert.equal(burst(1010), 10);
  assert.equal(burst(5000), 50);
  const start = written.length;
  for (let now = 5000; now < 6000; now += 0.25) tell(packet, now);
  assert.ok(Math.abs(written.length - start - 1000) <= 2, `${written.length - start}`);
});

Deno.test("a message that the device refuses is not counted as sent", () => {
  const made = scene();
  made.isRefusing = true;
  made.tell(innerPacket({ content: 1400 }), 5);
  assert.deepEqual(made.counted(), {});
});
