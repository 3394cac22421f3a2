/** Dynamic authorization over loopback: who is heard, what is done, what is answered, and how often. */
import assert from "node:assert/strict";
import type { PacketFilter } from "../../../../../core/mod.ts";
import { parseIpAddress } from "../../../../../core/mod.ts";
import { NotifyType } from "../../../../../core/message/constants.ts";
import { openDynamicAuthor } from "../../../../../appliance/aaa/radius/dynamic_author/server.ts";
import { StartError } from "../../../../../appliance/start_error.ts";
import { until } from "../../../../support/background.ts";
import { silence } from "../../../../support/sim_claims.ts";
import { notifiesOf, SimPeer } from "../../../../support/sim_peer.ts";
import type { SimWorld } from "../../../../support/sim_world.ts";
import { SeededRandom } from "../../../../support/seeded_random.ts";
import { secret } from "../support.ts";
import {
  address,
  avPair,
  code,
  hex,
  number,
  type Plain,
  requestOf,
  type Scene,
  type SceneOptions,
  signed,
  text,
  type,
  web,
  withScene,
} from "./support.ts";

const alice: Plain = [type.userName, text("alice")];

function dynamicTest(
  name: string,
  run: (scene: Scene) => Promise<void>,
  options: SceneOptions = {},
): void {
  Deno.test(name, () => withScene(run, options));
}

// --- Disconnect ---------------------------------------------------------------------------------

/** Ways to name the session of alice. */
const keys: readonly (readonly [string, (world: SimWorld) => readonly Plain[]])[] = [
  ["User-Name", () => [alice]],
  ["Framed-IP-Address", () => [[type.framedIpAddress, address("10.99.0.2")]]],
  [
    "Acct-Session-Id",
    ({ session }) => [[type.acctSessionId, text(session.accounting.id)]],
  ],
  ["Calling-Station-Id", () => [[type.callingStationId, text("198.51.100.7")]]],
  [
    "all of them",
    ({ session }) => [
      alice,
      [type.framedIpAddress, address("10.99.0.2")],
      [type.acctSessionId, text(session.accounting.id)],
      [type.callingStationId, text("198.51.100.7")],
      [type.nasIdentifier, text("gw")],
      [type.nasIpAddress, address("192.0.2.1")],
    ],
  ],
];

for (const [name, attributes] of keys) {
  for (const state of ["active", "inactive"] as const) {
    dynamicTest(
      `RFC 5176 §2.1: Disconnect-Request by ${name} ends an ${state} session for good`,
      async ({ world, client, log }) => {
        const sim = world.login("alice", "198.51.100.7");
        const { pair } = sim;
        if (state === "inactive") silence(world, sim);
        const answer = await client.ask(requestOf(code.disconnect, attributes(world)));
        assert.equal(answer.code, code.disconnectAck);
        assert.equal(answer.identifier, 7);
        // §3.5: no session was there any more, but what was left of one.
        assert.equal(answer.errorCause, state === "inactive" ? 201 : undefined);
        assert.deepEqual(world.show.sessions, []);
        assert.equal(world.backend.store.size, 0);
        const back = new SimPeer(world).comeBack(pair);
        assert.deepEqual(notifiesOf(back), [NotifyType.AUTHENTICATION_FAILED]);
        assert.deepEqual(log.told.map(([event]) => event), ["sessions-disconnected"]);
      },
    );
  }
}

dynamicTest("a Disconnect-Request by an inner IPv6 address is understood", async (scene) => {
  const { errorCause } = await scene.client.ask(
    requestOf(code.disconnect, [[type.framedIpv6Address, address("2001:db8::2")]]),
  );
  assert.equal(errorCause, 503);
});

dynamicTest("a peer is known by its address, however that is written", async (scene) => {
  scene.world.login("alice", "2001:db8::7");
  for (const [written, cause] of [["2001:DB8::8", 503], ["2001:0db8:0::7", undefined]] as const) {
    const request = requestOf(code.disconnect, [[type.callingStationId, text(written)]]);
    assert.equal((await scene.client.ask(request)).errorCause, cause);
  }
});

dynamicTest(
  "all sessions of a user are ended, and the log says who asked for it",
  async (scene) => {
    const { world, client, log } = scene;
    const first = world.login("alice", "198.51.100.7");
    const identity = { ...first.settings.identity, data: text("tablet@example.test") };
    silence(world, first);
    world.login("alice", "198.51.100.8", { identity });
    world.login("bob", "198.51.100.9");
    assert.equal(world.show.sessions.length, 3);
    const answer = await client.ask(requestOf(code.disconnect, [alice]));
    assert.equal(answer.code, code.disconnectAck);
    assert.equal(answer.errorCause, undefined, "one of them was active");
    assert.deepEqual(world.show.sessions.map(({ userName }) => userName), ["bob"]);
    assert.deepEqual(scene.ended, ["disconnected", "disconnected"]);
    const [[event, facts] = []] = log.told;
    assert.equal(event, "sessions-disconnected");
    const { client: asker, ...rest } = facts ?? {};
    assert.deepEqual(rest, {
      by: ["user=alice"],
      count: 2,
      sessions: ["1", "2"],
      users: ["alice"],
    });
    assert.deepEqual((asker as { address: unknown }).address, parseIpAddress("127.0.0.1"));
    assert.equal(scene.count("disconnect-acks"), 1);
    assert.equal(scene.count("disconnected-sessions"), 2);
  },
);

dynamicTest("everything that is given has to hold", async ({ world, client, log }) => {
  world.login("alice", "198.51.100.7");
  world.login("bob", "198.51.100.8");
  const before = world.outputs.length;
  for (
    const other of [
      [type.framedIpAddress, address("10.99.0.3")],
      [type.acctSessionId, text("another")],
      [type.callingStationId, text("198.51.100.8")],
      [type.callingStationId, text("not an address")],
      [type.framedIpv6Address, address("2001:db8::1")],
    ] as const
  ) {
    const answer = await client.ask(requestOf(code.disconnect, [alice, other]));
    assert.equal(answer.code, code.disconnectNak);
    assert.equal(answer.errorCause, 503);
  }
  assert.equal(world.outputs.length, before, "nothing was done");
  assert.ok(log.told.every(([event]) => event === "dynamic-author-refused"));
});

// --- refusals -----------------------------------------------------------------------------------

const { disconnect, coa } = code;
const hour: Plain = [type.sessionTimeout, number(3600)];

const refusals: readonly (readonly [
  what: string,
  code: number,
  attributes: readonly Plain[],
  errorCause: number,
])[] = [
  ["no session", disconnect, [[type.userName, text("nobody")]], 503],
  ["no session", coa, [[type.userName, text("nobody")], hour], 503],
  ["nothing that names a session", disconnect, [], 402],
  ["nothing but the NAS", disconnect, [[type.nasIdentifier, text("gw")]], 402],
  ["nothing that names a session", coa, [hour], 402],
  ["nothing to change", coa, [alice], 402],
  ["a number that nobody knows", disconnect, [alice, [199, text("x")]], 401],
  ["NAS-Port", disconnect, [alice, [type.nasPort, number(3)]], 401],
  ["Framed-Pool", disconnect, [alice, [type.framedPool, text("a")]], 401],
  ["Framed-Pool", coa, [alice, hour, [type.framedPool, text("a")]], 401],
  ["Session-Timeout", disconnect, [alice, hour], 401],
  ["State", disconnect, [alice, [type.state, text("a")]], 401],
  ["Class", coa, [alice, hour, [25, text("a")]], 401],
  ["a foreign vendor", coa, [alice, hour, [26, Uint8Array.of(0, 0, 58, 140, 1, 3, 9)]], 401],
  ["Cisco's other attributes", coa, [alice, [26, Uint8Array.of(0, 0, 0, 9, 2, 3, 9)]], 401],
  ["Cisco's commands", coa, [alice, avPair("subscriber:command=reauthenticate")], 401],
  ["Cisco's commands", disconnect, [alice, avPair("subscriber:command=x")], 401],
  ["Filter-Id", disconnect, [alice, [type.filterId, text("web")]], 401],
  ["ip:inacl", disconnect, [alice, avPair("ip:inacl#1=permit ip any any")], 401],
  ["NAS-Filter-Rule", coa, [alice, hour, [92, text("permit in ip from any to any")]], 401],
  ["another NAS", disconnect, [alice, [type.nasIdentifier, text("gw2")]], 403],
  ["another NAS", coa, [alice, hour, [type.nasIdentifier, text("gw2")]], 403],
  ["another NAS", disconnect, [alice, [type.nasIpAddress, address("192.0.2.2")]], 403],
  ["another NAS", disconnect, [alice, [type.nasIpv6Address, address("2001:db8::1")]], 403],
  ["two users", disconnect, [alice, alice], 404],
  ["two times", coa, [alice, hour, hour], 404],
  ["RFC 5176 §3.2: Authorize Only", coa, [alice, [type.serviceType, number(17)]], 405],
  ["Service-Type", disconnect, [alice, [type.serviceType, number(17)]], 405],
  ["Service-Type of another value", coa, [alice, hour, [type.serviceType, number(2)]], 405],
  ["three octets of an address", disconnect, [[type.framedIpAddress, text("abc")]], 407],
  ["four octets of IPv6", disconnect, [[type.framedIpv6Address, text("abcd")]], 407],
  ["three octets of a NAS", disconnect, [alice, [type.nasIpAddress, text("abc")]], 407],
  ["three octets of a time", coa, [alice, [type.sessionTimeout, text("abc")]], 407],
  ["a time without octets", coa, [alice, [type.idleTimeout, text("")]], 407],
];

for (const [what, of, attributes, errorCause] of refusals) {
  const kind = of === disconnect ? "Disconnect" : "CoA";
  dynamicTest(
    `RFC 5176 §3.5: a ${kind}-Request with ${what} is refused with ${errorCause}`,
    async (scene) => {
      const { world, client } = scene;
      world.login("alice", "198.51.100.7");
      const before = world.outputs.length;
      const answer = await client.ask(requestOf(of, attributes));
      assert.equal(answer.code, of + 2, "a NAK");
      assert.equal(answer.errorCause, errorCause);
      assert.equal(world.outputs.length, before, "nothing was done");
      const counted = Object.keys(scene.server.counters());
      assert.equal(counted.length, 1, counted.join());
    },
  );
}

// --- CoA ----------------------------------------------------------------------------------------

dynamicTest(
  "RFC 5176 §2.2: CoA-Request changes times, of all sessions of a user",
  async (scene) => {
    const { world, client, log } = scene;
    const first = world.login("alice", "198.51.100.7");
    silence(world, first);
    const identity = { ...first.settings.identity, data: text("tablet@example.test") };
    world.login("alice", "198.51.100.8", { identity });
    world.login("bob", "198.51.100.9");
    const now = world.at.wall;
    const answer = await client.ask(
      requestOf(code.coa, [alice, hour, [type.idleTimeout, number(900)]]),
    );
    assert.equal(answer.code, code.coaAck);
    assert.equal(answer.errorCause, undefined);
    const of = (name: string): unknown[] =>
      world.gateway.find({ userName: name }).map(({ absoluteEnd, state, idle }) => [
        state,
        absoluteEnd,
        idle?.limitSeconds,
      ]);
    assert.deepEqual(of("alice"), [
      ["inactive", now + 3_600_000, undefined],
      ["active", now + 3_600_000, 900],
    ]);
    assert.deepEqual(of("bob"), [["active", undefined, 0]]);
    const records = [...world.backend.store.values()].map((
      { userName, absoluteEnd, attributes },
    ) => [
      userName,
      absoluteEnd,
      attributes.idleTimeoutSeconds,
    ]);
    assert.deepEqual(records, [
      ["alice", now + 3_600_000, 900],
      ["alice", now + 3_600_000, 900],
      ["bob", undefined, undefined],
    ]);
    const [[event, facts] = []] = log.told;
    assert.equal(event, "sessions-changed");
    assert.equal(facts?.["sessionLifetimeSeconds"], 3600);
    assert.equal(facts?.["idleTimeoutSeconds"], 900);
    assert.equal(scene.count("coa-acks"), 1);
    assert.equal(scene.count("changed-sessions"), 2);
  },
);

dynamicTest(
  "a time of 0 is no limit, and one of years is as long as a session may be",
  async (scene) => {
    const { world, client } = scene;
    world.login("alice", "198.51.100.7");
    for (const [seconds, end] of [[120, 120], [0, undefined], [0xffff_ffff, 25_920_000]] as const) {
      const now = world.at.wall;
      const times: Plain[] = [
        [type.sessionTimeout, number(seconds)],
        [type.idleTimeout, number(seconds)],
      ];
      assert.equal((await client.ask(requestOf(code.coa, [alice, ...times]))).code, code.coaAck);
      const { absoluteEnd, idle } = world.session;
      assert.equal(absoluteEnd, end === undefined ? undefined : now + end * 1000);
      assert.equal(idle?.limitSeconds, end ?? 0);
    }
  },
);

dynamicTest("RFC 5176 §2.2: CoA-Request changes the filter", async ({ world, client }) => {
  world.login("alice", "198.51.100.7");
  const put = (): readonly (PacketFilter | undefined)[] =>
    world.outputs.filter((output) => output.kind === "filter-child-sa").map(({ filter }) => filter);
  const ask = async (...attributes: readonly Plain[]): Promise<number | undefined> =>
    (await client.ask(requestOf(code.coa, [alice, ...attributes]))).errorCause;
  const filterId = (name: string): Plain => [type.filterId, text(name)];
  for (
    const wrong of [
      filterId("no such list"),
      filterId("web.out"),
      avPair("ip:inacl#1=allow all"),
      avPair("ip:inacl=permit ip any any"),
    ]
  ) assert.equal(await ask(wrong), 407);
  assert.equal(await ask(avPair("ip:outacl#10=permit tcp any any")), 401);
  assert.equal(await ask(filterId("web"), filterId("no such list")), 407);
  assert.deepEqual(put(), []);
  assert.equal(await ask(filterId("web")), undefined);
  assert.equal(world.session.attributes.filter?.name, "web");
  const rules = [avPair("ip:inacl#20=deny ip any any"), avPair("IP:INACL#3=permit tcp any any")];
  assert.equal(await ask(...rules), undefined);
  assert.equal(await ask(avPair("ipv6:inacl#1=permit ipv6 any any")), undefined);
  assert.deepEqual(put(), [
    web,
    {
      name: "per-user",
      rules: [{ action: "permit", family: 4, protocol: 6 }, { action: "deny", family: 4 }],
    },
    { name: "per-user", rules: [{ action: "permit", family: 6 }] },
  ]);
  const [record] = world.backend.store.values();
  assert.deepEqual(record?.attributes.filter, put().at(-1));
});

// --- answers ------------------------------------------------------------------------------------

dynamicTest("RFC 5176 §3.1, §3.3: Proxy-State and State come back as they were", async (scene) => {
  const { world, client } = scene;
  world.login("alice", "198.51.100.7");
  const states: Plain[] = [
    [type.proxyState, text("first")],
    [type.state, text("state")],
    [type.proxyState, text("second")],
  ];
  const back = (attributes: readonly Plain[]): string[] =>
    attributes.filter(([one]) => one !== type.messageAuthenticator && one !== type.errorCause)
      .map(([one, value]) => `${one} ${new TextDecoder().decode(value)}`);
  for (const attributes of [[alice, hour], [alice]]) {
    const answer = await client.ask(requestOf(code.coa, [...states, ...attributes]));
    assert.deepEqual(back(answer.attributes), ["33 first", "24 state", "33 second"]);
  }
  const nak = await client.ask(requestOf(code.disconnect, [...states, alice]));
  assert.deepEqual(back(nak.attributes), ["33 first", "33 second"], "a Disconnect has no State");
});

dynamicTest("RFC 5176 §3.4: a request without Message-Authenticator is heard", async (scene) => {
  scene.world.login("alice", "198.51.100.7");
  const answer = await scene.client.ask(requestOf(disconnect, [alice], { signs: false }));
  assert.equal(answer.code, code.disconnectAck);
});

dynamicTest("an answer comes when the store has it, and not before", async (scene) => {
  const { world, client } = scene;
  world.login("alice", "198.51.100.7");
  const request = requestOf(disconnect, [alice]);
  client.send(request);
  await until("the session is gone", () => scene.ended.length === 1 ? true : undefined, 5_000);
  // Repetitions in the meantime are known for what they are.
  client.send(request);
  await until("the repetition", () => scene.count("duplicate") === 1 ? true : undefined, 5_000);
  assert.equal(client.unread, 0);
  stored.resolve();
  await client.next();
  await scene.expectSilence(new Uint8Array(3), "too-short");
}, { settled: () => stored.promise });

const stored = Promise.withResolvers<void>();

// --- who is heard -------------------------------------------------------------------------------

dynamicTest("only listed clients are heard", async (scene) => {
  const { world } = scene;
  world.login("alice", "198.51.100.7");
  const stranger = await scene.another("127.0.0.2");
  stranger.send(requestOf(disconnect, [alice]));
  const counted = (): true | undefined => scene.count("unlisted-source") === 1 ? true : undefined;
  await until("the stranger", counted, 5_000);
  await scene.client.ask(requestOf(disconnect, [[type.userName, text("nobody")]]));
  assert.equal(stranger.unread, 0);
  assert.equal(world.show.sessions.length, 1);
  assert.deepEqual(scene.log.told.map(([event]) => event), ["dynamic-author-refused"]);
});

dynamicTest("a block of clients is heard, all of it and nothing else", async (scene) => {
  for (const source of ["127.0.0.8", "127.0.0.15"]) {
    const client = await scene.another(source);
    assert.equal((await client.ask(requestOf(disconnect, [alice]))).errorCause, 503);
  }
  const beyond = await scene.another("127.0.0.16");
  beyond.send(requestOf(disconnect, [alice]));
  const counted = (): true | undefined => scene.count("unlisted-source") === 1 ? true : undefined;
  await until("the stranger", counted, 5_000);
}, { clients: ["127.0.0.8/29"] });

dynamicTest("one socket hears both families", async (scene) => {
  const six = await scene.another("::1", "::1");
  assert.equal((await six.ask(requestOf(disconnect, [alice]))).errorCause, 503);
  assert.equal((await scene.client.ask(requestOf(disconnect, [alice]))).errorCause, 503);
  assert.equal(scene.count("unlisted-source"), 0);
}, { clients: ["::1/128", "127.0.0.1/32"], listen: [parseIpAddress("::")!] });

Deno.test("a port that is taken is said by name, and nothing stays open", async () => {
  await withScene(async (scene) => {
    const { port } = scene;
    const listen = parseIpAddress("127.0.0.1")!;
    const again = openDynamicAuthor({
      clients: [],
      secret: () => secret,
      listen: [listen],
      ports: [0, port],
      strict: false,
      rules: {
        nasIdentifier: "gw",
        isOwnAddress: () => false,
        readFilter: () => ({ kind: "readable", filter: undefined, outbound: [] }),
      },
      sessions: { find: () => [], command: () => {}, settled: () => Promise.resolve() },
      clock: { now: () => scene.world.at },
      log: scene.log,
    });
    await assert.rejects(again, (error) => {
      assert.ok(error instanceof StartError);
      const start = `Cannot listen for RADIUS clients at 127.0.0.1:${port}: `;
      assert.ok(error.message.startsWith(start), error.message);
      return true;
    });
  });
});

// --- what is not believed -----------------------------------------------------------------------

dynamicTest("what is forged is not answered, not obeyed, and not written about", async (scene) => {
  const { world, log } = scene;
  world.login("alice", "198.51.100.7");
  const good = requestOf(disconnect, [alice]);
  const unsigned = requestOf(disconnect, [alice], { signs: false });
  const wrong = text("another secret");
  const bend = (bytes: Uint8Array, at: number): Uint8Array => {
    const bent = bytes.slice();
    bent[at]! ^= 1;
    return bent;
  };
  await scene.expectSilence(requestOf(disconnect, [alice], { secret: wrong }), "bad-authenticator");
  await scene.expectSilence(
    requestOf(disconnect, [alice], { secret: wrong, signs: false }),
    "bad-authenticator",
  );
  await scene.expectSilence(bend(good, 10), "bad-authenticator");
  await scene.expectSilence(bend(unsigned, unsigned.length - 1), "bad-authenticator");
  await scene.expectSilence(signed(bend(good, 30)), "bad-message-authenticator");
  const both: Plain = [type.messageAuthenticator, new Uint8Array(16)];
  await scene.expectSilence(requestOf(disconnect, [alice, both]), "bad-message-authenticator");
  const short: Plain = [type.messageAuthenticator, new Uint8Array(15)];
  await scene.expectSilence(
    requestOf(disconnect, [alice, short], { signs: false }),
    "bad-message-authenticator",
  );
  for (const other of [1, 4, 11, 41, 42, 44, 45, 0, 255]) {
    await scene.expectSilence(requestOf(other, [alice]), "unexpected-code");
  }
  assert.equal(world.show.sessions.length, 1);
  assert.ok(log.told.every(([event]) => event === "dynamic-author-refused"), "the probes alone");
});

dynamicTest("what is cut, or lies about its length, is not answered", async (scene) => {
  const { world, client } = scene;
  world.login("alice", "198.51.100.7");
  const good = requestOf(disconnect, [alice, [type.proxyState, text("x")], avPair("a=b")]);
  for (let length = 0; length < good.length; length++) {
    await scene.expectSilence(good.slice(0, length), length < 20 ? "too-short" : "bad-length");
  }
  const lying = (at: number, octet: number): Uint8Array => {
    const bytes = good.slice();
    bytes[at] = octet;
    return signed(bytes);
  };
  await scene.expectSilence(lying(3, 19), "bad-length");
  await scene.expectSilence(lying(2, 0x10), "bad-length");
  await scene.expectSilence(lying(3, good.length - 1), "bad-attribute");
  for (const octet of [0, 1, 255]) {
    await scene.expectSilence(lying(21, octet), "bad-attribute");
  }
  const vendorAt = good.length - 4;
  for (const octet of [0, 1, 6, 255]) {
    await scene.expectSilence(lying(vendorAt, octet), "bad-vendor-attribute");
  }
  assert.equal(world.show.sessions.length, 1);
  // RFC 2865 §3: what is behind the packet is padding.
  client.send(Uint8Array.of(...requestOf(disconnect, [alice]), 1, 2, 3));
  assert.equal((await client.next())[0], code.disconnectAck);
});

dynamicTest(
  "4096 octets are read, and obeyed only if the answer has room as well",
  async (scene) => {
    const { world, client } = scene;
    world.login("alice", "198.51.100.7");
    const filled = (bytes: number): Uint8Array => {
      const states: Plain[] = [];
      // Header and User-Name take 27.
      for (let left = bytes - 27; left > 0;) {
        const size = Math.min(255, left);
        states.push([type.proxyState, new Uint8Array(size - 2)]);
        left -= size;
      }
      const request = requestOf(disconnect, [alice, ...states], { signs: false });
      assert.equal(request.length, bytes);
      return request;
    };
    const beyond = new Uint8Array(4200);
    beyond.set(filled(4096));
    beyond.set([0x10, 0x01], 2);
    await scene.expectSilence(signed(beyond), "bad-length");
    // An answer has 17 octets more: Message-Authenticator and Error-Cause, for a name of five letters.
    for (const bytes of [4096, 4080]) {
      await scene.expectSilence(filled(bytes), "no-room-for-answer");
    }
    assert.equal(world.show.sessions.length, 1);
    const answer = await client.ask(filled(4079));
    assert.equal(answer.code, code.disconnectAck);
    assert.equal(answer.attributes.filter(([one]) => one === type.proxyState).length, 16);
    assert.equal(world.show.sessions.length, 0);
  },
);

dynamicTest("whatever a client of ours signs gets one answer, and does no harm", async (scene) => {
  const { world, client, log } = scene;
  const random = new SeededRandom(77);
  const known = Object.values(type);
  const good: readonly Plain[] = [
    alice,
    hour,
    [type.idleTimeout, number(900)],
    [type.proxyState, text("a")],
  ];
  for (let i = 0; i < 400; i++) {
    if (world.show.sessions.length === 0) world.login("alice", `198.51.${i >> 8}.${i & 255}`);
    const attributes = Array.from({ length: random.between(0, 4) }, (): Plain => {
      if (random.chance(0.8)) return random.pick(good);
      const one = random.chance(0.8) ? random.pick(known) : random.between(0, 255);
      return one === 26 ? avPair("x") : [one, random.bytes(random.pick([0, 1, 4, 4, 16, 253]))];
    }).filter(([one]) => one !== type.messageAuthenticator && one !== type.eventTimestamp);
    const kind = random.pick([disconnect, coa]);
    const answer = await client.ask(requestOf(kind, attributes, { identifier: i & 0xff }));
    assert.ok(answer.code === kind + 1 || answer.errorCause !== undefined);
    assert.equal(answer.code === kind + 2, (answer.errorCause ?? 0) >= 400);
  }
  assert.ok(scene.count("coa-acks") > 5, JSON.stringify(scene.server.counters()));
  assert.ok(scene.count("disconnect-acks") > 5, JSON.stringify(scene.server.counters()));
  assert.ok(!log.told.some(([event]) => event === "internal-fault"));
});

// --- time and repetition ------------------------------------------------------------------------

dynamicTest(
  "RFC 5176 §6.3: a request is heard 300 seconds around its Event-Timestamp",
  async (scene) => {
    const { client, seconds } = scene;
    const at = (offset: number, identifier: number): Uint8Array =>
      requestOf(disconnect, [alice, [type.eventTimestamp, number(seconds + offset)]], {
        identifier,
      });
    for (const [identifier, offset] of [-299, 0, 299].entries()) {
      assert.equal((await client.ask(at(offset, identifier))).errorCause, 503);
    }
    for (const [identifier, offset] of [-302, 302, -86_400].entries()) {
      await scene.expectSilence(at(offset, identifier), "stale");
    }
    const bad: Plain = [type.eventTimestamp, text("abc")];
    await scene.expectSilence(requestOf(disconnect, [alice, bad]), "bad-event-timestamp");
  },
);

dynamicTest("a request that comes again is answered again and not obeyed again", async (scene) => {
  const { world, client } = scene;
  world.login("alice", "198.51.100.7");
  const request = requestOf(disconnect, [alice]);
  const first = await client.ask(request);
  world.login("alice", "198.51.100.8");
  const second = await client.ask(request);
  assert.equal(hex(second.bytes), hex(first.bytes));
  assert.equal(scene.count("duplicate"), 1);
  assert.equal(scene.count("disconnect-acks"), 1);
  assert.equal(world.show.sessions.length, 1, "who came after the first stays");
  // Another identifier is another request, and so is another time.
  const other = await client.ask(requestOf(disconnect, [alice], { identifier: 8 }));
  assert.equal(other.code, code.disconnectAck);
  assert.equal(world.show.sessions.length, 0);
});

dynamicTest("a refusal is repeated as it was", async ({ world, client }) => {
  const request = requestOf(disconnect, [alice]);
  assert.equal((await client.ask(request)).errorCause, 503);
  world.login("alice", "198.51.100.7");
  assert.equal((await client.ask(request)).errorCause, 503);
  assert.equal(world.show.sessions.length, 1);
});

dynamicTest(
  "without Event-Timestamp another port makes another request, and so does a minute",
  async (scene) => {
    const { world, client } = scene;
    const request = requestOf(disconnect, [alice]);
    const elsewhere = await scene.another();
    const tries = [
      [client, 0, "198.51.100.7"],
      [elsewhere, 0, "198.51.100.8"],
      [client, 61, "198.51.100.9"],
    ] as const;
    for (const [sender, aheadSeconds, host] of tries) {
      scene.clock.aheadSeconds = aheadSeconds;
      world.login("alice", host);
      assert.equal((await sender.ask(request)).code, code.disconnectAck);
      assert.equal(world.show.sessions.length, 0);
    }
    assert.equal(scene.count("duplicate"), 0);
  },
);

dynamicTest("RFC 5176 §6.3: with Event-Timestamp a recording is of no use, ever", async (scene) => {
  const { world, client } = scene;
  const stamp: Plain = [type.eventTimestamp, number(scene.seconds + 290)];
  const request = requestOf(disconnect, [alice, stamp]);
  world.login("alice", "198.51.100.7");
  assert.equal((await client.ask(request)).code, code.disconnectAck);
  world.login("alice", "198.51.100.8");
  const thief = await scene.another();
  for (const aheadSeconds of [0, 60, 300, 580]) {
    scene.clock.aheadSeconds = aheadSeconds;
    for (const sender of [client, thief]) {
      assert.equal((await sender.ask(request)).code, code.disconnectAck, "the answer of then");
    }
  }
  for (const aheadSeconds of [592, 601, 700, 86_400]) {
    scene.clock.aheadSeconds = aheadSeconds;
    const before = scene.count("stale");
    await scene.expectSilence(request, "stale");
    assert.equal(scene.count("stale"), before + 1);
  }
  assert.equal(world.show.sessions.length, 1, "nobody was disconnected again");
  assert.equal(scene.count("disconnect-acks"), 1);
});

dynamicTest("strict: only what is signed and dated is heard", async (scene) => {
  const { client, server, seconds } = scene;
  const stamp: Plain = [type.eventTimestamp, number(seconds)];
  client.send(requestOf(disconnect, [alice]));
  client.send(requestOf(disconnect, [alice, stamp], { signs: false }));
  const answer = await client.ask(requestOf(disconnect, [alice, stamp]));
  assert.equal(answer.errorCause, 503);
  assert.equal(client.unread, 0);
  assert.deepEqual(server.counters(), {
    "dynamic-author-no-event-timestamp": 1,
    "dynamic-author-no-message-authenticator": 1,
    "dynamic-author-session-context-not-found": 1,
  });
  server.clearCounters();
  assert.deepEqual(server.counters(), {});
}, { strict: true });

let shared = secret;
const another = text("another secret");
dynamicTest("a secret that a reload brings counts from the next request on", async (scene) => {
  const { client, world } = scene;
  world.login("alice", "198.51.100.7");
  world.login("bob", "198.51.100.8");
  // The answer goes by the secret of its request, though it is another one by then.
  assert.equal((await client.ask(requestOf(disconnect, [alice]))).code, 41);
  assert.equal(shared, another);
  const bob: Plain = [type.userName, text("bob")];
  client.send(requestOf(disconnect, [bob], { identifier: 8 }));
  client.send(requestOf(disconnect, [bob], { identifier: 9, secret: another }));
  assert.deepEqual([...(await client.next()).subarray(0, 2)], [41, 9]);
  assert.equal(scene.count("bad-authenticator"), 1);
  assert.equal(client.unread, 0);
}, {
  secret: () => shared,
  settled: () => {
    shared = another;
    return Promise.resolve();
  },
});
