/** Certificates from octets: fields of recorded ones, of made ones, refusals, mutants, a fuzz corpus. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import {
  contextTag,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  DerTag,
} from "../../../core/crypto/der.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { wall } from "../../../core/moment.ts";
import {
  alternativeNames,
  authorityKeyId,
  buildCertificate,
  buildName,
  caConstraints,
  keyUsage,
  purposes,
  subjectKeyId,
} from "../../../core/pki/build.ts";
import { parseCertificate } from "../../../core/pki/certificate.ts";
import { verifyChain } from "../../../core/pki/chain.ts";
import { certificatesIn } from "../../../core/pki/pem.ts";
import { hex, toHex } from "../../support/hex.ts";
import { bitFlips, byteValues, truncations } from "../../support/mutate.ts";
import { listVectors, readVector, readVectorText, vectorTest } from "../../support/vectors.ts";
import { certify, NOW, parsed, signerOf } from "./authority.ts";

const ca = readVectorText("own/strongswan-recordings/ca.crt");
const gateway = readVectorText("own/strongswan-recordings/gw.crt");

function derOf(pem: string): Uint8Array {
  const blocks = certificatesIn(pem);
  ok(blocks.ok && blocks.value[0] !== undefined);
  return blocks.value[0];
}

vectorTest("a certificate of the pki tool of strongSwan is read field by field", gateway, (pem) => {
  const certificate = parsed(derOf(pem));
  equal(certificate.version, 3);
  equal(toHex(certificate.serial), "497cbf3aecb498bb");
  equal(certificate.issuer.text, "CN=Test CA");
  equal(certificate.subject.text, "CN=gw.test");
  equal(certificate.notBefore, Date.parse("2026-11-23T11:11:23Z"));
  equal(certificate.notAfter, Date.parse("2029-11-22T11:11:23Z"));
  deepEqual(certificate.key, { kind: "rsa", modulusBits: 2048 });
  deepEqual(certificate.signatureScheme, { kind: "ecdsa", hash: "sha256", encoding: "der" });
  equal(certificate.basicConstraints, undefined);
  equal(certificate.keyUsage, undefined);
  deepEqual(certificate.extendedKeyUsage, ["1.3.6.1.5.5.7.3.1"]);
  deepEqual(certificate.subjectAltNames, { dns: ["gw.test"], email: [], ip: [], others: 0 });
  equal(certificate.subjectKeyId, undefined);
  equal(toHex(certificate.authorityKeyId ?? hex("")), "6c3d8a593d8a71144fbc3482b82f04ecb4321fa0");
  deepEqual(certificate.unknownCritical, []);
});

vectorTest(
  "the recorded gateway's chain holds for a server and not for a client",
  gateway,
  (pem) => {
    if (ca === undefined) return;
    const [leaf, anchor] = [parsed(derOf(pem)), parsed(derOf(ca))];
    deepEqual(anchor.basicConstraints, { isCa: true, pathLength: undefined });
    deepEqual(anchor.keyUsage, {
      digitalSignature: false,
      contentCommitment: false,
      keyCertSign: true,
      crlSign: true,
    });
    const at = wall(Date.parse("2027-01-01T00:00:00Z"));
    const options = { leaf, intermediates: [], anchors: [anchor], at, crypto: nobleProvider };
    deepEqual(verifyChain({ ...options, purpose: "serverAuth" }), {
      ok: true,
      value: { path: [leaf, anchor] },
    });
    deepEqual(verifyChain({ ...options, purpose: "clientAuth" }), {
      ok: false,
      fault: { kind: "wrong-purpose", subject: "CN=gw.test" },
    });
  },
);

Deno.test("what was built is what is read", () => {
  const subject = buildName(["C", "DE"], ["O", "Acme, Inc."], ["CN", "alice"]);
  const names = {
    dns: ["a.example", "b.example"],
    email: ["alice@example.org"],
    ip: [hex("c0000201"), hex("20010db8000000000000000000000001")],
  };
  const certificate = certify("alice", "root", [
    caConstraints(3),
    keyUsage("digitalSignature", "contentCommitment", "crlSign"),
    purposes("CLIENT_AUTH", "IPSEC_IKE"),
    alternativeNames(names, true),
    subjectKeyId(hex("0102")),
    authorityKeyId(hex("0304")),
  ], { subject });
  equal(certificate.subject.text, "C=DE, O=Acme\\, Inc., CN=alice");
  equal(toHex(certificate.subject.der), toHex(subject));
  equal(certificate.issuer.text, "CN=root");
  deepEqual(certificate.basicConstraints, { isCa: true, pathLength: 3 });
  deepEqual(certificate.keyUsage, {
    digitalSignature: true,
    contentCommitment: true,
    keyCertSign: false,
    crlSign: true,
  });
  deepEqual(certificate.extendedKeyUsage, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.17"]);
  deepEqual(certificate.subjectAltNames, { ...names, others: 0 });
  equal(toHex(certificate.subjectKeyId ?? hex("")), "0102");
  equal(toHex(certificate.authorityKeyId ?? hex("")), "0304");
  equal(toHex(certificate.spki), toHex(signerOf("alice").spki));
  deepEqual(certificate.key, { kind: "ec", curve: "P-256" });
  const { signatureScheme: scheme, tbs, signature } = certificate;
  ok(scheme && nobleProvider.verify(signerOf("root").spki, scheme, tbs, signature));
});

Deno.test("the octets of a certificate are its own copy", () => {
  const octets = certify("a", "root").der.slice();
  const certificate = parsed(octets);
  const serial = toHex(certificate.serial);
  octets.fill(0);
  equal(toHex(certificate.serial), serial);
});

Deno.test("names in every string type, several in one RDN, and text that could forge a log line", () => {
  const attribute = (oid: string, tag: number, value: Uint8Array): Uint8Array =>
    derSequence(derOid(oid), derElement(tag, value));
  const subject = derSequence(
    derSet(attribute("2.5.4.10", DerTag.BMP_STRING, hex("00c4 006b"))),
    derSet(attribute("2.5.4.10", DerTag.TELETEX_STRING, hex("c46b"))),
    derSet(attribute("2.5.4.10", DerTag.UNIVERSAL_STRING, hex("0001f511"))),
    derSet(
      attribute("2.5.4.3", DerTag.UTF8_STRING, utf8("a\nb\u202e+c")),
      attribute("1.2.3", DerTag.OCTET_STRING, hex("beef")),
    ),
  );
  const certificate = certify("x", "root", [], { subject });
  const words = certificate.subject.text.split(", ");
  deepEqual(words.slice(0, 3), ["O=\u00c4k", "O=\u00c4k", "O=\u{1f511}"]);
  deepEqual(words[3]?.split(/(?<!\\)\+/).sort(), ["1.2.3=#beef", "CN=a\\0ab\\e2\\80\\ae\\+c"]);
});

Deno.test("subject alternative names that no identity can equal are only counted", () => {
  const value = derSequence(
    derElement(contextTag(2, "primitive"), utf8("good.example")),
    derElement(contextTag(2, "primitive"), utf8("bad.example\0.good.example")),
    derElement(contextTag(2, "primitive"), utf8("")),
    derElement(contextTag(7, "primitive"), hex("c0000201ffffff00")),
    derElement(contextTag(6, "primitive"), utf8("https://example.org")),
  );
  const certificate = certify("x", "root", [{ oid: "2.5.29.17", isCritical: false, value }]);
  deepEqual(certificate.subjectAltNames, { dns: ["good.example"], email: [], ip: [], others: 4 });
});

Deno.test("RFC 5280 §4.1.2.5: UTCTime and GeneralizedTime, both ways", () => {
  const times = [
    "1950-01-01T00:00:00Z",
    "1999-12-31T23:59:59Z",
    "2000-02-29T12:00:00Z",
    "2049-12-31T23:59:59Z",
    "2050-01-01T00:00:00Z",
    "2100-02-28T23:59:59Z",
    "2100-03-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
  ].map((text) => Date.parse(text));
  for (let day = 0; day < 60_000; day += 97) times.push(day * 86_400_000 + 3_723_000);
  // A signature is costly and not looked at here.
  const cheap = { ...signerOf("x"), sign: (): Uint8Array => hex("00") };
  for (const time of times) {
    const { serial, spki } = certifyParts;
    const name = buildName(["CN", "x"]);
    const notAfter = wall(time);
    const content = {
      ...{ serial, spki, issuer: name, subject: name, notAfter, extensions: [] },
      notBefore: wall(time + 999),
    };
    const certificate = parsed(buildCertificate(content, cheap));
    equal(certificate.notAfter, time, new Date(time).toISOString());
    equal(certificate.notBefore, time);
  }
});

const certifyParts = { serial: hex("01"), spki: signerOf("x").spki };

/** `der` with one run of octets replaced by another of the same length. */
function patched(der: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const at = toHex(der).indexOf(toHex(from)) / 2;
  ok(Number.isInteger(at) && at >= 0 && from.length === to.length);
  const copy = der.slice();
  copy.set(to, at);
  return copy;
}

Deno.test("dates that are none, repeated extensions and mixed algorithms are faults", () => {
  const good = certify("x", "root", [keyUsage("digitalSignature")], {
    notBefore: wall(Date.parse("2024-02-29T23:59:59Z")),
  });
  const date = utf8("240229235959Z");
  const dates = [
    "230229235959Z", // not a leap year
    "240231235959Z",
    "241329235959Z",
    "240029235959Z",
    "240200235959Z",
    "240229245959Z",
    "240229236059Z",
    "240229235960Z",
    "2402292359+01",
    "24022923595 Z",
  ];
  for (const text of dates) {
    const result = parseCertificate(patched(good.der, date, utf8(text)));
    ok(!result.ok, text);
    deepEqual([result.fault.kind, result.fault.path], [
      "bad-value",
      "certificate.certificate.tbs.validity.notBefore",
    ], text);
  }
  const usage = keyUsage("digitalSignature");
  const twice = buildCertificate({
    serial: hex("01"),
    issuer: good.issuer.der,
    subject: good.subject.der,
    notBefore: NOW,
    notAfter: NOW,
    spki: good.spki,
    extensions: [usage, usage],
  }, signerOf("root"));
  const result = parseCertificate(twice);
  ok(!result.ok && result.fault.kind === "unexpected");
  // The outer algorithm is the second occurrence; change the first, which is the signed one.
  const mixed = patched(good.der, hex("2a8648ce3d040302"), hex("2a8648ce3d040303"));
  equal(parseCertificate(mixed).ok, false);
});

Deno.test("trailing octets, version 4 and extensions in version 1 are faults", () => {
  const good = certify("x", "root", [keyUsage("digitalSignature")]);
  const more = parseCertificate(Uint8Array.of(...good.der, 0));
  ok(!more.ok && more.fault.kind === "trailing-octets");
  for (const version of ["03", "00"]) {
    const changed = patched(good.der, hex("a003020102"), hex(`a0030201${version}`));
    equal(parseCertificate(changed).ok, false);
  }
});

const seed = certify("alice", "root", [
  keyUsage("digitalSignature"),
  purposes("CLIENT_AUTH"),
  alternativeNames({ dns: ["a.example"], email: ["a@example.org"], ip: [hex("c0000201")] }),
]).der;

Deno.test("no mutant of a certificate throws, and faults point inside it", () => {
  const everywhere = [...seed.keys()];
  for (const mutants of [bitFlips(seed), truncations(seed), byteValues(seed, everywhere)]) {
    for (const { name, bytes } of mutants) {
      const result = parseCertificate(bytes);
      if (result.ok) continue;
      ok(result.fault.offset >= 0 && result.fault.offset <= bytes.length, name);
    }
  }
});

Deno.test("a certificate with any one bit turned over is not believed", () => {
  const anchors = [certify("root", "root", [caConstraints(), keyUsage("keyCertSign")])];
  const given = { intermediates: [], anchors, at: NOW, purpose: "clientAuth" } as const;
  let parsedOnes = 0;
  let position = 0;
  for (const { name, bytes } of bitFlips(seed)) {
    // Each octet once, with another bit every time: a check of a signature takes a while.
    if ((position++ * 9) % 8 !== (position >> 3) % 8) continue;
    const leaf = parseCertificate(bytes);
    if (!leaf.ok) continue;
    parsedOnes += 1;
    equal(verifyChain({ ...given, leaf: leaf.value, crypto: nobleProvider }).ok, false, name);
  }
  ok(parsedOnes > 50, `${parsedOnes}`);
});

Deno.test("a thousand RDNs, names or extensions are too many", () => {
  const name = buildName(...new Array<["CN", string]>(1000).fill(["CN", "x"]));
  const dns = new Array<string>(1000).fill("a.example");
  const extensions = Array.from({ length: 100 }, (_, i) => ({
    oid: `1.2.3.${i}`,
    isCritical: false,
    value: hex("0500"),
  }));
  for (
    const make of [
      (): unknown => certify("x", "root", [], { subject: name }),
      (): unknown => certify("x", "root", [alternativeNames({ dns })]),
      (): unknown => certify("x", "root", extensions),
    ]
  ) {
    let message = "";
    try {
      make();
    } catch (error) {
      message = String(error);
    }
    ok(message.includes("too-many"), message);
  }
});

for (const folder of ["certs", "certs-crash", "crls", "ids", "ocsp_req", "ocsp_rsp"]) {
  const path = `thirdparty/fuzz/strongswan/${folder}`;
  const files = listVectors(path);
  vectorTest(`nothing in the fuzz corpus ${folder} throws or takes long`, files[0], () => {
    let accepted = 0;
    const start = performance.now();
    for (const file of files) {
      const octets = readVector(`${path}/${file}`) ?? hex("");
      const result = parseCertificate(octets);
      if (!result.ok) {
        ok(result.fault.offset >= 0 && result.fault.offset <= octets.length, file);
        continue;
      }
      accepted += 1;
      equal(toHex(result.value.der), toHex(octets));
      const leaf = result.value;
      const given = { leaf, intermediates: [leaf], anchors: [leaf], at: leaf.notBefore };
      verifyChain({ ...given, purpose: "clientAuth", crypto: nobleProvider });
    }
    const perFile = (performance.now() - start) / files.length;
    ok(perFile < 50, `${perFile} ms a file`);
    ok(folder === "certs" ? accepted > 0 : true, `${accepted} accepted`);
  });
}

Deno.test("a serial number and a version that a peer makes long are no trouble", () => {
  const long = certify("x", "root", [], { serial: new Uint8Array(2000).fill(1) });
  equal(long.serial.length, 2000);
  equal(parseCertificate(derSequence(derInteger(1), derOctetString(hex("00")))).ok, false);
});
