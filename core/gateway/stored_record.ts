/** Records of the store that are in memory as a whole. */
import { addressKey } from "../wire/address.ts";
import type { SessionRecord, StoredRecord } from "./record.ts";

/** A record as if it were in the store. */
export function storedRecord(record: SessionRecord): StoredRecord {
  const { sessionId, previous, userName, peerType, attributes, accounting } = record;
  const { absoluteEnd, deadline, ikeSa, addresses } = record;
  return {
    sessionId,
    previousId: previous?.sessionId,
    userName,
    peerType,
    attributes,
    accountingId: accounting.sessionId,
    absoluteEnd,
    deadline,
    certificates: record.certificates ?? [],
    hasIkeSa: ikeSa !== undefined,
    addressKeys: () => addresses.map(addressKey),
    read: () => record,
  };
}
