/** Identities for people: what an ID payload says, as one line of text. */
import type { Bytes } from "../bytes.ts";
import { hexOf, textOf } from "../bytes.ts";
import { DerReader } from "../crypto/der.ts";
import { IdType } from "../message/constants.ts";
import { parseName } from "../pki/name.ts";
import { formatIpAddress } from "../wire/address.ts";

/** Text of an identity; octets that are no text appear as hexadecimal digits. */
export function formatIdentity(idType: number, data: Bytes): string {
  switch (idType) {
    case IdType.IPV4_ADDR:
      return data.length === 4 ? formatIpAddress({ family: 4, octets: data }) : hexOf(data);
    case IdType.IPV6_ADDR:
      return data.length === 16 ? formatIpAddress({ family: 6, octets: data }) : hexOf(data);
    case IdType.DER_ASN1_DN: {
      const reader = new DerReader(data, "identity");
      const name = parseName(reader, "name");
      return reader.fault === undefined ? name.text : hexOf(data);
    }
    default:
      return isPrintable(data) ? textOf(data) : hexOf(data);
  }
}

function isPrintable(data: Bytes): boolean {
  return data.length > 0 && data.every((octet) => octet >= 0x20 && octet < 0x7f);
}
