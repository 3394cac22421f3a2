import assert from "node:assert/strict";
import type { Endpoint } from "../../../core/wire/address.ts";
import { Arena } from "../../../dataplane/buffers.ts";
import { DataplaneError } from "../../../dataplane/error.ts";
import { Errno } from "../../../dataplane/ffi/errno.ts";
import { buildSockaddr, Linux } from "../../../dataplane/ffi/layout.ts";
import { errno, libc } from "../../../dataplane/ffi/libc.ts";
import { IkeSender } from "../../../dataplane/io/ike_sender_linux.ts";
import { PathProbe } from "../../../dataplane/io/path_probe_linux.ts";
import { Poller } from "../../../dataplane/io/poll_linux.ts";
import {
  batchSize,
  pathBetween,
  ReceiveBatch,
  receiveBatchBytes,
} from "../../../dataplane/io/udp_linux.ts";
import { SendBatch, sendBatchBytes } from "../../../dataplane/io/udp_send_linux.ts";
import {
  closeUdpSocket,
  enableUdpGro,
  openUdpSocket,
  type UdpSocket,
} from "../../../dataplane/io/udp_socket_linux.ts";
import { address } from "../support/ends.ts";

const at = (text: string, port = 0): Endpoint => ({ address: address(text), port });

/** Runs with sockets bound to these addresses, and closes them. */
function withSockets(texts: readonly string[], run: (sockets: UdpSocket[]) => void): void {
  const sockets = texts.map((text) => openUdpSocket(at(text), true));
  try {
    run(sockets);
  } finally {
    for (const socket of sockets) closeUdpSocket(socket);
  }
}

/** Waits until datagrams are there, and takes them. */
function receive(arena: Arena, batch: ReceiveBatch, fd: number): number {
  new Poller(arena, [fd]).wait(1000);
  return batch.receive(fd);
}

function newArena(): Arena {
  return new Arena(receiveBatchBytes + sendBatchBytes + 200_000);
}

const families = [["127.0.0.1", "127.0.0.2"], ["::1", "::1"]] as const;
for (const [from, to] of families) {
  Deno.test(`batches of datagrams pass from ${from} to ${to}, three times over`, () => {
    withSockets([from, to], ([sender, receiver]) => {
      const arena = newArena();
      const received = new ReceiveBatch(arena);
      const outgoing = new SendBatch(arena, [sender!, receiver!], 0);
      const data = arena.reserve(batchSize * 64);
      const path = pathBetween([sender!, receiver!], sender!.local, receiver!.local)!;
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < batchSize; i++) {
          arena.bytes.fill(round * batchSize + i, data + i * 64, data + i * 64 + i + 1);
          outgoing.add(data + i * 64, i + 1, path, 0);
        }
        assert.equal(outgoing.flush(), 0);
        assert.equal(outgoing.count, 0);
        assert.equal(receive(arena, received, receiver!.fd), batchSize);
        for (let i = 0; i < batchSize; i++) {
          const offset = received.offset(i);
          assert.equal(received.length(i), i + 1);
          assert.equal(received.isTruncated(i), false);
          assert.equal(arena.bytes[offset + i], round * batchSize + i);
          assert.deepEqual(received.remote(i), sender!.local);
          assert.deepEqual(received.localAddress(i), receiver!.local.address);
          const back = pathBetween([receiver!], receiver!.local, sender!.local)!;
          assert.equal(received.isFrom(i, back), true);
          const other = { ...sender!.local, port: sender!.local.port ^ 1 };
          const elsewhere = pathBetween([receiver!], receiver!.local, other)!;
          assert.equal(received.isFrom(i, elsewhere), false);
        }
        received.recycle(batchSize);
      }
      assert.ok(received.receive(receiver!.fd) < 0);
    });
  });
}

Deno.test("an unspecified socket receives with, and sends from, the right local address", () => {
  withSockets(["0.0.0.0", "127.0.0.9"], ([all, peer]) => {
    const arena = newArena();
    const received = new ReceiveBatch(arena);
    const outgoing = new SendBatch(arena, [all!, peer!], 0);
    const data = arena.reserve(64);
    const ours = at("127.0.0.5", all!.local.port);
    outgoing.add(data, 5, pathBetween([all!, peer!], ours, peer!.local)!, 0);
    outgoing.add(data, 6, pathBetween([all!, peer!], peer!.local, ours)!, 0);
    assert.equal(outgoing.flush(), 0);
    assert.equal(receive(arena, received, peer!.fd), 1);
    assert.equal(received.length(0), 5);
    assert.deepEqual(received.remote(0), ours);
    received.recycle(1);
    assert.equal(receive(arena, received, all!.fd), 1);
    assert.equal(received.length(0), 6);
    assert.deepEqual(received.localAddress(0), ours.address);
  });
});

Deno.test("what the kernel refuses is counted, and the rest is sent", () => {
  withSockets(["127.0.0.1", "127.0.0.2"], ([sender, receiver]) => {
    const arena = newArena();
    const received = new ReceiveBatch(arena);
    const outgoing = new SendBatch(arena, [sender!], 0);
    const data = arena.reserve(70_000);
    const path = pathBetween([sender!], sender!.local, receiver!.local)!;
    for (const length of [10, 66_000, 20, 66_000]) outgoing.add(data, length, path, 0);
    assert.equal(outgoing.flush(), 2);
    assert.equal(receive(arena, received, receiver!.fd), 2);
    assert.deepEqual([received.length(0), received.length(1)], [10, 20]);
  });
});

for (const [from, to] of families) {
  Deno.test(`the traffic class of each datagram arrives, from ${from} to ${to}`, () => {
    withSockets([from, to], ([sender, receiver]) => {
      assert.ok(enableUdpGro(receiver!));
      const arena = newArena();
      const received = new ReceiveBatch(arena);
      const outgoing = new SendBatch(arena, [sender!], 0, true);
      const data = arena.reserve(batchSize * 64);
      const path = pathBetween([sender!], sender!.local, receiver!.local)!;
      // Runs of one class, then one after the other of all kinds.
      const classes = [0, 0, 0, 0xb8, 0xb8, 0xb8, 0xb9, 0xb9, 0, 1, 2, 3, 0xfc, 0xff, 0, 0];
      classes.forEach((trafficClass, i) => {
        arena.bytes.fill(i, data + i * 64, data + i * 64 + 50);
        outgoing.add(data + i * 64, 50, path, trafficClass);
      });
      assert.equal(outgoing.flush(), 0);
      const got: number[] = [];
      let messages = 0;
      while (got.length < classes.length) {
        const count = receive(arena, received, receiver!.fd);
        assert.ok(count > 0);
        messages += count;
        for (let m = 0; m < count; m++) {
          const { segmentSize, trafficClass } = received.facts(m);
          const size = segmentSize || received.length(m);
          for (let at = 0; at < received.length(m); at += size) {
            assert.equal(size, 50);
            assert.equal(arena.bytes[received.offset(m) + at], got.length);
            got.push(trafficClass);
          }
        }
        received.recycle(count);
      }
      assert.deepEqual(got, classes);
      assert.ok(messages < classes.length, "runs of one class are one message");
    });
  });
}

Deno.test("a source address, a traffic class and a run go into one message", () => {
  for (
    const [any, ours, peerAddress] of [["0.0.0.0", "127.0.0.5", "127.0.0.9"], ["::", "::1", "::1"]]
  ) {
    withSockets([any!, peerAddress!], ([all, peer]) => {
      assert.ok(enableUdpGro(peer!));
      const arena = newArena();
      const received = new ReceiveBatch(arena);
      const outgoing = new SendBatch(arena, [all!], 0, true);
      const data = arena.reserve(2000);
      const local = at(ours!, all!.local.port);
      const path = pathBetween([all!], local, peer!.local)!;
      for (let i = 0; i < 10; i++) outgoing.add(data + i * 200, 200, path, 0x47);
      assert.equal(outgoing.flush(), 0);
      assert.equal(receive(arena, received, peer!.fd), 1);
      assert.deepEqual(received.remote(0), local);
      assert.deepEqual(received.localAddress(0), peer!.local.address);
      assert.deepEqual({ ...received.facts(0) }, { segmentSize: 200, trafficClass: 0x47 });
      assert.equal(received.length(0), 2000);
    });
  }
});

Deno.test("why the kernel refused is kept apart: no room, or else", () => {
  withSockets(["127.0.0.1", "127.0.0.2"], ([sender, receiver]) => {
    const arena = newArena();
    const outgoing = new SendBatch(arena, [sender!], 0, true);
    const data = arena.reserve(70_000);
    const path = pathBetween([sender!], sender!.local, receiver!.local)!;
    outgoing.add(data, 66_000, path, 0);
    assert.equal(outgoing.flush(), 1);
    assert.deepEqual([outgoing.lastError, outgoing.refusedForRoom], [Errno.EMSGSIZE, 0]);
    assert.equal(path.isStale, false, "a packet for itself says nothing of its path");
  });
});

Deno.test("the kernel is asked what a path takes", () => {
  const probe = new PathProbe();
  try {
    withSockets(["127.0.0.1", "::1"], (sockets) => {
      const mtuTo = (text: string): number | undefined => {
        const remote = at(text, 4500);
        const local = sockets.find((it) => it.local.address.family === remote.address.family)!;
        return probe.mtuOf(pathBetween(sockets, local.local, remote)!);
      };
      const mtu = Number(Deno.readTextFileSync("/sys/class/net/lo/mtu"));
      assert.equal(mtuTo("127.0.0.1"), Math.min(mtu, 65_535)); // IPv4 has no longer packets
      assert.equal(mtuTo("::1"), mtu);
      assert.equal(mtuTo("127.0.0.2"), Math.min(mtu, 65_535));
    });
  } finally {
    probe.close();
  }
});

Deno.test("the largest datagram is received whole", () => {
  withSockets(["127.0.0.1", "127.0.0.2"], ([sender, receiver]) => {
    const arena = newArena();
    const received = new ReceiveBatch(arena);
    const outgoing = new SendBatch(arena, [sender!], 0);
    const path = pathBetween([sender!], sender!.local, receiver!.local)!;
    outgoing.add(arena.reserve(65_507), 65_507, path, 0);
    assert.equal(outgoing.flush(), 0);
    assert.equal(receive(arena, received, receiver!.fd), 1);
    assert.deepEqual([received.length(0), received.isTruncated(0)], [65_507, false]);
  });
});

Deno.test("IKE messages carry the marker from a NAT traversal port only", () => {
  const plain = openUdpSocket(at("127.0.0.1"), false);
  withSockets(["127.0.0.1", "127.0.0.2"], ([natt, peer]) => {
    const sender = new IkeSender([plain, natt!]);
    const message = Uint8Array.of(1, 2, 3, 4, 5);
    sender.send(natt!.local, peer!.local, message);
    sender.send(plain.local, peer!.local, message);
    sender.send(at("127.0.0.3", 9), peer!.local, message); // no socket
    sender.send(natt!.local, peer!.local, new Uint8Array(65_533)); // too long with its marker
    assert.deepEqual([sender.sent, sender.refused], [2, 2]);
    const arena = newArena();
    const received = new ReceiveBatch(arena);
    assert.equal(receive(arena, received, peer!.fd), 2);
    const octets = (i: number): number[] => [
      ...arena.bytes.subarray(received.offset(i), received.offset(i) + received.length(i)),
    ];
    assert.deepEqual(octets(0), [0, 0, 0, 0, 1, 2, 3, 4, 5]);
    assert.deepEqual(octets(1), [1, 2, 3, 4, 5]);
  });
  libc.close(plain.fd);
});

Deno.test("paths need a socket of the right port and family", () => {
  withSockets(["0.0.0.0", "::1"], (sockets) => {
    const [four, six] = sockets.map((socket) => socket.local.port) as [number, number];
    const peer4 = at("192.0.2.1", 4500);
    const peer6 = at("2001:db8::1", 4500);
    assert.equal(pathBetween(sockets, at("192.0.2.9", four), peer4)?.control.length, 8);
    assert.equal(pathBetween(sockets, at("0.0.0.0", four), peer4)?.control.length, 0);
    assert.equal(pathBetween(sockets, at("::1", six), peer6)?.control.length, 0);
    assert.equal(pathBetween(sockets, at("::1", six), peer6)?.socket, 1);
    assert.equal(pathBetween(sockets, at("192.0.2.9", four ^ 1), peer4), undefined);
    assert.equal(pathBetween(sockets, at("2001:db8::2", six), peer6), undefined);
    assert.equal(pathBetween(sockets, at("192.0.2.9", four), peer6), undefined);
  });
});

Deno.test("a port in use and a foreign address are told apart", () => {
  withSockets(["127.0.0.1"], ([socket]) => {
    const kindOf = (endpoint: Endpoint): unknown => {
      try {
        closeUdpSocket(openUdpSocket(endpoint, true));
      } catch (error) {
        return error instanceof DataplaneError ? [error.kind, error.message] : error;
      }
      return undefined;
    };
    const { port } = socket!.local;
    assert.deepEqual(kindOf(socket!.local), [
      "port-taken",
      `Cannot listen on 127.0.0.1:${port}: another program has this UDP port`,
    ]);
    assert.deepEqual(kindOf(at("192.0.2.1", port)), [
      "no-address",
      `Cannot listen on 192.0.2.1:${port}: this host does not have the address`,
    ]);
  });
});

for (
  const [text, loopback] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["::1", "::1"],
    ["::", "::1"],
  ] as const
) {
  Deno.test(`a NAT traversal endpoint, ${text}, receives on one socket and belongs to us`, () => {
    const ours = openUdpSocket(at(text), true, "discover");
    const own = at(loopback, ours.local.port);
    try {
      assert.notEqual(ours.fd, ours.cutFd);
      withSockets(new Array(40).fill(loopback), (peers) => {
        const arena = newArena();
        const received = new ReceiveBatch(arena);
        const data = arena.reserve(64);
        for (const peer of peers) {
          const outgoing = new SendBatch(new Arena(sendBatchBytes), [peer], 0);
          outgoing.add(0, 10, pathBetween([peer], peer.local, own)!, 0);
          assert.equal(outgoing.flush(), 0);
        }
        assert.ok(received.receive(ours.cutFd) < 0);
        assert.equal(receive(arena, received, ours.fd), peers.length);
        received.recycle(peers.length);
        // From either the same endpoint sends.
        const [peer] = peers;
        const cutting = { ...ours, fd: ours.cutFd };
        for (const sender of [ours, cutting]) {
          const outgoing = new SendBatch(newArena(), [sender], 0);
          outgoing.add(data, 10, pathBetween([sender], ours.local, peer!.local)!, 0);
          assert.equal(outgoing.flush(), 0);
          assert.equal(receive(arena, received, peer!.fd), 1);
          assert.deepEqual(received.remote(0), own);
          received.recycle(1);
        }
      });
      // Nobody else gets the port, not even who would share it.
      const name = buildSockaddr(ours.local);
      for (const shares of [0, 1]) {
        const family = text.includes(":") ? Linux.AF_INET6 : Linux.AF_INET;
        const fd = libc.socket(family, Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC, 0);
        const { SOL_SOCKET, SO_REUSEPORT } = Linux;
        assert.equal(libc.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, Int32Array.of(shares), 4), 0);
        const outcome = [libc.bind(fd, name, name.length), errno()];
        libc.close(fd);
        assert.deepEqual(outcome, [-1, Errno.EADDRINUSE]);
      }
    } finally {
      closeUdpSocket(ours);
    }
    // Both are gone.
    closeUdpSocket(openUdpSocket(own, true));
  });
}

Deno.test("waiting ends after its time", () => {
  withSockets(["127.0.0.1"], ([socket]) => {
    const poller = new Poller(new Arena(1024), [socket!.fd]);
    const start = performance.now();
    poller.wait(30);
    assert.ok(performance.now() - start >= 29);
    assert.equal(poller.isReady(0), false);
  });
});
