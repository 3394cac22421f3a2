import assert from "node:assert/strict";
import { defaultEspProposals, defaultIkeProposals } from "../../../core/sa/default_proposals.ts";
import {
  formatProposal,
  parseProposalText,
  type ProposalProtocol,
} from "../../../core/sa/proposal_notation.ts";
import type { Proposal } from "../../../core/message/payload.ts";

function parse(text: string, protocol: ProposalProtocol = "ike"): Proposal {
  const parsed = parseProposalText(text, protocol, 3);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.fault);
  return parsed.value;
}

/** Transforms as `type:id` or `type:id/bits`. */
function shape(proposal: Proposal): string {
  return proposal.transforms.map(({ type, id, keyBits }) =>
    keyBits === undefined ? `${type}:${id}` : `${type}:${id}/${keyBits}`
  ).join(" ");
}

Deno.test("Every token of the notation is read as its transform", () => {
  const table: readonly (readonly [string, ProposalProtocol, string])[] = [
    ["aes256-sha512-ecp256", "ike", "1:12/256 2:7 3:14 4:19"],
    ["aes192-sha384-ecp384", "ike", "1:12/192 2:6 3:13 4:20"],
    ["aes128-sha256-ecp521", "ike", "1:12/128 2:5 3:12 4:21"],
    ["aes256cbc-sha2_256-modp2048", "ike", "1:12/256 2:5 3:12 4:14"],
    ["aes-sha2_512-modp3072", "ike", "1:12/128 2:7 3:14 4:15"],
    ["AES128-SHA2_384-MODP4096", "ike", "1:12/128 2:6 3:13 4:16"],
    ["aes256gcm16-prfsha384-x25519", "ike", "1:20/256 2:6 4:31"],
    ["aes128gcm128-prfsha256-curve25519", "ike", "1:20/128 2:5 4:31"],
    ["chacha20poly1305-prfsha512-ecp256", "ike", "1:28 2:7 4:19"],
    ["aes256-sha256-prfsha512-ecp256", "ike", "1:12/256 2:7 3:12 4:19"],
    ["aes256gcm16", "esp", "1:20/256 5:0"],
    ["chacha20poly1305-esn", "esp", "1:28 5:1"],
    ["aes256-sha512-noesn-esn", "esp", "1:12/256 3:14 5:0 5:1"],
    ["aes128-sha256-x25519-modpnone", "esp", "1:12/128 3:12 4:31 4:0 5:0"],
  ];
  for (const [text, protocol, expected] of table) {
    const proposal = parse(text, protocol);
    assert.equal(shape(proposal), expected, text);
    assert.equal(proposal.number, 3);
    assert.equal(proposal.protocol, protocol === "ike" ? 1 : 3);
    assert.equal(proposal.spi.length, 0);
  }
});

Deno.test("Several of a kind keep their order, and the PRFs follow the integrity algorithms", () => {
  assert.equal(
    shape(parse("aes256-aes128-sha512-sha384-ecp256-modp2048-ecp521")),
    "1:12/256 1:12/128 2:7 2:6 3:14 3:13 4:19 4:14 4:21",
  );
});

Deno.test("Integrity beside an AEAD cipher only names the PRF, as in strongSwan", () => {
  assert.equal(shape(parse("aes256gcm16-sha384-ecp384")), "1:20/256 2:6 4:20");
  assert.equal(shape(parse("aes256gcm16-sha384", "esp")), "1:20/256 5:0");
});

Deno.test("A fault names the proposal, the token and the wanted form", () => {
  const table: readonly (readonly [string, ProposalProtocol, RegExp])[] = [
    ["aes512-sha256-ecp256", "ike", /"aes512-sha256-ecp256": token "aes512" .*wanted aes256, /],
    ["aes256-sha1-modp2048", "ike", /token "sha1"/],
    ["aes256-sha256-modp1024", "ike", /token "modp1024" .*x25519, ecp256/],
    ["aes256--ecp256", "ike", /token ""/],
    ["", "ike", /token ""/],
    ["aes256-sha256-esn-ecp256", "ike", /token "esn"/],
    ["aes256-sha256-modpnone", "ike", /token "modpnone"/],
    ["aes256gcm16-prfsha256", "esp", /token "prfsha256"/],
    ["aes256-sha256", "ike", /no key exchange group, wanted at least one of x25519/],
    [
      "aes256gcm16-ecp256",
      "ike",
      /aes256gcm16 is an AEAD cipher and needs a PRF, wanted prfsha256/,
    ],
    ["aes256gcm16-aes256-sha256-ecp256", "ike", /aes256gcm16 .* cannot stand beside aes256/],
    ["aes256-ecp256", "ike", /aes256 needs an integrity algorithm, wanted at least one of sha256/],
    ["aes256-prfsha256-ecp256", "ike", /needs an integrity algorithm/],
    ["sha256-ecp256", "ike", /no encryption, wanted at least one of aes256/],
    ["x25519-curve25519-aes256-sha256", "ike", /token "curve25519" .* second time/],
    ["aes256", "esp", /needs an integrity algorithm/],
  ];
  for (const [text, protocol, pattern] of table) {
    const parsed = parseProposalText(text, protocol, 1);
    assert.ok(!parsed.ok, text);
    assert.match(parsed.fault, pattern);
    assert.ok(parsed.fault.startsWith(`Cannot read ${protocol} proposal "${text}": `));
  }
});

Deno.test("What is printed is read back to the same proposal", () => {
  const table: readonly (readonly [string, ProposalProtocol, string?])[] = [
    ["aes256-sha512-sha384-ecp256-modp2048-ecp521", "ike"],
    ["aes256gcm16-aes128gcm16-prfsha384-x25519", "ike"],
    ["aes256-sha256-prfsha512-prfsha256-ecp256", "ike"],
    ["aes256-sha256-prfsha256-ecp256", "ike", "aes256-sha256-ecp256"],
    ["aes256gcm16-sha384-ecp384", "ike", "aes256gcm16-prfsha384-ecp384"],
    ["chacha20poly1305-x25519-modpnone-noesn-esn", "esp"],
    ["aes128cbc-sha2_256-noesn", "esp", "aes128-sha256"],
    ["aes128-sha256-esn", "esp"],
  ];
  for (const [text, protocol, printed = text] of table) {
    const proposal = parse(text, protocol);
    assert.equal(formatProposal(proposal), printed);
    assert.deepEqual(parse(printed, protocol), proposal);
  }
});

Deno.test("A proposal with algorithms that have no token is printed by numbers", () => {
  const proposal: Proposal = {
    number: 1,
    protocol: 1,
    spi: new Uint8Array(0),
    transforms: [{ type: 1, id: 12, keyBits: 256 }, { type: 1, id: 3 }, { type: 3, id: 2 }],
  };
  assert.equal(formatProposal(proposal), "aes256-transform(1,3)-transform(3,2)");
});

Deno.test("The built-in proposals begin with Cisco's and with AEAD for ESP", () => {
  const ike = defaultIkeProposals();
  assert.deepEqual(ike.map(({ number }) => number), [1, 2, 3]);
  assert.equal(formatProposal(ike[0]!), "aes256-sha512-sha384-ecp256-modp2048-ecp521");
  const groups = ike[1]!.transforms.filter(({ type }) => type === 4).map(({ id }) => id);
  assert.deepEqual(groups, [31, 19, 20, 21, 15, 16, 14]);
  const [first] = defaultEspProposals();
  assert.match(formatProposal(first!), /^aes256gcm16-chacha20poly1305-aes128gcm16-x25519-/);
});
