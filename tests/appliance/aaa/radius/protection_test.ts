/** RADIUS octets: values of RFC 2865 §7.1, recordings, and answers that must not be believed. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import {
  Code,
  headerBytes,
  number32,
  parsePacket,
  valuesOf,
} from "../../../../appliance/aaa/radius/packet.ts";
import {
  hidePassword,
  openAnswer,
  sealRequest,
} from "../../../../appliance/aaa/radius/protection.ts";
import { concatBytes, hexOf, parseHex, textOf, utf8 } from "../../../../core/mod.ts";
import { readPcap } from "../../../support/pcap.ts";
import { readVector, vectorTest } from "../../../support/vectors.ts";
import { answerTo, resigned, secret } from "./support.ts";

function hex(text: string): Uint8Array {
  return parseHex(text) ?? assert.fail();
}

const authenticator = hex("0f403f9473978057bd83d5cb98f4227a");

Deno.test("a password is hidden as in the example of RFC 2865", () => {
  const hidden = hidePassword(secret, authenticator, utf8("arctangent"));
  assert.equal(hexOf(hidden), "0dbe708d93d413ce3196e43f782a0aee");
  assert.equal(hidePassword(secret, authenticator, utf8("x".repeat(17))).length, 32);
  assert.equal(hidePassword(secret, authenticator, utf8("")).length, 16);
});

Deno.test("the answer of the example of RFC 2865 is believed, and only with the right secret", () => {
  const answer = hex(
    "0200002686fe220e7624ba2a1005f6bf9b55e0b20606000000010f06000000000e06c0a80103",
  );
  const opened = openAnswer(secret, authenticator, answer, false);
  assert.ok(opened.ok);
  assert.equal(opened.value.code, Code.ACCESS_ACCEPT);
  assert.deepEqual(valuesOf(opened.value, "Service-Type").map(hexOf), ["00000001"]);
  const wrong = openAnswer(utf8("another"), authenticator, answer, false);
  assert.deepEqual(wrong, { ok: false, fault: "bad-authenticator" });
});

vectorTest(
  "a login that FreeRADIUS and radtest made is read and believed",
  readVector("own/freeradius-recordings/radtest-pap.pcap"),
  (file) => {
    const [request, answer] = readPcap(file).map(({ payload }) => payload);
    assert.ok(request !== undefined && answer !== undefined);
    const asked = parsePacket(request);
    assert.ok(asked.ok);
    assert.deepEqual(valuesOf(asked.value, "User-Name").map(textOf), ["alice"]);
    const [hidden] = valuesOf(asked.value, "User-Password");
    const lab = utf8("testing123");
    const again = hidePassword(lab, asked.value.authenticator, utf8("alicepw"));
    assert.deepEqual(new Uint8Array(again), new Uint8Array(hidden ?? []));
    const opened = openAnswer(lab, asked.value.authenticator, answer, false);
    assert.ok(opened.ok);
    assert.deepEqual(valuesOf(opened.value, "Framed-IP-Address").map(hexOf), ["0a63000a"]);
    assert.deepEqual(valuesOf(opened.value, "Class").map(textOf), ["OU=staff"]);
    const [pair] = valuesOf(opened.value, "Cisco-AVPair");
    assert.equal(textOf(pair ?? new Uint8Array()), "ipsec:dns-servers=10.0.0.53 10.0.0.54");
    const strict = openAnswer(lab, asked.value.authenticator, answer, true);
    assert.deepEqual(strict, { ok: false, fault: "no-message-authenticator" });
  },
);

for (const [file, packets] of [["RADIUS.pcap", 4], ["RADIUS-RFC5176.pcap", 6]] as const) {
  vectorTest(
    `every packet of ${file} is read, and no cut or bent one does harm`,
    readVector(`thirdparty/radius/tcpdump/${file}`),
    (capture) => {
      const datagrams = readPcap(capture).map(({ payload }) => payload);
      assert.equal(datagrams.length, packets);
      for (const datagram of datagrams) {
        assert.ok(parsePacket(datagram).ok);
        for (let length = 0; length < datagram.length; length++) {
          assert.equal(parsePacket(datagram.subarray(0, length)).ok, false);
        }
        for (let at = 0; at < datagram.length; at++) {
          const bent = datagram.slice();
          bent[at] = (bent[at] ?? 0) ^ 0xff;
          parsePacket(bent);
        }
      }
    },
  );
}

/** A request of ours, and what a hostile or broken server could say to it. */
const request = sealRequest(secret, {
  code: Code.ACCESS_REQUEST,
  identifier: 7,
  attributes: [{ name: "User-Name", value: utf8("nemo") }],
  nonce: authenticator,
})?.bytes ?? assert.fail();
const good = answerTo(request, Code.ACCESS_ACCEPT, [
  { name: "Session-Timeout", value: number32(60) },
]);

function with_(at: number, value: number): Uint8Array {
  const bytes = good.slice();
  bytes[at] = value;
  return resigned(bytes, authenticator);
}

const hostile: readonly (readonly [what: string, answer: Uint8Array, fault: string])[] = [
  ["nothing", new Uint8Array(), "too-short"],
  ["less than a header", good.subarray(0, 19), "too-short"],
  ["a length below the header", with_(3, 19), "bad-length"],
  ["a length beyond the datagram", with_(3, good.length + 1), "bad-length"],
  [
    "a length of 4097",
    (() => {
      const bytes = new Uint8Array(5000);
      bytes.set(good);
      bytes.set([0x10, 0x01], 2);
      return bytes;
    })(),
    "bad-length",
  ],
  ["an attribute of length 0", with_(headerBytes + 1, 0), "bad-attribute"],
  ["an attribute of length 1", with_(headerBytes + 1, 1), "bad-attribute"],
  ["an attribute beyond the packet", with_(headerBytes + 1, 200), "bad-attribute"],
  ["an attribute type and no more", with_(3, good.length - 5), "bad-attribute"],
  ["a vendor without number", answerWith("1a05010203"), "bad-vendor-attribute"],
  ["a vendor's attribute of length 0", answerWith("1a08000000090100"), "bad-vendor-attribute"],
  ["a vendor's attribute too long", answerWith("1a0a00000137101faaaa"), "bad-vendor-attribute"],
  ["a key of half a block", answerWith("1a1200000137100c8001aaaaaaaaaaaaaaaa"), "bad-hidden-value"],
  [
    "another secret",
    (() => {
      const bytes = good.slice();
      bytes[4] = (bytes[4] ?? 0) ^ 1;
      return bytes;
    })(),
    "bad-authenticator",
  ],
  [
    "a changed code",
    (() => {
      const bytes = good.slice();
      bytes[0] = Code.ACCESS_REJECT;
      return bytes;
    })(),
    "bad-authenticator",
  ],
  // Whoever can find collisions of MD5 can sign this one (CVE-2024-3596).
  [
    "a changed code under a forged authenticator",
    with_(0, Code.ACCESS_REJECT),
    "bad-message-authenticator",
  ],
  [
    "no signature",
    answerTo(request, Code.ACCESS_ACCEPT, [], false),
    "no-message-authenticator",
  ],
  [
    "two signatures",
    answerTo(request, Code.ACCESS_ACCEPT, [{
      name: "Message-Authenticator",
      value: new Uint8Array(16),
    }]),
    "bad-message-authenticator",
  ],
];

/** A well signed answer with these octets as its last attribute. */
function answerWith(attribute: string): Uint8Array {
  const bytes = concatBytes(answerTo(request, Code.ACCESS_ACCEPT), hex(attribute));
  bytes[3] = bytes.length;
  bytes.fill(0, headerBytes + 2, headerBytes + 18);
  bytes.set(authenticator, 4);
  bytes.set(createHmac("md5", secret).update(bytes).digest(), headerBytes + 2);
  return resigned(bytes, authenticator);
}

Deno.test("an answer is believed with padding behind it", () => {
  assert.ok(openAnswer(secret, authenticator, good, true).ok);
  assert.ok(openAnswer(secret, authenticator, concatBytes(good, new Uint8Array(9)), true).ok);
});

for (const [what, answer, fault] of hostile) {
  Deno.test(`an answer with ${what} is not believed`, () => {
    assert.deepEqual(openAnswer(secret, authenticator, answer, true), { ok: false, fault });
  });
}

Deno.test("requests are signed under secrets of any length", () => {
  for (const length of [1, 63, 64, 65, 200]) {
    const key = new Uint8Array(length).fill(length);
    const question = { code: Code.ACCESS_REQUEST, identifier: 1, nonce: authenticator };
    const bytes = sealRequest(key, { ...question, attributes: [] })?.bytes ?? assert.fail();
    const signature = bytes.slice(headerBytes + 2);
    bytes.fill(0, headerBytes + 2);
    assert.equal(hexOf(signature), createHmac("md5", key).update(bytes).digest("hex"));
  }
});

Deno.test("4096 octets of answer are read, and one more attribute does not fit into a request", () => {
  const long = Array.from({ length: 16 }, () => ({
    name: "Reply-Message" as const,
    value: new Uint8Array(250),
  }));
  const answer = answerTo(request, Code.ACCESS_ACCEPT, long);
  const padded = new Uint8Array(4096);
  padded.set(answer);
  assert.ok(openAnswer(secret, authenticator, padded, true).ok);
  const tooMuch = { code: Code.ACCESS_REQUEST, identifier: 1, nonce: authenticator };
  assert.equal(sealRequest(secret, { ...tooMuch, attributes: [...long, ...long] }), undefined);
  const one = { name: "Class", value: new Uint8Array(254) } as const;
  assert.equal(sealRequest(secret, { ...tooMuch, attributes: [one] }), undefined);
});
