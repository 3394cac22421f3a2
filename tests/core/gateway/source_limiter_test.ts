/** Failures a source and a minute, against a list of all of them. */
import { equal } from "node:assert/strict";
import { SourceLimiter } from "../../../core/gateway/source_limiter.ts";
import { limits } from "../../../core/limits.ts";
import { monotonic } from "../../../core/moment.ts";
import { addressFromBigInt } from "../../../core/wire/address.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { address } from "../../support/sim_settings.ts";

const MINUTE = 60_000;
const MOST = limits.failedReconnectsPerMinute;

Deno.test("SourceLimiter equals counting windows by hand", () => {
  const random = new SeededRandom(1);
  const limiter = new SourceLimiter(MOST);
  const twin = new Map<string, { since: number; count: number }>();
  const sources = ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8:0:1::1"];
  let now = 0;
  for (let i = 0; i < 5_000; i++) {
    now += random.below(2_000);
    const source = random.pick(sources);
    const entry = twin.get(source);
    const isOpen = entry !== undefined && now - entry.since < MINUTE;
    const isBlocked = isOpen && entry.count >= MOST;
    equal(limiter.isBlocked(address(source), monotonic(now)), isBlocked);
    if (random.chance(0.7)) {
      limiter.fail(address(source), monotonic(now));
      if (isOpen) entry.count++;
      else twin.set(source, { since: now, count: 1 });
    }
  }
});

Deno.test("IPv6 sources count by /64", () => {
  const limiter = new SourceLimiter(MOST);
  for (let i = 1; i <= MOST; i++) limiter.fail(address(`2001:db8::${i}`), monotonic(0));
  equal(limiter.isBlocked(address("2001:db8::ffff"), monotonic(1)), true);
  equal(limiter.isBlocked(address("2001:db8:0:1::1"), monotonic(1)), false);
});

Deno.test("A flood of sources pushes the oldest out and nothing grows", () => {
  const limiter = new SourceLimiter(MOST);
  const first = address("198.51.100.1");
  for (let i = 0; i < MOST; i++) limiter.fail(first, monotonic(0));
  equal(limiter.isBlocked(first, monotonic(1)), true);
  for (let i = 0; i < limits.failedSources; i++) {
    limiter.fail(addressFromBigInt(4, 0x0a000000n + BigInt(i)), monotonic(1));
  }
  equal(limiter.isBlocked(first, monotonic(2)), false);
});
