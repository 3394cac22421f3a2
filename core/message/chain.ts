/**
 * The chain of payloads (RFC 7296 §3.2): generic headers, the critical bit, and which codec reads or
 * writes which body. SK and SKF end a chain; `encrypted.ts` reads them.
 */
import { limits } from "../limits.ts";
import { assertNever } from "../result.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import { authCodec } from "./authentication.ts";
import { certCodec, certreqCodec } from "./certificate.ts";
import { cpCodec } from "./configuration.ts";
import { CRITICAL_BIT, GENERIC_HEADER_BYTES } from "./codec.ts";
import { PayloadType } from "./constants.ts";
import { deleteCodec } from "./delete.ts";
import { type EncryptedPart, readEncrypted } from "./encrypted.ts";
import { idCodec } from "./identification.ts";
import { keCodec } from "./key_exchange.ts";
import { notifyCodec } from "./notify.ts";
import { eapCodec, nonceCodec, vendorCodec } from "./opaque.ts";
import type { Payload } from "./payload.ts";
import { puzzleSolutionCodec } from "./puzzle.ts";
import { saCodec } from "./security_association.ts";
import { tsCodec } from "./traffic_selector.ts";

/** Old pluto fills messages up to a multiple of this. */
const ALIGNMENT = 4;

/** What a chain holds. */
export interface Chain {
  /** In the order received. */
  readonly payloads: readonly Payload[];
  /** The SK or SKF that ends it. */
  readonly encrypted?: EncryptedPart;
}

/** Names for paths, looked up once per payload. */
const names: ReadonlyMap<number, string> = new Map(
  Object.entries(PayloadType).map(([name, type]) => [type, name]),
);

const idi = idCodec("IDi");
const idr = idCodec("IDr");
const tsi = tsCodec("TSi");
const tsr = tsCodec("TSr");

/**
 * Reads all payloads. Only an outer chain, the one of the datagram itself, may end in an SK or SKF,
 * and only there pluto's zeros are forgiven, which fill a message in clear up to 4 octets.
 */
export function readChain(reader: Reader, firstType: number, isOuter: boolean): Chain {
  const payloads: Payload[] = [];
  let type = firstType;
  while (type !== PayloadType.NONE && reader.fault === undefined) {
    if (payloads.length === limits.payloadsPerMessage) {
      reader.fail("too-many", "payload", { needed: limits.payloadsPerMessage });
      break;
    }
    const at = reader.offset;
    const name = names.get(type) ?? String(type);
    if (reader.remaining < GENERIC_HEADER_BYTES) {
      reader.fail("short", name, { had: reader.remaining, needed: GENERIC_HEADER_BYTES });
      break;
    }
    const next = reader.u8("nextPayload");
    const isCritical = (reader.u8("critical") & CRITICAL_BIT) !== 0;
    const length = reader.u16("length");
    checkLength(reader, name, at, length);
    const body = reader.sub(length - GENERIC_HEADER_BYTES, name);
    if (type === PayloadType.SK || type === PayloadType.SKF) {
      // What was decrypted holds no further encrypted payload (§3.14).
      if (!isOuter) reader.fail("unexpected", name, { offset: at, had: type });
      const encrypted = readEncrypted(body, type, next, isCritical);
      reader.end();
      return { payloads, encrypted };
    }
    const payload = readBody(body, type);
    if (payload.kind === "unknown" && isCritical) {
      reader.fail("unsupported-critical", name, { offset: at, had: type });
    }
    body.end();
    payloads.push(isCritical ? { ...payload, critical: true } : payload);
    type = next;
  }
  if (isOuter) skipAlignment(reader);
  reader.end();
  return { payloads };
}

function skipAlignment(reader: Reader): void {
  const { offset, remaining } = reader;
  if (remaining >= ALIGNMENT || (offset + remaining) % ALIGNMENT !== 0) return;
  const had = reader.rest().find((octet) => octet !== 0);
  if (had !== undefined) reader.fail("trailing-octets", "", { offset, had, needed: 0 });
}

function checkLength(reader: Reader, name: string, at: number, length: number): void {
  const available = reader.remaining + GENERIC_HEADER_BYTES;
  if (length >= GENERIC_HEADER_BYTES && length <= available) return;
  const needed = length < GENERIC_HEADER_BYTES ? GENERIC_HEADER_BYTES : available;
  reader.fail("bad-length", `${name}.length`, { offset: at + 2, had: length, needed });
}

function readBody(body: Reader, type: number): Payload {
  switch (type) {
    case PayloadType.SA:
      return saCodec.parse(body);
    case PayloadType.KE:
      return keCodec.parse(body);
    case PayloadType.IDi:
      return idi.parse(body);
    case PayloadType.IDr:
      return idr.parse(body);
    case PayloadType.CERT:
      return certCodec.parse(body);
    case PayloadType.CERTREQ:
      return certreqCodec.parse(body);
    case PayloadType.AUTH:
      return authCodec.parse(body);
    case PayloadType.NONCE:
      return nonceCodec.parse(body);
    case PayloadType.N:
      return notifyCodec.parse(body);
    case PayloadType.D:
      return deleteCodec.parse(body);
    case PayloadType.V:
      return vendorCodec.parse(body);
    case PayloadType.TSi:
      return tsi.parse(body);
    case PayloadType.TSr:
      return tsr.parse(body);
    case PayloadType.CP:
      return cpCodec.parse(body);
    case PayloadType.EAP:
      return eapCodec.parse(body);
    case PayloadType.PS:
      return puzzleSolutionCodec.parse(body);
    default:
      return { kind: "unknown", payloadType: type, body: body.rest() };
  }
}

/** Appends a payload's body; the generic header is the caller's. */
function writeBody(writer: Writer, payload: Payload): void {
  switch (payload.kind) {
    case "SA":
      return saCodec.build(writer, payload);
    case "KE":
      return keCodec.build(writer, payload);
    case "IDi":
    case "IDr":
      return idi.build(writer, payload);
    case "CERT":
      return certCodec.build(writer, payload);
    case "CERTREQ":
      return certreqCodec.build(writer, payload);
    case "AUTH":
      return authCodec.build(writer, payload);
    case "Nonce":
      return nonceCodec.build(writer, payload);
    case "N":
      return notifyCodec.build(writer, payload);
    case "D":
      return deleteCodec.build(writer, payload);
    case "V":
      return vendorCodec.build(writer, payload);
    case "TSi":
    case "TSr":
      return tsi.build(writer, payload);
    case "CP":
      return cpCodec.build(writer, payload);
    case "EAP":
      return eapCodec.build(writer, payload);
    case "PS":
      return puzzleSolutionCodec.build(writer, payload);
    case "unknown":
      return writer.bytes(payload.body);
    default:
      return assertNever(payload);
  }
}

/** The `PayloadType` of a payload. */
export function payloadTypeOf(payload: Payload): number {
  if (payload.kind === "unknown") return payload.payloadType;
  return payload.kind === "Nonce" ? PayloadType.NONCE : PayloadType[payload.kind];
}

/** The type of the first payload, 0 when there is none. */
export function firstTypeOf(payloads: readonly Payload[]): number {
  const first = payloads[0];
  return first === undefined ? PayloadType.NONE : payloadTypeOf(first);
}

/** Appends the payloads, each with its generic header. */
export function writeChain(writer: Writer, payloads: readonly Payload[]): void {
  payloads.forEach((payload, i) => {
    const start = writer.position;
    writer.u8(firstTypeOf(payloads.slice(i + 1, i + 2)));
    writer.u8(payload.critical === true ? CRITICAL_BIT : 0);
    writer.u16(0);
    writeBody(writer, payload);
    writer.patchU16(start + 2, writer.position - start);
  });
}
