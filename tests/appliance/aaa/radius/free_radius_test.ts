/** Our side of RADIUS against FreeRADIUS itself, without a tunnel. */
import assert from "node:assert/strict";
import { RadiusClient } from "../../../../appliance/aaa/radius/client.ts";
import type { RadiusTimes } from "../../../../appliance/aaa/radius/health.ts";
import type { Attribute } from "../../../../appliance/aaa/radius/packet.ts";
import { udpServer } from "../../../../appliance/aaa/radius/servers.ts";
import { RadiusVerifier } from "../../../../appliance/aaa/radius/verifier.ts";
import { systemClock } from "../../../../appliance/clock.ts";
import { providerOfMachine } from "../../../../appliance/crypto.ts";
import type { VerifyContext } from "../../../../appliance/effects.ts";
import { systemRandom } from "../../../../appliance/entropy.ts";
import {
  type AddressPrefix,
  type Credential,
  type Endpoint,
  formatIpAddress,
  formatPrefix,
  type IpAddress,
  type MschapProof,
  ntHash,
  ntResponse,
  parseIpAddress,
  textOf,
  utf8,
  type Verdict,
  verifyMschapv2,
} from "../../../../core/mod.ts";
import { nameOfRow } from "../../../../appliance/aaa/radius/authorization.ts";
import { policyRows } from "../../../../appliance/aaa/radius/authorization_table.ts";
import { attributeUsers } from "../../../support/radius_attributes.ts";
import { until } from "../../../support/background.ts";
import {
  type FreeRadius,
  radiusSecret,
  startFreeRadius,
  whyNoFreeRadius,
} from "../../../support/free_radius.ts";
import { silentLog } from "./support.ts";

const crypto = providerOfMachine();
const loopback = parseIpAddress("127.0.0.1") ?? assert.fail();
const context: VerifyContext = {
  remote: { address: loopback, port: 4500 },
  signal: new AbortController().signal,
};

interface Scene {
  readonly client: RadiusClient;
  readonly server: FreeRadius;
  verifier(passwords: "pap" | "mschapv2"): RadiusVerifier;
}

const reason = whyNoFreeRadius();

function radiusTest(
  name: string,
  how: {
    readonly signs: boolean;
    readonly allowUnsigned: boolean;
    readonly dead?: Endpoint;
    readonly status?: readonly Attribute[];
    readonly times?: Partial<RadiusTimes>;
  },
  run: (scene: Scene) => Promise<void>,
): void {
  const full = `FreeRADIUS: ${name}`;
  if (reason !== undefined) console.log(`skipped: ${full}: ${reason}`);
  Deno.test({
    name: full,
    ignore: reason !== undefined,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      const port = 20_000 + Deno.pid % 20_000;
      try {
        await using server = await startFreeRadius({
          folder,
          port,
          signs: how.signs,
          users: attributeUsers,
        });
        const client = new RadiusClient({
          servers: [...how.dead === undefined ? [] : [how.dead], { address: loopback, port }]
            .map((server) =>
              udpServer(server, () => utf8(radiusSecret), {
                source: undefined,
                allowUnsigned: how.allowUnsigned,
              })
            ),
          balance: "in-order",
          purpose: "access",
          status: how.status,
          times: { timeoutMs: 3000, deadMs: 60_000, firstPauseMs: 500, ...how.times },
          random: systemRandom,
          clock: systemClock,
          log: silentLog,
        });
        try {
          await run({
            client,
            server,
            verifier: (passwords) =>
              new RadiusVerifier({
                client,
                crypto,
                random: systemRandom,
                log: silentLog,
                nasIdentifier: "gw.example.test",
                passwords,
                accessLists: new Map(),
                ignoresUnknown: false,
                local: { verify: () => Promise.resolve({ kind: "reject" }) },
                fallsBack: false,
              }),
          });
        } finally {
          client.close();
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function mschap(userName: string, password: string): Credential & { readonly kind: "mschapv2" } {
  const authenticatorChallenge = systemRandom.bytes(16);
  const peerChallenge = systemRandom.bytes(16);
  const response = ntResponse(
    crypto,
    ntHash(password),
    authenticatorChallenge,
    peerChallenge,
    userName,
  );
  return { kind: "mschapv2", authenticatorChallenge, peerChallenge, ntResponse: response };
}

const signed = { signs: true, allowUnsigned: false };

for (const passwords of ["pap", "mschapv2"] as const) {
  radiusTest(`a password by ${passwords} lets in with all attributes`, signed, async (scene) => {
    const verifier = scene.verifier(passwords);
    const verdict = await verifier.verify(
      "alice",
      { kind: "password", password: "alicepw" },
      context,
    );
    assert.equal(verdict.kind, "accept");
    if (verdict.kind !== "accept") return;
    const { addresses, sessionLifetimeSeconds, class: classes } = verdict.attributes;
    assert.deepEqual(addresses?.map(formatIpAddress), ["10.99.0.77"]);
    assert.equal(sessionLifetimeSeconds, 3600);
    assert.deepEqual(classes?.map(textOf), ["OU=staff", "second"]);
    const wrong = await verifier.verify("alice", { kind: "password", password: "no" }, context);
    assert.deepEqual(wrong, { kind: "reject", message: "unused" });
    const bob = await verifier.verify("bob", { kind: "password", password: "bobpw" }, context);
    assert.deepEqual(bob, { kind: "accept", attributes: { sessionLifetimeSeconds: 1200 } });
    assert.equal(scene.client.counters.get("answers"), 3);
    assert.equal(scene.client.counters.get("requests"), 3);
  });
}

/** Addresses and networks as text, octets as what they say. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof Uint8Array) return textOf(value);
  if (typeof value !== "object" || value === null) return value;
  if ("family" in value) return formatIpAddress(value as IpAddress);
  if ("length" in value) return formatPrefix(value as AddressPrefix);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shown(part)]));
}

const givenByServer: Readonly<Record<string, unknown>> = {
  rfc: {
    class: ["OU=staff;"],
    addresses: ["10.99.0.78", "fd00:99::78"],
    netmask: "255.255.255.0",
    pools: ["staff"],
    ip6Pools: ["six"],
    networks: ["10.77.0.0/24", "10.78.0.0/16", "fd77::/64"],
    told: {
      dns: ["10.0.0.53", "10.0.0.54"],
      nbns: ["10.0.0.55", "10.0.0.56"],
      banner: "Welcome",
    },
    sessionLifetimeSeconds: 3600,
    idleTimeoutSeconds: 600,
    interimSeconds: 120,
    group: "staff",
  },
  cisco: {
    netmask: "255.255.0.0",
    pools: ["staff"],
    ip6Pools: ["six"],
    told: {
      dns: ["10.0.0.53", "10.0.0.54", "fd00::53"],
      nbns: ["10.0.0.55"],
      domain: "cisco.example",
      splitInclude: ["10.50.0.0/16", "172.16.0.0/12", "fd00:50::/64"],
      splitDns: ["a.example", "b.example"],
      banner: "For users of Cisco's",
      smartcardRemovalDisconnect: true,
    },
    sessionLifetimeSeconds: 7200,
    group: "cisco",
  },
  prefix: { addresses: ["fd00:99::77"], ip6Pools: ["six"] },
};

for (const [user, expected] of Object.entries(givenByServer)) {
  radiusTest(`every attribute is read as the server meant it: ${user}`, signed, async (scene) => {
    const credential = { kind: "password", password: `${user}pw` } as const;
    const verdict = await scene.verifier("pap").verify(user, credential, context);
    assert.ok(verdict.kind === "accept");
    assert.deepEqual(shown(verdict.attributes), expected);
  });
}

Deno.test("FreeRADIUS has every row of the table to send", () => {
  const names = policyRows.flatMap((row): readonly string[] =>
    row.key === undefined ? row.attributes : [nameOfRow(row)]
  );
  const missing = names.filter((name) => !attributeUsers.includes(name));
  assert.deepEqual(missing, []);
});

radiusTest("an accept that cannot be obeyed lets nobody in", signed, async (scene) => {
  for (const user of ["typo", "nonsense"]) {
    const verifier = scene.verifier("pap");
    const credential = { kind: "password", password: `${user}pw` } as const;
    assert.deepEqual(await verifier.verify(user, credential, context), { kind: "reject" }, user);
  }
});

radiusTest(
  "EAP-MSCHAPv2 gets the proof and the MSK that the password gives",
  signed,
  async (scene) => {
    const credential = mschap("alice", "alicepw");
    const verdict = await scene.verifier("pap").verify("alice", credential, context);
    const expected: MschapProof | undefined = verifyMschapv2(
      crypto,
      ntHash("alicepw"),
      credential,
      "alice",
    );
    assert.ok(verdict.kind === "accept" && expected !== undefined);
    assert.deepEqual(verdict.mschapv2, expected);
    const wrong = await scene.verifier("pap").verify("alice", mschap("alice", "no"), context);
    assert.deepEqual(wrong, { kind: "reject", message: "unused" });
  },
);

radiusTest(
  "a challenge becomes one more form, and its answer goes back with the state",
  signed,
  async (scene) => {
    const verifier = scene.verifier("pap");
    const first = await verifier.verify("otp", { kind: "password", password: "otppw" }, context);
    assert.ok(first.kind === "challenge");
    assert.equal(first.message, "Type the code of your token");
    const state = first.state;
    const answer = (code: string): Credential => ({
      kind: "challenge-answer",
      answer: code,
      state,
    });
    assert.equal((await verifier.verify("otp", answer("135791"), context)).kind, "reject");
    assert.equal((await verifier.verify("otp", answer("246810"), context)).kind, "accept");
  },
);

radiusTest(
  "answers without Message-Authenticator are not believed",
  { signs: false, allowUnsigned: false },
  async (scene) => {
    const credential = { kind: "password", password: "alicepw" } as const;
    await assert.rejects(
      scene.verifier("pap").verify("alice", credential, context),
      /no RADIUS server answered/,
    );
    assert.ok((scene.client.counters.get("no-message-authenticator") ?? 0) >= 1);
    assert.equal(scene.client.counters.get("answers"), undefined);
  },
);

radiusTest(
  "answers without Message-Authenticator are believed where the operator allows it",
  { signs: false, allowUnsigned: true },
  async (scene) => {
    const credential = { kind: "password", password: "alicepw" } as const;
    const verdict = await scene.verifier("pap").verify("alice", credential, context);
    assert.equal(verdict.kind, "accept");
  },
);

// Nobody listens at the port of discard.
const dead: Endpoint = { address: loopback, port: 9 };

radiusTest(
  "500 users at once come in while the first of two servers is dead",
  { ...signed, dead },
  async (scene) => {
    const verifier = scene.verifier("pap");
    const credential = { kind: "password", password: "bobpw" } as const;
    const began = performance.now();
    const login = async (): Promise<number> => {
      assert.equal((await verifier.verify("bob", credential, context)).kind, "accept");
      return performance.now() - began;
    };
    const took = (await Promise.all(Array.from({ length: 500 }, login))).sort((a, b) => a - b);
    assert.ok((took.at(-1) ?? Infinity) < 6000, `the last took ${took.at(-1)} ms`);
    // It is known by now, so that the next one does not wait for it.
    const next = performance.now();
    await login();
    assert.ok(performance.now() - next < 1000);
    tellTimes("500 logins at once, first of two servers dead", took);
  },
);

radiusTest(
  "500 users one after the other come in while the first of two servers is dead",
  { ...signed, dead },
  async (scene) => {
    const verifier = scene.verifier("pap");
    const credential = { kind: "password", password: "bobpw" } as const;
    const took: number[] = [];
    const login = async (): Promise<void> => {
      const began = performance.now();
      assert.equal((await verifier.verify("bob", credential, context)).kind, "accept");
      took.push(performance.now() - began);
    };
    const logins: Promise<void>[] = [];
    for (let i = 0; i < 500; i++) {
      logins.push(login());
      await new Promise((resolve) => setTimeout(resolve, 6));
    }
    await Promise.all(logins);
    took.sort((a, b) => a - b);
    tellTimes("500 logins over 3 s, first of two servers dead", took);
    // Who comes when it is known does not wait for it.
    assert.ok((took[250] ?? Infinity) < 500, `half took ${took[250]} ms`);
    assert.ok((took.at(-1) ?? Infinity) < 3000, `the last took ${took.at(-1)} ms`);
  },
);

function tellTimes(what: string, sorted: readonly number[]): void {
  const quantiles = [0, 0.5, 0.95, 1].map((part) => sorted[Math.floor(part * 499)]?.toFixed(0));
  console.log(`${what}: ${quantiles.join(" / ")} ms (least/half/95 %/most)`);
}

radiusTest(
  "a server that comes back is noticed by Status-Server, before anybody asks it",
  {
    ...signed,
    status: [{ name: "NAS-Identifier", value: utf8("gw.example.test") }],
    times: { deadMs: 500 },
  },
  async ({ client, server, verifier }) => {
    const credential = { kind: "password", password: "bobpw" } as const;
    const login = (): Promise<Verdict> => verifier("pap").verify("bob", credential, context);
    assert.equal((await login()).kind, "accept");
    server.process.signal("SIGSTOP");
    try {
      await assert.rejects(login(), /no RADIUS server answered/);
      assert.equal(client.pictures[0]?.isAlive, false);
    } finally {
      server.process.signal("SIGCONT");
    }
    await until("it is alive", () => client.pictures[0]?.isAlive || undefined, 5000);
    assert.ok((client.counters.get("status-responses") ?? 0) >= 1);
    assert.equal(client.counters.get("requests"), 2);
    assert.equal((await login()).kind, "accept");
  },
);
