/** AES-CBC with HMAC-SHA-2 in ESP over ipsec-mb: each packet is put off until its burst is done. */
import { InvariantError } from "../../core/result.ts";
import { type EspLayout, type EspOpener, type EspSealer, outcomeSlot } from "../esp/cipher.ts";
import type { EspAlgorithm } from "../esp/keys.ts";
import type { Burst, BurstMember } from "./ipsec_mb_burst.ts";
import { BurstKeys } from "./ipsec_mb_keys.ts";
import { CbcOpener, CbcSealer } from "./libcrypto_esp_cbc.ts";
import type { EspScratch } from "./libcrypto_esp_scratch.ts";

type CbcAlgorithm = Extract<EspAlgorithm, { kind: "cbc" }>;

const blockLength = 16;

/** What both directions have; `One` does what is not worth a burst. */
abstract class CbcMember<One extends { close(): void }> {
  readonly layout: EspLayout;
  readonly keys: BurstKeys;
  readonly icvLength: number;
  readonly esn: boolean;
  protected readonly scratch: EspScratch;
  protected readonly burst: Burst;
  protected readonly one: One;
  protected isClosed = false;

  constructor(
    scratch: EspScratch,
    burst: Burst,
    { layout, esn, key, integrity, integrityKey }: CbcAlgorithm,
    one: One,
  ) {
    this.layout = layout;
    this.icvLength = layout.icvLength;
    this.esn = esn;
    this.keys = new BurstKeys(key, integrity.hash, integrityKey);
    this.scratch = scratch;
    this.burst = burst;
    this.one = one;
  }

  /** See `EspSealer` and `EspOpener`; nothing may be put off. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.one.close();
    this.keys.wipe();
  }
}

/** Seals in bursts. */
export class BurstSealer extends CbcMember<CbcSealer> implements EspSealer, BurstMember {
  readonly kind = "seal";

  /** Seals with `burst`, in the arena of `scratch`. */
  constructor(scratch: EspScratch, burst: Burst, algorithm: CbcAlgorithm) {
    super(scratch, burst, algorithm, new CbcSealer(scratch, algorithm));
  }

  /** See `EspSealer`. */
  seal(offset: number, plaintextLength: number, seqHi: number): number {
    const length = this.layout.overhead + plaintextLength;
    this.scratch.checkRange(offset, length);
    if (this.isClosed || plaintextLength < 0 || plaintextLength % blockLength !== 0) {
      throw new InvariantError("an ESP sealer is misused");
    }
    this.burst.add(this, offset, plaintextLength, seqHi);
    return length;
  }

  /** See `BurstMember`. */
  single(offset: number, plaintextLength: number, seqHi: number): number {
    this.one.seal(offset, plaintextLength, seqHi);
    return plaintextLength;
  }
}

/** Opens in bursts. */
export class BurstOpener extends CbcMember<CbcOpener> implements EspOpener, BurstMember {
  readonly kind = "open";

  /** Opens with `burst`, in the arena of `scratch`. */
  constructor(scratch: EspScratch, burst: Burst, algorithm: CbcAlgorithm) {
    super(scratch, burst, algorithm, new CbcOpener(scratch, algorithm));
  }

  /** See `EspOpener`. */
  open(offset: number, packetLength: number, seqHi: number): number {
    const length = packetLength - this.layout.overhead;
    this.scratch.checkRange(offset, packetLength);
    if (this.isClosed) throw new InvariantError("an ESP opener is misused");
    if (length < 0 || length % blockLength !== 0) return -1;
    return outcomeSlot(this.burst.add(this, offset, length, seqHi));
  }

  /** See `BurstMember`. */
  single(offset: number, plaintextLength: number, seqHi: number): number {
    return this.one.open(offset, plaintextLength + this.layout.overhead, seqHi);
  }
}
