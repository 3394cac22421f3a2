/**
 * TSi and TSr payloads (RFC 7296 §3.13).
 *
 * A selector whose type is not known is left out; a payload of nothing else comes out empty, and then
 * nothing can be narrowed from it. Ports may run backwards: 65535 to 0 says OPAQUE (RFC 4301 §4.4.1).
 */
import { limits } from "../limits.ts";
import { compareAddresses, type IpAddress } from "../wire/address.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import { TsType } from "./constants.ts";
import type { TrafficSelector, TsPayload } from "./payload.ts";

const SELECTOR_HEADER = 8;

/** TSi or TSr payload, both directions. */
export function tsCodec(kind: TsPayload["kind"]): PayloadCodec<TsPayload> {
  return {
    parse(body: Reader): TsPayload {
      const at = body.offset;
      const count = body.u8("count");
      body.bytes(3, "reserved");
      if (count === 0) body.fail("bad-value", "count", { offset: at, had: 0, needed: 1 });
      if (count > limits.selectorsPerPayload) {
        body.fail("too-many", "count", {
          offset: at,
          had: count,
          needed: limits.selectorsPerPayload,
        });
      }
      const selectors: TrafficSelector[] = [];
      for (let i = 0; i < count && body.fault === undefined; i++) {
        const selector = parseSelector(body);
        if (selector !== undefined) selectors.push(selector);
      }
      return { kind, selectors };
    },

    build(writer: Writer, payload: TsPayload): void {
      writer.u8(payload.selectors.length);
      writer.zeros(3);
      for (const selector of payload.selectors) buildSelector(writer, selector);
    },
  };
}

function parseSelector(parent: Reader): TrafficSelector | undefined {
  const at = parent.offset;
  const type = parent.u8("selector.type");
  const protocol = parent.u8("selector.protocol");
  const length = parent.u16("selector.length");
  const family = familyOf(type);
  const needed = family === undefined ? 4 : SELECTOR_HEADER + (family === 4 ? 8 : 32);
  if (family === undefined ? length < needed : length !== needed) {
    parent.fail("bad-length", "selector.length", { offset: at + 2, had: length, needed });
  }
  const body = parent.sub(length - 4, "selector");
  if (family === undefined) return undefined;
  const startPort = body.u16("startPort");
  const endPort = body.u16("endPort");
  const startAddress: IpAddress = { family, octets: body.bytes(family === 4 ? 4 : 16, "start") };
  const endAddress: IpAddress = { family, octets: body.bytes(family === 4 ? 4 : 16, "end") };
  if (body.fault === undefined && compareAddresses(startAddress, endAddress) > 0) {
    body.fail("bad-value", "end", { offset: at + SELECTOR_HEADER });
  }
  return { protocol, startPort, endPort, startAddress, endAddress };
}

function familyOf(type: number): 4 | 6 | undefined {
  if (type === TsType.IPV4_ADDR_RANGE) return 4;
  return type === TsType.IPV6_ADDR_RANGE ? 6 : undefined;
}

function buildSelector(writer: Writer, selector: TrafficSelector): void {
  const { startAddress, endAddress } = selector;
  const isV4 = startAddress.family === 4;
  if (endAddress.octets.length !== startAddress.octets.length) {
    throw new RangeError("Cannot build traffic selector: its addresses are of two families");
  }
  writer.u8(isV4 ? TsType.IPV4_ADDR_RANGE : TsType.IPV6_ADDR_RANGE);
  writer.u8(selector.protocol);
  writer.u16(SELECTOR_HEADER + 2 * startAddress.octets.length);
  writer.u16(selector.startPort);
  writer.u16(selector.endPort);
  writer.bytes(startAddress.octets);
  writer.bytes(endAddress.octets);
}
