/** Random payload values, each one that a parser must accept and give back unchanged. */
import { ProtocolId } from "../../core/message/constants.ts";
import type { Payload, Proposal, TrafficSelector, Transform } from "../../core/message/payload.ts";
import { compareAddresses, type IpAddress } from "../../core/wire/address.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** One maker for every kind of payload. */
const makers: { readonly [K in Payload["kind"]]: (random: SeededRandom) => Payload } = {
  SA: (r) => ({ kind: "SA", proposals: r.list(r.between(1, 6), (i) => randomProposal(r, i + 1)) }),
  KE: (r) => ({ kind: "KE", group: r.below(65536), data: r.bytes(r.between(1, 300)) }),
  IDi: (r) => ({ kind: "IDi", idType: r.below(256), data: r.bytes(r.below(60)) }),
  IDr: (r) => ({
    kind: "IDr",
    idType: r.below(256),
    data: r.bytes(r.below(60)),
    ...(r.chance(0.2) ? { reserved: Uint8Array.of(r.below(256), 1, 0) } : {}),
  }),
  CERT: (r) => ({ kind: "CERT", encoding: r.below(256), data: r.bytes(r.below(400)) }),
  CERTREQ: (r) => ({ kind: "CERTREQ", encoding: 4, authorities: r.bytes(20 * r.below(5)) }),
  AUTH: (r) => ({ kind: "AUTH", method: r.below(256), data: r.bytes(r.below(300)) }),
  Nonce: (r) => ({ kind: "Nonce", data: r.bytes(r.between(16, 256)) }),
  N: (r) => ({
    kind: "N",
    protocol: r.below(4),
    spi: r.bytes(r.pick([0, 4, 8])),
    notifyType: r.below(65536),
    data: r.bytes(r.below(70)),
  }),
  D: (r) => {
    const protocol = r.pick([ProtocolId.IKE, ProtocolId.AH, ProtocolId.ESP]);
    const count = protocol === ProtocolId.IKE ? 0 : r.below(10);
    return { kind: "D", protocol, spis: r.list(count, () => r.bytes(4)) };
  },
  V: (r) => ({ kind: "V", data: r.bytes(r.below(40)) }),
  TSi: (r) => ({ kind: "TSi", selectors: r.list(r.between(1, 8), () => randomSelector(r)) }),
  TSr: (r) => ({ kind: "TSr", selectors: r.list(r.between(1, 8), () => randomSelector(r)) }),
  CP: (r) => ({
    kind: "CP",
    configType: r.between(1, 4),
    attributes: r.list(r.below(20), () => ({ type: r.below(32768), value: r.bytes(r.below(40)) })),
  }),
  EAP: (r) => ({ kind: "EAP", packet: r.bytes(r.between(4, 200)) }),
  PS: (r) => ({ kind: "PS", data: r.bytes(r.below(80)) }),
  unknown: (r) => ({
    kind: "unknown",
    payloadType: r.pick([1, 32, 49, 52, 55, 128, 255]),
    body: r.bytes(r.below(50)),
  }),
};

/** Every kind of payload. */
export const payloadKinds = Object.keys(makers) as readonly Payload["kind"][];

/** A payload of that kind, or of any. */
export function randomPayload(random: SeededRandom, kind = random.pick(payloadKinds)): Payload {
  const payload = makers[kind](random);
  // The critical bit of an unknown payload would be an error.
  return kind !== "unknown" && random.chance(0.1) ? { ...payload, critical: true } : payload;
}

function randomProposal(random: SeededRandom, number: number): Proposal {
  const protocol = random.pick([ProtocolId.IKE, ProtocolId.AH, ProtocolId.ESP]);
  const spi = random.bytes(protocol === ProtocolId.IKE ? random.pick([0, 8]) : 4);
  return {
    number,
    protocol,
    spi,
    transforms: random.list(random.below(12), () => randomTransform(random)),
  };
}

function randomTransform(random: SeededRandom): Transform {
  const type = random.between(1, 5);
  const id = random.below(65536);
  return random.chance() ? { type, id } : { type, id, keyBits: random.below(65536) };
}

function randomSelector(random: SeededRandom): TrafficSelector {
  const family = random.pick([4, 6] as const);
  const one = (): IpAddress => ({ family, octets: random.bytes(family === 4 ? 4 : 16) });
  const [startAddress, endAddress] = [one(), one()].sort(compareAddresses) as [
    IpAddress,
    IpAddress,
  ];
  return {
    protocol: random.below(256),
    startPort: random.below(65536),
    endPort: random.below(65536),
    startAddress,
    endAddress,
  };
}
