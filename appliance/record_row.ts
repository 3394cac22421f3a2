/**
 * A session record in few octets that are read quickly: a gateway with a hundred thousand of them reads
 * every one before it serves. What every record has stands in its place, the rest as JSON by its name.
 *
 * Numbers of words are part of what is stored: a new word gets the next number.
 */
import {
  buildOctetsJson,
  type Bytes,
  type Endpoint,
  equalEndpoints,
  type IpAddress,
  type LoginMethod,
  type OwnedBytes,
  parseOctetsJson,
  type PeerType,
  type RecordedIkeSa,
  type SessionRecord,
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

/** What does not stand by its name. */
type Placed =
  | ("version" | "key" | "sessionId" | "token" | "userName" | "identity" | "method" | "peerType")
  | ("addresses" | "accounting" | "firstLogin" | "absoluteEnd" | "state" | "lastSeen" | "deadline")
  | ("reconnectCount" | "lastRemote" | "ikeSa" | "gatewayName");

/** What does. */
type OtherParts = Omit<SessionRecord, Placed>;

/** What rows read so far have in common with others: it is made once, and takes memory once. */
export interface Shared {
  /** What stands by its name, by its JSON. */
  readonly others: Map<string, OtherParts>;
  /** The gateway's endpoint that was met last. */
  local?: Endpoint;
}

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

/** The record of a row, its octets as views of the row. Throws for what `buildRow` never makes. */
export function readRow(bytes: Bytes, shared: Shared): SessionRecord {
  const row = new RowReader(bytes);
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
  const absoluteEnd = row.f64();
  const state = stateOf(row.u8());
  const lastSeen = wall(row.f64());
  const deadline = wall(row.f64());
  const reconnectCount = row.u32();
  const lastRemote = row.text();
  const gatewayName = row.text();
  const ikeSa = row.u8() === 0 ? undefined : takeIkeSa(row, shared);
  const others = othersOf(row.text(), shared);
  const record: { -readonly [Name in keyof SessionRecord]: SessionRecord[Name] } = {
    version: 1,
    key,
    sessionId,
    token,
    userName,
    identity,
    method,
    peerType,
    addresses,
    attributes: others.attributes,
    accounting,
    firstLogin,
    state,
    lastSeen,
    deadline,
    reconnectCount,
    lastRemote,
    gatewayName,
  };
  if (!Number.isNaN(absoluteEnd)) record.absoluteEnd = wall(absoluteEnd);
  if (ikeSa !== undefined) record.ikeSa = ikeSa;
  return Object.assign(record, others);
}

function takeIkeSa(row: RowReader, shared: Shared): RecordedIkeSa {
  return {
    spiI: row.octets(),
    spiR: row.octets(),
    originalInitiator: row.u8() === 1,
    local: takeLocal(row, shared),
    remote: takeEndpoint(row),
  };
}

function takeLocal(row: RowReader, shared: Shared): Endpoint {
  const local = takeEndpoint(row);
  if (shared.local === undefined || !equalEndpoints(shared.local, local)) shared.local = local;
  return shared.local;
}

function takeEndpoint(row: RowReader): Endpoint {
  return { address: takeAddress(row), port: row.u16() };
}

function takeAddress(row: RowReader): IpAddress {
  const octets = row.octets();
  return { family: octets.length === 4 ? 4 : 6, octets };
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

function othersOf(text: string, { others }: Shared): OtherParts {
  const known = others.get(text);
  if (known !== undefined) return known;
  const made = parseOctetsJson(text) as OtherParts;
  others.set(text, made);
  return made;
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
