/** D payload (RFC 7296 §3.11): none for the IKE SA itself, SPIs of 4 octets for AH and ESP. */
import type { Bytes } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import { ProtocolId } from "./constants.ts";
import type { DeletePayload } from "./payload.ts";

/** D payload, both directions. */
export const deleteCodec: PayloadCodec<DeletePayload> = {
  parse(body: Reader): DeletePayload {
    const at = body.offset;
    const protocol = body.u8("protocol");
    const spiSize = body.u8("spiSize");
    const count = body.u16("count");
    const needed = spiSizeOf(protocol);
    if (needed === undefined) {
      body.fail("bad-value", "protocol", { offset: at, had: protocol });
    } else if (spiSize !== needed) {
      body.fail("bad-length", "spiSize", { offset: at + 1, had: spiSize, needed });
    } else if (count > limits.spisPerDelete) {
      body.fail("too-many", "count", { offset: at + 2, had: count, needed: limits.spisPerDelete });
    } else if (spiSize === 0 && count !== 0) {
      body.fail("bad-value", "count", { offset: at + 2, had: count, needed: 0 });
    }
    const spis: Bytes[] = [];
    for (let i = 0; i < count && body.fault === undefined; i++) {
      spis.push(body.bytes(spiSize, "spi"));
    }
    return { kind: "D", protocol, spis };
  },

  build(writer: Writer, payload: DeletePayload): void {
    const size = spiSizeOf(payload.protocol) ?? 0;
    writer.u8(payload.protocol);
    writer.u8(size);
    writer.u16(payload.spis.length);
    for (const spi of payload.spis) {
      if (size === 0 || spi.length !== size) {
        throw new RangeError(`Cannot build D payload: SPI has ${spi.length} octets, needs ${size}`);
      }
      writer.bytes(spi);
    }
  },
};

function spiSizeOf(protocol: number): number | undefined {
  if (protocol === ProtocolId.IKE) return 0;
  return protocol === ProtocolId.AH || protocol === ProtocolId.ESP ? 4 : undefined;
}
