/**
 * A gateway with the right keys that says wrong things: near misses of the content of each message
 * that it seals. The client neither throws nor hangs, and what it installs it also removes.
 */
import { equal, ok } from "node:assert/strict";
import type { CryptoProvider } from "../../../core/crypto/provider.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { quickCrypto } from "../../support/sim_crypto.ts";
import type { SimClient } from "../../support/sim_client.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

/** Spoils the content of the sealed message with this number, counted from 0. */
function liar(number: number, spoil: (plaintext: Uint8Array) => void): CryptoProvider {
  let count = 0;
  const spoiled = (plaintext: Uint8Array): Uint8Array => {
    if (count++ !== number) return plaintext;
    const copy = plaintext.slice();
    spoil(copy);
    return copy;
  };
  return {
    ...quickCrypto,
    cbcEncrypt: (key, iv, plaintext) => quickCrypto.cbcEncrypt(key, iv, spoiled(plaintext)),
    aeadSeal: (name, key, nonce, aad, plaintext) =>
      quickCrypto.aeadSeal(name, key, nonce, aad, spoiled(plaintext)),
  };
}

/** Whether the gateway named an SPI that is not its own, which a client cannot know. */
function isMisled(world: SimWorld, { installed }: SimClient): boolean {
  const newest = [...installed.values()].at(-1);
  return newest !== undefined && !world.installed.has(newest.outboundSpi);
}

/** Five responses of a login, one of a rekey of each kind, one of a reconnect, and some between. */
const MESSAGES = 12;
const MUTANTS = 40;

Deno.test(`${MESSAGES * MUTANTS} near misses of what a gateway seals do no harm to a client`, () => {
  let up = 0;
  for (let number = 0; number < MESSAGES; number++) {
    for (let seed = 0; seed < MUTANTS; seed++) {
      const random = new SeededRandom(1 + seed * MESSAGES + number);
      const gatewayCrypto = liar(number, (plaintext) => {
        const at = random.below(Math.min(plaintext.length, random.pick([4, 16, 64, 1_000])));
        plaintext[at] = random.chance() ? random.below(256) : plaintext[at]! ^ 1;
      });
      const world = new SimWorld(820, {}, calm, { crypto: quickCrypto, gatewayCrypto });
      const alice = world.addClient("alice", "198.51.100.7");
      world.connect(alice);
      world.run(500);
      for (const what of ["child", "ike"] as const) {
        world.tellClient(alice, { kind: "rekey", at: world.at, what });
        world.run(500);
      }
      world.roam(alice, "203.0.113.9");
      world.run(3_000);
      const isOver = alice.events.at(-1)?.kind === "closed";
      if (!isOver) world.run(120_000, () => world.carries(alice));
      ok(isOver || world.carries(alice) || isMisled(world, alice), describe(world));
      if (world.carries(alice)) up++;
      world.tellClient(alice, { kind: "disconnect", at: world.at });
      world.run(120_000);
      equal(alice.installed.size, 0, `message ${number}, seed ${seed}`);
      equal(alice.client.nextTimeout(), undefined, `message ${number}, seed ${seed}`);
    }
  }
  ok(up > MESSAGES * MUTANTS / 3, `${up} up in the end`);
});
