/** Revocation lists: read from octets, believed or not, and what they do to a path. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import type { CryptoProvider } from "../../../core/crypto/provider.ts";
import { wall } from "../../../core/moment.ts";
import { buildName, caConstraints, keyUsage } from "../../../core/pki/build.ts";
import type { Certificate } from "../../../core/pki/certificate.ts";
import { type ChainFault, verifyChain } from "../../../core/pki/chain.ts";
import { RevocationLists, type StaleLists } from "../../../core/pki/revocation.ts";
import { parseRevocationList, type RevocationList } from "../../../core/pki/revocation_list.ts";
import { hex } from "../../support/hex.ts";
import { bitFlips, byteValues, truncations } from "../../support/mutate.ts";
import { buildRevocationList, type RevocationContent } from "../../support/revocation_lists.ts";
import { readVector, vectorTest } from "../../support/vectors.ts";
import { certify, NOW, parsed, signerOf } from "./authority.ts";

const SPAN = 600_000;

/** A list of the CA `issuer`, ten minutes old and good for another ten. */
function listOf(
  issuer: string,
  serials: readonly string[],
  change: Partial<RevocationContent> = {},
  signer = issuer,
): Uint8Array {
  return buildRevocationList({
    issuer: buildName(["CN", issuer]),
    thisUpdate: wall(NOW - SPAN),
    nextUpdate: wall(NOW + SPAN),
    serials,
    ...change,
  }, signerOf(signer));
}

function read(der: Uint8Array): RevocationList {
  const list = parseRevocationList(der);
  if (!list.ok) throw new TypeError(JSON.stringify(list.fault));
  return list.value;
}

const signing = [caConstraints(), keyUsage("keyCertSign", "crlSign")];
const root = certify("root", "root", signing, { serial: hex("01") });
const middle = certify("middle", "root", signing, { serial: hex("0a") });
const leaf = certify("leaf", "middle", [], { serial: hex("0b") });

/** What becomes of the leaf; `detail` besides the kind where nobody knows. */
function outcome(
  ders: readonly Uint8Array[],
  stale: StaleLists = "refuse",
  change: { readonly at?: number; readonly clockSkewMs?: number; readonly leaf?: Certificate } = {},
  crypto: CryptoProvider = nobleProvider,
): ChainFault["kind"] | "valid" | `revocation-unknown ${string}` {
  const result = verifyChain({
    leaf,
    intermediates: [middle],
    anchors: [root],
    purpose: "clientAuth",
    crypto,
    revocation: new RevocationLists(ders.map(read), stale),
    clockSkewMs: 0,
    ...change,
    at: wall(change.at ?? NOW),
  });
  if (result.ok) return "valid";
  const { kind, detail } = result.fault;
  return kind === "revocation-unknown" ? `${kind} ${detail}` : kind;
}

Deno.test("RFC 5280 §5: a list is read with its times, serial numbers and what is unknown in it", () => {
  const list = read(listOf("root", ["0a", "00ff", "7fffffffffffffffffff"]));
  equal(list.issuer.text, "CN=root");
  deepEqual([list.thisUpdate, list.nextUpdate], [NOW - SPAN, NOW + SPAN]);
  deepEqual([...list.serials], ["0a", "00ff", "7fffffffffffffffffff"]);
  deepEqual(list.unsupported, []);
  const { nextUpdate, serials } = read(buildRevocationList({
    issuer: buildName(["CN", "root"]),
    thisUpdate: NOW,
    serials: [],
  }, signerOf("root")));
  deepEqual([nextUpdate, serials.size], [undefined, 0]);
});

Deno.test("RFC 5280 §6.3.3: a certificate on its issuer's list is revoked, the leaf as an intermediate", () => {
  equal(outcome([]), "valid");
  equal(outcome([listOf("root", []), listOf("middle", [])]), "valid");
  equal(outcome([listOf("middle", ["0b"])]), "revoked");
  equal(outcome([listOf("root", ["0a"])]), "revoked");
  // Serial numbers count for one issuer only, and the trust anchor is the operator's own business.
  equal(outcome([listOf("root", ["0b"]), listOf("middle", ["0a"])]), "valid");
  equal(outcome([listOf("root", ["01"])]), "valid");
});

Deno.test("of several lists the newest decides, in whatever order they are given", () => {
  const old = listOf("middle", ["0b"], { thisUpdate: wall(NOW - 2 * SPAN) });
  const fresh = listOf("middle", []);
  equal(outcome([old, fresh]), "valid");
  equal(outcome([fresh, old]), "valid");
  equal(outcome([listOf("middle", [], { thisUpdate: wall(NOW - 2 * SPAN) }), fresh]), "valid");
  const held = listOf("middle", ["0b"], { thisUpdate: wall(NOW - SPAN / 2) });
  equal(outcome([held, fresh]), "revoked");
  // One from the future is not the last word yet.
  const coming = listOf("middle", ["0b"], { thisUpdate: wall(NOW + 60_000) });
  equal(outcome([fresh, coming]), "valid");
  equal(outcome([fresh, coming], "refuse", { clockSkewMs: 60_000 }), "revoked");
});

Deno.test("RFC 5280 §5.1.2.5: where the next list is overdue nobody knows, unless that is accepted", () => {
  const list = listOf("middle", []);
  equal(outcome([list], "refuse", { at: NOW + SPAN + 999 }), "valid");
  equal(outcome([list], "refuse", { at: NOW + SPAN + 1000 }), "revocation-unknown stale-list");
  equal(outcome([list], "refuse", { at: NOW + SPAN + 1000, clockSkewMs: 1 }), "valid");
  equal(outcome([list], "accept", { at: NOW + SPAN + 1000 }), "valid");
  const revoking = listOf("middle", ["0b"]);
  for (const stale of ["refuse", "accept"] as const) {
    equal(outcome([revoking], stale, { at: NOW + SPAN + 1000 }), "revoked");
  }
  const endless = buildRevocationList({
    issuer: buildName(["CN", "middle"]),
    thisUpdate: NOW,
    serials: [],
  }, signerOf("middle"));
  equal(outcome([endless], "refuse", { at: NOW + SPAN / 4 }), "valid");
});

Deno.test("RFC 5280 §6.3.3: a list of somebody else, of no right to sign, or not understood is none", () => {
  const unknown = "revocation-unknown no-list-of-this-key";
  equal(outcome([listOf("middle", ["0b"], {}, "mallory")]), unknown);
  equal(outcome([listOf("middle", ["0b"], {}, "mallory")], "accept"), "valid");
  const der = listOf("middle", ["0b"]);
  der[der.length - 1]! ^= 1;
  equal(outcome([der]), unknown);
  // A good list beside a bad one of the same name, which is newer.
  const forged = listOf("middle", [], { thisUpdate: wall(NOW - 1000) }, "mallory");
  equal(outcome([forged, listOf("middle", ["0b"])]), "revoked");
  for (const oid of ["2.5.29.27", "2.5.29.28"]) {
    for (const isCritical of [true, false]) {
      const extension = { oid, isCritical, value: hex("3000") };
      const narrow = listOf("middle", ["0b"], { extensions: [extension] });
      deepEqual(read(narrow).unsupported, [oid]);
      equal(outcome([narrow]), unknown);
    }
  }
  const indirect = listOf("middle", ["0b"], {
    entryExtensions: [{ oid: "2.5.29.29", isCritical: true }],
  });
  equal(outcome([indirect]), unknown);
  const numbered = [{ oid: "2.5.29.20", isCritical: false, value: hex("020101") }];
  const reasons = [{ oid: "2.5.29.21", isCritical: false }];
  equal(
    outcome([listOf("middle", ["0b"], { extensions: numbered, entryExtensions: reasons })]),
    "revoked",
  );
});

Deno.test("a CA whose key usage has no cRLSign signs no list", () => {
  const mute = certify("middle", "root", [caConstraints(), keyUsage("keyCertSign")]);
  const result = verifyChain({
    leaf,
    intermediates: [mute],
    anchors: [root],
    at: NOW,
    purpose: "clientAuth",
    crypto: nobleProvider,
    revocation: new RevocationLists([read(listOf("middle", []))], "refuse"),
  });
  deepEqual(result.ok ? undefined : [result.fault.kind, result.fault.detail], [
    "revocation-unknown",
    "no-list-of-this-key",
  ]);
});

Deno.test("the signature of a list is checked once, however many certificates are asked about", () => {
  let checks = 0;
  const crypto: CryptoProvider = {
    ...nobleProvider,
    verify: (...given) => {
      checks += 1;
      return nobleProvider.verify(...given);
    },
  };
  const lists = new RevocationLists([read(listOf("middle", ["0b"]))], "refuse");
  const query = { at: NOW, clockSkewMs: 0, crypto };
  for (let i = 0; i < 3; i++) deepEqual(lists.faultOf(leaf, middle, query), { kind: "revoked" });
  equal(checks, 1);
  // What was proven under one key is not proven under another of the same name.
  const impostor = certify("middle", "mallory", signing, { spki: signerOf("mallory").spki });
  equal(lists.faultOf(leaf, impostor, query)?.kind, "unknown");
});

Deno.test("no mutant of a revocation list throws, and faults point inside it", () => {
  const seed = listOf("root", ["0a"], {
    extensions: [{ oid: "2.5.29.20", isCritical: false, value: hex("020101") }],
    entryExtensions: [{ oid: "2.5.29.21", isCritical: false }],
  });
  let parsedOnes = 0;
  for (const mutants of [bitFlips(seed), truncations(seed), byteValues(seed, seed.keys())]) {
    for (const { name, bytes } of mutants) {
      const result = parseRevocationList(bytes);
      if (result.ok) parsedOnes += 1;
      else ok(result.fault.offset >= 0 && result.fault.offset <= bytes.length, name);
    }
  }
  ok(parsedOnes > 50, `${parsedOnes}`);
});

Deno.test("a hundred thousand entries are read and looked up", () => {
  const serials = Array.from(
    { length: 100_000 },
    (_, i) => `01${i.toString(16).padStart(6, "0")}`,
  );
  const list = read(listOf("middle", [...serials, "0b"]));
  equal(list.serials.size, 100_001);
  const revocation = new RevocationLists([list], "refuse");
  const query = { at: NOW, clockSkewMs: 0, crypto: nobleProvider };
  deepEqual(revocation.faultOf(leaf, middle, query), { kind: "revoked" });
});

const pkits = "thirdparty/kat/pkits";
const crls = ["TrustAnchorRootCRL", "GoodCACRL"].map((name) =>
  readVector(`${pkits}/crls/${name}.crl`)
);

for (
  const [section, name, fault] of [
    ["4.1.1", "ValidCertificatePathTest1EE", undefined],
    ["4.4.3", "InvalidRevokedEETest3EE", "revoked"],
  ] as const
) {
  vectorTest(
    `PKITS ${section}: ${name} with the lists of its CAs`,
    readVector(`${pkits}/certs/${name}.crt`),
    (der) => {
      const certificates = ["GoodCACert", "TrustAnchorRootCertificate"].map((file) =>
        parsed(readVector(`${pkits}/certs/${file}.crt`)!)
      );
      const result = verifyChain({
        leaf: parsed(der),
        intermediates: certificates.slice(0, 1),
        anchors: certificates.slice(1),
        at: wall(Date.parse("2025-01-01T00:00:00Z")),
        purpose: "clientAuth",
        crypto: nobleProvider,
        revocation: new RevocationLists(crls.map((list) => read(list!)), "refuse"),
      });
      equal(result.ok ? undefined : result.fault.kind, fault);
    },
  );
}
