/** Every word for an end has a cause, and it is the one meant. */
import assert from "node:assert/strict";
import type { AccountEnd } from "../../../../appliance/aaa/account.ts";
import {
  terminateCauseOf,
  terminateCauses,
} from "../../../../appliance/aaa/radius/terminate_cause.ts";

/** By the numbers of RFC 2866 §5.10; the type asks for every word there is. */
const wanted: Readonly<Record<AccountEnd, number>> = {
  "user-request": 1,
  "peer-silent": 2,
  "peer-restarted": 2,
  "address-not-proven": 2,
  "reconnect-timeout": 2,
  "half-open-timeout": 2,
  "idle-timeout": 4,
  "session-lifetime": 5,
  "lifetime-over": 5,
  "operator": 6,
  "disconnected": 6,
  "certificate-revoked": 6,
  "shutdown": 7,
  "rekey-failed": 8,
  "internal-error": 9,
  "gateway-died": 11,
  "evicted": 13,
  "user-limit": 13,
  "superseded": 13,
  "authentication-failed": 17,
};

Deno.test("RFC 2866 §5.10: every word for the end of a session has its cause", () => {
  assert.deepEqual({ ...terminateCauses }, wanted);
  for (const [word, cause] of Object.entries(wanted)) assert.equal(terminateCauseOf(word), cause);
});

Deno.test("a word that nobody knows is an error of the NAS", () => {
  for (const word of ["no such word", "undefined", "toString", "__proto__"]) {
    assert.equal(terminateCauseOf(word), 9, word);
  }
});

Deno.test("the core's own words for an end are all among them", async () => {
  const source = await Deno.readTextFile(
    new URL("../../../../core/gateway/session_end.ts", import.meta.url),
  );
  const words = [...source.matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, word]) => word ?? "");
  assert.ok(words.length > 10, "the words are read from the source");
  for (const word of words) assert.ok(Object.hasOwn(terminateCauses, word), word);
});
