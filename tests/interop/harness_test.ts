/**
 * The ground that the other files of this folder stand on: strongSwan against strongSwan. When this
 * fails, the machine or the harness is at fault, not our gateway.
 */
import assert from "node:assert/strict";
import { startCharon, whyNoCharon } from "../support/charon.ts";
import { iperf, Lab, ping } from "../support/netns.ts";
import { makeTestPki } from "../support/test_pki.ts";
import { charonClient, charonGateway, connectedLab, innerTarget } from "../support/road_warrior.ts";
import { parseVici } from "../support/vici_text.ts";

const reason = whyNoCharon();
if (reason !== undefined) console.log(`skipped: interop harness: ${reason}`);

Deno.test({
  name: "harness: strongSwan logs in to strongSwan with EAP-MSCHAPv2, pings and carries TCP",
  ignore: reason !== undefined,
  fn: async () => {
    await using lab = await Lab.create();
    const { gateway, clients: [site] } = await connectedLab(lab, 1);
    assert.ok(site);
    const pki = await makeTestPki(`${lab.folder}/pki`);
    await using _server = await startCharon(charonGateway(lab, gateway, pki));
    await using client = await startCharon(charonClient(lab, site, pki, { auth: "eap" }));
    await client.initiate("net");
    const [sa] = await client.listSas();
    assert.equal(sa?.state, "ESTABLISHED");
    assert.deepEqual(sa.virtualIps, ["10.99.0.1"]);
    assert.equal(sa.children[0]?.state, "INSTALLED");
    const answers = await ping(site.namespace, innerTarget, { source: "10.99.0.1" });
    assert.equal(answers.received, answers.sent);
    const speed = await iperf(
      { namespace: site.namespace, address: "10.99.0.1" },
      { namespace: gateway, address: innerTarget },
      { seconds: 1 },
    );
    assert.ok(speed.bitsPerSecond > 1e6, `${speed.bitsPerSecond} bit/s`);
    const [after] = await client.listSas();
    assert.ok((after?.children[0]?.bytesOut ?? 0) > speed.bytes);
  },
});

Deno.test("harness: raw vici text is read with lists, nesting and spaces in values", () => {
  const [event] = parseVici(
    "list-sa event {gw {uniqueid=1 remote-id=CN=a b, O=c d local-vips=[10.0.0.1 fd00::1] " +
      "child-sas {net-1 {name=net state=INSTALLED bytes-in=84}}}}\nlist-sas reply {}",
  );
  const sa = event?.sections["gw"];
  assert.deepEqual(sa?.values, { uniqueid: "1", "remote-id": "CN=a b, O=c d" });
  assert.deepEqual(sa?.lists["local-vips"], ["10.0.0.1", "fd00::1"]);
  assert.deepEqual(sa?.sections["child-sas"]?.sections["net-1"]?.values, {
    name: "net",
    state: "INSTALLED",
    "bytes-in": "84",
  });
});
