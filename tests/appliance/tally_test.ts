/** What is counted of cryptography and of Child SAs, and that it still works when it is counted. */
import assert from "node:assert/strict";
import { CryptoTally } from "../../appliance/crypto_tally.ts";
import { providerOfMachine } from "../../appliance/crypto.ts";
import type { Packets } from "../../appliance/driver.ts";
import { systemRandom } from "../../appliance/entropy.ts";
import { generateKey } from "../../appliance/pki/keys.ts";
import { SaTally } from "../../appliance/sa_tally.ts";
import { type ChildSaInstall, Group } from "../../core/mod.ts";

Deno.test("key exchanges and signatures are counted by what they came to", async () => {
  const tally = new CryptoTally();
  const crypto = tally.tap(providerOfMachine());
  const ours = crypto.generateKeyPair(Group.CURVE25519, systemRandom);
  const theirs = crypto.generateKeyPair(Group.CURVE25519, systemRandom);
  assert.deepEqual(
    crypto.deriveSharedSecret(ours, theirs.publicValue),
    crypto.deriveSharedSecret(theirs, ours.publicValue),
  );
  assert.equal(crypto.deriveSharedSecret(ours, new Uint8Array(32)), undefined);
  const signer = crypto.importPrivateKey(await generateKey("ecdsa")) ?? assert.fail();
  const data = new Uint8Array([1, 2, 3]);
  const scheme = { kind: "ecdsa", hash: "sha256", encoding: "der" } as const;
  const signature = signer.sign(scheme, data);
  assert.equal(crypto.verify(signer.spki, scheme, data, signature), true);
  assert.equal(crypto.verify(signer.spki, scheme, new Uint8Array(1), signature), false);
  assert.deepEqual(tally.counters, {
    "dh-public-values": 2,
    "dh-shared-secrets": 2,
    "dh-refused-values": 1,
    "signatures-made": 1,
    "signatures-right": 1,
    "signatures-wrong": 1,
  });
  tally.clear();
  assert.ok(Object.values(tally.counters).every((count) => count === 0));
});

Deno.test("Child SAs are counted as the packet path takes them", () => {
  const told: string[] = [];
  const packets: Packets = {
    transmit: () => told.push("transmit"),
    installChildSa: () => {
      if (told.includes("installed")) throw new RangeError("no more");
      told.push("installed");
    },
    moveChildSa: () => told.push("moved"),
    removeChildSa: () => told.push("removed"),
    filterChildSa: () => told.push("filtered"),
  };
  const tally = new SaTally();
  const counted = tally.tap(packets);
  const sa = {} as ChildSaInstall;
  counted.installChildSa(sa);
  assert.throws(() => counted.installChildSa(sa), /no more/);
  counted.removeChildSa(1);
  counted.filterChildSa(1, undefined);
  assert.deepEqual(told, ["installed", "removed", "filtered"]);
  assert.deepEqual(tally.counters, {
    "child-sas-installed": 1,
    "child-sas-refused": 1,
    "child-sas-removed": 1,
  });
  tally.clear();
  assert.ok(Object.values(tally.counters).every((count) => count === 0));
});
