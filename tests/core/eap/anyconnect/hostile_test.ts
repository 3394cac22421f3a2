/** Everything that a hostile or broken client may send, at every step of a login. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, utf8 } from "../../../../core/bytes.ts";
import type { ClientDocument } from "../../../../core/eap/anyconnect/client_documents.ts";
import { buildTlvs } from "../../../../core/eap/anyconnect/framing.ts";
import { buildCertificateBag } from "../../../../core/eap/anyconnect/pkcs7.ts";
import { element } from "../../../../core/eap/anyconnect/xml.ts";
import type { EapStep } from "../../../../core/eap/conversation.ts";
import type { EapServer } from "../../../../core/eap/server.ts";
import { limits } from "../../../../core/limits.ts";
import { hex } from "../../../support/hex.ts";
import { bitFlips, truncations } from "../../../support/mutate.ts";
import {
  certificate,
  documentOf,
  header,
  init,
  newClient,
  newServer,
  packetOf,
  pair,
  proof,
  reasonOf,
  replyTo,
} from "./conversation.ts";
import { packetAround } from "./recorded.ts";

/** A gateway that waits for an answer to a request with this identifier. */
interface Waiting {
  readonly server: EapServer;
  readonly identifier: number;
  /** Its last request. */
  readonly step: EapStep;
}

const alice = { username: "alice", password: "p&w" };

/** Every place in a login where a client speaks. */
const places: Readonly<Record<string, () => Waiting>> = {
  "after hello": () => {
    const server = newServer();
    return { server, identifier: 1, step: server.start() };
  },
  "at the certificate": () => {
    const server = newServer({ mode: { kind: "certificate", proof } });
    server.start();
    return { server, identifier: 2, step: server.handle(packetOf(1, init)) };
  },
  "at the form": () => {
    const server = newServer();
    server.start();
    return { server, identifier: 2, step: server.handle(packetOf(1, init)) };
  },
  "at the challenge": () => {
    const { server, step } = at("at the form");
    server.handle(packetOf(2, replyTo(step, alice)));
    const asked = server.complete({ kind: "challenge", message: "Code?" });
    return { server, identifier: 3, step: asked };
  },
  "after complete": () => {
    const { server, step } = at("at the form");
    server.handle(packetOf(2, replyTo(step, alice)));
    server.complete({ kind: "accept", attributes: {} });
    return { server, identifier: 3, step: server.granted(pair) };
  },
};

function at(place: string): Waiting {
  const waiting = places[place]?.();
  if (waiting === undefined) throw new TypeError(place);
  return waiting;
}

for (const place of Object.keys(places)) {
  Deno.test(`octets that are no TLVs or no document end the login ${place}`, () => {
    const bomb =
      '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><config-auth>&b;</config-auth>';
    const bad: readonly (readonly [Uint8Array, string])[] = [
      [hex(""), "no-document"],
      [hex("00"), "no-document"],
      [hex("0000 0003 4142"), "no-document"],
      [hex("0000 0001 41 00"), "no-document"],
      [hex("0001 0002 4142"), "no-document"],
      [
        concatBytes(buildTlvs({ xml: utf8("<a/>") }), buildTlvs({ xml: utf8("<a/>") })),
        "no-document",
      ],
      [buildTlvs({ xml: hex("") }), "unreadable-document"],
      [buildTlvs({ xml: hex("fffe") }), "unreadable-document"],
      [buildTlvs({ xml: utf8(bomb) }), "unreadable-document"],
      [buildTlvs({ xml: utf8("<a>".repeat(5000)) }), "unreadable-document"],
      [buildTlvs({ xml: utf8("<config-auth type='hello'/>") }), "unreadable-document"],
      [buildTlvs({ xml: utf8("<config-auth type='complete'/>") }), "unreadable-document"],
      [buildTlvs({ xml: utf8("<other type='init'/>") }), "unreadable-document"],
    ];
    for (const [data, reason] of bad) {
      const { server, identifier } = at(place);
      const step = server.handle(packetAround(2, identifier, data));
      equal(reasonOf(step), reason);
    }
  });

  Deno.test(`documents in the wrong order end the login ${place}`, () => {
    const reply: ClientDocument = { kind: "auth-reply", header, answers: [] };
    const ack: ClientDocument = { kind: "ack", header };
    const expected: Readonly<Record<string, readonly string[]>> = {
      "after hello": ["init"],
      "at the certificate": ["init"],
      "at the form": ["init", "auth-reply"],
      "at the challenge": ["auth-reply"],
      "after complete": ["ack"],
    };
    for (const document of [init, reply, ack]) {
      const { server, identifier } = at(place);
      const reason = reasonOf(server.handle(packetOf(identifier, document)));
      const isExpected = expected[place]?.includes(document.kind) ?? false;
      equal(reason === "unexpected-document", !isExpected, `${document.kind}: ${reason}`);
    }
  });

  Deno.test(`wrong identifiers and other kinds of packets change nothing ${place}`, () => {
    const { server, identifier } = at(place);
    const right = packetOf(identifier, init);
    const wrong = [
      packetOf(identifier - 1, init),
      packetOf(identifier + 1, init),
      packetAround(1, identifier, right.subarray(12)),
      hex("03010004"),
      hex("04010004"),
      hex(""),
      hex("02"),
      right.subarray(0, 11),
      // Another method, another vendor, another type of the vendor.
      hex(`02${identifier.toString(16).padStart(2, "0")}00060102`),
      Uint8Array.from(right, (octet, i) => i === 7 ? 10 : octet),
      Uint8Array.from(right, (octet, i) => i === 11 ? 0x51 : octet),
    ];
    for (const packet of wrong) deepEqual(server.handle(packet), { kind: "ignore" });
    equal(server.handle(right).kind === "ignore", false);
  });

  Deno.test(`no mutant of a document throws or logs in ${place}`, () => {
    const { identifier, step } = at(place);
    const document: ClientDocument = place === "after hello" || place === "at the certificate"
      ? init
      : place === "after complete"
      ? { kind: "ack", header }
      : replyTo(step, { ...alice, answer: "1" });
    const seed = packetOf(identifier, document);
    const mutants = [...bitFlips(seed), ...truncations(seed)].filter((_, i) => i % 3 === 0);
    for (const { name, bytes } of mutants) {
      const outcome = at(place).server.handle(bytes);
      ok(outcome.kind !== "success" || place === "after complete", name);
      ok(outcome.kind !== "grant", name);
      if (outcome.kind === "verify") ok(place === "at the form" || place === "at the challenge");
    }
  });
}

Deno.test("a document with a NUL at its end, as some C programs send it, is understood", () => {
  const { server, identifier } = at("after hello");
  const text =
    `<?xml version="1.0"?><config-auth client="vpn" type="init"><version who="vpn">4</version></config-auth>`;
  const step = server.handle(packetOf(identifier, `${text}\n\0`));
  equal(documentOf(step).kind, "auth-request");
  ok(step.kind === "request" && !step.packet.subarray(16).includes(0));
});

Deno.test("as much XML as an EAP packet can carry is refused, and nothing grows", () => {
  const { server, identifier } = at("after hello");
  const data = new Uint8Array(65_535 - 12).fill(0x20);
  data.set(hex("0000fff0"));
  const step = server.handle(packetAround(2, identifier, data));
  ok(step.kind === "failure");
  // Ten megabytes cannot even be framed: the length says 16 bits.
  const huge = new Uint8Array(10_000_000).fill(0x3c);
  huge.set(packetOf(1, init).subarray(0, 12));
  const other = at("after hello").server.handle(huge);
  ok(other.kind === "failure" || other.kind === "ignore");
});

Deno.test("somebody else's opaque is refused with answers, and so is none", () => {
  for (const place of ["at the form", "at the challenge"]) {
    const { server: victim, identifier, step } = at(place);
    const other = newServer({}, 99);
    other.start();
    const foreign = other.handle(packetOf(1, init));
    equal(reasonOf(victim.handle(packetOf(identifier, replyTo(foreign, alice)))), "foreign-opaque");
    const own = replyTo(step, alice);
    ok(own.kind === "auth-reply" && own.opaque !== undefined);
    const changes = [
      undefined,
      element("opaque", "", { "is-for": "sg" }),
      { ...own.opaque, attributes: new Map([["is-for", "vpn-client"]]) },
      { ...own.opaque, children: own.opaque.children.slice(1) },
      { ...own.opaque, children: own.opaque.children.slice(0, 1) },
      element("opaque", [element("tunnel-group", "default"), element("config-hash", "1")], {
        "is-for": "sg",
      }),
    ];
    for (const opaque of changes) {
      const { server } = at(place);
      equal(reasonOf(server.handle(packetOf(identifier, { ...own, opaque }))), "foreign-opaque");
    }
  }
});

Deno.test("an opaque that a client remembers from another day does not keep it out", () => {
  const { server } = at("after hello");
  const old = element("opaque", [element("config-hash", "7")], { "is-for": "sg" });
  equal(documentOf(server.handle(packetOf(1, { ...init, opaque: old }))).kind, "auth-request");
  // Once it has ours, it must not show another.
  equal(reasonOf(server.handle(packetOf(2, { ...init, opaque: old }))), "foreign-opaque");
});

Deno.test("a repeated init gets the form again, and rounds are limited", () => {
  const server = newServer();
  server.start();
  for (let round = 1; round <= limits.eapRounds; round++) {
    equal(server.handle(packetOf(round, init)).kind, "request");
  }
  equal(reasonOf(server.handle(packetOf(limits.eapRounds + 1, init))), "too-many-rounds");
});

Deno.test("a repeated auth-reply with an old identifier is not asked about twice", () => {
  const { server, step } = at("at the form");
  const answer = packetOf(2, replyTo(step, alice));
  equal(server.handle(answer).kind, "verify");
  equal(server.complete({ kind: "reject" }).kind, "request");
  deepEqual(server.handle(answer), { kind: "ignore" });
});

Deno.test("a packet without TLVs, as some clients answer forms, ends the login", () => {
  const { server } = at("at the form");
  equal(reasonOf(server.handle(packetAround(2, 2, hex("")))), "no-document");
});

Deno.test("a certificate login without one, or without its signature, ends", () => {
  const bag = buildCertificateBag(certificate?.certificates ?? []);
  const cases: readonly (readonly [Parameters<typeof packetOf>, string])[] = [
    [[2, init], "no-client-certificate"],
    [[2, { ...init, hasNoCertificate: true }], "no-client-certificate"],
    [[2, init, { sign: hex("00") }], "no-client-certificate"],
    [[2, init, { pkcs7: bag }], "no-client-signature"],
    [[2, init, { pkcs7: bag, sign: hex("") }], "bad-signature"],
    [[2, init, { pkcs7: bag, sign: new Uint8Array(64) }], "bad-signature"],
    [[2, init, { pkcs7: hex("3000"), sign: new Uint8Array(64) }], "certificates-unreadable"],
    [[2, init, { pkcs7: hex(""), sign: new Uint8Array(64) }], "certificates-unreadable"],
  ];
  for (const [packet, reason] of cases) {
    equal(reasonOf(at("at the certificate").server.handle(packetOf(...packet))), reason);
  }
  const early = newServer({ mode: { kind: "certificate", proof } });
  early.start();
  const step = early.handle(packetOf(1, { ...init, hasNoCertificate: true }));
  equal(reasonOf(step), "no-client-certificate");
});

Deno.test("certificates that nobody asked for are ignored", () => {
  const { server } = at("after hello");
  const step = server.handle(packetOf(1, init, { pkcs7: hex("00"), sign: hex("00") }));
  equal(documentOf(step).kind, "auth-request");
});

Deno.test("a signature over another login's octets is refused", () => {
  const { server, step } = at("at the certificate");
  ok(certificate !== undefined && step.kind === "request");
  const client = newClient({ certificate: { ...certificate, octets: () => utf8("other") } });
  const hello = newServer().start();
  ok(hello.kind === "request");
  client.handle(hello.packet.subarray(12));
  const answer = client.handle(step.packet.subarray(12));
  ok(answer.kind === "respond");
  equal(reasonOf(server.handle(packetAround(2, 2, answer.data))), "bad-signature");
});

Deno.test("no failure says what was typed", () => {
  const secret = "hunter2-secret";
  const texts = [
    `<config-auth type="auth-reply"><auth><password>${secret}</password></config-auth>`,
    `<config-auth type="auth-reply"><auth><password>${secret}</password></auth></config-auth>`,
    `<config-auth type="${secret}"/>`,
  ];
  for (const text of texts) {
    const { server } = at("at the form");
    const step = server.handle(packetOf(2, text));
    ok(step.kind === "failure");
    ok(!step.reason.includes(secret));
  }
});
