/** Cookies: what they vouch for, and how long. */
import { equal, notDeepEqual, ok } from "node:assert/strict";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { CookieJar, type CookieSubject } from "../../../core/gateway/cookie.ts";
import { limits } from "../../../core/limits.ts";
import { monotonic } from "../../../core/moment.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { endpoint } from "../../support/sim_settings.ts";

const random = new SeededRandom(1);
const subject: CookieSubject = {
  spi: random.bytes(8),
  nonce: random.bytes(32),
  remote: endpoint("198.51.100.7", 500),
};

function jar(seed = 2): CookieJar {
  return new CookieJar(nobleProvider, new SeededRandom(seed), monotonic(0));
}

Deno.test("A cookie is good for one to two lives of a secret, at every age", () => {
  const life = limits.cookieSecretMs;
  for (let made = 0; made < 2 * life; made += 7_000) {
    for (let age = 0; age < 3 * life; age += 7_000) {
      const cookies = jar();
      const cookie = cookies.make(monotonic(made), subject, 3);
      const accepted = cookies.bitsOf(monotonic(made + age), subject, cookie) === 3;
      if (age < life) ok(accepted, `made at ${made}, ${age} old`);
      if (age >= 2 * life) equal(accepted, false, `made at ${made}, ${age} old`);
    }
  }
});

Deno.test("A cookie of another gateway, of another length or empty is no good", () => {
  const cookie = jar().make(monotonic(0), subject, 0);
  const other = jar(3);
  for (const forged of [cookie, cookie.subarray(1), new Uint8Array(0), new Uint8Array(64)]) {
    equal(other.bitsOf(monotonic(1), subject, forged), undefined);
  }
  notDeepEqual(other.make(monotonic(1), subject, 0), cookie);
});

Deno.test("Every part of the subject counts", () => {
  const cookies = jar();
  const cookie = cookies.make(monotonic(0), subject, 0);
  const others: CookieSubject[] = [
    { ...subject, spi: random.bytes(8) },
    { ...subject, nonce: random.bytes(32) },
    { ...subject, remote: endpoint("198.51.100.8", 500) },
    { ...subject, remote: endpoint("198.51.100.7", 501) },
  ];
  for (const other of others) equal(cookies.bitsOf(monotonic(0), other, cookie), undefined);
  equal(cookies.bitsOf(monotonic(0), subject, cookie), 0);
  const harder = cookie.slice();
  harder[0] = 1;
  equal(
    cookies.bitsOf(monotonic(0), subject, harder),
    undefined,
    "the puzzle that it was given with",
  );
});
