/** `show aaa servers` and `show crypto ikev2 stats ext-service` line by line. */
import assert from "node:assert/strict";
import { aaaServersLines } from "../../../appliance/show/aaa_servers.ts";
import { extServiceFacts, extServiceLines } from "../../../appliance/show/ext_service.ts";
import { aaaFiguresOf, aaaServerFactsOf, summary } from "../support/facts.ts";

function assertLines(lines: readonly string[], golden: string): void {
  assert.equal(lines.join("\n"), golden.replace(/^\n/, "").replace(/\n$/, ""));
}

Deno.test("show aaa servers: one server for both purposes, the figures of a Cisco of its own", () => {
  const access = aaaFiguresOf({
    counters: {
      requests: 30,
      retransmissions: 19,
      timeouts: 6,
      answers: 24,
      accepts: 8,
      challenges: 16,
      late: 1,
      "unexpected-code": 1,
    },
  });
  const accounting = aaaFiguresOf({
    averageMs: 3,
    outstanding: 2,
    counters: {
      requests: 15,
      retransmissions: 6,
      timeouts: 2,
      answers: 13,
      "start-requests": 8,
      "stop-requests": 7,
      "start-responses": 8,
      "stop-responses": 5,
    },
  });
  assertLines(
    aaaServersLines([aaaServerFactsOf({ access, accounting })]),
    `
RADIUS: id 1, priority 1, host 11.15.24.213, auth-port 1812, acct-port 1813
     State: current UP, duration 7787s, previous duration 0s
     Dead: total time 0s, count 0
     Accounting State: current UP, duration 7787s, previous duration 0s
     Accounting Dead: total time 0s, count 0
     Quarantined: No
     Authen: request 49, timeouts 25, failover 0, retransmission 19
             Response: accept 8, reject 0, challenge 16
             Response: unexpected 2, server error 0, incorrect 0, time 94ms
             Transaction: success 24, failure 6
             Malformed responses: 0
             Bad authenticators: 0
     Account: request 21, timeouts 8, failover 0, retransmission 6
             Request: start 8, interim 0, stop 7
             Response: start 8, interim 0, stop 5
             Response: unexpected 0, server error 0, incorrect 0, time 3ms
             Transaction: success 13, failure 2
             Malformed responses: 0
             Bad authenticators: 0
     Elapsed time since counters last cleared: 2h9m
     Estimated Outstanding Access Transactions: 0
     Estimated Outstanding Accounting Transactions: 2
`,
  );
});

Deno.test("show aaa servers: a dead one, and one for accounting alone", () => {
  const access = aaaFiguresOf({
    state: "DEAD",
    durationSeconds: 41,
    previousSeconds: 200,
    deadSeconds: 705,
    deadCount: 4,
    averageMs: 0,
    counters: {
      requests: 2,
      failovers: 1,
      timeouts: 1,
      unreachable: 1,
      "bad-authenticator": 2,
      "too-short": 1,
      "bad-vendor-attribute": 1,
      "foreign-source": 3,
    },
  });
  const both = aaaServerFactsOf({ access, host: "2001:db8::1" });
  const { acctPort: _port, accounting, ...asked } = both;
  const { authPort: _other, access: _access, ...told } = both;
  assert.ok(accounting !== undefined);
  assertLines(
    aaaServersLines([
      { ...asked, id: 1, countedSeconds: 59 },
      { ...told, id: 2, accounting, countedSeconds: (((25 * 7 + 4) * 24 + 1) * 60 + 39) * 60 },
    ]),
    `
RADIUS: id 1, priority 1, host 2001:db8::1, auth-port 1812, acct-port 0
     State: current DEAD, duration 41s, previous duration 200s
     Dead: total time 705s, count 4
     Quarantined: No
     Authen: request 2, timeouts 1, failover 1, retransmission 0
             Response: accept 0, reject 0, challenge 0
             Response: unexpected 3, server error 0, incorrect 4, time 0ms
             Transaction: success 0, failure 2
             Malformed responses: 2
             Bad authenticators: 2
     Elapsed time since counters last cleared: 0m
     Estimated Outstanding Access Transactions: 0
     Estimated Outstanding Accounting Transactions: 0

RADIUS: id 2, priority 1, host 2001:db8::1, auth-port 0, acct-port 1813
     State: current UP, duration 7787s, previous duration 0s
     Dead: total time 0s, count 0
     Quarantined: No
     Account: request 0, timeouts 0, failover 0, retransmission 0
             Request: start 0, interim 0, stop 0
             Response: start 0, interim 0, stop 0
             Response: unexpected 0, server error 0, incorrect 0, time 3ms
             Transaction: success 0, failure 0
             Malformed responses: 0
             Bad authenticators: 0
     Elapsed time since counters last cleared: 25w4d1h39m
     Estimated Outstanding Access Transactions: 0
     Estimated Outstanding Accounting Transactions: 0
`,
  );
});

Deno.test("show aaa servers: one over TLS has one port and one state", () => {
  const { authPort: _auth, acctPort: _acct, ...both } = aaaServerFactsOf({ radsecPort: 2083 });
  assertLines(
    aaaServersLines([{ ...both, host: "radius.example.net" }]).slice(0, 5),
    `
RADIUS: id 1, priority 1, host radius.example.net, RADSEC-port 2083
     State: current UP, duration 7787s, previous duration 0s
     Dead: total time 0s, count 0
     Quarantined: No
     Authen: request 49, timeouts 25, failover 0, retransmission 19
`,
  );
});

Deno.test("show aaa servers without a server says who decides", () => {
  assertLines(aaaServersLines([]), "No AAA server: the users of this gateway decide");
});

Deno.test("show crypto ikev2 stats ext-service", () => {
  const counters = {
    "eap-passed": 23986,
    "eap-failed": 7,
    "authorization-passed": 3,
    "radius-accounting-start-passed": 3990,
    "radius-accounting-stop-passed": 3186,
    "radius-accounting-stop-failed": 1,
    "child-sas-installed": 8897,
    "child-sas-refused": 1,
    "bad-install": 2,
    "child-sas-removed": 16182,
    "dh-public-values": 11432,
    "dh-shared-secrets": 11430,
    "dh-refused-values": 2,
    "signatures-made": 4000,
    "signatures-right": 5,
    "signatures-wrong": 6,
  };
  assertLines(
    extServiceLines(extServiceFacts({ reconnect: summary.reconnect, counters })),
    `
--------------------------------------------------------------
AAA OPERATION                                PASSED     FAILED
--------------------------------------------------------------
RECEIVING PSKEY                                   9          1
AUTHENTICATION USING EAP                      23986          7
START ACCOUNTING                               3990          0
STOP ACCOUNTING                                3186          1
AUTHORIZATION                                     3          0
--------------------------------------------------------------
IPSEC OPERATION                              PASSED     FAILED
--------------------------------------------------------------
SA CREATION                                    8895          3
SA DELETION                                   16182          0
---------------------------------------------------------------
CRYPTO ENGINE OPERATION                      PASSED     FAILED
---------------------------------------------------------------
DH PUBKEY GENERATED                           11432          0
DH SHARED SECKEY GENERATED                    11430          2
SIGNATURE SIGN                                 4000          0
SIGNATURE VERIFY                                  5          6
`,
  );
});
