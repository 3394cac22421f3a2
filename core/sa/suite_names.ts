/** Names of negotiated algorithms in the spelling of `show crypto ikev2 sa`. */
import { Encr, Integ, PrfId } from "../message/constants.ts";

/** `AES-CBC`, `AES-GCM` or `CHACHA20-POLY1305`. */
export function encryptionName(encryption: number): string {
  switch (encryption) {
    case Encr.AES_CBC:
      return "AES-CBC";
    case Encr.AES_GCM_16:
      return "AES-GCM";
    case Encr.CHACHA20_POLY1305:
      return "CHACHA20-POLY1305";
    default:
      return String(encryption);
  }
}

/** `SHA256`, `SHA384`, `SHA512`, or `None` beside an AEAD cipher. */
export function integrityName(integrity: number): string {
  switch (integrity) {
    case Integ.NONE:
      return "None";
    case Integ.HMAC_SHA2_256_128:
      return "SHA256";
    case Integ.HMAC_SHA2_384_192:
      return "SHA384";
    case Integ.HMAC_SHA2_512_256:
      return "SHA512";
    default:
      return String(integrity);
  }
}

/** `SHA256`, `SHA384` or `SHA512`. */
export function prfName(prf: number): string {
  switch (prf) {
    case PrfId.HMAC_SHA2_256:
      return "SHA256";
    case PrfId.HMAC_SHA2_384:
      return "SHA384";
    case PrfId.HMAC_SHA2_512:
      return "SHA512";
    default:
      return String(prf);
  }
}
