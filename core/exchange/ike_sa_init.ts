/** IKE_SA_INIT as responder (RFC 7296 §1.2, §2.6 to §2.8, §2.23). */
import type { Bytes, OwnedBytes } from "../bytes.ts";
import { copyBytes } from "../bytes.ts";
import { ExchangeType, NotifyType, ProtocolId, TransformType } from "../message/constants.ts";
import { buildMessage } from "../message/message.ts";
import type { ParsedMessage } from "../message/message.ts";
import {
  buildInvalidKe,
  buildSignatureHashes,
  findNotify,
  notify,
  parseSignatureHashes,
} from "../message/notify.ts";
import type { Payload, Proposal } from "../message/payload.ts";
import { recognizeVendorId } from "../eap/anyconnect/vendor_ids.ts";
import { deriveIkeKeys } from "../sa/keymat.ts";
import { chooseProposal, ikeSuiteOf } from "../sa/proposal.ts";
import { announcedHashes } from "../sa/signature_auth.ts";
import type { Endpoint } from "../wire/address.ts";
import { IkeSa } from "./ike_sa.ts";
import { announceNat, natFacts } from "./nat_announcement.ts";
import { find } from "./payloads.ts";
import type { Step } from "./step.ts";
import type { SaWorld } from "./world.ts";

/** What IKE_AUTH needs to remember of IKE_SA_INIT. */
export interface InitMemory {
  /** The initiator's message, octet for octet. */
  readonly request: OwnedBytes;
  /** The responder's message. */
  readonly response: OwnedBytes;
  readonly nonceI: OwnedBytes;
  readonly nonceR: OwnedBytes;
  /** Hashes of the peer's SIGNATURE_HASH_ALGORITHMS, where it sent them. */
  readonly peerHashes: readonly number[] | undefined;
}

/** What an IKE_SA_INIT request comes to. */
export type InitOutcome =
  | { readonly kind: "sa"; readonly sa: IkeSa; readonly memory: InitMemory }
  /** An error or a demand; nothing is remembered. */
  | { readonly kind: "answered"; readonly response: OwnedBytes; readonly cause: string }
  /** The response would have more octets than it may; nothing is remembered. */
  | { readonly kind: "too-long" };

/** Shortest and longest nonce (RFC 7296 §2.10 and §3.9). */
const NONCE_BYTES = { min: 16, max: 256 } as const;

/** What the gateway says of itself in IKE_SA_INIT. */
export interface InitAnnouncements {
  /** CERTREQ, where users may log in by certificate. */
  readonly certificateRequest: readonly Payload[];
  /** For peers that announce something of Cisco's themselves. */
  readonly vendorIds: readonly Payload[];
}

/** Whether a header can begin an IKE SA. */
export function isInitialRequest({ header }: ParsedMessage): boolean {
  return header.exchangeType === ExchangeType.IKE_SA_INIT && header.flags.initiator &&
    !header.flags.response && header.messageId === 0 &&
    header.responderSpi.every((octet) => octet === 0) &&
    header.initiatorSpi.some((octet) => octet !== 0);
}

/** A response in clear to an IKE_SA_INIT request. */
export function buildInitResponse(
  { header }: ParsedMessage,
  responderSpi: Bytes,
  payloads: readonly Payload[],
): OwnedBytes {
  return buildMessage({
    initiatorSpi: header.initiatorSpi,
    responderSpi,
    exchangeType: ExchangeType.IKE_SA_INIT,
    flags: { initiator: false, response: true },
    messageId: 0,
  }, payloads);
}

const IKE_CHOICE = { protocol: ProtocolId.IKE, withKe: true } as const;
const NO_SPI = new Uint8Array(8);

/**
 * Answers a request whose cookie, if one was needed, is good; `announcements` go along. A response that
 * begins an IKE SA has at most `mostBytes` octets.
 */
export function respondIkeSaInit(
  world: SaWorld,
  step: Step,
  bytes: Bytes,
  message: ParsedMessage,
  local: Endpoint,
  remote: Endpoint,
  announcements: InitAnnouncements,
  mostBytes: number,
): InitOutcome {
  const { payloads, header } = message;
  const refuse = (cause: string, payload: Payload): InitOutcome => ({
    kind: "answered",
    cause,
    response: buildInitResponse(message, NO_SPI, [payload]),
  });
  const offer = find(payloads, "SA");
  const nonce = find(payloads, "Nonce");
  const ke = find(payloads, "KE");
  if (
    offer === undefined || nonce === undefined || ke === undefined ||
    nonce.data.length < NONCE_BYTES.min || nonce.data.length > NONCE_BYTES.max
  ) return refuse("init-invalid-syntax", notify(NotifyType.INVALID_SYNTAX));

  // The group that the initiator guessed, where policy has it at all: anything else costs a round.
  const choose = (offered: readonly Proposal[]) =>
    chooseProposal(world.settings.ikeProposals, offered, IKE_CHOICE);
  const choice = choose(withGroup(offer.proposals, ke.group)) ?? choose(offer.proposals);
  if (choice === undefined) {
    return refuse("init-no-proposal-chosen", notify(NotifyType.NO_PROPOSAL_CHOSEN));
  }
  const suite = ikeSuiteOf(choice.proposal);
  if (ke.group !== suite.group) {
    return refuse("init-invalid-ke", buildInvalidKe(suite.group));
  }
  const spiI = copyBytes(header.initiatorSpi);
  const spiR = world.newIkeSpi();
  const nonceI = copyBytes(nonce.data);
  const nonceR = world.random.bytes(32);
  const fragmentation =
    findNotify(payloads, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) !== undefined;
  const hashes = findNotify(payloads, NotifyType.SIGNATURE_HASH_ALGORITHMS);
  const peerHashes = hashes === undefined ? undefined : parseSignatureHashes(hashes);
  const vendors = new Set(
    payloads.flatMap((p) => p.kind === "V" ? [recognizeVendorId(p.data)] : []),
  );
  vendors.delete(undefined);
  const others: readonly Payload[] = [
    { kind: "Nonce", data: nonceR },
    ...announcements.certificateRequest,
    ...announceNat(world, spiI, spiR, remote),
    ...(fragmentation ? [notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)] : []),
    ...(peerHashes === undefined ? [] : [buildSignatureHashes(announcedHashes)]),
    ...(vendors.size === 0 ? [] : announcements.vendorIds),
  ];
  const respond = (publicValue: Bytes) =>
    buildInitResponse(message, spiR, [
      { kind: "SA", proposals: [choice.proposal] },
      { kind: "KE", group: suite.group, data: publicValue },
      ...others,
    ]);
  // Ours is as long as theirs, and costly to make.
  if (mostBytes < Infinity && respond(ke.data).length > mostBytes) return { kind: "too-long" };
  const pair = world.crypto.generateKeyPair(suite.group, world.random);
  const sharedSecret = world.crypto.deriveSharedSecret(pair, ke.data);
  if (sharedSecret === undefined) {
    return refuse("init-bad-public-value", notify(NotifyType.INVALID_SYNTAX));
  }
  const response = respond(pair.publicValue);
  const keys = deriveIkeKeys(world.crypto, suite, sharedSecret, nonceI, nonceR, spiI, spiR);
  const sa = new IkeSa(world, {
    originalInitiator: false,
    spiI,
    spiR,
    suite,
    keys,
    local,
    remote,
    firstMessageId: 1,
    fragmentation,
    ciscoFragments: vendors.has("fragmentation") && !fragmentation,
    nat: natFacts(world, spiI, header.responderSpi, payloads, { local, remote }),
  }, step.at);
  const request = copyBytes(bytes);
  return { kind: "sa", sa, memory: { request, response, nonceI, nonceR, peerHashes } };
}

/** The proposals with no other group than this one. */
function withGroup(proposals: readonly Proposal[], group: number): readonly Proposal[] {
  return proposals.map((proposal) => ({
    ...proposal,
    transforms: proposal.transforms.filter(({ type, id }) =>
      type !== TransformType.KE || id === group
    ),
  }));
}
