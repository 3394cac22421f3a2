/**
 * The IDi of Cisco Secure Client when it logs in by AnyConnect-EAP.
 *
 * It is the same for every client, so nothing may be keyed on it: not a session, not INITIAL_CONTACT. IOS
 * configurations match it as a key id; clients send a private type.
 */
import { type Bytes, equalBytes, type OwnedBytes, utf8 } from "../../bytes.ts";
import { IdType } from "../../message/constants.ts";

/** The data of that identity, without a NUL. */
export const ANYCONNECT_IDENTITY: OwnedBytes = utf8("*$AnyConnectClient$*");

/** Whether an IDi payload says that its sender speaks AnyConnect-EAP. */
export function isAnyConnectIdentity(idType: number, data: Bytes): boolean {
  const isKnownType = idType === IdType.CISCO_GROUP || idType === IdType.KEY_ID;
  return isKnownType && equalBytes(data, ANYCONNECT_IDENTITY);
}
