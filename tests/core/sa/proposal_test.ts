import assert from "node:assert/strict";
import type { Proposal, Transform } from "../../../core/message/payload.ts";
import { defaultEspProposals, defaultIkeProposals } from "../../../core/sa/default_proposals.ts";
import {
  chooseProposal,
  confirmChoice,
  espSuiteOf,
  ikeSuiteOf,
  offerOf,
} from "../../../core/sa/proposal.ts";
import {
  formatProposal,
  parseProposalText,
  type ProposalProtocol,
} from "../../../core/sa/proposal_notation.ts";
import { encryptionName, integrityName, prfName } from "../../../core/sa/suite_names.ts";
import { hex } from "../../support/hex.ts";

const ikeOptions = { protocol: 1, withKe: true };
const authOptions = { protocol: 3, withKe: false };
const childOptions = { protocol: 3, withKe: true };

function list(protocol: ProposalProtocol, ...texts: readonly string[]): Proposal[] {
  return texts.map((text, i) => {
    const parsed = parseProposalText(text, protocol, i + 1);
    assert.ok(parsed.ok, parsed.ok ? "" : parsed.fault);
    return parsed.value;
  });
}

/** An offer made of raw transforms. */
function offer(protocol: number, transforms: readonly Transform[], number = 1): Proposal {
  return { number, protocol, spi: hex("01020304"), transforms };
}

const aes256: Transform = { type: 1, id: 12, keyBits: 256 };
const gcm256: Transform = { type: 1, id: 20, keyBits: 256 };
const prf256: Transform = { type: 2, id: 5 };
const none: Transform = { type: 3, id: 0 };
const sha256: Transform = { type: 3, id: 12 };
const ecp256: Transform = { type: 4, id: 19 };

Deno.test("RFC 7296 §2.7: our order of proposals decides, and within one our order of transforms", () => {
  const ours = list(
    "ike",
    "aes256gcm16-prfsha384-ecp384",
    "aes128-aes256-sha512-sha256-ecp256-x25519",
  );
  const table: readonly (readonly [string[], string, number, number])[] = [
    [["aes256-sha256-x25519-ecp256"], "aes256-sha256-ecp256", 1, 1],
    [["aes256-aes128-sha256-sha512-x25519"], "aes128-sha512-x25519", 1, 1],
    [
      ["aes128-sha256-ecp256", "aes256gcm16-prfsha384-ecp384"],
      "aes256gcm16-prfsha384-ecp384",
      2,
      0,
    ],
    [["chacha20poly1305-prfsha256-ecp256", "aes256-sha512-x25519"], "aes256-sha512-x25519", 2, 1],
  ];
  for (const [texts, expected, number, index] of table) {
    const choice = chooseProposal(ours, list("ike", ...texts), ikeOptions);
    assert.ok(choice !== undefined, texts.join(","));
    assert.equal(formatProposal(choice.proposal), expected);
    assert.equal(choice.proposal.number, number);
    assert.equal(choice.ours, index);
  }
});

Deno.test("RFC 7296 §3.3.6: NO_PROPOSAL_CHOSEN when a type has nothing in common", () => {
  const ours = list("ike", "aes256-sha256-ecp256");
  const refused = [
    "aes128-sha256-ecp256",
    "aes256-sha512-prfsha256-ecp256",
    "aes256-sha256-prfsha512-ecp256",
    "aes256-sha256-ecp384",
    "aes256gcm16-prfsha256-ecp256",
  ];
  for (const text of refused) {
    assert.equal(chooseProposal(ours, list("ike", text), ikeOptions), undefined, text);
  }
  assert.equal(chooseProposal(ours, [], ikeOptions), undefined);
  assert.equal(chooseProposal([], list("ike", "aes256-sha256-ecp256"), ikeOptions), undefined);
});

Deno.test("The key length must be there and must match", () => {
  const ours = list("ike", "aes256-sha256-ecp256");
  const rest = [prf256, sha256, ecp256];
  const choose = (cipher: Transform): unknown =>
    chooseProposal(ours, [offer(1, [cipher, ...rest])], ikeOptions);
  assert.ok(choose(aes256) !== undefined);
  assert.equal(choose({ type: 1, id: 12 }), undefined);
  assert.equal(choose({ type: 1, id: 12, keyBits: 192 }), undefined);
});

Deno.test("The answer repeats the offer's number and SPI and one transform of each type", () => {
  const offered = {
    ...offer(1, [aes256, prf256, sha256, ecp256], 9),
    spi: hex("0011223344556677"),
  };
  const choice = chooseProposal(list("ike", "aes256-sha256-ecp256"), [offered], ikeOptions);
  assert.deepEqual(choice?.proposal, offered);
});

Deno.test("RFC 7296 §3.3.6: a transform type that is not understood makes a proposal unacceptable", () => {
  const ours = list("ike", "aes256-sha256-ecp256");
  const good = [aes256, prf256, sha256, ecp256];
  const odd = offer(1, [...good, { type: 6, id: 35 }], 1);
  assert.equal(chooseProposal(ours, [odd], ikeOptions), undefined);
  assert.equal(chooseProposal(ours, [odd, offer(1, good, 2)], ikeOptions)?.proposal.number, 2);
  assert.equal(
    chooseProposal(ours, [offer(1, [...good, { type: 5, id: 0 }])], ikeOptions),
    undefined,
    "an IKE SA has no extended sequence numbers",
  );
  const esp = list("esp", "aes256-sha256");
  assert.equal(
    chooseProposal(esp, [offer(3, [aes256, sha256, prf256])], authOptions),
    undefined,
    "a Child SA has no PRF",
  );
});

Deno.test("Proposals of another protocol are passed over", () => {
  const esp = list("esp", "aes256-sha256");
  assert.equal(chooseProposal(esp, [offer(2, [sha256])], authOptions), undefined);
  assert.equal(chooseProposal(esp, [offer(1, [aes256, sha256])], authOptions), undefined);
  const both = [...list("ike", "aes256-sha256-ecp256"), ...esp];
  assert.equal(chooseProposal(both, [offer(3, [aes256, sha256])], authOptions)?.ours, 1);
});

Deno.test("RFC 5282 §8: beside an AEAD cipher integrity is absent or NONE, and is answered alike", () => {
  const ours = list("ike", "aes256gcm16-prfsha256-ecp256");
  const choose = (...integrity: Transform[]): Proposal | undefined =>
    chooseProposal(ours, [offer(1, [gcm256, prf256, ...integrity, ecp256])], ikeOptions)?.proposal;
  assert.deepEqual(choose()?.transforms, [gcm256, prf256, ecp256]);
  assert.deepEqual(choose(none)?.transforms, [gcm256, prf256, none, ecp256]);
  assert.deepEqual(choose(sha256, none)?.transforms, [gcm256, prf256, none, ecp256]);
  assert.equal(choose(sha256), undefined);
  const plain = [...list("ike", "aes256-sha256-ecp256"), offer(1, [aes256, prf256, none, ecp256])];
  assert.equal(
    chooseProposal(plain, [offer(1, [aes256, prf256, none, ecp256])], ikeOptions),
    undefined,
    "AES-CBC never goes without integrity",
  );
});

Deno.test("A Child SA without an ESN transform has 32-bit sequence numbers", () => {
  const silent = offer(3, [aes256, sha256]);
  const choice = chooseProposal(list("esp", "aes256-sha256"), [silent], authOptions);
  assert.deepEqual(choice?.proposal.transforms, [aes256, sha256]);
  assert.equal(espSuiteOf(choice!.proposal).suite.esn, false);
  assert.equal(chooseProposal(list("esp", "aes256-sha256-esn"), [silent], authOptions), undefined);
  const both = list("esp", "aes256-sha256-esn-noesn");
  const offered = list("esp", "aes256-sha256-noesn-esn");
  assert.equal(espSuiteOf(chooseProposal(both, offered, authOptions)!.proposal).suite.esn, true);
});

Deno.test("RFC 7296 §1.2: groups in the Child SA proposal of IKE_AUTH are ignored", () => {
  const offered = list("esp", "aes256-sha256-modp3072");
  const choice = chooseProposal(list("esp", "aes256-sha256-x25519"), offered, authOptions);
  assert.equal(formatProposal(choice!.proposal), "aes256-sha256");
  assert.equal(espSuiteOf(choice!.proposal).group, undefined);
});

Deno.test("In CREATE_CHILD_SA groups count, and NONE or no group at all mean the same", () => {
  const table: readonly (readonly [string, string, string | undefined, number | undefined])[] = [
    ["aes256-sha256-x25519", "aes256-sha256-ecp256-x25519", "aes256-sha256-x25519", 31],
    ["aes256-sha256-x25519", "aes256-sha256", undefined, undefined],
    ["aes256-sha256", "aes256-sha256-x25519", undefined, undefined],
    ["aes256-sha256", "aes256-sha256", "aes256-sha256", undefined],
    ["aes256-sha256-x25519-modpnone", "aes256-sha256", "aes256-sha256", undefined],
    ["aes256-sha256", "aes256-sha256-x25519-modpnone", "aes256-sha256-modpnone", undefined],
    ["aes256-sha256-x25519-modpnone", "aes256-sha256-modpnone-x25519", "aes256-sha256-x25519", 31],
  ];
  for (const [own, offered, expected, group] of table) {
    const choice = chooseProposal(list("esp", own), list("esp", offered), childOptions);
    const text = choice === undefined ? undefined : formatProposal(choice.proposal);
    assert.equal(text, expected, `${own} and ${offered}`);
    if (choice !== undefined) assert.equal(espSuiteOf(choice.proposal).group, group);
  }
});

Deno.test("The default proposals match what stock clients offer", () => {
  const strongSwan = list(
    "ike",
    "aes128-aes192-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-ecp256-ecp384-ecp521-" +
      "x25519-modp3072-modp4096-modp2048",
    "aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-ecp256-ecp384-ecp521-" +
      "x25519-modp3072-modp4096-modp2048",
  );
  const table: readonly (readonly [Proposal[], string])[] = [
    [strongSwan, "aes256-sha512-ecp256"],
    [list("ike", "aes256-sha256-modp2048"), "aes256-sha256-modp2048"],
    [list("ike", "aes256-sha256-modp2048", "aes256-sha384-modp2048"), "aes256-sha384-modp2048"],
    [list("ike", "aes256gcm16-prfsha256-ecp256"), "aes256gcm16-prfsha256-ecp256"],
    [list("ike", "aes128-sha256-x25519"), "aes128-sha256-x25519"],
  ];
  for (const [offered, expected] of table) {
    const choice = chooseProposal(defaultIkeProposals(), offered, ikeOptions);
    assert.equal(formatProposal(choice!.proposal), expected);
  }
  for (const text of ["aes128gcm16", "aes256-sha256", "aes128-sha256", "chacha20poly1305-esn"]) {
    const choice = chooseProposal(defaultEspProposals(), list("esp", text), childOptions);
    assert.equal(formatProposal(choice!.proposal), text);
  }
});

Deno.test("The suite of a choice is read out of it", () => {
  assert.deepEqual(ikeSuiteOf(list("ike", "chacha20poly1305-prfsha256-x25519")[0]!), {
    encryption: 28,
    keyBits: 256,
    integrity: 0,
    prf: 5,
    group: 31,
  });
  assert.deepEqual(espSuiteOf(list("esp", "aes128-sha512-ecp521")[0]!), {
    suite: { encryption: 12, keyBits: 128, integrity: 14, esn: false },
    group: 21,
  });
  assert.deepEqual(espSuiteOf(list("esp", "aes256gcm16-esn")[0]!), {
    suite: { encryption: 20, keyBits: 256, integrity: 0, esn: true },
    group: undefined,
  });
});

Deno.test("RFC 7296 §2.7: an answer is good only if it is one of ours with one transform of a type", () => {
  const sent = list("ike", "aes256-sha256-ecp256-x25519", "aes256gcm16-prfsha256-ecp256");
  const confirm = (...answer: Proposal[]): unknown => confirmChoice(sent, answer, ikeOptions);
  const good = offer(1, [aes256, prf256, sha256, ecp256], 1);
  assert.deepEqual(confirm(good), good);
  assert.equal(confirm(), undefined);
  assert.equal(confirm(good, good), undefined);
  assert.equal(confirm({ ...good, number: 2 }), undefined);
  assert.equal(confirm({ ...good, number: 3 }), undefined);
  assert.equal(confirm(offer(1, [...good.transforms, { type: 4, id: 31 }])), undefined);
  assert.equal(confirm(offer(1, [aes256, prf256, ecp256])), undefined);
  assert.ok(confirm(offer(1, [gcm256, prf256, ecp256], 2)) !== undefined);
});

Deno.test("An offer is numbered anew, carries the SPI and can leave the groups out", () => {
  const spi = hex("0a0b0c0d");
  const [first, second] = offerOf(
    list("esp", "aes256-sha256-x25519", "aes128gcm16").reverse(),
    spi,
    false,
  );
  assert.deepEqual([first!.number, second!.number], [1, 2]);
  assert.equal(formatProposal(second!), "aes256-sha256");
  assert.deepEqual(first!.spi, spi);
  const [kept] = offerOf(list("esp", "aes256-sha256-x25519"), spi, true);
  assert.equal(formatProposal(kept!), "aes256-sha256-x25519");
});

Deno.test("Names for show are those of IOS XE", () => {
  assert.deepEqual([12, 20, 28, 3].map(encryptionName), [
    "AES-CBC",
    "AES-GCM",
    "CHACHA20-POLY1305",
    "3",
  ]);
  assert.deepEqual([0, 12, 13, 14, 2].map(integrityName), [
    "None",
    "SHA256",
    "SHA384",
    "SHA512",
    "2",
  ]);
  assert.deepEqual([5, 6, 7, 2].map(prfName), ["SHA256", "SHA384", "SHA512", "2"]);
});
