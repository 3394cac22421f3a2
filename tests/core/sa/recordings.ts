/** Recorded sessions with their keys: the shape of the `expected.json` files, and ways into them. */
import type { OwnedBytes } from "../../../core/bytes.ts";
import { idBody } from "../../../core/message/identification.ts";
import type { IdPayload } from "../../../core/message/payload.ts";
import assert from "node:assert/strict";
import { type ParsedMessage, parseMessage, parsePayloads } from "../../../core/message/message.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import {
  type DirectionKeys,
  type OpenedMessage,
  openMessage,
} from "../../../core/sa/protection.ts";
import type { IkeSuite } from "../../../core/sa/suite.ts";
import { hex } from "../../support/hex.ts";

/** Keys of one IKE SA, hexadecimal. */
export interface RecordedKeys {
  readonly SKEYSEED: string;
  readonly DH_shared: string;
  readonly sk_d: string;
  readonly sk_ai?: string;
  readonly sk_ar?: string;
  readonly sk_ei: string;
  readonly sk_er: string;
  readonly sk_pi: string;
  readonly sk_pr: string;
}

/** One frame. */
export interface RecordedMessage {
  readonly frame: number;
  readonly kind?: "ike" | "esp";
  readonly src: string;
  readonly dst: string;
  readonly raw: string;
  readonly spi_i: string;
  readonly exchange: string;
  readonly flags: { readonly initiator: number; readonly response: number };
  readonly ike_sa_index?: number;
  readonly decrypted?: {
    readonly icv_ok: boolean;
    readonly inner_plain_without_padding: string;
    readonly inner_payloads: readonly { readonly type: number; readonly body: string }[];
  } | null;
}

/** A recording between stock programs. */
export interface Recording {
  readonly ike_sas: readonly RecordedKeys[];
  readonly child_sas: readonly Readonly<Record<string, string>>[];
  readonly auth: {
    readonly auth_trace: readonly Readonly<Record<string, string>>[];
    readonly auth_shared_secret: string;
  };
  readonly messages: readonly RecordedMessage[];
}

/** Parses a frame that must parse. */
export function parseRaw(raw: string): ParsedMessage {
  const parsed = parseMessage(hex(raw));
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

/** The payload of one kind, which must be there. */
export function payloadOf<K extends Payload["kind"]>(
  payloads: readonly Payload[],
  kind: K,
): Extract<Payload, { kind: K }> {
  const found = payloads.find((payload) => payload.kind === kind);
  assert.ok(found !== undefined, `${kind} payload`);
  return found as Extract<Payload, { kind: K }>;
}

/** The IKE_SA_INIT pairs of a recording: one for each IKE SA, in order. */
export function initPairs(
  recording: Recording,
): { readonly request: RecordedMessage; readonly response: RecordedMessage }[] {
  const inits = recording.messages.filter(({ exchange }) => exchange === "IKE_SA_INIT");
  const pairs = [];
  for (let i = 0; i < inits.length; i += 2) {
    pairs.push({ request: inits[i]!, response: inits[i + 1]! });
  }
  return pairs;
}

/** Opens a frame, compares it with what the recording says, and returns its content. */
export function openContent(
  suite: IkeSuite,
  keys: DirectionKeys,
  message: RecordedMessage,
): OpenedMessage {
  const raw = hex(message.raw);
  const opened = openMessage({ crypto: nobleProvider, suite, keys }, raw, parseRaw(message.raw));
  assert.ok(opened.ok, `frame ${message.frame}: ${JSON.stringify(opened)}`);
  assert.deepEqual(opened.value.plaintext, hex(message.decrypted!.inner_plain_without_padding));
  return opened.value;
}

/** Opens a frame as `openContent` does and returns its payloads. */
export function openRecorded(
  suite: IkeSuite,
  keys: DirectionKeys,
  message: RecordedMessage,
): readonly Payload[] {
  const { plaintext, firstPayload, offset } = openContent(suite, keys, message);
  const payloads = parsePayloads(firstPayload, plaintext, offset);
  assert.ok(payloads.ok, `frame ${message.frame}: ${JSON.stringify(payloads)}`);
  assert.equal(payloads.value.length, message.decrypted!.inner_payloads.length);
  return payloads.value;
}

/** The suite of the EAP-MSCHAPv2 recording: AES-256-GCM, PRF SHA-384, ECP-384. */
export const eapSuite: IkeSuite = {
  encryption: 20,
  keyBits: 256,
  integrity: 0,
  prf: 6,
  group: 20,
};

/** The suite of the libreswan recording: AES-256-CBC, SHA-256, MODP-2048. */
export const libreswanSuite: IkeSuite = {
  encryption: 12,
  keyBits: 256,
  integrity: 12,
  prf: 5,
  group: 14,
};

/** Where the recordings are. */
export const recordingPaths = {
  eap: "own/strongswan-recordings/eap-mschapv2-ikegcm-espcbc.expected.json",
  libreswan: "own/strongswan-recordings/libreswan-psk.expected.json",
} as const;

/** The body of an ID payload, as AUTH covers it. */
export function bodyOf(
  { idType, data, reserved }: Pick<IdPayload, "idType" | "data" | "reserved">,
): OwnedBytes {
  return idBody(idType, data, reserved);
}
