/** Every algorithm once, with real cryptography: a login, a rekey of both kinds, a reconnect. */
import { equal, ok } from "node:assert/strict";
import { parseHex } from "../../../core/bytes.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { find } from "../../../core/exchange/payloads.ts";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import { idBody } from "../../../core/message/identification.ts";
import { wall } from "../../../core/moment.ts";
import {
  alternativeNames,
  buildCertificate,
  buildName,
  endEntityConstraints,
  keyUsage,
  purposes,
} from "../../../core/pki/build.ts";
import { authOctets } from "../../../core/sa/auth_octets.ts";
import { verifySignatureAuth } from "../../../core/sa/signature_auth.ts";
import { testKeys } from "../../support/sim_keys.ts";
import { SimPeer } from "../../support/sim_peer.ts";
import { makeSimPki, simGatewayName, type SimPki, simStart } from "../../support/sim_pki.ts";
import { proposals } from "../../support/sim_settings.ts";
import { calm, describe, SimWorld } from "../../support/sim_world.ts";

const groups = ["modp2048", "modp3072", "modp4096", "ecp256", "ecp384", "ecp521", "x25519"];
const encryptions = [
  "aes128gcm16",
  "aes256gcm16",
  "chacha20poly1305",
  "aes128-sha256",
  "aes192-sha384",
  "aes256-sha512",
];
const prfs = ["prfsha256", "prfsha384", "prfsha512"];

const pki = makeSimPki(nobleProvider);

function story(ike: string, esp: string, material: SimPki = pki, isLong = true): void {
  const change = { ikeProposals: proposals("ike", ike), espProposals: proposals("esp", esp) };
  const options = { crypto: nobleProvider, pki: material };
  const world = new SimWorld(ike.length * 131 + esp.length, change, calm, options);
  const alice = world.login("alice", "198.51.100.7", change);
  ok(world.carries(alice), describe(world));
  if (!isLong) return;
  for (const what of ["ike", "child"] as const) {
    world.tellClient(alice, { kind: "rekey", at: world.at, what });
    world.run(200);
    ok(world.carries(alice), `${what} rekey\n${describe(world)}`);
  }
  equal(world.show.counters["ike-sa-rekeyed"], 1);
  world.roam(alice, "203.0.113.9");
  world.run(500);
  equal(alice.how, "reconnect");
  ok(world.carries(alice), describe(world));
}

for (const group of groups) {
  Deno.test(`Group ${group}: login${group.startsWith("modp") ? "" : ", rekeys with PFS, reconnect"}`, () => {
    const isLong = !group.startsWith("modp");
    story(
      `aes256gcm16-prfsha384-${group}`,
      isLong ? `aes256gcm16-${group}-noesn` : "aes256gcm16-noesn",
      pki,
      isLong,
    );
  });
}

for (const [i, encryption] of encryptions.entries()) {
  const prf = prfs[i % prfs.length]!;
  Deno.test(`IKE and ESP with ${encryption} and ${prf}`, () => {
    const esn = i % 2 === 0 ? "noesn" : "esn";
    story(`${encryption}-${prf}-x25519`, `${encryption}-${esn}`);
  });
}

/** The usual certificates, but the gateway has another kind of key. */
function withGatewayKey(name: keyof typeof testKeys): SimPki {
  const signer = nobleProvider.importPrivateKey(parseHex(testKeys[name])!);
  if (signer === undefined) throw new Error("the fixed key cannot be read");
  const ca = nobleProvider.importPrivateKey(parseHex(testKeys.ca)!)!;
  const certificate = buildCertificate({
    serial: Uint8Array.of(9),
    issuer: buildName(["CN", "Simulated CA"]),
    subject: buildName(["CN", simGatewayName]),
    notBefore: wall(simStart - 86_400_000),
    notAfter: wall(simStart + 86_400_000),
    spki: signer.spki,
    extensions: [
      endEntityConstraints(),
      keyUsage("digitalSignature"),
      purposes("SERVER_AUTH"),
      alternativeNames({ dns: [simGatewayName] }),
    ],
  }, ca);
  return { ...pki, gateway: { certificate, signer } };
}

const methods = {
  rsa: { modern: 14, legacy: 1, sign: "RSA" },
  peer: { modern: 14, legacy: 9, sign: "ECDSA" },
  p384: { modern: 14, legacy: 10, sign: "ECDSA" },
  p521: { modern: 14, legacy: 11, sign: "ECDSA" },
} as const;

for (const [name, { modern, legacy, sign }] of Object.entries(methods)) {
  const key = name as keyof typeof methods;
  Deno.test(`RFC 7427 §3: a gateway with a key of kind ${name} signs by method ${modern}, or ${legacy} for those who know no other`, () => {
    const material = withGatewayKey(key);
    const world = new SimWorld(41, {}, calm, { crypto: nobleProvider, pki: material });
    for (const [i, isModern] of [true, false].entries()) {
      const peer = new SimPeer(world, { seed: 1 + i, host: `203.0.113.${1 + i}` });
      peer.init((usual) =>
        usual.filter((p) =>
          isModern || p.kind !== "N" || p.notifyType !== NotifyType.SIGNATURE_HASH_ALGORITHMS
        )
      );
      const response = peer.request(ExchangeType.IKE_AUTH, [
        ...peer.certificateProof(isModern),
        ...peer.wishes(),
      ]);
      const auth = find(response, "AUTH")!;
      equal(auth.method, isModern ? modern : legacy);
      const { keys, suite, initResponse, nonceI } = peer;
      const { idType, data } = find(response, "IDr")!;
      const body = idBody(idType, data);
      const octets = authOctets(nobleProvider, suite!.prf, initResponse, nonceI, keys!.pr, body);
      const { spki, key } = material.gateway.signer;
      const check = { allowSha1: true };
      ok(verifySignatureAuth(nobleProvider, spki, key, auth.method, auth.data, octets, check));
      ok(find(response, "CP") !== undefined, "the peer's own method 9 or 14 is taken");
    }
    equal(world.show.sessions[0]?.ikeSa?.authSign, sign);
  });
}
