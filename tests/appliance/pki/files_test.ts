/** PEM files on disk: modes, refusals, all or nothing. */
import { deepEqual, equal, throws } from "node:assert/strict";
import {
  readCertificates,
  readCredentials,
  readPrivateKey,
  writeFiles,
  writeIssued,
} from "../../../appliance/pki/files.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { buildPem } from "../../../core/mod.ts";
import { certify, keyOf } from "../../core/pki/authority.ts";

async function inFolder(run: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

const issued = { certificate: certify("gw", "root").der, key: keyOf("gw") };

Deno.test("a key is private, its certificate is not, and nothing else stays", async () => {
  await inFolder((folder) => {
    const files = writeIssued(`${folder}/new/pki`, "gw", issued, { force: false });
    deepEqual(names(`${folder}/new/pki`), ["gw.crt", "gw.key"]);
    equal(modeOf(files.key), 0o600);
    equal(modeOf(files.certificate), 0o644);
    equal(modeOf(`${folder}/new/pki`), 0o700);
    const credentials = readCredentials(files, nobleProvider);
    equal(credentials.leaf.subject.text, "CN=gw");
    equal(credentials.certificates.length, 1);
  });
});

Deno.test("what exists is not overwritten, and then nothing is written", async () => {
  await inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/gw.crt`, "precious");
    throws(
      () => writeIssued(folder, "gw", issued, { force: false }),
      /gw\.crt: it is there already; remove it, or say --force/,
    );
    deepEqual(names(folder), ["gw.crt"]);
    equal(Deno.readTextFileSync(`${folder}/gw.crt`), "precious");
    writeIssued(folder, "gw", issued, { force: true });
    equal(readCertificates(`${folder}/gw.crt`).length, 1);
    deepEqual(names(folder), ["gw.crt", "gw.key"]);
  });
});

Deno.test("a write that fails halfway takes back what it had placed", async () => {
  await inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/blocker`, "");
    const file = (path: string): { path: string; text: string; mode: 0o600 } => ({
      path: `${folder}/${path}`,
      text: "x",
      mode: 0o600,
    });
    for (const force of [true, false]) {
      throws(() => writeFiles([file("a"), file("blocker/b")], { force }), /Cannot write/);
      deepEqual(names(folder), ["blocker"]);
    }
  });
});

Deno.test("a full chain in one file, in a second file, and DER are all read", async () => {
  await inFolder((folder) => {
    const middle = certify("middle", "root").der;
    const [key, both, one, der] = ["k", "both", "one", "der"].map((name) => `${folder}/${name}`);
    Deno.writeTextFileSync(key!, buildPem("PRIVATE KEY", issued.key));
    Deno.writeTextFileSync(
      both!,
      buildPem("CERTIFICATE", issued.certificate) + buildPem("CERTIFICATE", middle),
    );
    Deno.writeTextFileSync(one!, buildPem("CERTIFICATE", middle));
    Deno.writeFileSync(der!, issued.certificate);
    for (
      const files of [
        { certificate: both!, key: key! },
        { certificate: der!, key: key!, chain: one! },
      ]
    ) {
      const { certificates } = readCredentials(files, nobleProvider);
      deepEqual(certificates.map(({ subject }) => subject.text), ["CN=gw", "CN=middle"]);
    }
    throws(
      () => readCredentials({ certificate: one!, key: key! }, nobleProvider),
      /it is not the key of the first certificate/,
    );
  });
});

Deno.test("files that are missing or hold something else are named with what is wrong", async () => {
  await inFolder((folder) => {
    const path = `${folder}/f`;
    throws(() => readCertificates(path), /Cannot read .*\/f/);
    const cases: readonly (readonly [text: string, words: RegExp])[] = [
      ["", /line 1: no certificate in PEM form, found none/],
      [buildPem("CERTIFICATE", new Uint8Array(3)), /certificate 1 is malformed/],
      ["-----BEGIN CERTIFICATE-----\nAA", /line 1: CERTIFICATE has no END line/],
    ];
    for (const [text, words] of cases) {
      Deno.writeTextFileSync(path, text);
      throws(() => readCertificates(path), words);
    }
    Deno.writeTextFileSync(path, buildPem("PRIVATE KEY", new Uint8Array(3)));
    throws(() => readPrivateKey(path, nobleProvider), /key is damaged, or not RSA/);
    Deno.writeTextFileSync(path, buildPem("ENCRYPTED PRIVATE KEY", new Uint8Array(3)));
    throws(() => readPrivateKey(path, nobleProvider), /line 1: private key is encrypted/);
  });
});
