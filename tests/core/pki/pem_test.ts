/** PEM files: what they hold, and what is said of those that do not. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { buildPem, certificatesIn, parsePem, privateKeyIn } from "../../../core/pki/pem.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { hex, toHex } from "../../support/hex.ts";
import { certify, keyOf, signerOf } from "./authority.ts";

const certificate = certify("x", "root").der;
const pem = buildPem("CERTIFICATE", certificate);
const key = buildPem("PRIVATE KEY", keyOf("x"));

Deno.test("blocks build and parse, with comments and any line ends between", () => {
  ok(pem.split("\n").every((line) => line.length <= 64));
  const text = `# ours\r\n${pem.replaceAll("\n", "\r\n")}Bag Attributes\n  ${key}\n`;
  const blocks = parsePem(text);
  ok(blocks.ok);
  deepEqual(blocks.value.map(({ label, der }) => [label, toHex(der)]), [
    ["CERTIFICATE", toHex(certificate)],
    ["PRIVATE KEY", toHex(keyOf("x"))],
  ]);
  equal(blocks.value[0]?.line, 2);
});

Deno.test("certificates come in the order of the file, and keys beside them are passed over", () => {
  const second = certify("y", "root").der;
  const found = certificatesIn(`${key}${pem}${buildPem("X509 CERTIFICATE", second)}`);
  ok(found.ok);
  deepEqual(found.value.map(toHex), [toHex(certificate), toHex(second)]);
});

/** The ECPrivateKey inside the PKCS #8 of `keyOf`, with and without its curve. */
function sec1(hasCurve: boolean): Uint8Array {
  const scalar = toHex(keyOf("x")).slice(-64);
  return hex(
    hasCurve ? `30310201010420${scalar}a00a06082a8648ce3d030107` : `30250201010420${scalar}`,
  );
}

Deno.test("keys come out as PKCS #8, whatever the file calls them", () => {
  const plain = privateKeyIn(key);
  ok(plain.ok);
  equal(toHex(plain.value), toHex(keyOf("x")));
  const parameters = buildPem("EC PARAMETERS", hex("06082a8648ce3d030107"));
  const wrapped = privateKeyIn(parameters + buildPem("EC PRIVATE KEY", sec1(true)));
  ok(wrapped.ok);
  const signer = nobleProvider.importPrivateKey(wrapped.value);
  equal(toHex(signer?.spki ?? hex("")), toHex(signerOf("x").spki));
  const rsa = privateKeyIn(buildPem("RSA PRIVATE KEY", hex("3000")));
  ok(rsa.ok);
  equal(toHex(rsa.value), "3016020100300d06092a864886f70d010101050004023000");
});

Deno.test("what is wrong with a file is said by line and in words, without its octets", () => {
  const encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n" +
    "DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
  const cases: readonly (readonly [text: string, line: number, words: RegExp])[] = [
    ["", 1, /no private key in PEM form, found none/],
    [pem, 1, /no private key in PEM form, found CERTIFICATE/],
    [`\n${key}${key}`, 6, /second private key/],
    [encrypted, 2, /encrypted/],
    [buildPem("ENCRYPTED PRIVATE KEY", hex("3000")), 1, /encrypted/],
    [`#\n${buildPem("OPENSSH PRIVATE KEY", hex("00"))}`, 2, /OPENSSH PRIVATE KEY is not supported/],
    [buildPem("DSA PRIVATE KEY", hex("3000")), 1, /DSA PRIVATE KEY is not supported/],
    [buildPem("EC PRIVATE KEY", sec1(false)), 1, /does not name its curve/],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n", 1, /no END line/],
    [`-----BEGIN PRIVATE KEY-----\n${key}`, 1, /no END line/],
    ["\n-----END PRIVATE KEY-----\n", 2, /does not begin/],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END X-----\n", 1 + 2, /ends as X/],
    ["-----BEGIN PRIVATE KEY-----\nAA*A\n-----END PRIVATE KEY-----\n", 1, /not Base64/],
    ["-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\n", 1, /not Base64/],
    ["-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", 1, /not Base64/],
  ];
  for (const [text, line, words] of cases) {
    const result = privateKeyIn(text);
    ok(!result.ok, text);
    equal(result.fault.line, line, result.fault.problem);
    ok(words.test(result.fault.problem), result.fault.problem);
  }
  const none = certificatesIn(key);
  ok(!none.ok && /no certificate in PEM form, found PRIVATE KEY/.test(none.fault.problem));
});
