/**
 * Messages in the notation of RFC 7296 §1.2, for traces and tests:
 * `IKE_AUTH request 1 { IDi, N(INITIAL_CONTACT), CERTREQ, CP(CFG_REQUEST), SA, TSi, TSr }`.
 *
 * Only names and numbers of types come out, never the data of a payload, so no secret can.
 */
import { assertNever } from "../result.ts";
import type { EncryptedPart } from "./encrypted.ts";
import {
  ConfigType,
  ExchangeType,
  nameOf,
  NotifyType,
  PayloadType,
  ProtocolId,
} from "./constants.ts";
import type { MessageHeader } from "./header.ts";
import type { Payload } from "./payload.ts";

/** `IKE_SA_INIT request 0 { SA, KE, Nonce, N(NAT_DETECTION_SOURCE_IP) }`. */
export function formatMessage(header: MessageHeader, payloads: readonly Payload[]): string {
  return formatLine(header, payloads.map(formatPayload));
}

/** The same for a message whose content is still encrypted: `… { SK }` or `… { SKF(1/3) }`. */
export function formatEncrypted(header: MessageHeader, part: EncryptedPart): string {
  if (part.kind === "SK") return formatLine(header, ["SK"]);
  return formatLine(header, [`SKF(${part.fragmentNumber ?? 0}/${part.totalFragments ?? 0})`]);
}

/** One payload: its name, and in parentheses what tells it from others of that name. */
export function formatPayload(payload: Payload): string {
  switch (payload.kind) {
    case "SA":
    case "KE":
    case "IDi":
    case "IDr":
    case "CERT":
    case "CERTREQ":
    case "AUTH":
    case "Nonce":
    case "V":
    case "TSi":
    case "TSr":
    case "PS":
      return payload.kind;
    case "N":
      return `N(${nameOf(NotifyType, payload.notifyType)})`;
    case "D":
      return `D(${nameOf(ProtocolId, payload.protocol)})`;
    case "CP":
      return `CP(CFG_${nameOf(ConfigType, payload.configType)})`;
    case "EAP":
      return `EAP(${eapCode(payload.packet[0])})`;
    case "unknown":
      return `payload(${nameOf(PayloadType, payload.payloadType)})`;
    default:
      return assertNever(payload);
  }
}

function formatLine(header: MessageHeader, parts: readonly string[]): string {
  const exchange = nameOf(ExchangeType, header.exchangeType);
  const direction = header.flags.response ? "response" : "request";
  const content = parts.length === 0 ? "{ }" : `{ ${parts.join(", ")} }`;
  return `${exchange} ${direction} ${header.messageId} ${content}`;
}

/** RFC 3748 §4. */
function eapCode(code: number | undefined): string {
  switch (code) {
    case 1:
      return "Request";
    case 2:
      return "Response";
    case 3:
      return "Success";
    case 4:
      return "Failure";
    default:
      return String(code);
  }
}
