/**
 * SA payload (RFC 7296 §3.3): proposals, transforms, attributes.
 *
 * A transform with an attribute other than Key Length is left out of the proposal, since nothing of
 * ours can match it (§3.3.6); the rest of the proposal stays.
 */
import { limits } from "../limits.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { PayloadCodec } from "./codec.ts";
import { ProtocolId, TransformAttribute } from "./constants.ts";
import type { Proposal, SaPayload, Transform } from "./payload.ts";

const MORE_PROPOSALS = 2;
const MORE_TRANSFORMS = 3;
const LAST = 0;
const PROPOSAL_HEADER = 8;
const TRANSFORM_HEADER = 8;
/** Attribute Format bit: the value stands in the length's place. */
const SHORT_FORM = 0x8000;

/** SA payload, both directions. */
export const saCodec: PayloadCodec<SaPayload> = {
  parse(body: Reader): SaPayload {
    const proposals: Proposal[] = [];
    do {
      if (proposals.length === limits.proposalsPerSa) {
        body.fail("too-many", "proposal", { needed: limits.proposalsPerSa });
        break;
      }
      proposals.push(parseProposal(body));
    } while (body.remaining > 0);
    return { kind: "SA", proposals };
  },

  build(writer: Writer, payload: SaPayload): void {
    payload.proposals.forEach((proposal, i) => {
      buildProposal(writer, proposal, i === payload.proposals.length - 1);
    });
  },
};

/** Reads the three octets that open every substructure and returns a reader of the others. */
function openSubstructure(parent: Reader, name: string, more: number, header: number): Reader {
  const at = parent.offset;
  if (parent.remaining < 4) parent.fail("short", name, { had: parent.remaining, needed: 4 });
  const last = parent.u8("last");
  parent.u8("reserved");
  const length = parent.u16("length");
  const available = parent.remaining + 4;
  if (length < header || length > available) {
    const needed = length < header ? header : available;
    parent.fail("bad-length", `${name}.length`, { offset: at + 2, had: length, needed });
  }
  // §3.3.1, §3.3.2: the last one says 0, every other one that more follow.
  const wanted = length === available ? LAST : more;
  if (last !== wanted) {
    parent.fail("bad-value", `${name}.last`, { offset: at, had: last, needed: wanted });
  }
  return parent.sub(length - 4, name);
}

function parseProposal(parent: Reader): Proposal {
  const body = openSubstructure(parent, "proposal", MORE_PROPOSALS, PROPOSAL_HEADER);
  const number = body.u8("number");
  const protocol = body.u8("protocol");
  const spiSize = body.u8("spiSize");
  const count = body.u8("transforms");
  if (!isSpiSize(protocol, spiSize)) {
    const needed = protocol === ProtocolId.IKE ? 8 : 4;
    body.fail("bad-length", "spiSize", { offset: body.offset - 2, had: spiSize, needed });
  }
  const spi = body.bytes(spiSize, "spi");
  const transforms: Transform[] = [];
  let seen = 0;
  while (body.remaining > 0) {
    seen++;
    const transform = parseTransform(body);
    if (transform !== undefined) transforms.push(transform);
  }
  if (seen !== count) body.fail("bad-value", "transforms", { had: count, needed: seen });
  return { number, protocol, spi, transforms };
}

/** §3.3.1: none or 8 octets for IKE, 4 for AH and ESP; other protocols are not ours to judge. */
function isSpiSize(protocol: number, size: number): boolean {
  if (protocol === ProtocolId.IKE) return size === 0 || size === 8;
  if (protocol === ProtocolId.AH || protocol === ProtocolId.ESP) return size === 4;
  return true;
}

function parseTransform(parent: Reader): Transform | undefined {
  const body = openSubstructure(parent, "transform", MORE_TRANSFORMS, TRANSFORM_HEADER);
  const type = body.u8("type");
  body.u8("reserved");
  const id = body.u16("id");
  let keyBits: number | undefined;
  let understood = true;
  while (body.remaining > 0) {
    const attribute = body.u16("attribute.type");
    const value = body.u16("attribute.length");
    if ((attribute & SHORT_FORM) === 0) body.bytes(value, "attribute.value");
    if (attribute === (SHORT_FORM | TransformAttribute.KEY_LENGTH) && keyBits === undefined) {
      keyBits = value;
    } else {
      understood = false;
    }
  }
  if (!understood) return undefined;
  return keyBits === undefined ? { type, id } : { type, id, keyBits };
}

function buildProposal(writer: Writer, proposal: Proposal, isLast: boolean): void {
  const start = writer.position;
  writer.u8(isLast ? LAST : MORE_PROPOSALS);
  writer.u8(0);
  writer.u16(0);
  writer.u8(proposal.number);
  writer.u8(proposal.protocol);
  writer.u8(proposal.spi.length);
  writer.u8(proposal.transforms.length);
  writer.bytes(proposal.spi);
  proposal.transforms.forEach((transform, i) => {
    buildTransform(writer, transform, i === proposal.transforms.length - 1);
  });
  writer.patchU16(start + 2, writer.position - start);
}

function buildTransform(writer: Writer, transform: Transform, isLast: boolean): void {
  writer.u8(isLast ? LAST : MORE_TRANSFORMS);
  writer.u8(0);
  writer.u16(TRANSFORM_HEADER + (transform.keyBits === undefined ? 0 : 4));
  writer.u8(transform.type);
  writer.u8(0);
  writer.u16(transform.id);
  if (transform.keyBits === undefined) return;
  writer.u16(SHORT_FORM | TransformAttribute.KEY_LENGTH);
  writer.u16(transform.keyBits);
}
