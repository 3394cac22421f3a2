/**
 * What a server says to people, Reply-Message (RFC 2865 §5.18) and MS-CHAP-Error (RFC 2548 §2.1.5), and
 * what it calls them.
 */
import { textOf } from "../../../core/mod.ts";
import { type RadiusPacket, valuesOf } from "./packet.ts";

/** Characters that a form shows; a server may send eight times as many. */
const longestMessage = 500;

/** Control characters, line ends among them. */
const control = /\p{Cc}+/gu;

/**
 * Words for errors of MS-CHAPv2 (RFC 2759 §6). Those that say no more than "wrong" are left out, like the
 * words that servers add themselves, and changing a password.
 */
const mschapErrors: Readonly<Record<string, string>> = {
  "646": "Login is not allowed at this time.",
  "647": "The account is disabled.",
  "648": "The password has expired.",
  "649": "The account may not log in from outside.",
};

/** The name that an accept gives the user (RFC 2865 §5.1), if any; throws when it is no name. */
export function userNameIn(accept: RadiusPacket): string | undefined {
  const [octets] = valuesOf(accept, "User-Name");
  if (octets === undefined) return undefined;
  const name = textOf(octets);
  // No name has control characters (RFC 8265 §3).
  if (name === "" || /\p{Cc}/u.test(name)) {
    throw new Error("RADIUS server accepted under a User-Name that is none");
  }
  return name;
}

/** All of Reply-Message as one line; `undefined` when it says nothing. */
export function replyMessage(packet: RadiusPacket): string | undefined {
  const text = valuesOf(packet, "Reply-Message").map(textOf).join("").replaceAll(control, " ");
  const characters = [...text.trim()];
  if (characters.length === 0) return undefined;
  return characters.length <= longestMessage
    ? characters.join("")
    : `${characters.slice(0, longestMessage - 1).join("")}…`;
}

/** Why an Access-Reject says no, in words for the person; `undefined` when it does not say. */
export function rejectionMessage(packet: RadiusPacket): string | undefined {
  const [error] = valuesOf(packet, "MS-CHAP-Error");
  // An identifier comes first, which may be any octet.
  const [, code = ""] = /^E=(\d{1,10})\b/.exec(textOf(error?.subarray(1) ?? new Uint8Array())) ??
    [];
  return replyMessage(packet) ?? mschapErrors[code];
}
