/** The `*.expected.json` files of recorded sessions: raw messages and what must come out of them. */
import { readVectorJson } from "./vectors.ts";

/** A payload as the recording names it. */
export interface RecordedPayload {
  /** Payload type. */
  readonly type: number;
  /** 1 when the critical bit is set. */
  readonly critical: number;
  /** Length in the generic header. */
  readonly length: number;
  /** Body in hexadecimal digits. */
  readonly body: string;
  /** SK only: type of the first payload inside. */
  readonly inner_first?: number;
}

/** One message of a recording. */
export interface RecordedMessage {
  /** "ike" where the recording also has ESP. */
  readonly kind?: string;
  /** Packet number in the capture. */
  readonly frame: number;
  /** SPI in hexadecimal digits. */
  readonly spi_i: string;
  /** SPI in hexadecimal digits. */
  readonly spi_r: string;
  /** Type of the first payload. */
  readonly next_payload: number;
  /** Name of the exchange. */
  readonly exchange: string;
  /** Each 0 or 1. */
  readonly flags: {
    readonly initiator: number;
    readonly version: number;
    readonly response: number;
  };
  /** Message ID. */
  readonly message_id: number;
  /** Length in the header. */
  readonly length: number;
  /** The message in hexadecimal digits. */
  readonly raw: string;
  /** Payloads outside of SK, SK included. */
  readonly outer_payloads: readonly RecordedPayload[];
  /** What is inside SK. */
  readonly decrypted?: null | {
    readonly pad_length: number;
    readonly inner_plain_without_padding: string;
    readonly inner_payloads: readonly RecordedPayload[];
  };
}

interface Recording {
  readonly messages?: readonly RecordedMessage[];
  readonly pcaps?: readonly { readonly messages: readonly RecordedMessage[] }[];
}

/** Paths of all recordings, inside the vectors folder. */
export const recordingPaths: readonly string[] = [
  "own/strongswan-recordings/eap-mschapv2-ikegcm-espcbc.expected.json",
  "own/strongswan-recordings/libreswan-psk.expected.json",
  "thirdparty/captures/openswan/expected.json",
  "thirdparty/captures/wireshark/ikev2-decrypt-aes256cbc.pcapng.expected.json",
  "thirdparty/captures/wireshark/ikev2-decrypt-aes256gcm16.pcap.expected.json",
];

/** The IKE messages of a recording; `undefined` when it is not there. */
export function readRecording(path: string): readonly RecordedMessage[] | undefined {
  const recording = readVectorJson<Recording>(path);
  const messages = recording?.messages ?? recording?.pcaps?.flatMap((pcap) => pcap.messages);
  return messages?.filter((message) => message.kind === undefined || message.kind === "ike");
}
