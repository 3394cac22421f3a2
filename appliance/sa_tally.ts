/** Counts the Child SAs that the packet path is told to carry, and to carry no more. */
import type { Packets } from "./driver.ts";

/** What was counted so far. */
export interface SaCounters {
  readonly "child-sas-installed": number;
  /** Of which the packet path wants to know nothing. */
  readonly "child-sas-refused": number;
  readonly "child-sas-removed": number;
}

const zeros: SaCounters = {
  "child-sas-installed": 0,
  "child-sas-refused": 0,
  "child-sas-removed": 0,
};

/** Counters, and a packet path that is counted in them. */
export class SaTally {
  #counters = zeros;

  /** What was counted so far. */
  get counters(): SaCounters {
    return this.#counters;
  }

  /** Counts from zero again. */
  clear(): void {
    this.#counters = zeros;
  }

  /** A packet path that does the same, counted. */
  tap(packets: Packets): Packets {
    return {
      transmit: (local, remote, bytes) => packets.transmit(local, remote, bytes),
      installChildSa: (sa) => {
        try {
          packets.installChildSa(sa);
        } catch (error) {
          this.#count("child-sas-refused");
          throw error;
        }
        this.#count("child-sas-installed");
      },
      moveChildSa: (spi, local, remote) => packets.moveChildSa(spi, local, remote),
      removeChildSa: (spi) => {
        packets.removeChildSa(spi);
        this.#count("child-sas-removed");
      },
      filterChildSa: (spi, filter) => packets.filterChildSa(spi, filter),
    };
  }

  #count(name: keyof SaCounters): void {
    this.#counters = { ...this.#counters, [name]: this.#counters[name] + 1 };
  }
}
