/** Made certificates, judged by our own chain code and by openssl where it is installed. */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { readAuthority, readCertificates, writeIssued } from "../../../appliance/pki/files.ts";
import {
  authorityOf,
  createCa,
  issueClient,
  issueGateway,
  type IssueOptions,
} from "../../../appliance/pki/issue.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import {
  certificateSpeaksFor,
  IdType,
  parseCertificate,
  parseIpAddress,
  userNameOf,
  utf8,
  verifyChain,
  wall,
} from "../../../core/mod.ts";
import { toHex } from "../../support/hex.ts";

const crypto = nobleProvider;
const now = wall(Math.floor(Date.now() / 1000) * 1000);
const dayMs = 86_400_000;
const options: IssueOptions = { crypto, now, key: "ecdsa", days: 30 };

function parsed(
  der: Uint8Array,
): Extract<ReturnType<typeof parseCertificate>, { ok: true }>["value"] {
  const result = parseCertificate(der);
  ok(result.ok);
  return result.value;
}

async function hasOpenssl(): Promise<boolean> {
  try {
    return (await new Deno.Command("openssl", { args: ["version"] }).output()).success;
  } catch {
    return false;
  }
}

async function openssl(...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

for (const key of ["ecdsa", "rsa"] as const) {
  Deno.test(`a CA, a gateway and a client with ${key} keys hold together`, async () => {
    const ca = await createCa("Test CA", { ...options, key, days: 60 });
    const names = ["vpn.example.net", "192.0.2.1", "2001:db8::1"];
    const gateway = await issueGateway(ca, names, { ...options, key });
    const client = await issueClient(ca, "alice@example.org", { ...options, key });
    const given = { intermediates: [], anchors: [ca.parsed], at: now, crypto };
    for (
      const [issued, purpose, other] of [
        [gateway, "serverAuth", "clientAuth"],
        [client, "clientAuth", "serverAuth"],
      ] as const
    ) {
      const leaf = parsed(issued.certificate);
      equal(verifyChain({ ...given, leaf, purpose }).ok, true);
      // IPsec's own purpose serves both ways.
      equal(verifyChain({ ...given, leaf, purpose: other }).ok, true);
      equal(verifyChain({ ...given, leaf, purpose, at: wall(now + 31 * dayMs) }).ok, false);
      const signer = crypto.importPrivateKey(issued.key);
      equal(toHex(signer?.spki ?? new Uint8Array(0)), toHex(leaf.spki));
    }
    const leaf = parsed(gateway.certificate);
    equal(certificateSpeaksFor(leaf, IdType.FQDN, utf8("vpn.example.net")), true);
    for (
      const [name, idType] of [
        ["192.0.2.1", IdType.IPV4_ADDR],
        ["2001:db8::1", IdType.IPV6_ADDR],
      ] as const
    ) {
      const octets = parseIpAddress(name)?.octets ?? new Uint8Array(0);
      equal(certificateSpeaksFor(leaf, idType, octets), true);
    }
    deepEqual(leaf.extendedKeyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.17"]);
    equal(leaf.subject.text, "CN=vpn.example.net");
    equal(leaf.issuer.text, "CN=Test CA");
    deepEqual(leaf.authorityKeyId, ca.parsed.subjectKeyId);
    equal(userNameOf(parsed(client.certificate)), "alice@example.org");
    deepEqual(ca.parsed.basicConstraints, { isCa: true, pathLength: 0 });
    equal(ca.parsed.key?.kind, key === "rsa" ? "rsa" : "ec");
  });

  Deno.test(`openssl accepts what was made with ${key} keys`, async (t) => {
    if (!await hasOpenssl()) return console.warn("skipped: openssl is not installed");
    const folder = await Deno.makeTempDir();
    try {
      const ca = await createCa("Test CA", { ...options, key, days: 60 });
      const gateway = await issueGateway(ca, ["vpn.example.net", "192.0.2.1"], { ...options, key });
      const client = await issueClient(ca, "alice", { ...options, key });
      const authority = writeIssued(folder, "ca", ca, { force: false });
      const server = writeIssued(folder, "gateway", gateway, { force: false });
      const user = writeIssued(folder, "alice", client, { force: false });
      const verify = ["verify", "-x509_strict", "-CAfile", authority.certificate];
      await t.step("chain, purpose and names", async () => {
        const forServer = [...verify, "-purpose", "sslserver"];
        match(await openssl(...forServer, server.certificate), /: OK/);
        match(
          await openssl(...forServer, "-verify_hostname", "vpn.example.net", server.certificate),
          /: OK/,
        );
        match(await openssl(...forServer, "-verify_ip", "192.0.2.1", server.certificate), /: OK/);
        match(await openssl(...verify, "-purpose", "sslclient", user.certificate), /: OK/);
        match(await openssl(...verify, "-purpose", "sslclient", server.certificate), /error 26/);
      });
      await t.step("keys fit their certificates", async () => {
        for (const files of [authority, server, user]) {
          const [fromKey, fromCertificate] = [
            await openssl("pkey", "-in", files.key, "-pubout"),
            await openssl("x509", "-in", files.certificate, "-pubkey", "-noout"),
          ];
          equal(fromKey, fromCertificate);
          match(fromKey, /BEGIN PUBLIC KEY/);
        }
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a certificate never outlives its CA, and no CA makes what nobody would accept", async () => {
  const ca = await createCa("Short", { ...options, days: 5 });
  const leaf = parsed((await issueGateway(ca, ["a.example"], options)).certificate);
  equal(leaf.notAfter, ca.parsed.notAfter);
  equal(leaf.notBefore, ca.parsed.notBefore);
  const later = { ...options, now: wall(now + 6 * dayMs) };
  await rejects(issueGateway(ca, ["a.example"], later), /nobody would accept it .*expired/);
});

Deno.test("names of clients: host names and mail addresses are certified as such", async () => {
  const ca = await createCa("CA", options);
  const cases: readonly (readonly [name: string, dns: string[], email: string[]])[] = [
    ["alice", ["alice"], []],
    ["alice@example.org", [], ["alice@example.org"]],
    ["Alice Example", [], []],
    ["\u00c4nne", [], []],
  ];
  for (const [name, dns, email] of cases) {
    const leaf = parsed((await issueClient(ca, name, options)).certificate);
    deepEqual(leaf.subjectAltNames?.dns ?? [], dns);
    deepEqual(leaf.subjectAltNames?.email ?? [], email);
    equal(leaf.subject.text, `CN=${name}`);
    equal(userNameOf(leaf), name);
  }
});

Deno.test("a gateway name that no common name can hold is an alternative name alone", async () => {
  const ca = await createCa("CA", options);
  const name = `${"a".repeat(60)}.${"b".repeat(60)}.example`;
  const leaf = parsed((await issueGateway(ca, [name], options)).certificate);
  equal(leaf.subject.text, "");
  equal(certificateSpeaksFor(leaf, IdType.FQDN, utf8(name)), true);
});

Deno.test("serial numbers are positive, long and never the same", async () => {
  const ca = await createCa("CA", options);
  const serials = new Set<string>();
  for (let i = 0; i < 8; i++) {
    const { serial } = parsed((await issueClient(ca, "x", options)).certificate);
    equal(serial.length, 16);
    ok((serial[0] ?? 0) < 0x80);
    serials.add(toHex(serial));
  }
  equal(serials.size, 8);
});

Deno.test("names that cannot be certified are refused", async () => {
  const ca = await createCa("CA", options);
  for (const name of ["", " x", "x".repeat(65), "a\nb"]) {
    await rejects(createCa(name, options), /Cannot make CA certificate: its name/);
    await rejects(issueClient(ca, name, options), /Cannot make client certificate: its name/);
  }
  await rejects(issueGateway(ca, [], options), /has no name/);
  for (const name of ["a b", "*.example.org", "-x.example", "a..b", "\u00e4.example", ""]) {
    await rejects(issueGateway(ca, ["ok.example", name], options), /no host name or address/);
  }
});

Deno.test("a CA is read back from its files, and a wrong pair is refused", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [ca, other] = [await createCa("CA", options), await createCa("Other", options)];
    const files = writeIssued(folder, "ca", ca, { force: false });
    const read = readAuthority(files, crypto);
    equal(toHex(read.certificate), toHex(ca.certificate));
    equal(readCertificates(files.certificate)[0]?.subject.text, "CN=CA");
    throws(
      () => authorityOf({ certificate: ca.certificate, key: other.key }, crypto),
      /does not belong/,
    );
    const leaf = await issueGateway(ca, ["a.example"], options);
    throws(() => authorityOf(leaf, crypto), /is not a CA/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
