/** Flags and files of a gateway, read and fitted together, at the start and again while it runs. */
import assert from "node:assert/strict";
import { UsageError } from "../../appliance/config/flag.ts";
import { planServe, type ServePlan } from "../../appliance/serve_plan.ts";
import { StartError } from "../../appliance/start_error.ts";
import { buildPem, hexOf, textOf } from "../../core/mod.ts";
import { nobleProvider } from "../../core/crypto/noble_provider.ts";
import { wall } from "../../core/moment.ts";
import { alternativeNames, buildName, caConstraints, keyUsage } from "../../core/pki/build.ts";
import type { Certificate } from "../../core/pki/certificate.ts";
import { certify, keyOf, NOW, signerOf } from "../core/pki/authority.ts";
import { buildRevocationList, type RevocationContent } from "../support/revocation_lists.ts";

/** A folder of files, by name. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  write(name: string, text: string): string {
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    return path;
  }

  certificates(name: string, ...all: readonly Certificate[]): string {
    return this.write(name, all.map(({ der }) => buildPem("CERTIFICATE", der)).join(""));
  }

  key(name: string): string {
    return this.write(`${name}.key`, buildPem("PRIVATE KEY", keyOf(name)));
  }

  list(
    issuer: string,
    serials: readonly string[],
    change: Partial<RevocationContent> = {},
  ): string {
    const der = buildRevocationList({
      issuer: buildName(["CN", issuer]),
      thisUpdate: wall(NOW - 1000),
      serials,
      ...change,
    }, signerOf(issuer));
    return this.write(`${issuer}.crl`, buildPem("X509 CRL", der));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function plan(flags: Readonly<Record<string, string | readonly string[]>>): ServePlan {
  const given = { pool: "10.99.0.0/24", user: "ann:pw", ...flags };
  const args = Object.entries(given).map(([name, value]) =>
    [name, typeof value === "string" ? [value] : value] as const
  );
  return planServe({
    flags: {
      args: new Map(args),
      unknown: [],
      env: () => undefined,
      readFile: (path) => Deno.readTextFileSync(path),
    },
    crypto: nobleProvider,
    nowMs: () => NOW,
  });
}

/** What is wrong, line by line. */
function problems(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof UsageError || error instanceof StartError, String(error));
    return error.message.split("\n");
  }
  return [];
}

const signing = [caConstraints(), keyUsage("keyCertSign", "crlSign")];
const root = certify("root", "root", signing);
const middle = certify("middle", "root", signing);
const otherRoot = certify("other root", "other root", signing);
const named = [alternativeNames({ dns: ["gw.example.test"] })];
/** Of the same name as `middle`, but another key. */
const namesake = certify("middle", "root", signing, { spki: signerOf("namesake").spki });
const first = certify("first", "middle", named);
const second = certify("second", "other root", named);

Deno.test("a certificate is sent with what leads up from it; its root is known and not sent", () => {
  using folder = new Folder();
  const { credentials } = plan({
    cert: folder.certificates("first.crt", first),
    key: folder.key("first"),
    chain: folder.certificates("chain.crt", root, otherRoot, namesake, middle),
  });
  assert.ok(credentials !== undefined);
  assert.deepEqual(credentials.certificates, [first.der, middle.der]);
  assert.deepEqual(credentials.authorities, [root.spki, middle.spki]);
  assert.deepEqual(credentials.alternates, []);
  assert.equal(credentials.identity.text, "gw.example.test");
});

Deno.test("several certificates find their keys and their chains, in any order", () => {
  using folder = new Folder();
  const { credentials } = plan({
    cert: [
      folder.certificates("first.crt", first, middle),
      folder.certificates("second.crt", second),
    ],
    key: [folder.key("second"), folder.key("first")],
    "client-ca": folder.certificates("ca.crt", otherRoot, root),
  });
  assert.ok(credentials !== undefined);
  assert.deepEqual(credentials.certificates, [first.der, middle.der]);
  assert.deepEqual(credentials.signer.spki, first.spki);
  assert.deepEqual(credentials.authorities, [middle.spki, root.spki]);
  const [alternate] = credentials.alternates;
  assert.deepEqual(alternate?.certificates, [second.der]);
  assert.deepEqual(alternate.signer.spki, second.spki);
  assert.deepEqual(alternate.authorities, [otherRoot.spki]);
});

Deno.test("certificates without a key, keys without a certificate and other names are refused", () => {
  using folder = new Folder();
  const cert = [folder.certificates("first.crt", first), folder.certificates("2.crt", second)];
  const [one, two] = [folder.key("first"), folder.key("second")];
  assert.match(problems(() => plan({ cert, key: one })).join(), /2\.crt: no key belongs to it/);
  assert.match(
    problems(() => plan({ cert: cert.slice(0, 1), key: [one, two] })).join(),
    /^Cannot use key .*second\.key: it does not belong to certificate .*first\.crt$/,
  );
  const stranger = certify("second", "other root", [alternativeNames({ dns: ["x.example"] })]);
  const strange = [cert[0] ?? "", folder.certificates("x.crt", stranger)];
  assert.match(
    problems(() => plan({ cert: strange, key: [one, two] })).join(),
    /^Cannot use certificate .*x\.crt: it is not for gw\.example\.test$/,
  );
});

Deno.test("revocation lists: read as PEM and DER, and refused where they cannot be what they say", () => {
  using folder = new Folder();
  const ca = folder.certificates("ca.crt", root);
  const good = folder.list("root", ["0a"]);
  const [list] = plan({ "client-ca": ca, crl: good }).revocationLists;
  assert.deepEqual([...list?.serials ?? []], ["0a"]);
  const der = `${folder.path}/der.crl`;
  const content = { issuer: buildName(["CN", "middle"]), thisUpdate: NOW, serials: ["0b"] };
  Deno.writeFileSync(der, buildRevocationList(content, signerOf("middle")));
  // Of an intermediate that only clients know.
  assert.equal(plan({ "client-ca": ca, crl: der }).revocationLists.length, 1);
  const forged = buildRevocationList(
    { ...content, issuer: buildName(["CN", "root"]) },
    signerOf("mallory"),
  );
  const delta = folder.list("middle", [], {
    extensions: [{ oid: "2.5.29.27", isCritical: true, value: Uint8Array.of(2, 1, 1) }],
  });
  const cases: readonly (readonly [string, RegExp])[] = [
    [folder.write("forged.crl", buildPem("X509 CRL", forged)), /wanted a list signed by CN=root/],
    [delta, /wanted a whole list of one CA; what 2\.5\.29\.27 in it means is not known/],
    [ca, /no revocation list in PEM form, found CERTIFICATE/],
    [folder.write("broken.crl", buildPem("X509 CRL", cutShort())), /list 1 is malformed/],
    ["/nonexistent", /Cannot read \/nonexistent/],
  ];
  for (const [crl, said] of cases) {
    const [line = "", ...more] = problems(() => plan({ "client-ca": ca, crl }));
    assert.match(line, said);
    assert.deepEqual(more, []);
  }
});

function cutShort(): Uint8Array {
  return root.der.subarray(0, 20);
}

Deno.test("files that are out of their time are used, with a warning", () => {
  using folder = new Folder();
  const old = certify("first", "root", named, { notAfter: wall(NOW - 1000) });
  const { warnings } = plan({
    cert: folder.certificates("first.crt", old),
    key: folder.key("first"),
    crl: folder.list("root", [], { nextUpdate: wall(NOW - 60_000) }),
  });
  assert.deepEqual(warnings.map(({ event, facts }) => [event, facts["subject"]]), [
    ["certificate-validity", "CN=first"],
    ["revocation-list-stale", "CN=root"],
  ]);
});

Deno.test("read again: what changed, what has to wait for a restart, and old values for that", () => {
  using folder = new Folder();
  const flags = folder.write("flags", "dns 10.0.0.1\nlisten 192.0.2.1\n");
  const before = plan({ "flags-file": flags });
  assert.deepEqual(before.again().changed, []);
  folder.write("flags", "dns 10.0.0.2\nlisten 192.0.2.2\nbanner hello\nlog-level debug\n");
  const { plan: now, changed, needRestart } = before.again();
  assert.deepEqual(changed, ["dns", "banner"]);
  assert.deepEqual(needRestart, ["listen", "log-level"]);
  assert.deepEqual(now.settings.listen.map(({ octets }) => hexOf(octets)), ["c0000201"]);
  assert.deepEqual(now.settings.dns.map(({ octets }) => hexOf(octets)), ["0a000002"]);
  assert.equal(now.settings["log-level"], "info");
  // What waits is still named the next time, and the command line wins as at the start.
  assert.deepEqual(now.again().changed, []);
  assert.deepEqual(now.again().needRestart, ["listen", "log-level"]);
  assert.deepEqual(now.settings.user.map(({ name }) => name), ["ann"]);
});

Deno.test("read again: files that hold something else are told, and what they hold now", () => {
  using folder = new Folder();
  const flags = {
    ...{ "client-ca": folder.certificates("root.crt", root), crl: folder.list("root", ["01"]) },
    ...{ radius: "192.0.2.1", "radius-secret-file": folder.write("radius", "one\n") },
    ...{ "dynamic-author": "192.0.2.1", "dynamic-author-secret-file": folder.write("author", "1") },
    "access-list-file": folder.write("lists", "ip access-list extended web\n permit ip any any\n"),
    users: folder.write("users", ""),
  };
  const before = plan(flags);
  assert.deepEqual(before.again().changedFiles, []);
  folder.write("radius", "two\n");
  folder.write("author", "2");
  folder.list("root", ["02"]);
  const { plan: now, changed, changedFiles, needRestart } = before.again();
  assert.deepEqual([changed, needRestart], [[], []]);
  assert.deepEqual(changedFiles, ["crl", "radius-secret-file", "dynamic-author-secret-file"]);
  const secrets = [...now.radiusSecrets, now.dynamicAuthorSecret ?? assert.fail()].map(textOf);
  assert.deepEqual(secrets, ["two", "2"]);
  folder.write("lists", "");
  assert.deepEqual(now.again().changedFiles, ["access-list-file"]);
  folder.write("radius", "\n");
  assert.match(problems(() => now.again())[0] ?? "", /^--radius-secret-file .*it is empty/);
  folder.write("radius", "two\n");
  Deno.chmodSync(flags["radius-secret-file"], 0o644);
  assert.match(problems(() => now.again())[0] ?? "", /others may read or write it/);
});

Deno.test("read again: what would not start is refused, though it would count after a restart only", () => {
  using folder = new Folder();
  const before = plan({ "flags-file": folder.write("flags", "") });
  folder.write("flags", "dns 10.0.0.2\nradius-timeout 20\n");
  assert.deepEqual(problems(() => before.again()), [
    "--radius-timeout: wanted a --radius server with it",
  ]);
});

Deno.test("read again: everything that is wrong is told, in flags and in files", () => {
  using folder = new Folder();
  const flags = folder.write("flags", "dns 10.0.0.1\n");
  const users = folder.write("users", "");
  const cert = folder.certificates("first.crt", first);
  const before = plan({ "flags-file": flags, users, cert, key: folder.key("first") });
  folder.write("flags", "dns nonsense\nno-such-flag 1\ngroup staff:pool=nowhere\n");
  folder.write("users", "what is this\n");
  folder.certificates("first.crt", second);
  const told = problems(() => before.again());
  assert.deepEqual(told.map((line) => line.split(/[ :]/)[0]), [
    "--no-such-flag",
    "--dns",
    "--group",
    "--users",
  ]);
  folder.write("flags", "");
  folder.write("users", "");
  assert.match(problems(() => before.again()).join(), /no key belongs to it/);
});
