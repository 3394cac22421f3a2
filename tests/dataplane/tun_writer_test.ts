import { StageClock } from "../../dataplane/stage_clock.ts";
import assert from "node:assert/strict";
import { Arena } from "../../dataplane/buffers.ts";
import { namedNonZero, newCounters } from "../../dataplane/counters.ts";
import { Errno } from "../../dataplane/ffi/errno.ts";
import { TunWriter } from "../../dataplane/tun_writer.ts";
import { madePacket } from "./support/naive_packets.ts";

/** A writer to a device that answers with an error number, or 0. */
class Scene {
  readonly #arena = new Arena(16_384);
  readonly #counters = newCounters();
  readonly written: string[] = [];
  readonly notes: (readonly [string, number])[] = [];
  error = 0;
  readonly writer: TunWriter;
  #sequence = 1000;
  #count = 0;

  constructor() {
    const answer = (what: string): number => {
      if (this.error === 0) this.written.push(what);
      return this.error;
    };
    const target = {
      write: () => answer("packet"),
      writeAggregate: ({ parts }: { readonly parts: number }) => answer(`aggregate of ${parts}`),
    };
    const noteError = (cause: string, errno: number): void => void this.notes.push([cause, errno]);
    const features = ["tun-tso"] as const;
    this.writer = new TunWriter(
      this.#arena,
      target,
      this.#counters,
      features,
      { noteError },
      new StageClock(false),
    );
  }

  /** Adds packets that follow each other in one TCP stream. */
  add(count: number): void {
    for (let i = 0; i < count; i++) {
      const payload = new Uint8Array(100);
      const sequence = this.#sequence;
      const packet = madePacket({ version: 4, protocol: "tcp", payload, sequence });
      const at = (this.#count++ % 64) * 256;
      this.#arena.bytes.set(packet, at);
      this.writer.add(at, packet.length);
      this.#sequence += payload.length;
    }
    this.writer.flush();
  }

  get counted(): object {
    return namedNonZero(this.#counters);
  }
}

Deno.test("packets that the device has no room for are dropped, counted, and no fault of it", () => {
  for (
    const [error, cause] of [
      [Errno.EAGAIN, "tun-full"],
      [Errno.ENOBUFS, "tun-full"],
      [Errno.ENOMEM, "tun-full"],
      [Errno.EIO, "tun-error"],
    ] as const
  ) {
    const scene = new Scene();
    scene.error = error;
    scene.add(1);
    scene.add(5);
    assert.deepEqual(scene.counted, { [cause]: 6 });
    assert.deepEqual(scene.notes, [[cause, error], [cause, error]]);
    scene.error = 0;
    scene.add(5);
    assert.deepEqual([scene.written, scene.counted], [["aggregate of 5"], { [cause]: 6 }]);
  }
});

Deno.test("a device that takes no super-packets after all gets packets", () => {
  const scene = new Scene();
  scene.error = Errno.EINVAL;
  scene.add(5);
  scene.error = 0;
  scene.add(3);
  assert.deepEqual(scene.written, ["packet", "packet", "packet"]);
  assert.deepEqual(scene.counted, { "tun-error": 5 });
});
