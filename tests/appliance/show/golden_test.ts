import assert from "node:assert/strict";
import { accessListFacts, accessListLines } from "../../../appliance/show/access_lists.ts";
import {
  cryptoSessionBriefHeading,
  cryptoSessionBriefLine,
  cryptoSessionHeading,
  cryptoSessionLines,
} from "../../../appliance/show/crypto_session.ts";
import type { SessionFacts } from "../../../appliance/show/facts.ts";
import { ikev2SaLines } from "../../../appliance/show/ikev2_sa.ts";
import { ikev2SessionLines } from "../../../appliance/show/ikev2_session.ts";
import { ipLocalPoolLines } from "../../../appliance/show/ip_local_pool.ts";
import { reconnectStatsLines, statsLines } from "../../../appliance/show/stats.ts";
import { clockText, uptimeText } from "../../../appliance/show/text.ts";
import { readAccessLists } from "../../../appliance/aaa/access_list/file.ts";
import { parseRule } from "../../../appliance/aaa/access_list/parse.ts";
import type { PacketFilter } from "../../../core/mod.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { randomLine } from "../aaa/access_list/random_line.ts";
import {
  childSaFactsOf,
  ikeSaFactsOf,
  selectorOf,
  sessionFactsOf,
  summary,
} from "../support/facts.ts";

function assertLines(lines: readonly string[], golden: string): void {
  assert.equal(lines.join("\n"), golden.replace(/^\n/, "").replace(/\n$/, ""));
}

const active = sessionFactsOf({ capabilities: "DNR", reconnect: { count: 1 }, group: "staff" });
const parked = sessionFactsOf({
  id: 17,
  state: "inactive",
  capabilities: "",
  childSas: [],
  lastRemote: "[2001:db8::9]:4500",
  reconnect: { count: 0, deadline: "2026-01-01T13:47:14.000Z", secondsLeft: 1749 },
});
const { ikeSa: _, ...parkedWithoutSa } = parked;
const six = sessionFactsOf({
  id: 18,
  ikeSa: ikeSaFactsOf({
    local: { address: "2001:db8::1", port: 500 },
    remote: { address: "2001:db8::9", port: 500 },
    nat: "none",
    fragmentation: true,
    encryption: "AES-GCM",
    prf: "SHA384",
    integrity: "None",
    authSign: "ECDSA",
    authVerify: "RSA",
  }),
  method: "certificate",
  addresses: ["192.168.20.6", "fd00::6"],
  childSas: [
    childSaFactsOf({
      encryption: "AES-GCM",
      integrity: "None",
      localSelectors: [
        selectorOf("10.0.0.0", "10.0.255.255"),
        selectorOf("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
      ],
      remoteSelectors: [
        selectorOf("192.168.20.6", "192.168.20.6"),
        selectorOf("fd00::6", "fd00::6"),
      ],
    }),
  ],
});

Deno.test("show crypto session detail", () => {
  assertLines(
    [...cryptoSessionHeading(true), ...cryptoSessionLines(active, true)],
    `
Crypto session current status

Code: C - IKE Configuration mode, D - Dead Peer Detection
K - Keepalives, N - NAT-traversal, T - cTCP encapsulation
X - IKE Extended Authentication, F - IKE Fragmentation
R - IKE Auto Reconnect

Interface: Virtual-Access16
Username: user1
Profile: rejoin
Group: staff
Assigned address: 192.168.20.5
Uptime: 13:17:14
Session status: UP-ACTIVE
Peer: 10.106.36.37 port 50055 fvrf: (none) ivrf: (none)
      Phase1_id: user1
      Desc: (none)
  Session ID: 16
  IKEv2 SA: local 10.106.69.69/4500 remote 10.106.36.37/50055 Active
          Capabilities:DNR connid:16 lifetime:10:42:46
  IPSEC FLOW: permit ip 0.0.0.0/0.0.0.0 host 192.168.20.5
        Active SAs: 2, origin: crypto map
        Inbound:  #pkts dec'ed 47673 drop 0 life (KB/Sec) 4607772/1874
        Outbound: #pkts enc'ed 47672 drop 2 life (KB/Sec) 4607812/1874

`,
  );
});

Deno.test("show crypto session detail: the filter behind the addresses, with its drops", () => {
  const filtered = sessionFactsOf({ filter: { name: "staff", drops: 12 } });
  const lines = cryptoSessionLines(filtered, true);
  assert.equal(
    lines[lines.indexOf("Assigned address: 192.168.20.5") + 1],
    "Inbound access list: staff drop 12",
  );
  assert.ok(!cryptoSessionLines(filtered, false).join().includes("access list"));
});

Deno.test("show crypto session detail: what AAA gave stands below the addresses", () => {
  const given = {
    pools: ["staff", "guests"],
    ipv6Pools: ["six"],
    dns: ["10.0.0.53", "fd00::53"],
    sessionTimeoutSeconds: 3600,
    idleTimeoutSeconds: 600,
    domain: "example.net",
    networks: ["10.77.0.0/24"],
  };
  const lines = cryptoSessionLines({ ...active, given }, true);
  assertLines(
    lines.slice(0, 12),
    `
Interface: Virtual-Access16
Username: user1
Profile: rejoin
Group: staff
Assigned address: 192.168.20.5
Pool: staff, guests
IPv6 pool: six
DNS: 10.0.0.53, fd00::53
Session timeout: 3600 sec
Idle timeout: 600 sec
Uptime: 13:17:14
Session status: UP-ACTIVE
`,
  );
  assert.deepEqual(lines.slice(10), cryptoSessionLines(active, true).slice(5));
});

Deno.test("show crypto session", () => {
  assertLines(
    [...cryptoSessionHeading(false), ...cryptoSessionLines(active, false)],
    `
Crypto session current status

Interface: Virtual-Access16
Profile: rejoin
Session status: UP-ACTIVE
Peer: 10.106.36.37 port 50055
  Session ID: 16
  IKEv2 SA: local 10.106.69.69/4500 remote 10.106.36.37/50055 Active
  IPSEC FLOW: permit ip 0.0.0.0/0.0.0.0 host 192.168.20.5
        Active SAs: 2, origin: crypto map

`,
  );
});

Deno.test("show crypto session detail: a session that waits to come back is DOWN", () => {
  assertLines(
    cryptoSessionLines(parkedWithoutSa, true),
    `
Interface: Virtual-Access17
Username: user1
Profile: rejoin
Assigned address: 192.168.20.5
Uptime: 13:17:14
Session status: DOWN
Peer: 2001:db8::9 port 4500 fvrf: (none) ivrf: (none)
      Phase1_id: user1
      Desc: may reconnect until 2026-01-01T13:47:14.000Z, 00:29:09 left
  Session ID: 17

`,
  );
});

Deno.test("show crypto session detail: one that may not be idle for long says how long it is", () => {
  const described = (idle: SessionFacts["idle"]): string | undefined =>
    cryptoSessionLines({ ...active, ...(idle === undefined ? {} : { idle }) }, true)
      .find((line) => line.includes("Desc:"))?.trim();
  assert.equal(
    described({ seconds: 65, limitSeconds: 600 }),
    "Desc: idle for 00:01:05, at most 00:10:00",
  );
  assert.equal(described({ seconds: 65 }), "Desc: (none)");
  assert.equal(described(undefined), "Desc: (none)");
});

Deno.test("show crypto session detail: IPv6, several selectors, no volume limit, no capabilities", () => {
  const [sa] = six.childSas;
  assert.ok(sa);
  const { remainingKilobytesIn: _in, remainingKilobytesOut: _out, ...unlimited } = sa;
  assertLines(
    cryptoSessionLines({ ...six, capabilities: "", childSas: [unlimited] }, true).slice(10),
    `
  Session ID: 18
  IKEv2 SA: local 2001:db8::1/500
          remote 2001:db8::9/500 Active
          Capabilities:(none) connid:18 lifetime:10:42:46
  IPSEC FLOW: permit ip 10.0.0.0/255.255.0.0 host 192.168.20.6
        Active SAs: 2, origin: crypto map
        Inbound:  #pkts dec'ed 47673 drop 0 life (KB/Sec) KB Vol Rekey Disabled/1874
        Outbound: #pkts enc'ed 47672 drop 2 life (KB/Sec) KB Vol Rekey Disabled/1874
  IPSEC FLOW: permit ip ::/0 host fd00::6
        Active SAs: 2, origin: crypto map
        Inbound:  #pkts dec'ed 47673 drop 0 life (KB/Sec) KB Vol Rekey Disabled/1874
        Outbound: #pkts enc'ed 47672 drop 2 life (KB/Sec) KB Vol Rekey Disabled/1874

`,
  );
});

Deno.test("show crypto session brief", () => {
  assertLines(
    [...cryptoSessionBriefHeading, cryptoSessionBriefLine(active), cryptoSessionBriefLine(parked)],
    `
Status: A- Active, U - Up, D - Down, I - Idle, S - Standby, N - Negotiating
        K - No IKE
ivrf = (none)
Peer            I/F     Username        Group/Phase1_id      Uptime    Status
10.106.36.37    Vi16    user1           staff                13:17:14  UA
10.106.36.37    Vi17    user1           user1                13:17:14  D
`,
  );
});

Deno.test("show crypto ikev2 sa detailed", () => {
  assertLines(
    ikev2SaLines([active, parkedWithoutSa], true),
    `
 IPv4 Crypto IKEv2  SA

Tunnel-id Local                 Remote                fvrf/ivrf            Status
16        10.106.69.69/4500     10.106.36.37/50055    none/none            READY
      Encr: AES-CBC, keysize: 256, PRF: SHA512, Hash: SHA512, DH Grp:19, Auth sign: RSA, Auth verify: EAP
      Life/Active Time: 86400/47834 sec
      CE id: 16, Session-id: 16
      Local spi: 39125EA1EB1B358D       Remote spi: 29C6416947D54ECA
      Status Description: Negotiation done
      Local id: vpn.example.net
      Remote id: user1
      Remote EAP id: user1
      Local req msg id:  0              Remote req msg id:  9
      Local next msg id: 0              Remote next msg id: 9
      Local req queued:  0              Remote req queued:  9
      Local window:      1              Remote window:      1
      DPD configured for 45 seconds, retry 2
      Fragmentation not  configured.
      Dynamic Route Update: disabled
      Extended Authentication not configured.
      NAT-T is detected outside
      Cisco Trust Security SGT is disabled
      Assigned host addr: 192.168.20.5
      Initiator of SA : No
      PEER TYPE: Other

 IPv6 Crypto IKEv2  SA

`,
  );
});

Deno.test("show crypto ikev2 sa detailed: networks behind a user are remote subnets", () => {
  const given = { networks: ["10.77.0.0/24", "fd77::/64"] };
  const lines = ikev2SaLines([{ ...active, given }], true);
  assertLines(
    lines.slice(lines.indexOf("      Initiator of SA : No"), -3),
    `
      Initiator of SA : No
      Remote subnets:
      10.77.0.0 255.255.255.0
      fd77::/64
      PEER TYPE: Other
`,
  );
});

Deno.test("show crypto ikev2 sa: three lines a block, IPv6 under its own heading", () => {
  assertLines(
    ikev2SaLines([six, active], false),
    `
 IPv4 Crypto IKEv2  SA

Tunnel-id Local                 Remote                fvrf/ivrf            Status
16        10.106.69.69/4500     10.106.36.37/50055    none/none            READY
      Encr: AES-CBC, keysize: 256, PRF: SHA512, Hash: SHA512, DH Grp:19, Auth sign: RSA, Auth verify: EAP
      Life/Active Time: 86400/47834 sec

 IPv6 Crypto IKEv2  SA

Tunnel-id    fvrf/ivrf              Status
18           none/none              READY
Local  2001:db8::1/500
Remote  2001:db8::9/500
      Encr: AES-GCM, keysize: 256, PRF: SHA384, Hash: None, DH Grp:19, Auth sign: ECDSA, Auth verify: RSA
      Life/Active Time: 86400/47834 sec

`,
  );
});

Deno.test("after a reconnect the user stays visible although the client authenticated by PSK", () => {
  const back = sessionFactsOf({
    peerType: "AnyConnect",
    ikeSa: ikeSaFactsOf({ authVerify: "PSK", remoteId: "rIUHKccDRiUtFTATwq" }),
  });
  const lines = ikev2SaLines([back], true);
  assert.ok(lines.includes("      Remote EAP id: user1"));
  assert.ok(lines.includes("      PEER TYPE: AnyConnect"));
});

Deno.test("show crypto ikev2 session detailed", () => {
  assertLines(
    ikev2SessionLines([{ ...active, id: 3 }], true).filter((_line, i) => i < 4 || i > 25),
    `
 IPv4 Crypto IKEv2 Session

Session-id:3, Status:UP-ACTIVE, IKE count:1, CHILD count:1

      PEER TYPE: Other
Child sa: local selector  0.0.0.0/0 - 255.255.255.255/65535
          remote selector 192.168.20.5/0 - 192.168.20.5/65535
          ESP spi in/out: 0x2E14CBAF/0xD5590D3
          AH spi in/out: 0x0/0x0
          CPI in/out: 0x0/0x0
          Encr: AES-CBC, keysize: 256, esp_hmac: SHA384
          ah_hmac: None, comp: IPCOMP_NONE, mode tunnel

 IPv6 Crypto IKEv2 Session

`,
  );
});

Deno.test("show crypto ikev2 session: ends after the ESP line, idle without Child SA", () => {
  const lines = ikev2SessionLines(
    [{ ...active, id: 3 }, { ...active, id: 4, childSas: [] }],
    false,
  );
  assertLines(
    lines.filter((line) => /^Session-id|^Child|^ {10}/.test(line)),
    `
Session-id:3, Status:UP-ACTIVE, IKE count:1, CHILD count:1
Child sa: local selector  0.0.0.0/0 - 255.255.255.255/65535
          remote selector 192.168.20.5/0 - 192.168.20.5/65535
          ESP spi in/out: 0x2E14CBAF/0xD5590D3
Session-id:4, Status:UP-IDLE, IKE count:1, CHILD count:0
`,
  );
});

Deno.test("show crypto ikev2 stats reconnect", () => {
  assertLines(
    reconnectStatsLines(summary.reconnect),
    `
Total incoming reconnect connection: 10
Success reconnect connection: 9
Failed reconnect connection: 1
Reconnect capable active session count: 4
Reconnect capable inactive session count: 6
`,
  );
});

Deno.test("show crypto ikev2 stats", () => {
  assertLines(
    statsLines(summary).slice(1),
    `
                          Crypto IKEv2 SA Statistics
--------------------------------------------------------------------------------
negotiating:   1
aaa.questions: 3
ike-in:        77
`,
  );
});

Deno.test("show ip local pool", () => {
  assertLines(
    ipLocalPoolLines([
      ...summary.pools,
      { name: "staff", begin: "10.1.0.2", end: "10.1.0.254", free: 253, inUse: 0 },
    ]),
    `
 Pool                     Begin           End              Free  In use
 rejoin0                  192.168.20.2    192.168.20.254    252       1
 staff                    10.1.0.2        10.1.0.254        253       0
`,
  );
});

Deno.test("show access-lists", () => {
  const list: PacketFilter = {
    name: "staff",
    rules: [
      "permit tcp any 10.0.0.0 0.0.0.255 eq www 443",
      "permit udp any 2001:db8::/32 eq domain",
      "permit tcp any host 10.0.0.9 established",
      "deny icmpv6 any any echo-request",
      "deny ip any any",
    ].map((line) => {
      const parsed = parseRule(line);
      assert.ok(parsed.ok);
      return parsed.value;
    }),
  };
  assertLines(
    accessListLines(accessListFacts(list)),
    `
Extended IP access list staff
    10 permit tcp any 10.0.0.0 0.0.0.255 eq www 443
    20 permit tcp any host 10.0.0.9 established
    30 deny ip any any
IPv6 access list staff
    permit udp any 2001:db8::/32 eq domain sequence 10
    deny icmp any any echo-request sequence 20
`,
  );
  const four = { name: "four", rules: list.rules.slice(0, 1) };
  assert.deepEqual(accessListLines(accessListFacts(four)), [
    "Extended IP access list four",
    "    10 permit tcp any 10.0.0.0 0.0.0.255 eq www 443",
  ]);
});

Deno.test("what is shown of an access list can be read again", () => {
  const random = new SeededRandom(5);
  const rules = random.list(60, () => {
    const parsed = parseRule(randomLine(random, random.pick([4, 6] as const)));
    return parsed.ok ? [parsed.value] : [];
  }).flat().sort((a, b) => a.family - b.family);
  assert.ok(rules.length > 30);
  const text = accessListLines(accessListFacts({ name: "again", rules })).join("\n")
    .replace("Extended IP access list", "ip access-list extended")
    .replace("IPv6 access list", "ipv6 access-list");
  const { lists, problems } = readAccessLists(text);
  assert.deepEqual([problems, lists.get("again")], [[], rules]);
});

Deno.test("uptimes and lifetimes as IOS prints them", () => {
  assert.deepEqual(
    [0, 86_399, 86_400, 3 * 86_400 + 18 * 3600, 17 * 86_400, 400 * 86_400].map(uptimeText),
    ["00:00:00", "23:59:59", "1d00h", "3d18h", "2w3d", "1y5w"],
  );
  assert.equal(clockText(100 * 3600), "100:00:00");
});
