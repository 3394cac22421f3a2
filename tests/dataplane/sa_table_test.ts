import assert from "node:assert/strict";
import type { ChildSaInstall } from "../../core/gateway/output.ts";
import { InnerHeader } from "../../dataplane/ip/header.ts";
import { SaTable } from "../../dataplane/sa_table.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { nowhere, pair, portable, selector, windowPackets } from "./support/ends.ts";
import { type InnerFields, innerPacket } from "./support/inner_packet.ts";

const everything = [
  selector("0.0.0.0-255.255.255.255"),
  selector("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

function table(...installs: readonly Partial<ChildSaInstall>[]): SaTable {
  const made = new SaTable(portable(new Uint8Array(1024)), windowPackets);
  for (const install of installs) {
    made.install(pair({ localSelectors: everything, ...install }), nowhere);
  }
  return made;
}

/** The inbound SPI of the pair that a packet goes out on, or why there is none. */
function routed(from: SaTable, fields: InnerFields): number | string {
  const packet = innerPacket(fields);
  const view = new DataView(packet.buffer);
  const header = new InnerHeader();
  assert.ok(header.parse(view, 0, packet.length));
  header.parseUpper(view, 0);
  return from.findOutbound(header)?.inboundSpi ?? from.lastMiss;
}

const to = (destination: string): InnerFields =>
  destination.includes(":") ? { source: "fd00::1", destination } : { destination };

Deno.test("inbound pairs are found by SPI, the highest ones too", () => {
  const made = table({ inboundSpi: 0xffff_fff0 }, { inboundSpi: 0x100 });
  assert.equal(made.findInbound(0xffff_fff0)?.inboundSpi, 0xffff_fff0);
  assert.equal(made.findInbound(0x100)?.inboundSpi, 0x100);
  assert.equal(made.findInbound(0x101), undefined);
});

Deno.test("each host goes to its pair, in both families", () => {
  const made = table(
    { inboundSpi: 1, remoteSelectors: [selector("10.0.0.2"), selector("fd00::2")] },
    { inboundSpi: 2, remoteSelectors: [selector("10.0.0.3"), selector("fd00::3")] },
  );
  const wanted = { "10.0.0.2": 1, "fd00::2": 1, "10.0.0.3": 2, "fd00::3": 2 };
  for (const [destination, spi] of Object.entries(wanted)) {
    assert.equal(routed(made, to(destination)), spi, destination);
  }
  assert.equal(routed(made, to("10.0.0.4")), "no-sa");
  assert.equal(routed(made, to("fd00::4")), "no-sa");
});

Deno.test("of two pairs for one network the newer wins, also when the older one is rekeyed", () => {
  for (const network of ["10.77.0.0-10.77.0.255", "10.77.0.9"]) {
    const remoteSelectors = [selector(network)];
    const there = (): number | string => routed(made, to("10.77.0.9"));
    const made = table(
      { inboundSpi: 1, remoteSelectors },
      { inboundSpi: 2, remoteSelectors },
    );
    assert.equal(there(), 2);
    const next = (inboundSpi: number, replaces: number, outboundWaits: boolean): void => {
      const install = { inboundSpi, remoteSelectors, replaces, outboundWaits };
      made.install(pair({ localSelectors: everything, ...install }), nowhere);
    };
    next(3, 1, false);
    assert.equal(there(), 2, "the older one was rekeyed by us");
    made.remove(1);
    assert.equal(there(), 2);
    next(4, 3, true);
    made.remove(3);
    assert.equal(there(), 2, "the older one was rekeyed by its peer, whose DELETE came first");
    next(5, 2, false);
    assert.equal(there(), 5, "the newer one was rekeyed");
    made.remove(2);
    made.remove(5);
    assert.equal(there(), 4, "the older one has the network back");
  }
});

Deno.test("a narrow selector wins over a wide one, whichever came first", () => {
  const made = table(
    { inboundSpi: 1, remoteSelectors: [selector("10.0.0.0-10.0.255.255")] },
    { inboundSpi: 2, remoteSelectors: everything },
    { inboundSpi: 3, remoteSelectors: [selector("10.0.7.0-10.0.7.255")] },
    { inboundSpi: 4, remoteSelectors: [selector("10.0.7.9")] },
  );
  assert.equal(routed(made, to("10.0.7.9")), 4);
  assert.equal(routed(made, to("10.0.7.8")), 3);
  assert.equal(routed(made, to("10.0.8.8")), 1);
  assert.equal(routed(made, to("192.0.2.1")), 2);
  assert.equal(routed(made, to("2001:db8::1")), 2);
});

Deno.test("protocol and ports choose between pairs to one host", () => {
  const one = (more: object): ChildSaInstall["remoteSelectors"] => [selector("10.0.0.2", more)];
  const made = table(
    { inboundSpi: 1, remoteSelectors: one({ protocol: 17, startPort: 53, endPort: 53 }) },
    { inboundSpi: 2, remoteSelectors: one({ protocol: 6 }) },
  );
  assert.equal(routed(made, { destinationPort: 53 }), 1);
  assert.equal(routed(made, { protocol: 6, destinationPort: 53 }), 2);
  assert.equal(routed(made, { destinationPort: 54 }), "no-sa");
});

Deno.test("a source outside our selectors is told from an unknown destination", () => {
  const made = table({ localSelectors: [selector("10.0.0.1")] });
  assert.equal(routed(made, { source: "10.0.0.1" }), 0x1001);
  assert.equal(routed(made, { source: "10.0.0.9" }), "selector-outbound");
  assert.equal(routed(made, { source: "10.0.0.9", destination: "10.0.0.8" }), "no-sa");
});

Deno.test("the newest pair to one host wins, and the older one is back when it goes", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2 });
  assert.equal(routed(made, {}), 2);
  made.remove(2);
  assert.equal(routed(made, {}), 1);
  made.remove(1);
  assert.equal(routed(made, {}), "no-sa");
});

Deno.test("RFC 7296 §2.8: who asked for the rekey sends on the new pair at once", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2, replaces: 1 });
  assert.equal(routed(made, {}), 2);
  assert.equal(made.findInbound(1)?.outbound, "superseded");
  made.remove(1);
  assert.equal(routed(made, {}), 2);
});

Deno.test("RFC 7296 §2.8: who answered the rekey sends on the old pair until the first packet", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2, replaces: 1, outboundWaits: true });
  assert.equal(routed(made, {}), 1);
  made.confirm(made.findInbound(2)!);
  assert.equal(routed(made, {}), 2);
});

Deno.test("a waiting pair takes over when the old one is removed", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2, replaces: 1, outboundWaits: true });
  made.remove(1);
  assert.equal(routed(made, {}), 2);
});

Deno.test("a pair that waits for one that is gone does not wait", () => {
  const made = table({ inboundSpi: 2, replaces: 1, outboundWaits: true });
  assert.equal(routed(made, {}), 2);
});

Deno.test("a new pair that fails gives traffic back to the one it displaced", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2, replaces: 1 });
  made.remove(2);
  assert.equal(routed(made, {}), 1);
});

Deno.test("RFC 7296 §2.8.1: the loser of a simultaneous rekey goes without taking traffic along", () => {
  const made = table(
    { inboundSpi: 1 },
    { inboundSpi: 2, replaces: 1 },
    { inboundSpi: 3, replaces: 1, outboundWaits: true },
  );
  assert.equal(routed(made, {}), 2);
  made.remove(2);
  assert.equal(routed(made, {}), 1);
  made.confirm(made.findInbound(3)!);
  assert.equal(routed(made, {}), 3);
  made.remove(1);
  assert.equal(routed(made, {}), 3);
});

Deno.test("RFC 7296 §2.8.1: the winner of a simultaneous rekey keeps the traffic when the old pair goes", () => {
  const made = table(
    { inboundSpi: 1 },
    { inboundSpi: 2, replaces: 1, outboundWaits: true },
    { inboundSpi: 3, replaces: 1 },
  );
  assert.equal(routed(made, {}), 3);
  made.remove(1);
  assert.equal(routed(made, {}), 3, "the one that waits goes on waiting");
  made.remove(3);
  assert.equal(routed(made, {}), 2, "and is there when it is needed");
});

Deno.test("of several pairs that wait for the same one the newest takes over, whatever they waited for before", () => {
  const made = table(
    { inboundSpi: 1 },
    { inboundSpi: 2, replaces: 1, outboundWaits: true },
    { inboundSpi: 3, replaces: 1 },
    { inboundSpi: 4, replaces: 3, outboundWaits: true },
  );
  assert.equal(routed(made, {}), 3);
  made.remove(1);
  made.remove(3);
  assert.equal(routed(made, {}), 4);
  made.remove(4);
  assert.equal(routed(made, {}), 2);
});

Deno.test("RFC 7296 §2.8.1: nothing goes out on a redundant pair, whatever goes and comes", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2, replaces: 1, outboundWaits: true }, {
    inboundSpi: 3,
    outboundWaits: true,
    inboundOnly: true,
  });
  assert.equal(routed(made, {}), 1);
  made.confirm(made.findInbound(3)!);
  assert.equal(routed(made, {}), 1);
  made.remove(1);
  assert.equal(routed(made, {}), 2);
  made.remove(2);
  assert.equal(routed(made, {}), "no-sa");
});

Deno.test("a middle generation that goes does not bring the oldest back", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 2, replaces: 1 }, {
    inboundSpi: 3,
    replaces: 2,
  });
  made.remove(2);
  assert.equal(routed(made, {}), 3);
  made.remove(3);
  assert.equal(routed(made, {}), 1);
});

Deno.test("an SPI installed again replaces what was there", () => {
  const made = table({ inboundSpi: 1 }, { inboundSpi: 1, remoteSelectors: [selector("10.0.0.7")] });
  assert.equal(routed(made, {}), "no-sa");
  assert.equal(routed(made, to("10.0.0.7")), 1);
  assert.equal([...made.all()].length, 1);
});

Deno.test("keys that do not fit are refused and nothing is installed", () => {
  const made = table();
  const keys = { encryption: new Uint8Array(3), integrity: new Uint8Array(0) };
  assert.throws(() => made.install(pair({ inboundKeys: keys }), nowhere), RangeError);
  assert.equal(made.findInbound(0x1001), undefined);
  assert.equal(routed(made, {}), "no-sa");
});

Deno.test("the table agrees with a linear search over many hosts", () => {
  const random = new SeededRandom(9);
  const made = table();
  const plain = new Map<string, number>();
  for (let i = 1; i <= 400; i++) {
    const v6 = random.chance();
    const host = v6
      ? `fd00::${random.below(300).toString(16)}`
      : `10.0.${random.below(2)}.${random.below(150)}`;
    if (plain.has(host)) continue;
    made.install(
      pair({ inboundSpi: i, localSelectors: everything, remoteSelectors: [selector(host)] }),
      nowhere,
    );
    plain.set(host, i);
    const victim = random.pick([...plain.keys()]);
    if (random.chance(0.3)) {
      made.remove(plain.get(victim)!);
      plain.delete(victim);
    }
  }
  for (let i = 0; i < 300; i++) {
    for (const host of [`fd00::${i.toString(16)}`, `10.0.${i >> 8}.${i & 255}`]) {
      assert.equal(routed(made, to(host)), plain.get(host) ?? "no-sa", host);
    }
  }
});

Deno.test("the table agrees with a linear search over networks and ranges of every width", () => {
  const random = new SeededRandom(10);
  const made = table();
  /** In the order of their coming. */
  const plain: { readonly spi: number; readonly first: number; readonly last: number }[] = [];
  const text = (value: number): string => `10.0.${value >> 8}.${value & 255}`;
  const common = (a: number, b: number): number => Math.clz32(a ^ b);
  const expected = (at: number): number | string => {
    const covering = plain.filter(({ first, last }) => first <= at && at <= last);
    // The narrowest, and of those of one width the newest.
    covering.sort((a, b) => common(b.first, b.last) - common(a.first, a.last) || b.spi - a.spi);
    return covering[0]?.spi ?? "no-sa";
  };
  for (let spi = 1; spi <= 300; spi++) {
    const first = random.below(2_000);
    const last = Math.min(1_999, first + random.pick([0, 0, 1, 7, 60, 900]));
    const remoteSelectors = [selector(`${text(first)}-${text(last)}`)];
    made.install(pair({ inboundSpi: spi, localSelectors: everything, remoteSelectors }), nowhere);
    plain.push({ spi, first, last });
    if (random.chance(0.4)) {
      const [gone] = plain.splice(random.below(plain.length), 1);
      if (gone !== undefined) made.remove(gone.spi);
    }
    for (let i = 0; i < 10; i++) {
      const at = random.below(2_000);
      assert.equal(routed(made, to(text(at))), expected(at), text(at));
    }
  }
  for (const { spi } of plain) made.remove(spi);
  assert.equal(routed(made, to("10.0.0.1")), "no-sa");
});
