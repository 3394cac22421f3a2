/** What the tests of RADIUS share. */
import { createHash, createHmac } from "node:crypto";
import { type Attribute, buildPacket } from "../../../../appliance/aaa/radius/packet.ts";
import type { Facts, Log } from "../../../../appliance/log.ts";
import { utf8 } from "../../../../core/mod.ts";

/** A log that nobody reads. */
export const silentLog: Log = { tell: () => {}, trace: () => {}, close: () => {} };

/** A log that keeps events and their facts. */
export function keepingLog(): Log & { readonly told: readonly (readonly [string, Facts])[] } {
  const told: [string, Facts][] = [];
  return {
    told,
    tell: (_, event, facts = {}) => void told.push([event, facts]),
    trace: () => {},
    close: () => {},
  };
}

/** The secret of these tests. */
export const secret = utf8("xyzzy5461");

/** A server's answer to a request, signed as it should be. */
export function answerTo(
  request: Uint8Array,
  code: number,
  attributes: readonly Attribute[] = [],
  signs = true,
  key: Uint8Array = secret,
): Uint8Array {
  const [, identifier = 0] = request;
  const authenticator = request.slice(4, 20);
  const signature: Attribute = { name: "Message-Authenticator", value: new Uint8Array(16) };
  const all = signs ? [signature, ...attributes] : attributes;
  const bytes = buildPacket({ code, identifier, authenticator, attributes: all });
  if (bytes === undefined) throw new Error("the answer is too long");
  if (signs) bytes.set(createHmac("md5", key).update(bytes).digest(), 22);
  return resigned(bytes, authenticator, key);
}

/** The same with a Response Authenticator that fits, whatever else is wrong with it. */
export function resigned(
  bytes: Uint8Array,
  requestAuthenticator: Uint8Array,
  key: Uint8Array = secret,
): Uint8Array {
  const copy = bytes.slice();
  copy.set(requestAuthenticator, 4);
  copy.set(createHash("md5").update(copy).update(key).digest(), 4);
  return copy;
}
