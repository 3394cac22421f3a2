/**
 * Choosing a proposal (RFC 7296 §2.7 and §3.3.6) and reading the suite out of the choice.
 *
 * Our order decides: the first of our proposals that any offered one satisfies, and within it the
 * first of our transforms of each type. How a proposal is written is in `proposal_notation.ts`.
 */
import { type Bytes, copyBytes } from "../bytes.ts";
import { Encr, Esn, Group, Integ, ProtocolId, TransformType } from "../message/constants.ts";
import type { Proposal, Transform } from "../message/payload.ts";
import { invariant } from "../result.ts";
import type { EspSuite, IkeSuite } from "./suite.ts";

const { ENCR, PRF, INTEG, KE, ESN } = TransformType;

/** What is being negotiated. */
export interface ChoiceOptions {
  /** `ProtocolId.IKE` or `ProtocolId.ESP`. */
  readonly protocol: number;
  /**
   * Whether key exchange groups count: true for an IKE SA and for a Child SA of CREATE_CHILD_SA,
   * false for the Child SA of IKE_AUTH, which has no key exchange of its own (RFC 7296 §1.2).
   */
  readonly withKe: boolean;
}

/** A choice. */
export interface Choice {
  /** Number and SPI (copied) of the offer, and one transform of each type that it had. */
  readonly proposal: Proposal;
  /** Index of our proposal that matched. */
  readonly ours: number;
}

/** Whether an `Encr` authenticates by itself. */
export function isAead(encryption: number): boolean {
  return encryption === Encr.AES_GCM_16 || encryption === Encr.CHACHA20_POLY1305;
}

/** Whether two transforms are the same algorithm with the same key length. */
export function sameTransform(a: Transform, b: Transform): boolean {
  return a.type === b.type && a.id === b.id && a.keyBits === b.keyBits;
}

/** The best choice between ours and the peer's, or `undefined`: NO_PROPOSAL_CHOSEN. */
export function chooseProposal(
  ours: readonly Proposal[],
  offered: readonly Proposal[],
  options: ChoiceOptions,
): Choice | undefined {
  for (const [index, own] of ours.entries()) {
    if (own.protocol !== options.protocol) continue;
    for (const offer of offered) {
      const transforms = matchTransforms(own, offer, options);
      if (transforms === undefined) continue;
      const { number, protocol, spi } = offer;
      const proposal = { number, protocol, spi: copyBytes(spi), transforms };
      return { proposal, ours: index };
    }
  }
  return undefined;
}

/**
 * The responder's answer checked against what we sent: exactly one proposal, with the number of one
 * of ours and one transform of each type out of it (RFC 7296 §2.7). `undefined` when it is not
 * that.
 */
export function confirmChoice(
  sent: readonly Proposal[],
  answered: readonly Proposal[],
  options: ChoiceOptions,
): Proposal | undefined {
  const [answer] = answered;
  if (answer === undefined || answered.length !== 1) return undefined;
  const types = answer.transforms.map(({ type }) => type);
  if (new Set(types).size !== types.length) return undefined;
  const ours = sent.filter(({ number }) => number === answer.number);
  return chooseProposal(ours, [answer], options)?.proposal;
}

/** The types that a proposal may hold; any other makes it unacceptable (RFC 7296 §3.3.6). */
function understoodTypes(protocol: number): readonly number[] {
  return protocol === ProtocolId.IKE ? [ENCR, PRF, INTEG, KE] : [ENCR, INTEG, KE, ESN];
}

function matchTransforms(
  own: Proposal,
  offer: Proposal,
  { protocol, withKe }: ChoiceOptions,
): readonly Transform[] | undefined {
  const understood = understoodTypes(protocol);
  if (offer.protocol !== protocol) return undefined;
  if (offer.transforms.some(({ type }) => !understood.includes(type))) return undefined;
  const chosen: Transform[] = [];
  for (const type of understood) {
    if (type === KE && !withKe) continue;
    const implied = impliedTransform(type, protocol, chosen);
    const ourList = candidates(own, type, implied);
    const theirList = candidates(offer, type, implied);
    const match = ourList.find((mine) =>
      isUsable(mine, chosen) && theirList.some((theirs) => sameTransform(mine, theirs))
    );
    if (match === undefined) return undefined;
    // What the offer did not name is not named in the answer either.
    if (offer.transforms.some((theirs) => sameTransform(match, theirs))) chosen.push(match);
  }
  return chosen;
}

/** What a proposal says by not naming a type at all. */
function impliedTransform(
  type: number,
  protocol: number,
  chosen: readonly Transform[],
): Transform | undefined {
  if (type === INTEG && chosen.some((other) => other.type === ENCR && isAead(other.id))) {
    return { type, id: Integ.NONE };
  }
  if (protocol !== ProtocolId.ESP) return undefined;
  if (type === KE) return { type, id: Group.NONE };
  // RFC 7296 §3.3.3 makes ESN mandatory; peers that leave it out mean 32-bit numbers.
  if (type === ESN) return { type, id: Esn.NO };
  return undefined;
}

function candidates(
  proposal: Proposal,
  type: number,
  implied: Transform | undefined,
): readonly Transform[] {
  const named = proposal.transforms.filter((transform) => transform.type === type);
  return named.length === 0 && implied !== undefined ? [implied] : named;
}

/** AEAD ciphers go with INTEG NONE or none at all, all others with a real one (RFC 5282 §8). */
function isUsable(transform: Transform, chosen: readonly Transform[]): boolean {
  if (transform.type !== INTEG) return true;
  const aead = chosen.some(({ type, id }) => type === ENCR && isAead(id));
  return aead === (transform.id === Integ.NONE);
}

/** The suite of a chosen IKE proposal. */
export function ikeSuiteOf(proposal: Proposal): IkeSuite {
  const prf = only(proposal, PRF);
  const group = only(proposal, KE);
  invariant(
    prf !== undefined && group !== undefined,
    "a chosen IKE proposal has a PRF and a group",
  );
  return { ...cipherOf(proposal), prf: prf.id, group: group.id };
}

/** The suite of a chosen ESP proposal, and the group of its key exchange where there is one. */
export function espSuiteOf(
  proposal: Proposal,
): { readonly suite: EspSuite; readonly group: number | undefined } {
  const group = only(proposal, KE)?.id ?? Group.NONE;
  return {
    suite: { ...cipherOf(proposal), esn: only(proposal, ESN)?.id === Esn.YES },
    group: group === Group.NONE ? undefined : group,
  };
}

function cipherOf(
  proposal: Proposal,
): { readonly encryption: number; readonly keyBits: number; readonly integrity: number } {
  const cipher = only(proposal, ENCR);
  invariant(cipher !== undefined, "a chosen proposal has one encryption transform");
  return {
    encryption: cipher.id,
    // RFC 7634 §5: ChaCha20-Poly1305 carries no key length, it is always 256.
    keyBits: cipher.keyBits ?? (cipher.id === Encr.CHACHA20_POLY1305 ? 256 : 0),
    integrity: only(proposal, INTEG)?.id ?? Integ.NONE,
  };
}

function only(proposal: Proposal, type: number): Transform | undefined {
  const all = proposal.transforms.filter((transform) => transform.type === type);
  invariant(all.length <= 1, "a chosen proposal has one transform of a type");
  return all[0];
}

/** Proposals with a number and an SPI for one message; `withKe` false leaves the groups out. */
export function offerOf(
  proposals: readonly Proposal[],
  spi: Bytes,
  withKe: boolean,
): readonly Proposal[] {
  return proposals.map(({ protocol, transforms }, i) => ({
    number: i + 1,
    protocol,
    spi,
    transforms: withKe ? transforms : transforms.filter(({ type }) => type !== KE),
  }));
}
