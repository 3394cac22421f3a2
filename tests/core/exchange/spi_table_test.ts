/** SPIs: never one in use, never a reserved one. */
import { equal, notEqual, ok } from "node:assert/strict";
import type { OwnedBytes } from "../../../core/bytes.ts";
import { hexOf } from "../../../core/bytes.ts";
import type { IkeSa } from "../../../core/exchange/ike_sa.ts";
import { SpiTable } from "../../../core/exchange/spi_table.ts";
import type { Random } from "../../../core/random.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** Only its SPI matters here. */
function sa(localSpi: OwnedBytes): IkeSa {
  return { localSpi } as IkeSa;
}

/** Says what the list says, octet strings one after the other. */
function scripted(...values: number[][]): Random {
  return { bytes: () => Uint8Array.from(values.shift() ?? []) };
}

Deno.test("SpiTable equals a map on random additions and removals", () => {
  const random = new SeededRandom(1);
  const table = new SpiTable(random);
  const twin = new Map<string, IkeSa>();
  for (let i = 0; i < 2_000; i++) {
    if (random.chance(0.6) || twin.size === 0) {
      const spi = table.newIkeSpi();
      ok(!twin.has(hexOf(spi)));
      const made = sa(spi);
      table.addIkeSa(made);
      twin.set(hexOf(spi), made);
    } else {
      const [key, gone] = random.pick([...twin]);
      table.removeIkeSa(gone);
      twin.delete(key);
      equal(table.ikeSa(gone.localSpi), undefined);
    }
    equal(table.ikeSaCount, twin.size);
    const [, some] = random.pick([...twin, ["", undefined] as const]);
    if (some !== undefined) equal(table.ikeSa(some.localSpi), some);
  }
});

Deno.test("An IKE SPI is not zero and not in use", () => {
  const taken = [1, 2, 3, 4, 5, 6, 7, 8];
  const free = [9, 9, 9, 9, 9, 9, 9, 9];
  const table = new SpiTable(scripted([0, 0, 0, 0, 0, 0, 0, 0], taken, free));
  table.addIkeSa(sa(Uint8Array.from(taken)));
  equal(hexOf(table.newIkeSpi()), hexOf(Uint8Array.from(free)));
});

Deno.test("RFC 4303 §2.1: an ESP SPI is above 255 and not in use", () => {
  const table = new SpiTable(
    scripted([0, 0, 0, 0], [0, 0, 0, 255], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 0]),
  );
  const owner = sa(new Uint8Array(8));
  equal(table.newEspSpi(owner), 256);
  equal(table.newEspSpi(owner), 257);
  equal(table.espSpiCount, 2);
  table.freeEspSpi(256);
  equal(table.ikeSaOfEsp(256), undefined);
  equal(table.newEspSpi(owner), 256);
});

Deno.test("Removing an SA does not remove another that took its SPI", () => {
  const table = new SpiTable(new SeededRandom(3));
  const [old, next] = [sa(new Uint8Array(8).fill(1)), sa(new Uint8Array(8).fill(1))];
  table.addIkeSa(old);
  table.addIkeSa(next);
  table.removeIkeSa(old);
  equal(table.ikeSa(next.localSpi), next);
  table.giveEspSpi(300, old);
  table.giveEspSpi(300, next);
  equal(table.ikeSaOfEsp(300), next);
  notEqual(table.ikeSaOfEsp(300), old);
});
