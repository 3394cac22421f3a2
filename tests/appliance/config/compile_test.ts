import assert from "node:assert/strict";
import { compilePolicy, type Credentials, poolsOf } from "../../../appliance/config/compile.ts";
import { checkConnect, compileClient, loginOf } from "../../../appliance/config/connect_compile.ts";
import { connectFlags, type ConnectSettings } from "../../../appliance/config/connect_flags.ts";
import { gather, settle, type Sources } from "../../../appliance/config/gather.ts";
import { identityOf } from "../../../appliance/config/identity.ts";
import { serveFlags, type ServeSettings } from "../../../appliance/config/serve_flags.ts";
import {
  defaultIkeProposals,
  formatIpAddress,
  formatProposal,
  IdType,
  knownCiscoAttributes,
  parseIpAddress,
  type Signer,
  textOf,
} from "../../../core/mod.ts";

function sourcesOf(args: Readonly<Record<string, string | readonly string[]>>): Sources {
  const entries = Object.entries(args).map(([name, value]) =>
    [name, typeof value === "string" ? [value] : value] as const
  );
  return { args: new Map(entries), unknown: [], env: () => undefined, readFile: () => "" };
}

function served(args: Readonly<Record<string, string | readonly string[]>> = {}): ServeSettings {
  return settle(serveFlags, sourcesOf({ pool: "10.99.0.0/24", user: "a:b", ...args }));
}

const signer: Signer = {
  key: { kind: "ec", curve: "P-256" },
  spki: Uint8Array.of(1),
  sign: () => new Uint8Array(0),
};

const credentials: Credentials = {
  identity: identityOf("gw.example.test"),
  certificates: [Uint8Array.of(1)],
  signer,
  authorities: [],
  alternates: [],
  clientCas: [],
  revocationLists: [],
};

function policyOf(
  args: Readonly<Record<string, string | readonly string[]>> = {},
  change: Partial<Credentials> = {},
): ReturnType<typeof compilePolicy> {
  const settings = served(args);
  return compilePolicy(settings, { ...credentials, ...change }, poolsOf(settings), "gw-1");
}

Deno.test("seconds become milliseconds, kilobytes octets, 0 no limit", () => {
  const policy = policyOf({
    "reconnect-timeout": "900",
    "session-lifetime": "7200",
    "ike-lifetime": "3600",
    "esp-lifetime": "600",
    "esp-lifetime-kbytes": "2560",
    dpd: "20",
    "dpd-retry": "3",
  });
  assert.equal(policy.reconnect.timeoutMs, 900_000);
  assert.equal(policy.sessionLifetimeMs, 7_200_000);
  assert.deepEqual(policy.lifetimes, { ikeMs: 3_600_000, espMs: 600_000, espBytes: 2_621_440 });
  assert.deepEqual(policy.dpd, { intervalMs: 20_000, retryMs: 3_000 });
  const packets = policyOf({ "esp-lifetime-packets": "1000000" });
  assert.equal(packets.lifetimes.espPackets, 1_000_000);
  assert.equal(policyOf().lifetimes.espPackets, undefined);
  const unlimited = policyOf({ "esp-lifetime-kbytes": "0" });
  assert.equal(unlimited.lifetimes.espBytes, undefined);
  assert.equal(unlimited.sessionLifetimeMs, undefined);
});

Deno.test("nobody is idle by default; a limit is told to clients and kept by the gateway", () => {
  const usual = policyOf();
  assert.deepEqual([usual.attributes.idleTimeoutSeconds, usual.idleAction], [0, "end"]);
  const limited = policyOf({ "idle-timeout": "900", "idle-action": "park" });
  assert.deepEqual([limited.attributes.idleTimeoutSeconds, limited.idleAction], [900, "park"]);
});

Deno.test("certificates are offered as a login only with a CA to check them by", () => {
  assert.deepEqual(policyOf().loginMethods, ["anyconnect-eap", "eap-mschapv2"]);
  const clientCas = [Uint8Array.of(9)];
  assert.deepEqual(policyOf({}, { clientCas }).loginMethods, [
    "anyconnect-eap",
    "eap-mschapv2",
    "certificate",
  ]);
  assert.deepEqual(policyOf({ auth: "cert,eap-mschapv2,cert" }, { clientCas }).loginMethods, [
    "certificate",
    "eap-mschapv2",
  ]);
});

Deno.test("proposals are numbered in the order given, the built-in ones stand in", () => {
  const { ikeProposals, espProposals } = policyOf({
    "ike-proposal": ["aes256-sha512-ecp256,aes128-sha256-modp2048", "aes256gcm16-prfsha384-ecp384"],
    "esp-proposal": "aes256gcm16-ecp256",
  });
  assert.deepEqual(
    ikeProposals.map((proposal) => `${proposal.number} ${formatProposal(proposal)}`),
    ["1 aes256-sha512-ecp256", "2 aes128-sha256-modp2048", "3 aes256gcm16-prfsha384-ecp384"],
  );
  assert.deepEqual(espProposals.map(({ number }) => number), [1]);
  assert.deepEqual(policyOf().ikeProposals, defaultIkeProposals());
});

Deno.test("attribute numbers may be replaced one by one, and be several", () => {
  assert.deepEqual(policyOf().attributeNumbers, knownCiscoAttributes);
  assert.deepEqual(
    policyOf({ "cisco-attr": "session-id=28717,28720 banner=28800" }).attributeNumbers,
    { ...knownCiscoAttributes, "session-id": [28717, 28720], "banner": [28800] },
  );
});

Deno.test("a number that is given to one name is no other's default any more", () => {
  assert.deepEqual(
    policyOf({ "cisco-attr": "session-id=28711 session-token=28705,28706" }).attributeNumbers,
    {
      ...knownCiscoAttributes,
      "session-id": [28711],
      "session-token": [28705, 28706],
      "mtu": [],
      "idle-timeout": [],
      "disconnected-timeout": [],
    },
  );
});

Deno.test("addresses, domains and texts reach the client's attributes", () => {
  const { attributes, pools, identity, gatewayName } = policyOf({
    dns: "10.0.0.53,2001:db8::53",
    wins: "10.0.0.54",
    domain: "example.net",
    "split-include": "10.0.0.0/8",
    "split-dns": "example.net,example.org",
    banner: "Hello, you",
  });
  assert.deepEqual(attributes.dns.map(formatIpAddress), ["10.0.0.53", "2001:db8::53"]);
  assert.deepEqual(attributes.nbns.map(formatIpAddress), ["10.0.0.54"]);
  assert.deepEqual(attributes.splitDns, ["example.net", "example.org"]);
  assert.deepEqual([attributes.domain, attributes.banner], ["example.net", "Hello, you"]);
  assert.match(attributes.applicationVersion, /^rejoin \d/);
  assert.deepEqual(pools.map(({ first }) => formatIpAddress(first)), ["10.99.0.2"]);
  assert.deepEqual([identity.idType, textOf(identity.data), gatewayName], [
    IdType.FQDN,
    "gw.example.test",
    "gw-1",
  ]);
});

Deno.test("a pool that leaves nothing is named", () => {
  assert.throws(() => poolsOf(served({ pool: ["10.0.0.0/31", "10.1.0.0/32", "10.2.0.0/24"] })), {
    name: "StartError",
    message: "Cannot use pool 10.0.0.0/31 (and 10.1.0.0/32): too small, it leaves no address for " +
      "a client; needs at least a /30, or /126 with IPv6",
  });
});

Deno.test("identities are addresses, mail addresses or host names", () => {
  const types = ["192.0.2.1", "2001:db8::1", "ann@example.net", "gw.example.net", "ann"].map(
    (text) => identityOf(text).idType,
  );
  assert.deepEqual(types, [
    IdType.IPV4_ADDR,
    IdType.IPV6_ADDR,
    IdType.RFC822_ADDR,
    IdType.FQDN,
    IdType.FQDN,
  ]);
});

function connected(args: Readonly<Record<string, string>>): ConnectSettings {
  return gather(connectFlags, sourcesOf(args)).settings;
}

const noFiles = { anchors: [], certificates: [], signer: undefined, problems: [] };

Deno.test("a client asks for its gateway by --remote-id, else by the host it was given", () => {
  const address = parseIpAddress("192.0.2.1");
  assert.ok(address);
  const endpoint = { address, port: 4500 };
  const place = {
    host: "192.0.2.1",
    gateway: endpoint,
    local: endpoint,
    login: { kind: "none" },
  } as const;
  const plain = compileClient(connected({ user: "ann" }), noFiles, place);
  assert.deepEqual(plain.gatewayIdentity.idType, IdType.IPV4_ADDR);
  assert.deepEqual(textOf(plain.identity.data), "ann");
  assert.deepEqual([plain.reconnect, plain.wants.ip6], [true, true]);
  const other = compileClient(
    connected({
      user: "ann",
      "remote-id": "gw.test",
      id: "a@b.c",
      "without-reconnect": "true",
      ipv4only: "true",
    }),
    noFiles,
    place,
  );
  assert.equal(textOf(other.gatewayIdentity.data), "gw.test");
  assert.equal(other.identity.idType, IdType.RFC822_ADDR);
  assert.deepEqual([other.reconnect, other.wants.ip6], [false, false]);
});

Deno.test("a client without a password can only come back by its pair", () => {
  const settings = connected({ user: "ann" });
  assert.deepEqual(loginOf(settings, noFiles, {}), { kind: "none" });
  assert.deepEqual(loginOf(settings, noFiles, { password: "pw" }), {
    kind: "eap-mschapv2",
    userName: "ann",
    password: "pw",
  });
});

Deno.test("a certificate login wants certificate, key and CA", () => {
  const names = checkConnect(gather(connectFlags, sourcesOf({ auth: "cert" }))).map(({ name }) =>
    name
  );
  assert.deepEqual(names, ["cert", "key", "ca"]);
});

Deno.test("AnyConnect-EAP wants a user or a certificate with its key", () => {
  const problems = (args: Readonly<Record<string, string>>): readonly string[] =>
    checkConnect(gather(connectFlags, sourcesOf({ auth: "anyconnect-eap", ca: "c", ...args })))
      .map(({ name }) => name);
  assert.deepEqual(problems({}), ["user"]);
  assert.deepEqual(problems({ user: "ann" }), []);
  assert.deepEqual(problems({ cert: "a", key: "b" }), []);
  assert.deepEqual(problems({ user: "ann", cert: "a" }), ["key"]);
  assert.deepEqual(problems({ user: "ann", key: "b" }), ["cert"]);
});

Deno.test("an AnyConnect-EAP login says who we are, and answers what it was given to answer", () => {
  const settings = connected({ auth: "anyconnect-eap", user: "ann", group: "staff" });
  assert.deepEqual(loginOf(settings, noFiles, { answer: "123" }), { kind: "none" });
  const login = loginOf(settings, noFiles, { password: "pw", answer: "123" });
  assert.ok(login.kind === "anyconnect-eap");
  assert.deepEqual(login.user, { name: "ann", password: "pw" });
  assert.deepEqual([login.group, login.certificate], ["staff", undefined]);
  assert.match(login.header.version, /^\d+\.\d+\.\d+/);
  assert.deepEqual(login.header.macAddresses, []);
  assert.equal(login.answer({ message: "code", label: "Answer:" }), "123");
});

Deno.test("client puzzles are asked and solved where a flag says so, and else not", () => {
  const policyOf = (settings: ServeSettings) =>
    compilePolicy(settings, credentials, poolsOf(settings), "gw");
  assert.equal(policyOf(served()).puzzles, undefined);
  assert.deepEqual(policyOf(served({ "puzzle-bits": "12" })).puzzles, { threshold: 500, bits: 12 });
  assert.deepEqual(
    policyOf(served({ "puzzle-bits": "12", "puzzle-threshold": "7" })).puzzles,
    { threshold: 7, bits: 12 },
  );
});
