/**
 * Proposals as an operator writes them: strongSwan's notation, tokens joined by hyphens, several of
 * a kind allowed and the first preferred, for instance `aes256-sha512-sha384-ecp256-modp2048`.
 *
 * As there, an IKE proposal without a PRF uses the hashes of its integrity tokens, and integrity
 * tokens beside an AEAD cipher only say that. Read first: RFC 7296 §3.3. Algorithms that the
 * product does not have (SHA-1, 3DES, MODP-1024 …) have no token and are named in the error.
 */
import { Encr, Esn, Group, Integ, PrfId, ProtocolId, TransformType } from "../message/constants.ts";
import type { Proposal, Transform } from "../message/payload.ts";
import { fail, ok, type Result } from "../result.ts";
import { isAead, sameTransform } from "./proposal.ts";

/** Which SA a proposal is for. */
export type ProposalProtocol = "ike" | "esp";

interface Token {
  /** Every accepted spelling; the first is printed. */
  readonly names: readonly string[];
  readonly transform: Transform;
}

const { ENCR, PRF, INTEG, KE, ESN } = TransformType;

function token(type: number, id: number, names: string, keyBits?: number): Token {
  const transform = keyBits === undefined ? { type, id } : { type, id, keyBits };
  return { names: names.split(" "), transform };
}

const tokens: readonly Token[] = [
  token(ENCR, Encr.AES_CBC, "aes256 aes256cbc", 256),
  token(ENCR, Encr.AES_CBC, "aes192 aes192cbc", 192),
  token(ENCR, Encr.AES_CBC, "aes128 aes128cbc aes", 128),
  token(ENCR, Encr.AES_GCM_16, "aes256gcm16 aes256gcm128 aes256gcm", 256),
  token(ENCR, Encr.AES_GCM_16, "aes128gcm16 aes128gcm128 aes128gcm", 128),
  token(ENCR, Encr.CHACHA20_POLY1305, "chacha20poly1305"),
  token(PRF, PrfId.HMAC_SHA2_256, "prfsha256"),
  token(PRF, PrfId.HMAC_SHA2_384, "prfsha384"),
  token(PRF, PrfId.HMAC_SHA2_512, "prfsha512"),
  token(INTEG, Integ.HMAC_SHA2_256_128, "sha256 sha2_256"),
  token(INTEG, Integ.HMAC_SHA2_384_192, "sha384 sha2_384"),
  token(INTEG, Integ.HMAC_SHA2_512_256, "sha512 sha2_512"),
  token(KE, Group.CURVE25519, "x25519 curve25519"),
  token(KE, Group.ECP_256, "ecp256"),
  token(KE, Group.ECP_384, "ecp384"),
  token(KE, Group.ECP_521, "ecp521"),
  token(KE, Group.MODP_2048, "modp2048"),
  token(KE, Group.MODP_3072, "modp3072"),
  token(KE, Group.MODP_4096, "modp4096"),
  token(KE, Group.NONE, "modpnone"),
  token(ESN, Esn.NO, "noesn"),
  token(ESN, Esn.YES, "esn"),
];

const prfOfIntegrity: ReadonlyMap<number, number> = new Map<number, number>([
  [Integ.HMAC_SHA2_256_128, PrfId.HMAC_SHA2_256],
  [Integ.HMAC_SHA2_384_192, PrfId.HMAC_SHA2_384],
  [Integ.HMAC_SHA2_512_256, PrfId.HMAC_SHA2_512],
]);

const usedBy: Readonly<Record<ProposalProtocol, (transform: Transform) => boolean>> = {
  ike: ({ type, id }) => type !== ESN && !(type === KE && id === Group.NONE),
  esp: ({ type }) => type !== PRF,
};

/**
 * Reads one proposal.
 *
 * `modpnone` (ESP only) stands for "without a new key exchange", so that `x25519-modpnone` accepts
 * both. The fault is a sentence that names the token and the wanted form.
 */
export function parseProposalText(
  text: string,
  protocol: ProposalProtocol,
  number: number,
): Result<Proposal, string> {
  const refuse = (why: string): Result<Proposal, string> =>
    fail(`Cannot read ${protocol} proposal "${text}": ${why}`);
  const given: Transform[] = [];
  for (const name of text.trim().toLowerCase().split("-")) {
    const found = tokens.find(({ names }) => names.includes(name))?.transform;
    if (found === undefined || !usedBy[protocol](found)) {
      return refuse(`token "${name}" is not known here, wanted ${wantedTokens(protocol)}`);
    }
    if (given.some((other) => sameTransform(other, found))) {
      return refuse(`token "${name}" names an algorithm a second time, wanted each once`);
    }
    given.push(found);
  }
  const completed = protocol === "ike" ? completeIke(given) : completeEsp(given);
  if (!completed.ok) return refuse(completed.fault);
  return ok({
    number,
    protocol: protocol === "ike" ? ProtocolId.IKE : ProtocolId.ESP,
    spi: new Uint8Array(0),
    transforms: [ENCR, PRF, INTEG, KE, ESN].flatMap((type) => ofType(completed.value, type)),
  });
}

function completeIke(given: readonly Transform[]): Result<readonly Transform[], string> {
  const ciphers = completeCipher(given);
  if (!ciphers.ok) return ciphers;
  if (ofType(given, KE).length === 0) {
    return fail(`no key exchange group, wanted at least one of ${namesOfType(KE, "ike")}`);
  }
  if (ofType(given, PRF).length > 0) return ciphers;
  const prfs = ofType(given, INTEG).flatMap(({ id }): Transform[] => {
    const prf = prfOfIntegrity.get(id);
    return prf === undefined ? [] : [{ type: PRF, id: prf }];
  });
  if (prfs.length > 0) return ok([...ciphers.value, ...prfs]);
  const cipher = nameOfTransform(ofType(given, ENCR)[0]);
  return fail(`${cipher} is an AEAD cipher and needs a PRF, wanted ${namesOfType(PRF, "ike")}`);
}

function completeEsp(given: readonly Transform[]): Result<readonly Transform[], string> {
  const ciphers = completeCipher(given);
  if (!ciphers.ok || ofType(given, ESN).length > 0) return ciphers;
  return ok([...ciphers.value, { type: ESN, id: Esn.NO }]);
}

/** Checks ciphers and integrity, and drops integrity beside an AEAD cipher. */
function completeCipher(given: readonly Transform[]): Result<readonly Transform[], string> {
  const ciphers = ofType(given, ENCR);
  const aead = ciphers.find((cipher) => isAead(cipher.id));
  const plain = ciphers.find((cipher) => !isAead(cipher.id));
  if (ciphers.length === 0) {
    return fail(`no encryption, wanted at least one of ${namesOfType(ENCR, "ike")}`);
  }
  if (aead !== undefined && plain !== undefined) {
    return fail(
      `${nameOfTransform(aead)} is an AEAD cipher and cannot stand beside ` +
        `${nameOfTransform(plain)}, wanted two proposals`,
    );
  }
  if (aead !== undefined) return ok(given.filter(({ type }) => type !== INTEG));
  if (ofType(given, INTEG).length > 0) return ok(given);
  return fail(
    `${nameOfTransform(plain)} needs an integrity algorithm, wanted at least one of ` +
      namesOfType(INTEG, "ike"),
  );
}

/** The text of a proposal; `parseProposalText` reads it back to the same transforms. */
export function formatProposal(proposal: Proposal): string {
  const { transforms } = proposal;
  const integrities = ofType(transforms, INTEG).filter(({ id }) => id !== Integ.NONE);
  const prfs = ofType(transforms, PRF);
  const prfsFollow = prfs.length === integrities.length &&
    prfs.every(({ id }, i) => id === prfOfIntegrity.get(integrities[i]?.id ?? Integ.NONE));
  const esns = ofType(transforms, ESN);
  const esnIsDefault = esns.length === 1 && esns.every(({ id }) => id === Esn.NO);
  return [
    ...ofType(transforms, ENCR),
    ...integrities,
    ...(prfsFollow ? [] : prfs),
    ...ofType(transforms, KE),
    ...(esnIsDefault ? [] : esns),
  ].map(nameOfTransform).join("-");
}

function ofType(transforms: readonly Transform[], type: number): readonly Transform[] {
  return transforms.filter((transform) => transform.type === type);
}

function nameOfTransform(transform: Transform | undefined): string {
  if (transform === undefined) return "";
  const known = tokens.find((entry) => sameTransform(entry.transform, transform))?.names[0];
  const { type, id, keyBits } = transform;
  return known ?? `transform(${type},${id}${keyBits === undefined ? "" : `,${keyBits}`})`;
}

function namesOfType(type: number, protocol: ProposalProtocol): string {
  return tokens.filter(({ transform }) => transform.type === type && usedBy[protocol](transform))
    .map(({ names }) => names[0]).join(", ");
}

function wantedTokens(protocol: ProposalProtocol): string {
  return [ENCR, INTEG, PRF, KE, ESN].map((type) => namesOfType(type, protocol))
    .filter((names) => names !== "").join(", ");
}
