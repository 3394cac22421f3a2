/** Whom a certificate speaks for. */
import { equal } from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { IdType } from "../../../core/message/constants.ts";
import { alternativeNames, buildName, subjectKeyId } from "../../../core/pki/build.ts";
import {
  certificateAuthorityHash,
  certificateSpeaksFor,
  fingerprintOf,
  userNameOf,
} from "../../../core/pki/identity.ts";
import { hex, toHex } from "../../support/hex.ts";
import { readVectorJson, readVectorText, vectorTest } from "../../support/vectors.ts";
import { certificatesIn } from "../../../core/pki/pem.ts";
import { certify, parsed } from "./authority.ts";

function speaksForHost(certified: readonly string[] | undefined, host: string): boolean {
  const extensions = certified === undefined ? [] : [alternativeNames({ dns: certified })];
  return certificateSpeaksFor(certify("cn.example", "root", extensions), IdType.FQDN, utf8(host));
}

Deno.test("host names: any case, a root dot, nothing else", () => {
  const cases: readonly (readonly [certified: string, host: string, speaks: boolean])[] = [
    ["vpn.example.org", "vpn.example.org", true],
    ["vpn.example.org", "VPN.Example.Org", true],
    ["VPN.example.org", "vpn.example.org.", true],
    ["vpn.example.org", "vpn.example.org..", false],
    ["vpn.example.org", "vpn.example.or", false],
    ["vpn.example.org", "xvpn.example.org", false],
    ["vpn.example.org", "example.org", false],
    ["vpn.example.org", "", false],
    ["vpn.example.org", "vpn.example.org\0", false],
    ["vpn.example.org", "vpn.example.org ", false],
  ];
  for (const [certified, host, speaks] of cases) {
    equal(speaksForHost([certified], host), speaks, `${certified} for ${JSON.stringify(host)}`);
  }
  equal(speaksForHost(["a.example", "b.example"], "b.example"), true);
});

Deno.test("RFC 6125 §6.4.3: a star is one whole first label, with two labels behind it", () => {
  const cases: readonly (readonly [certified: string, host: string, speaks: boolean])[] = [
    ["*.example.org", "vpn.example.org", true],
    ["*.EXAMPLE.org", "VPN.example.org", true],
    ["*.example.org", "example.org", false],
    ["*.example.org", ".example.org", false],
    ["*.example.org", "a.b.example.org", false],
    ["*.example.org", "*.example.org", false],
    ["*.org", "example.org", false],
    ["*", "example", false],
    ["*.", "example.", false],
    ["v*.example.org", "vpn.example.org", false],
    ["vpn.*.org", "vpn.example.org", false],
    ["*.*.org", "vpn.example.org", false],
  ];
  for (const [certified, host, speaks] of cases) {
    equal(speaksForHost([certified], host), speaks, `${certified} for ${host}`);
  }
});

Deno.test("the common name is a host name only without any subject alternative name", () => {
  equal(speaksForHost(undefined, "cn.example"), true);
  equal(speaksForHost(["other.example"], "cn.example"), false);
  const mail = certify("cn.example", "root", [alternativeNames({ email: ["a@cn.example"] })]);
  equal(certificateSpeaksFor(mail, IdType.FQDN, utf8("cn.example")), false);
});

Deno.test("mail addresses: the local part as it stands, the domain in any case", () => {
  const certificate = certify("x", "root", [alternativeNames({ email: ["Alice@Example.org"] })]);
  const speaks = (mailbox: string): boolean =>
    certificateSpeaksFor(certificate, IdType.RFC822_ADDR, utf8(mailbox));
  equal(speaks("Alice@example.ORG"), true);
  equal(speaks("alice@example.org"), false);
  equal(speaks("Alice@example.org\0"), false);
  equal(speaks("@example.org"), false);
  equal(
    certificateSpeaksFor(certify("a@b", "root"), IdType.RFC822_ADDR, utf8("a@b")),
    false,
  );
});

Deno.test("addresses, names and key identifiers are compared octet by octet", () => {
  const ip = [hex("c0000201"), hex("20010db8000000000000000000000001")];
  const certificate = certify("x", "root", [alternativeNames({ ip }), subjectKeyId(hex("0a0b"))]);
  const speaks = (idType: number, data: string): boolean =>
    certificateSpeaksFor(certificate, idType, hex(data));
  equal(speaks(IdType.IPV4_ADDR, "c0000201"), true);
  equal(speaks(IdType.IPV4_ADDR, "c0000202"), false);
  equal(speaks(IdType.IPV6_ADDR, "20010db8000000000000000000000001"), true);
  equal(speaks(IdType.IPV6_ADDR, "c0000201"), false);
  equal(speaks(IdType.IPV4_ADDR, "20010db8000000000000000000000001"), false);
  equal(speaks(IdType.KEY_ID, "0a0b"), true);
  equal(speaks(IdType.KEY_ID, "0a"), false);
  equal(speaks(IdType.KEY_ID, ""), false);
  equal(certificateSpeaksFor(certify("x", "root"), IdType.KEY_ID, hex("")), false);
  equal(speaks(IdType.DER_ASN1_DN, toHex(buildName(["CN", "x"]))), true);
  equal(speaks(IdType.DER_ASN1_DN, toHex(buildName(["CN", "y"]))), false);
  equal(speaks(IdType.DER_ASN1_GN, toHex(buildName(["CN", "x"]))), false);
  equal(speaks(0, "c0000201"), false);
});

Deno.test("a user's name is the mail address, else the common name, else the subject", () => {
  const email = ["alice@example.org", "b@example.org"];
  equal(userNameOf(certify("cn", "root", [alternativeNames({ email })])), "alice@example.org");
  equal(userNameOf(certify("cn", "root", [alternativeNames({ dns: ["a.example"] })])), "cn");
  const subject = buildName(["CN", "first"], ["CN", "last"]);
  equal(userNameOf(certify("x", "root", [], { subject })), "last");
  equal(userNameOf(certify("x", "root", [], { subject: buildName(["O", "Acme"]) })), "O=Acme");
});

interface Recording {
  readonly messages: readonly {
    readonly message_id: number;
    readonly decrypted?: { readonly inner_payloads?: readonly { type: number; body: string }[] };
  }[];
}
const recording = readVectorJson<Recording>(
  "own/strongswan-recordings/eap-mschapv2-ikegcm-espcbc.expected.json",
);
const caPem = readVectorText("own/strongswan-recordings/ca.crt");

vectorTest(
  "RFC 7296 §3.7: the hash of a CA is the one that a recorded CERTREQ has",
  caPem === undefined ? undefined : recording,
  (r) => {
    const blocks = certificatesIn(caPem ?? "");
    const [der] = blocks.ok ? blocks.value : [];
    if (der === undefined) throw new TypeError("no CA");
    const request = r.messages.flatMap(({ decrypted }) => decrypted?.inner_payloads ?? [])
      .find(({ type }) => type === 38);
    equal(`04${toHex(certificateAuthorityHash(nobleProvider, parsed(der).spki))}`, request?.body);
  },
);

Deno.test("a fingerprint is SHA-256 in pairs of digits", () => {
  const text = fingerprintOf(nobleProvider, utf8("abc"));
  equal(text.replaceAll(":", "").toLowerCase(), toHex(nobleProvider.digest("sha256", utf8("abc"))));
  equal(text.split(":").length, 32);
  equal(text.slice(0, 5), "BA:78");
});
