/** Which IKE SA an SPI belongs to; hands out SPIs that are not in use. */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { equalBytes } from "../bytes.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { MessageHeader } from "../message/header.ts";
import type { Random } from "../random.ts";
import { Reader } from "../wire/reader.ts";

/** Smallest ESP SPI that is not reserved (RFC 4303 §2.1). */
const FIRST_ESP_SPI = 256;

/** All SPIs of ours. */
export class SpiTable {
  readonly #random: Random;
  readonly #mark: (spi: OwnedBytes) => OwnedBytes;
  /** BOUNDED by `Policy.maxSa`. */
  readonly #ike = new Map<bigint, IkeSa>();
  /** BOUNDED by the IKE SAs times `limits.childSasPerIkeSa`. */
  readonly #esp = new Map<number, IkeSa>();

  /** `mark` makes an IKE SPI one that is known for ours later, out of a random one. */
  constructor(random: Random, mark: (spi: OwnedBytes) => OwnedBytes = (spi) => spi) {
    this.#random = random;
    this.#mark = mark;
  }

  /** How many IKE SAs there are, half-open ones included. */
  get ikeSaCount(): number {
    return this.#ike.size;
  }

  /** How many inbound ESP SPIs are given out. */
  get espSpiCount(): number {
    return this.#esp.size;
  }

  /** The IKE SA whose local SPI this is. */
  ikeSa(spi: Bytes): IkeSa | undefined {
    return this.#ike.get(numberOf(spi));
  }

  /** The IKE SA that a message is for: the header names both sides, and the flag says who sends. */
  ikeSaOf({ flags, initiatorSpi, responderSpi }: MessageHeader): IkeSa | undefined {
    return this.ikeSa(flags.initiator ? responderSpi : initiatorSpi);
  }

  /** Whether there is an IKE SA with these SPIs, whichever is ours. */
  hasIkeSa({ initiatorSpi, responderSpi }: MessageHeader): boolean {
    return [initiatorSpi, responderSpi].some((spi) => {
      const sa = this.ikeSa(spi);
      return sa !== undefined && equalBytes(sa.spiI, initiatorSpi) &&
        equalBytes(sa.spiR, responderSpi);
    });
  }

  /** Enters an IKE SA under its local SPI. */
  addIkeSa(sa: IkeSa): void {
    this.#ike.set(numberOf(sa.localSpi), sa);
  }

  /** Takes it out. */
  removeIkeSa(sa: IkeSa): void {
    const spi = numberOf(sa.localSpi);
    if (this.#ike.get(spi) === sa) this.#ike.delete(spi);
  }

  /** A fresh IKE SPI. */
  newIkeSpi(): OwnedBytes {
    for (;;) {
      const spi = this.#mark(this.#random.bytes(8));
      const value = numberOf(spi);
      if (value !== 0n && !this.#ike.has(value)) return spi;
    }
  }

  /** The IKE SA whose Child SA has this inbound SPI. */
  ikeSaOfEsp(spi: number): IkeSa | undefined {
    return this.#esp.get(spi);
  }

  /** A fresh inbound ESP SPI for a Child SA of `sa`. */
  newEspSpi(sa: IkeSa): number {
    for (;;) {
      const octets = this.#random.bytes(4);
      const spi = new Reader(octets).u32("spi");
      if (spi < FIRST_ESP_SPI || this.#esp.has(spi)) continue;
      this.#esp.set(spi, sa);
      return spi;
    }
  }

  /** Enters an IKE SA that a rekey made, with the Child SAs that are under it now. */
  addSuccessor(sa: IkeSa): void {
    this.addIkeSa(sa);
    for (const spi of sa.children.keys()) this.giveEspSpi(spi, sa);
  }

  /** The Child SA with this SPI is under another IKE SA now. */
  giveEspSpi(spi: number, sa: IkeSa): void {
    this.#esp.set(spi, sa);
  }

  /** The SPI is free again. */
  freeEspSpi(spi: number): void {
    this.#esp.delete(spi);
  }
}

function numberOf(spi: Bytes): bigint {
  return new Reader(spi).u64("spi");
}
