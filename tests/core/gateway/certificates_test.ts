/** Certificates at the gateway: chains that peers send, what is revoked, which of ours they are shown. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { concatBytes, utf8 } from "../../../core/bytes.ts";
import type { CryptoProvider } from "../../../core/crypto/provider.ts";
import { find } from "../../../core/exchange/payloads.ts";
import type { OwnCertificate, Policy } from "../../../core/gateway/policy.ts";
import { limits } from "../../../core/limits.ts";
import { CertEncoding, ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import type { Payload } from "../../../core/message/payload.ts";
import { wall } from "../../../core/moment.ts";
import { alternativeNames } from "../../../core/pki/build.ts";
import type { Certificate } from "../../../core/pki/certificate.ts";
import { certificateAuthorityHash } from "../../../core/pki/identity.ts";
import type { RevocationList } from "../../../core/pki/revocation_list.ts";
import { assertNothing, reasons } from "../../support/sim_claims.ts";
import { notifiesOf, SimPeer } from "../../support/sim_peer.ts";
import { simGatewayName, type SimPki, simStart } from "../../support/sim_pki.ts";
import { SimWorld } from "../../support/sim_world.ts";
import { signerOf } from "../pki/authority.ts";
import { ca, crypto, issue, listOf, login, middle, root, simPki, worldOf } from "./client_pki.ts";

Deno.test("RFC 7296 §3.6: a chain of the peer's leads to an anchor, whatever else it sends", () => {
  const world = worldOf(601);
  equal(find(login(world, [middle.der]), "AUTH")?.kind, "AUTH");
  equal(world.session.userName, "alice@example.test");
  const noise = [root.der, utf8("no certificate"), ca("other", "other").der, middle.der];
  const noisy = worldOf(602);
  equal(find(login(noisy, noise), "AUTH")?.kind, "AUTH");
  const alone = worldOf(603);
  deepEqual(notifiesOf(login(alone, [])), [NotifyType.AUTHENTICATION_FAILED]);
  deepEqual(reasons(alone), ["certificate-no-issuer"]);
  assertNothing(alone);
});

Deno.test("a chain that goes round in circles ends in a refusal", () => {
  // middle is certified by lower, and lower by middle: neither leads anywhere.
  const circle = [ca("middle", "lower"), ca("lower", "middle")];
  const world = worldOf(604);
  deepEqual(notifiesOf(login(world, circle.map(({ der }) => der))), [
    NotifyType.AUTHENTICATION_FAILED,
  ]);
  deepEqual(reasons(world), ["certificate-no-issuer"]);
  assertNothing(world);
  // One that is in the way does not hide the one that leads on.
  const both = worldOf(605);
  equal(find(login(both, [...circle.map(({ der }) => der), middle.der]), "AUTH")?.kind, "AUTH");
});

Deno.test("certificates of absurd size and number cost a bounded number of signatures", () => {
  let checks = 0;
  const counting: CryptoProvider = {
    ...crypto,
    verify: (...given) => {
      checks += 1;
      return crypto.verify(...given);
    },
  };
  const padding = {
    oid: "1.2.3.4",
    isCritical: false,
    value: concatBytes(Uint8Array.of(4, 0x82, 0x75, 0x30), new Uint8Array(30_000)),
  };
  const fat = issue("alice", "middle", [
    padding,
    alternativeNames({ email: ["alice@example.test"] }),
  ]);
  const pki: SimPki = { ...simPki, client: { certificate: fat.der, signer: signerOf("alice") } };
  const world = new SimWorld(606, { clientCas: [root.der] }, undefined, {
    crypto,
    gatewayCrypto: counting,
    pki,
  });
  equal(find(login(world, [middle.der]), "AUTH")?.kind, "AUTH", "30 KB are no reason to refuse");
  checks = 0;
  const rivals = Array.from(
    { length: 40 },
    (_, i) => ca("middle", "middle", { serial: Uint8Array.of(i + 1) }).der,
  );
  deepEqual(
    notifiesOf(login(world, [...rivals, middle.der], [], new SimPeer(world, { seed: 2 }))),
    [
      NotifyType.AUTHENTICATION_FAILED,
    ],
  );
  // Only so many certificates of one message are read, and a path asks for few signatures.
  ok(checks <= 24, `${checks} checks`);
  ok(limits.certificatesPerMessage < 40);
});

Deno.test("RFC 5280 §6.3: a revoked client, and one below a revoked CA, are refused", () => {
  const lists: Record<string, readonly RevocationList[]> = {
    "certificate-revoked": [listOf("middle", ["010203"])],
    "certificate-revoked, the CA": [listOf("root", ["07"]), listOf("middle", [])],
    "certificate-revocation-unknown": [listOf("middle", [], true)],
  };
  for (const [reason, some] of Object.entries(lists)) {
    const world = worldOf(607, { revocation: { lists: some, stale: "refuse" } });
    deepEqual(notifiesOf(login(world, [middle.der])), [NotifyType.AUTHENTICATION_FAILED]);
    deepEqual(reasons(world), [reason.split(",")[0]]);
    assertNothing(world);
  }
  const kind = worldOf(608, {
    revocation: { lists: [listOf("middle", [], true)], stale: "accept" },
  });
  equal(find(login(kind, [middle.der]), "AUTH")?.kind, "AUTH");
});

Deno.test("clocks of a CA may be off by as much as policy says, and no more", () => {
  const early = issue("alice", "middle", [alternativeNames({ email: ["alice@example.test"] })], {
    notBefore: wall(simStart + 60_000),
  });
  deepEqual(notifiesOf(login(worldOf(609, { clockSkewMs: 58_000 }, early), [middle.der])), [
    NotifyType.AUTHENTICATION_FAILED,
  ]);
  const kind = worldOf(609, { clockSkewMs: 60_000 }, early);
  equal(find(login(kind, [middle.der]), "AUTH")?.kind, "AUTH");
});

Deno.test("who shows bad certificates again and again is not heard any more", () => {
  const world = worldOf(610);
  for (let i = 0; i < limits.failedLoginsPerMinute; i++) {
    login(world, [], [], new SimPeer(world, { seed: i }));
  }
  const late = login(world, [middle.der], [], new SimPeer(world, { seed: 999 }));
  deepEqual(notifiesOf(late), [NotifyType.AUTHENTICATION_FAILED]);
  equal(reasons(world).at(-1), "too-many-failures");
  const elsewhere = new SimPeer(world, { seed: 1000, host: "203.0.113.9" });
  equal(find(login(world, [middle.der], [], elsewhere), "AUTH")?.kind, "AUTH");
});

// --- ours ---------------------------------------------------------------------------------------

/** A certificate of the gateway by a CA of its own. */
function ownBy(authority: string): OwnCertificate & { readonly leaf: Certificate } {
  const key = `gateway of ${authority}`;
  const leaf = issue(key, authority, [alternativeNames({ dns: [simGatewayName] })]);
  return {
    leaf,
    certificates: [leaf.der],
    signer: signerOf(key),
    authorities: [signerOf(authority).spki],
  };
}

function certreq(...authorities: readonly string[]): Payload {
  const hashes = authorities.map((name) => certificateAuthorityHash(crypto, signerOf(name).spki));
  return {
    kind: "CERTREQ",
    encoding: CertEncoding.X509_SIGNATURE,
    authorities: concatBytes(...hashes),
  };
}

Deno.test("RFC 7296 §3.7: CERTREQ chooses among the gateway's certificates; what fits none is no error", () => {
  const [first, second, third] = ["first CA", "second CA", "third CA"].map(ownBy) as [
    ReturnType<typeof ownBy>,
    ReturnType<typeof ownBy>,
    ReturnType<typeof ownBy>,
  ];
  const shownTo = (...requests: readonly Payload[]): Uint8Array | undefined => {
    const world = worldOf(611, { ...first, alternates: [second, third] });
    const response = login(world, [middle.der], requests);
    equal(find(response, "AUTH")?.kind, "AUTH");
    return find(response, "CERT")?.data;
  };
  deepEqual(shownTo(), first.leaf.der);
  deepEqual(shownTo(certreq("second CA")), second.leaf.der);
  deepEqual(shownTo(certreq("nobody's CA", "third CA")), third.leaf.der);
  deepEqual(shownTo(certreq("nobody's CA"), certreq("third CA")), third.leaf.der);
  deepEqual(shownTo(certreq("third CA", "first CA")), first.leaf.der, "ours decides the order");
  deepEqual(shownTo(certreq("nobody's CA")), first.leaf.der);
  deepEqual(shownTo({ ...certreq("second CA"), encoding: 12 } as Payload), first.leaf.der);
});

Deno.test("a client of ours gets the certificate of the CA that it knows, whichever login it uses", () => {
  const [first, second] = [ownBy("first CA"), ownBy("second CA")];
  const anchors = [ca("second CA", "second CA").der];
  for (const [i, user] of ["alice", "bob"].entries()) {
    const world = worldOf(612, { ...first, alternates: [second] });
    world.login(user, `198.51.100.${7 + i}`, { anchors });
    equal(world.session.ikeSa?.authSign, "ECDSA");
  }
});

// --- another configuration ------------------------------------------------------------------------

Deno.test("a new configuration counts for new logins; sessions go on and come back", () => {
  const world = worldOf(620);
  const before = world.login("alice", "198.51.100.7");
  const fresh = ownBy("fresh CA");
  const policy: Policy = {
    ...world.policy,
    ...fresh,
    attributes: { ...world.policy.attributes, domain: "new.example" },
    loginMethods: ["eap-mschapv2"],
    pools: [],
    gatewayName: "another",
  };
  world.command({ kind: "reconfigure", policy });
  equal(world.show.sessions.length, 1);
  ok(world.carries(before));
  // Who trusts the old CA only is not let down: the pair is what counts, and it needs the certificate.
  const { pair } = before.client;
  ok(pair !== undefined);
  const peer = new SimPeer(world, { host: "203.0.113.8" });
  const back = peer.comeBack(pair);
  deepEqual(find(back, "CERT")?.data, fresh.leaf.der);
  equal(world.show.reconnect.success, 1);
  deepEqual(notifiesOf(login(world, [middle.der], [], new SimPeer(world, { seed: 3 }))), [
    NotifyType.AUTHENTICATION_FAILED,
  ]);
  equal(reasons(world).at(-1), "certificate-login-is-off");
  const anchors = [ca("fresh CA", "fresh CA").der];
  const bob = world.login("bob", "198.51.100.9", { anchors });
  ok(world.carries(bob), "addresses are of the pools of before");
  equal(bob.last("established")?.assignment.domain, "new.example");
});

Deno.test("a login under way ends as it began when the configuration changes in between", () => {
  const world = worldOf(621);
  const peer = new SimPeer(world);
  peer.init();
  const first = peer.beginEap("bob");
  const shown = find(first, "CERT")?.data;
  const identity = { idType: 2, data: utf8("other.example.test") };
  world.command({
    kind: "reconfigure",
    policy: { ...world.policy, identity, loginMethods: ["certificate"] },
  });
  const { msk } = peer.runEap("bob", "bobpw", first);
  ok(shown !== undefined && msk !== undefined);
  const response = peer.request(ExchangeType.IKE_AUTH, [peer.proofByMsk("bob", msk)]);
  equal(find(response, "AUTH")?.kind, "AUTH");
  equal(world.session.userName, "bob");
  const next = new SimPeer(world, { seed: 4 });
  next.init();
  deepEqual(notifiesOf(next.beginEap("bob")), [NotifyType.AUTHENTICATION_FAILED]);
});
