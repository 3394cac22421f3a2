import assert from "node:assert/strict";
import { hexOf, utf8 } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { authOctets, sharedKeyAuth, verifySharedKeyAuth } from "../../../core/sa/auth_octets.ts";
import { hex } from "../../support/hex.ts";
import { readVectorJson, vectorTest } from "../../support/vectors.ts";
import {
  bodyOf,
  eapSuite,
  initPairs,
  libreswanSuite,
  openRecorded,
  parseRaw,
  payloadOf,
  type Recording,
  recordingPaths,
} from "./recordings.ts";

vectorTest(
  "RFC 7296 §2.15: the AUTH of both sides of libreswan's PSK sessions is calculated",
  readVectorJson<Recording>(recordingPaths.libreswan),
  (recording) => {
    const traced = recording.auth.auth_trace.map((entry) => Object.values(entry)[0]);
    const secret = hex(recording.auth.auth_shared_secret);
    initPairs(recording).forEach(({ request, response }, i) => {
      const sa = recording.ike_sas[i]!;
      const own = recording.messages.filter((message) =>
        message.exchange === "IKE_AUTH" && message.ike_sa_index === i
      );
      const sides = [
        { init: request, other: response, skP: sa.sk_pi, kind: "IDi", e: sa.sk_ei, a: sa.sk_ai },
        { init: response, other: request, skP: sa.sk_pr, kind: "IDr", e: sa.sk_er, a: sa.sk_ar },
      ] as const;
      sides.forEach(({ init, other, skP, kind, e, a }, side) => {
        const keys = { encryption: hex(e), integrity: hex(a!) };
        const payloads = openRecorded(libreswanSuite, keys, own[side]!);
        const auth = payloadOf(payloads, "AUTH");
        const nonce = payloadOf(parseRaw(other.raw).payloads, "Nonce").data;
        const idBody = bodyOf(payloadOf(payloads, kind));
        const octets = authOctets(nobleProvider, 5, hex(init.raw), nonce, hex(skP), idBody);
        assert.ok(traced.includes(hexOf(octets)), "the octets that strongSwan logged");
        assert.equal(auth.method, 2);
        assert.equal(hexOf(sharedKeyAuth(nobleProvider, 5, secret, octets)), hexOf(auth.data));
        assert.ok(verifySharedKeyAuth(nobleProvider, 5, secret, octets, auth.data));
        const wrong = utf8("secretsecretsecreT");
        assert.ok(!verifySharedKeyAuth(nobleProvider, 5, wrong, octets, auth.data));
        assert.ok(
          !verifySharedKeyAuth(nobleProvider, 5, secret, octets, auth.data.subarray(0, 31)),
        );
      });
    });
  },
);

vectorTest(
  "RFC 7296 §2.16: the AUTH of both sides after EAP-MSCHAPv2 is keyed by the MSK",
  readVectorJson<Recording>(recordingPaths.eap),
  (recording) => {
    const traced = recording.auth.auth_trace.map((entry) => Object.values(entry)[0]);
    const msk = hex(recording.auth.auth_shared_secret);
    const [sa] = recording.ike_sas;
    const [{ request, response }] = initPairs(recording) as [ReturnType<typeof initPairs>[0]];
    const auths = recording.messages.filter(({ exchange }) => exchange === "IKE_AUTH");
    const open = (index: number): ReturnType<typeof openRecorded> => {
      const message = auths[index]!;
      const encryption = hex(message.flags.initiator === 1 ? sa!.sk_ei : sa!.sk_er);
      return openRecorded(eapSuite, { encryption, integrity: new Uint8Array(0) }, message);
    };
    const sides = [
      { init: request, other: response, skP: sa!.sk_pi, id: payloadOf(open(0), "IDi") },
      { init: response, other: request, skP: sa!.sk_pr, id: payloadOf(open(1), "IDr") },
    ];
    sides.forEach(({ init, other, skP, id }, side) => {
      const nonce = payloadOf(parseRaw(other.raw).payloads, "Nonce").data;
      const body = bodyOf(id);
      const octets = authOctets(nobleProvider, 6, hex(init.raw), nonce, hex(skP), body);
      assert.ok(traced.includes(hexOf(octets)), "the octets that strongSwan logged");
      const auth = payloadOf(open(auths.length - 2 + side), "AUTH");
      assert.equal(hexOf(sharedKeyAuth(nobleProvider, 6, msk, octets)), hexOf(auth.data));
    });
  },
);

interface AnyConnectVectors {
  readonly [name: string]: string;
}

interface ReconnectExample {
  readonly reconnect_example: {
    readonly IDi_body: string;
    readonly psk_ascii: string;
    readonly AUTH_initiator: string;
    readonly AUTH_responder: string;
  };
}

vectorTest(
  "AnyConnect-EAP: both AUTHs are keyed by SK_pi and SK_pr, a reconnect's by the token",
  readVectorJson<AnyConnectVectors & ReconnectExample>("own/anyconnect-eap/test-vectors.json"),
  (vectors) => {
    const value = (name: string): Uint8Array => hex((vectors as AnyConnectVectors)[name]!);
    const request = value("ike_sa_init_request");
    const response = value("ike_sa_init_response");
    const initiatorOctets = (idBody: Uint8Array): Uint8Array =>
      authOctets(nobleProvider, 5, request, value("Nr"), value("SK_pi"), idBody);
    const octetsI = initiatorOctets(value("IDi_body"));
    const octetsR = authOctets(
      nobleProvider,
      5,
      response,
      value("Ni"),
      value("SK_pr"),
      value("IDr_body"),
    );
    assert.equal(hexOf(octetsI), hexOf(value("initiator_octets")));
    assert.equal(hexOf(octetsR), hexOf(value("responder_octets")));
    const auth = (secret: Uint8Array, octets: Uint8Array): string =>
      hexOf(sharedKeyAuth(nobleProvider, 5, secret, octets));
    assert.equal(auth(value("SK_pi"), octetsI), hexOf(value("final_AUTH_initiator_method2")));
    assert.equal(auth(value("SK_pr"), octetsR), hexOf(value("final_AUTH_responder_method2")));
    const example = vectors.reconnect_example;
    const token = utf8(example.psk_ascii);
    const reconnecting = initiatorOctets(hex(example.IDi_body));
    assert.equal(auth(token, reconnecting), example.AUTH_initiator);
    assert.equal(auth(token, octetsR), example.AUTH_responder);
    assert.equal(
      hexOf(bodyOf({ idType: 11, data: utf8("1193678174") })),
      example.IDi_body,
    );
  },
);

Deno.test("RFC 7296 §2.15: AUTH covers the reserved octets of an ID payload as they came", () => {
  const id = { idType: 2, data: utf8("a") };
  assert.equal(hexOf(bodyOf(id)), "0200000061");
  assert.equal(hexOf(bodyOf({ ...id, reserved: hex("010203") })), "0201020361");
});
