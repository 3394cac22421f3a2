/** The recorded session of a client with a certificate, with all its keys. */
import { concatBytes } from "../../../../core/bytes.ts";
import { nobleProvider } from "../../../../core/crypto/noble_provider.ts";
import type { ClientProof } from "../../../../core/eap/anyconnect/client_certificate.ts";
import { wall } from "../../../../core/moment.ts";
import { type Certificate, parseCertificate } from "../../../../core/pki/certificate.ts";
import { hex } from "../../../support/hex.ts";
import { readVectorJson } from "../../../support/vectors.ts";
import { parseCertificateBag } from "../../../../core/eap/anyconnect/pkcs7.ts";

/** The file, hexadecimal throughout. */
export interface RecordedSession {
  readonly IDi_body: string;
  readonly Nr: string;
  readonly ike_sa_init_request: string;
  readonly initiator_octets: string;
  readonly eap_client_to_gateway: readonly string[];
  readonly eap_gateway_to_client: readonly string[];
  readonly client_cert_der: string;
  readonly PKCS7_tlv_value: string;
  readonly SIGN_tlv_value: string;
}

/** `undefined` where the vectors are missing. */
export const recorded: RecordedSession | undefined = readVectorJson(
  "own/anyconnect-eap/test-vectors.json",
);

/** Everything that the session proves, at a time when its certificates were valid. */
export function proofOf(session: RecordedSession, changes: Partial<ClientProof> = {}): ClientProof {
  return {
    crypto: nobleProvider,
    octets: hex(session.initiator_octets),
    prfHash: "sha256",
    hasRfc7427: false,
    anchors: [certificatesOf(session)[1]],
    at: wall(Date.UTC(2027, 0, 1)),
    allowSha1: false,
    ...changes,
  };
}

/** The client's certificate and that of its CA. */
export function certificatesOf(session: RecordedSession): readonly [Certificate, Certificate] {
  const bag = parseCertificateBag(hex(session.PKCS7_tlv_value));
  const [own, authority] = bag.ok ? bag.value.map(mustParse) : [];
  if (own === undefined || authority === undefined) throw new TypeError("no certificates");
  return [own, authority];
}

function mustParse(der: Uint8Array): Certificate {
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.fault));
  return parsed.value;
}

/** An EAP packet around other data, with the length made right. */
export function packetAround(code: number, identifier: number, data: Uint8Array): Uint8Array {
  const length = 12 + data.length;
  return concatBytes(
    Uint8Array.of(code, identifier, length >> 8, length & 0xff),
    hex("fe00000944425250"),
    data,
  );
}
