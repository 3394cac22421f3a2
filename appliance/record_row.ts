/**
 * A session record in few octets that are read quickly: a gateway with a hundred thousand of them reads
 * every one before it serves. What every record has stands in its place, the rest as JSON by its name.
 *
 * Numbers of words are part of what is stored: a new word gets the next number.
 */
import {
  type AddressKey,
  buildOctetsJson,
  type Bytes,
  type Endpoint,
  type IpAddress,
  type LoginMethod,
  type OwnedBytes,
  type PeerType,
  type RecordedIkeSa,
  type SessionRecord,
  type StoredRecord,
  type Wall,
  wall,
} from "../core/mod.ts";
import { RowReader, RowWriter, startsWithText } from "./row_cursor.ts";

const methods = {
  "eap-mschapv2": 0,
  "eap-radius": 1,
  "certificate": 2,
  "anyconnect-eap": 3,
} as const satisfies Record<LoginMethod, number>;
const peerTypes = { "AnyConnect": 0, "IOS-XE": 1, "Other": 2 } as const satisfies Record<
  PeerType,
  number
>;
const states = { active: 0, inactive: 1 } as const satisfies Record<SessionRecord["state"], number>;

const methodOf = wordOf(methods);
const peerTypeOf = wordOf(peerTypes);
const stateOf = wordOf(states);

/** What stands in its place. */
type Placed =
  | ("version" | "key" | "sessionId" | "token" | "userName" | "identity" | "method" | "peerType")
  | ("addresses" | "accounting" | "firstLogin" | "absoluteEnd" | "state" | "lastSeen" | "deadline")
  | ("reconnectCount" | "lastRemote" | "ikeSa" | "gatewayName");

/** What stands by its name, as JSON. */
export type OtherParts = Omit<SessionRecord, Placed>;

/** The row of a record; `undefined` where something in it is too long for a row. */
export function buildRow(record: SessionRecord): OwnedBytes | undefined {
  const { version: _, key, sessionId, token, userName, identity, method, peerType, ...more } =
    record;
  const { addresses, accounting, firstLogin, absoluteEnd, state, lastSeen, ...further } = more;
  const { deadline, reconnectCount, lastRemote, ikeSa, gatewayName, ...others } = further;
  const row = new RowWriter();
  row.text(key); // first, for `isRowOf`
  row.text(sessionId);
  row.text(token);
  row.text(userName);
  row.u8(identity.idType);
  row.octets(identity.data);
  row.u8(methods[method]);
  row.u8(peerTypes[peerType]);
  row.u8(addresses.length);
  for (const { octets } of addresses) row.octets(octets);
  row.text(accounting.sessionId);
  row.u8(accounting.class.length);
  for (const octets of accounting.class) row.octets(octets);
  row.f64(firstLogin);
  row.f64(absoluteEnd ?? Number.NaN);
  row.u8(states[state]);
  row.f64(lastSeen);
  row.f64(deadline);
  row.u32(reconnectCount);
  row.text(lastRemote);
  row.text(gatewayName);
  row.u8(ikeSa === undefined ? 0 : 1);
  if (ikeSa !== undefined) putIkeSa(row, ikeSa);
  row.text(buildOctetsJson(others satisfies OtherParts));
  return row.finish();
}

function putIkeSa(row: RowWriter, ikeSa: RecordedIkeSa): void {
  const { spiI, spiR, originalInitiator, local, remote } = ikeSa;
  row.octets(spiI);
  row.octets(spiR);
  row.u8(originalInitiator ? 1 : 0);
  for (const { address, port } of [local, remote]) {
    row.octets(address.octets);
    row.u16(port);
  }
}

/** What is read of a row at the start. */
export interface RowFront extends
  Pick<
    StoredRecord,
    | ("sessionId" | "userName" | "peerType" | "accountingId")
    | ("absoluteEnd" | "deadline" | "hasIkeSa")
  > {
  /** JSON of what stands by its name. */
  readonly others: string;
}

/** The front of a row; of the rest it is seen that `readRow` can read it. Throws as that does. */
export function readFront(row: RowReader): RowFront {
  // In the order in which `buildRow` puts them.
  row.skipText();
  const sessionId = row.text();
  row.skipText();
  const userName = row.text();
  row.u8();
  row.skipOctets();
  methodOf(row.u8());
  const peerType = peerTypeOf(row.u8());
  skipListOf(row);
  const accountingId = row.text();
  skipListOf(row);
  row.f64();
  const absoluteEnd = endOf(row.f64());
  stateOf(row.u8());
  row.f64();
  const deadline = wall(row.f64());
  row.u32();
  row.skipText();
  row.skipText();
  const hasIkeSa = row.u8() !== 0;
  if (hasIkeSa) skipIkeSa(row);
  const others = row.text();
  row.finish();
  return { sessionId, userName, peerType, accountingId, absoluteEnd, deadline, hasIkeSa, others };
}

/** The keys of the inner addresses of a row. */
export function readAddressKeys(row: RowReader): readonly AddressKey[] {
  for (let texts = 4; texts > 0; texts--) row.skipText();
  row.u8();
  row.skipOctets();
  row.u8();
  row.u8();
  return listOf(row, takeAddressKey);
}

/**
 * The record of a row, its octets as views of the row; `others` is what stands by its name. Throws for what `buildRow` never makes.
 */
export function readRow(row: RowReader, others: OtherParts): SessionRecord {
  // In the order in which `buildRow` puts them.
  const key = row.text();
  const sessionId = row.text();
  const token = row.text();
  const userName = row.text();
  const identity = { idType: row.u8(), data: row.octets() };
  const method = methodOf(row.u8());
  const peerType = peerTypeOf(row.u8());
  const addresses = listOf(row, takeAddress);
  const accounting = { sessionId: row.text(), class: listOf(row, takeOctets) };
  const firstLogin = wall(row.f64());
  const absoluteEnd = endOf(row.f64());
  const state = stateOf(row.u8());
  const lastSeen = wall(row.f64());
  const deadline = wall(row.f64());
  const reconnectCount = row.u32();
  const lastRemote = row.text();
  const gatewayName = row.text();
  const ikeSa = row.u8() === 0 ? undefined : takeIkeSa(row);
  return {
    version: 1,
    key,
    sessionId,
    token,
    userName,
    identity,
    method,
    peerType,
    addresses,
    accounting,
    firstLogin,
    state,
    lastSeen,
    deadline,
    reconnectCount,
    lastRemote,
    gatewayName,
    ...(absoluteEnd === undefined ? {} : { absoluteEnd }),
    ...(ikeSa === undefined ? {} : { ikeSa }),
    ...others,
  };
}

function endOf(value: number): Wall | undefined {
  return Number.isNaN(value) ? undefined : wall(value);
}

function takeIkeSa(row: RowReader): RecordedIkeSa {
  return {
    spiI: row.octets(),
    spiR: row.octets(),
    originalInitiator: row.u8() === 1,
    local: takeEndpoint(row),
    remote: takeEndpoint(row),
  };
}

function skipIkeSa(row: RowReader): void {
  row.skipOctets();
  row.skipOctets();
  row.u8();
  for (let endpoints = 2; endpoints > 0; endpoints--) {
    row.skipOctets();
    row.u16();
  }
}

function takeEndpoint(row: RowReader): Endpoint {
  return { address: takeAddress(row), port: row.u16() };
}

function takeAddress(row: RowReader): IpAddress {
  const octets = row.octets();
  return { family: octets.length === 4 ? 4 : 6, octets };
}

function takeAddressKey(row: RowReader): AddressKey {
  return row.addressKey();
}

function takeOctets(row: RowReader): Bytes {
  return row.octets();
}

function listOf<T>(row: RowReader, take: (row: RowReader) => T): readonly T[] {
  // Made as long as it is to be: one that grows takes room for more.
  const list = new Array<T>(row.u8());
  for (let i = 0; i < list.length; i++) list[i] = take(row);
  return list;
}

function skipListOf(row: RowReader): void {
  for (let length = row.u8(); length > 0; length--) row.skipOctets();
}

/** Whether a row is that of the record with this key. */
export function isRowOf(key: string): (row: Bytes) => boolean {
  return startsWithText(key);
}

function wordOf<Word extends string>(numbers: Record<Word, number>): (number: number) => Word {
  const words = Object.keys(numbers) as Word[];
  const byNumber = new Map(words.map((word) => [numbers[word], word]));
  return (number) => {
    const word = byNumber.get(number);
    if (word === undefined) throw new RangeError(`Cannot read a row: no word has number ${number}`);
    return word;
  };
}
