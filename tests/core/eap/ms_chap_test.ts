/** MS-CHAPv2 against the values of RFC 2759 §9.2 and RFC 3079 §3.5.3. */
import { deepEqual, equal } from "node:assert/strict";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { md4 } from "../../../core/eap/md4.ts";
import {
  authenticatorResponse,
  mschapMsk,
  nameWithoutDomain,
  ntHash,
  ntResponse,
  sameAuthenticatorResponse,
  verifyMschapv2,
} from "../../../core/eap/ms_chap.ts";
import { hex, toHex } from "../../support/hex.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";

const vector = readVectorJson<Record<string, string>>(
  "own/rfc-values/rfc2759-rfc3079-mschapv2.json",
);

function field(of: Record<string, string>, name: string): string {
  const value = of[name];
  if (value === undefined) throw new TypeError(`vector has no ${name}`);
  return value;
}

function exchangeOf(of: Record<string, string>): {
  authenticatorChallenge: Uint8Array;
  peerChallenge: Uint8Array;
  ntResponse: Uint8Array;
} {
  return {
    authenticatorChallenge: hex(field(of, "auth_challenge")),
    peerChallenge: hex(field(of, "peer_challenge")),
    ntResponse: hex(field(of, "nt_response")),
  };
}

vectorTest("RFC 2759 §9.2: password hashes, response, authenticator response", vector, (v) => {
  const hash = ntHash(field(v, "password"));
  equal(toHex(hash), field(v, "password_hash"));
  equal(toHex(md4(hash)), field(v, "password_hash_hash"));
  const exchange = exchangeOf(v);
  const { authenticatorChallenge, peerChallenge } = exchange;
  const name = field(v, "username");
  equal(
    toHex(ntResponse(nobleProvider, hash, authenticatorChallenge, peerChallenge, name)),
    field(v, "nt_response"),
  );
  equal(
    authenticatorResponse(nobleProvider, hash, exchange, name),
    field(v, "authenticator_response"),
  );
});

vectorTest(
  "RFC 3079 §3.5.3: the send key is the second half of what the MSK holds",
  vector,
  (v) => {
    const msk = mschapMsk(
      nobleProvider,
      ntHash(field(v, "password")),
      hex(field(v, "nt_response")),
    );
    equal(msk.length, 64);
    equal(toHex(msk.subarray(16, 32)), field(v, "send_start_key_16_server_side"));
    deepEqual(msk.subarray(32), new Uint8Array(32));
  },
);

vectorTest(
  "verifyMschapv2 gives the proof for the right password and nothing for others",
  vector,
  (v) => {
    const exchange = exchangeOf(v);
    const name = field(v, "username");
    const proof = verifyMschapv2(nobleProvider, ntHash(field(v, "password")), exchange, name);
    equal(proof?.authenticatorResponse, field(v, "authenticator_response"));
    equal(verifyMschapv2(nobleProvider, ntHash("clientpass"), exchange, name), undefined);
    equal(verifyMschapv2(nobleProvider, ntHash(field(v, "password")), exchange, "user"), undefined);
    for (let bit = 0; bit < 192; bit++) {
      const response = exchange.ntResponse.slice();
      response[bit >> 3]! ^= 1 << (bit & 7);
      const changed = { ...exchange, ntResponse: response };
      equal(verifyMschapv2(nobleProvider, ntHash(field(v, "password")), changed, name), undefined);
    }
  },
);

vectorTest("RFC 2759 §4: a Windows domain is no part of the name that is hashed", vector, (v) => {
  const hash = ntHash(field(v, "password"));
  const name = `OFFICE\\${field(v, "username")}`;
  const proof = verifyMschapv2(nobleProvider, hash, exchangeOf(v), name);
  equal(proof?.authenticatorResponse, field(v, "authenticator_response"));
  equal(nameWithoutDomain(name), "User");
  equal(nameWithoutDomain("alice@example.org"), "alice@example.org");
});

Deno.test("verifyMschapv2 takes challenges and responses of other sizes for wrong", () => {
  const exchange = {
    authenticatorChallenge: new Uint8Array(16),
    peerChallenge: new Uint8Array(16),
    ntResponse: new Uint8Array(24),
  };
  for (const wrong of [new Uint8Array(0), new Uint8Array(15), new Uint8Array(25)]) {
    for (const name of ["authenticatorChallenge", "peerChallenge", "ntResponse"]) {
      const changed = { ...exchange, [name]: wrong };
      equal(verifyMschapv2(nobleProvider, ntHash("x"), changed, "alice"), undefined);
    }
  }
});

Deno.test("RFC 2759 §8.3: passwords are hashed as UTF-16", () => {
  equal(toHex(ntHash("")), "31d6cfe0d16ae931b73c59d7e0c089c0");
  equal(toHex(ntHash("\u00e4")), toHex(md4(hex("e400"))));
  equal(toHex(ntHash("\u{1f511}")), toHex(md4(hex("3dd811dd"))));
});

Deno.test("authenticator responses are compared whatever the case of their digits", () => {
  equal(sameAuthenticatorResponse("S=AB", "s=ab"), true);
  equal(sameAuthenticatorResponse("S=AB", "S=AC"), false);
  equal(sameAuthenticatorResponse("S=AB", "S=AB0"), false);
});
