/**
 * `opaque is-for="sg"`: what a gateway hands to the client and gets back with every later document.
 *
 * Nothing is kept in it, since it comes back from outside; it only ties an answer to the conversation
 * that asked. The number in `config-hash`, which other gateways take from a clock, is random here, so an
 * echo of another conversation does not fit. It is compared by value: order and white space are the
 * client's.
 */
import { type Random, randomText } from "../../random.ts";
import { childOf, childrenOf, childText, childWord } from "./config_auth.ts";
import { element, type XmlElement } from "./xml.ts";

/** The parts that are known. */
export interface GatewayOpaque {
  /** The group that the client is in. */
  readonly tunnelGroup: string;
  /** Ways to log in, where the gateway names them. */
  readonly authMethods: readonly string[];
  /** Decimal digits. */
  readonly configHash: string;
}

const NAME = "opaque";
const FOR_GATEWAY = "sg";
/** Fits in 63 bits, in case somebody reads it as a number. */
const HASH_DIGITS = 17;

/** The value of a new conversation. */
export function makeOpaque(random: Random, tunnelGroup: string): GatewayOpaque {
  const configHash = `1${randomText(random, "0123456789", HASH_DIGITS)}`;
  return { tunnelGroup, authMethods: [], configHash };
}

/** The element of a value. */
export function opaqueElement(opaque: GatewayOpaque): XmlElement {
  const { tunnelGroup, authMethods, configHash } = opaque;
  const parts = [
    element("tunnel-group", tunnelGroup),
    ...authMethods.map((method) => element("auth-method", method)),
    element("config-hash", configHash),
  ];
  return element(NAME, parts, { "is-for": FOR_GATEWAY });
}

/** The gateway's `opaque` in a document, as it stands. */
export function opaqueIn(parent: XmlElement): XmlElement | undefined {
  return childrenOf(parent, NAME).find((it) => it.attributes.get("is-for") === FOR_GATEWAY);
}

/** Whether what came back is what was sent. */
export function isEchoOf(sent: GatewayOpaque, echo: XmlElement): boolean {
  const methods = childrenOf(echo, "auth-method").map(({ text }) => text.trim());
  return childOf(echo, "tunnel-group") !== undefined &&
    childText(echo, "tunnel-group") === sent.tunnelGroup &&
    childWord(echo, "config-hash") === sent.configHash &&
    methods.length === sent.authMethods.length &&
    sent.authMethods.every((method, i) => methods[i] === method);
}
