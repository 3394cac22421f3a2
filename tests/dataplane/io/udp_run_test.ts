/** Runs of datagrams: joined for the kernel on sending (UDP_SEGMENT), joined by it on receiving (UDP_GRO). */
import assert from "node:assert/strict";
import { Arena } from "../../../dataplane/buffers.ts";
import { pathBetween, ReceiveBatch, receiveBatchBytes } from "../../../dataplane/io/udp_linux.ts";
import { SendBatch, sendBatchBytes, sendBatchSize } from "../../../dataplane/io/udp_send_linux.ts";
import {
  closeUdpSocket,
  enableUdpGro,
  hasUdpSegmentation,
  openUdpSocket,
  type UdpSocket,
} from "../../../dataplane/io/udp_socket_linux.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { address } from "../support/ends.ts";

/** Sends datagrams of these lengths to two receivers in turn groups, and reads what each got. */
function passed(
  lengths: readonly (readonly [length: number, receiver: number])[],
  joinsRuns: boolean,
): { readonly got: number[][]; readonly messages: number } {
  const open = (): UdpSocket => openUdpSocket({ address: address("127.0.0.1"), port: 0 }, true);
  const sender = open();
  const receivers = [open(), open()];
  try {
    assert.ok(hasUdpSegmentation(sender));
    if (joinsRuns) { for (const it of receivers) assert.ok(enableUdpGro(it)); }
    const arena = new Arena(receiveBatchBytes + sendBatchBytes + sendBatchSize * 1600);
    const received = new ReceiveBatch(arena);
    const outgoing = new SendBatch(arena, [sender], 0, joinsRuns);
    const paths = receivers.map((it) => pathBetween([sender], sender.local, it.local)!);
    const room = arena.reserve(sendBatchSize * 1536);
    lengths.forEach(([length, receiver], i) => {
      arena.bytes.fill(i, room + i * 1536, room + i * 1536 + length);
      outgoing.add(room + i * 1536, length, paths[receiver]!, 0);
    });
    assert.equal(outgoing.flush(), 0);
    let messages = 0;
    const got = receivers.map(({ fd }) => {
      const found: number[] = [];
      for (;;) {
        const count = received.receive(fd);
        if (count < 0) return found;
        messages += count;
        for (let m = 0; m < count; m++) {
          const size = received.facts(m).segmentSize || received.length(m);
          for (let at = 0; at < received.length(m); at += size) {
            const start = received.offset(m) + at;
            const length = Math.min(size, received.length(m) - at);
            const octets = arena.bytes.subarray(start, start + length);
            assert.ok(octets.every((octet) => octet === octets[0]));
            found.push(octets[0]! * 10_000 + length);
          }
        }
        received.recycle(count);
      }
    });
    return { got, messages };
  } finally {
    for (const socket of [sender, ...receivers]) closeUdpSocket(socket);
  }
}

/** What `passed` gives for each receiver when nothing is lost, cut wrongly or out of order. */
function expectedOf(lengths: readonly (readonly [number, number])[]): number[][] {
  return [0, 1].map((receiver) =>
    lengths.flatMap(([length, to], i) => to === receiver ? [i * 10_000 + length] : [])
  );
}

const to0 = (...lengths: number[]): [number, number][] => lengths.map((length) => [length, 0]);

const runs: readonly (readonly [string, readonly (readonly [number, number])[]])[] = [
  ["one length", to0(...new Array(20).fill(1000))],
  ["a longer one behind", to0(1000, 1000, 1200, 1200)],
  ["a shorter one, then as before", to0(1000, 1000, 900, 1000, 1000)],
  ["ever shorter", to0(1000, 999, 998, 997)],
  ["more than the kernel takes at once", to0(...new Array(128).fill(100))],
  ["more octets than a datagram has", to0(...new Array(100).fill(1500))],
  ["two peers in turn", [[500, 0], [500, 1], [500, 0], [500, 0], [500, 1], [500, 1]]],
];
for (const [name, lengths] of runs) {
  Deno.test(`a batch arrives as it was, with and without runs: ${name}`, () => {
    for (const joinsRuns of [false, true]) {
      assert.deepEqual(passed(lengths, joinsRuns).got, expectedOf(lengths));
    }
  });
}

Deno.test("a batch of random lengths to two peers arrives as it was", () => {
  const random = new SeededRandom(12);
  for (let round = 0; round < 20; round++) {
    const base = 1 + random.below(1400);
    const lengths = Array.from({ length: 1 + random.below(sendBatchSize) }, () => {
      const length = random.below(4) === 0 ? 1 + random.below(1400) : base;
      return [length, random.below(8) === 0 ? 1 : 0] as const;
    });
    assert.deepEqual(passed(lengths, true).got, expectedOf(lengths));
  }
});

Deno.test("a run is one message at the other end", () => {
  assert.equal(passed(to0(...new Array(20).fill(1000)), true).messages, 1);
  assert.equal(passed(to0(...new Array(20).fill(1000)), false).messages, 20);
});
