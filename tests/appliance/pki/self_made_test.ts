/** The self-made certificate: made once, kept, renewed, never silently replaced. */
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { ensureSelfMade } from "../../../appliance/pki/self_made.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import {
  certificateSpeaksFor,
  IdType,
  parseCertificate,
  utf8,
  verifyChain,
  wall,
} from "../../../core/mod.ts";
import { toHex } from "../../support/hex.ts";

const crypto = nobleProvider;
const now = wall(1_800_000_000_000);
const dayMs = 86_400_000;

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

Deno.test("made at the first start, the same at the next", async () => {
  await inFolder(async (folder) => {
    const first = await ensureSelfMade(folder, "vpn.example.net", { crypto, now });
    deepEqual(first.made, ["ca", "gateway"]);
    match(first.fingerprints.ca, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    notEqual(first.fingerprints.ca, first.fingerprints.gateway);
    equal(modeOf(`${folder}/pki/ca.pem`), 0o600);
    equal(modeOf(`${folder}/pki/gateway.pem`), 0o600);
    ok(!(await Deno.readTextFile(first.authorityFile)).includes("PRIVATE"));
    deepEqual([...Deno.readDirSync(`${folder}/pki`)].map(({ name }) => name).sort(), [
      "ca.crt",
      "ca.pem",
      "gateway.pem",
    ]);

    const [leaf, anchor] = [first.chain[0]!, first.authority].map(parseCertificate);
    ok(leaf?.ok && anchor?.ok);
    ok(certificateSpeaksFor(leaf.value, IdType.FQDN, utf8("vpn.example.net")));
    const anchors = [anchor.value];
    const given = { leaf: leaf.value, intermediates: [], anchors, at: now, crypto };
    ok(verifyChain({ ...given, purpose: "serverAuth" }).ok);
    equal(toHex(crypto.importPrivateKey(first.key)!.spki), toHex(leaf.value.spki));

    const again = await ensureSelfMade(folder, "vpn.example.net", { crypto, now });
    deepEqual(again, { ...first, made: [] });
  });
});

Deno.test("another name or the last month make another certificate from the same CA", async () => {
  await inFolder(async (folder) => {
    const first = await ensureSelfMade(folder, "vpn.example.net", { crypto, now });
    const renamed = await ensureSelfMade(folder, "192.0.2.1", { crypto, now });
    deepEqual(renamed.made, ["gateway"]);
    equal(renamed.fingerprints.ca, first.fingerprints.ca);
    notEqual(renamed.fingerprints.gateway, first.fingerprints.gateway);
    const soon = wall(now + 789 * dayMs);
    deepEqual((await ensureSelfMade(folder, "192.0.2.1", { crypto, now: soon })).made, []);
    const late = wall(now + 791 * dayMs);
    deepEqual((await ensureSelfMade(folder, "192.0.2.1", { crypto, now: late })).made, ["gateway"]);
  });
});

Deno.test("near the CA's end its certificates are not made anew at every start", async () => {
  await inFolder(async (folder) => {
    await ensureSelfMade(folder, "vpn.example.net", { crypto, now });
    const end = wall(now + 3645 * dayMs);
    deepEqual((await ensureSelfMade(folder, "vpn.example.net", { crypto, now: end })).made, [
      "gateway",
    ]);
    deepEqual((await ensureSelfMade(folder, "vpn.example.net", { crypto, now: end })).made, []);
    const over = wall(now + 3651 * dayMs);
    await rejects(ensureSelfMade(folder, "vpn.example.net", { crypto, now: over }), /expired/);
  });
});

Deno.test("a lost public copy is written again, and a damaged CA stops the start", async () => {
  await inFolder(async (folder) => {
    const first = await ensureSelfMade(folder, "vpn.example.net", { crypto, now });
    await Deno.remove(first.authorityFile);
    const again = await ensureSelfMade(folder, "vpn.example.net", { crypto, now });
    deepEqual(again, { ...first, made: [] });
    ok((await Deno.readTextFile(first.authorityFile)).includes("BEGIN CERTIFICATE"));
    await Deno.writeTextFile(`${folder}/pki/ca.pem`, "damaged");
    await rejects(ensureSelfMade(folder, "vpn.example.net", { crypto, now }), /ca\.pem/);
    equal(await Deno.readTextFile(`${folder}/pki/ca.pem`), "damaged");
  });
});

Deno.test("RSA keys on request", async () => {
  await inFolder(async (folder) => {
    const made = await ensureSelfMade(folder, "vpn.example.net", { crypto, now, key: "rsa" });
    deepEqual(crypto.importPrivateKey(made.key)?.key, { kind: "rsa", modulusBits: 3072 });
  });
});
