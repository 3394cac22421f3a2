/**
 * What the gateway accepts, and a client of ours offers, when nobody configured anything.
 *
 * IKE: first what Cisco's smart default proposal has (AES-CBC-256, SHA-512 and SHA-384, groups 19,
 * 14, 21), then AEAD suites, then what stock strongSwan, macOS and iOS ask for and what Windows
 * asks for once it is told to use more than its built-in MODP-1024. ESP: AEAD suites first, because
 * packets are many. Nothing with SHA-1 or less than 112 bits of strength is here (RFC 8221, RFC
 * 8247).
 */
import type { Proposal } from "../message/payload.ts";
import { invariant } from "../result.ts";
import { parseProposalText, type ProposalProtocol } from "./proposal_notation.ts";

const groups = "x25519-ecp256-ecp384-ecp521-modp3072-modp4096-modp2048";
const hashes = "sha256-sha384-sha512";

const ikeTexts: readonly string[] = [
  "aes256-sha512-sha384-ecp256-modp2048-ecp521",
  `aes256gcm16-chacha20poly1305-aes128gcm16-prfsha384-prfsha256-prfsha512-${groups}`,
  `aes256-aes192-aes128-${hashes}-${groups}`,
];

const espTexts: readonly string[] = [
  `aes256gcm16-chacha20poly1305-aes128gcm16-${groups}-modpnone-noesn-esn`,
  `aes256-aes192-aes128-${hashes}-${groups}-modpnone-noesn-esn`,
];

/** The built-in IKE proposals, numbered from 1. */
export function defaultIkeProposals(): readonly Proposal[] {
  return ikeTexts.map((text, i) => parseOwn(text, "ike", i + 1));
}

/** The built-in ESP proposals, numbered from 1. */
export function defaultEspProposals(): readonly Proposal[] {
  return espTexts.map((text, i) => parseOwn(text, "esp", i + 1));
}

function parseOwn(text: string, protocol: ProposalProtocol, number: number): Proposal {
  const parsed = parseProposalText(text, protocol, number);
  invariant(parsed.ok, `built-in proposal ${text}`);
  return parsed.value;
}
