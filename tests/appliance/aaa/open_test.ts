/** A back end whose groups change while it is at work. */
import assert from "node:assert/strict";
import { openAaa } from "../../../appliance/aaa/open.ts";
import { systemClock } from "../../../appliance/clock.ts";
import { poolsOf } from "../../../appliance/config/compile.ts";
import { settle } from "../../../appliance/config/gather.ts";
import { serveFlags, type ServeSettings } from "../../../appliance/config/serve_flags.ts";
import { systemRandom } from "../../../appliance/entropy.ts";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { type PacketFilter, parseIpAddress, type UserAttributes } from "../../../core/mod.ts";
import { keepingLog } from "./radius/support.ts";

function settingsOf(group: string): ServeSettings {
  const args = new Map([["pool", ["10.99.0.0/24"]], ["user", ["ann:pw"]], ["group", [group]]]);
  return settle(serveFlags, { args, unknown: [], env: () => undefined, readFile: () => "" });
}

Deno.test("other groups and access lists count from the next login on", async () => {
  const settings = settingsOf("staff:domain=old.example,filter=web");
  const accessLists = new Map<string, PacketFilter>([["web", { name: "web", rules: [] }]]);
  const aaa = openAaa({
    settings,
    secrets: () => [],
    tls: () => undefined,
    local: { verify: () => Promise.resolve({ kind: "accept", attributes: { group: "staff" } }) },
    pools: poolsOf(settings),
    accessLists,
    nasIdentifier: "gw",
    crypto: nobleProvider,
    random: systemRandom,
    clock: systemClock,
    log: keepingLog(),
  });
  const attributes = async (): Promise<UserAttributes> => {
    const address = parseIpAddress("203.0.113.9") ?? assert.fail();
    const context = { remote: { address, port: 4500 }, signal: new AbortController().signal };
    const credential = { kind: "password", password: "pw" } as const;
    const verdict = await aaa.verifier.verify("ann", credential, context);
    assert.equal(verdict.kind, "accept");
    return verdict.kind === "accept" ? verdict.attributes : {};
  };
  const before = await attributes();
  assert.deepEqual([before.told?.domain, before.filter?.name], ["old.example", "web"]);
  accessLists.clear();
  accessLists.set("mail", { name: "mail", rules: [] });
  aaa.regroup(settingsOf("staff:domain=new.example,filter=mail"));
  const after = await attributes();
  assert.deepEqual([after.told?.domain, after.filter?.name], ["new.example", "mail"]);
  aaa.close();
});
