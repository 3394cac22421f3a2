/** Which secret goes with which server, and where servers are. */
import assert from "node:assert/strict";
import {
  addressesOf,
  secretsWanted,
  udpServers,
} from "../../../../appliance/aaa/radius/servers.ts";
import {
  type Endpoint,
  formatIpAddress,
  parseIpAddress,
  textOf,
  utf8,
} from "../../../../core/mod.ts";

function endpoint(host: string, port: number): Endpoint {
  return { address: parseIpAddress(host) ?? assert.fail(), port };
}

function told(
  accounting: readonly Endpoint[],
  secrets: readonly string[],
): readonly (readonly string[])[] {
  const radius = [endpoint("192.0.2.1", 1812), endpoint("2001:db8::1", 1645)];
  const servers = udpServers({ radius, "radius-acct": accounting }, () => secrets.map(utf8), {
    source: undefined,
    allowUnsigned: false,
  });
  return [servers.access, servers.accounting].map((list) =>
    list.map(({ host, port, secret }) => `${host} ${port} ${textOf(secret())}`)
  );
}

Deno.test("one secret is for all servers, and accounting goes to the port behind", () => {
  assert.deepEqual(told([], ["x"]), [
    ["192.0.2.1 1812 x", "2001:db8::1 1645 x"],
    ["192.0.2.1 1813 x", "2001:db8::1 1646 x"],
  ]);
});

Deno.test("secrets stand in the order of the servers, those for accounting last", () => {
  assert.deepEqual(told([], ["x", "y"])[1], ["192.0.2.1 1813 x", "2001:db8::1 1646 y"]);
  assert.deepEqual(told([endpoint("192.0.2.9", 1813)], ["x", "y", "z"]), [
    ["192.0.2.1 1812 x", "2001:db8::1 1645 y"],
    ["192.0.2.9 1813 z"],
  ]);
  const acct = [endpoint("192.0.2.9", 1813)];
  assert.equal(secretsWanted({ radius: acct, "radius-acct": acct }), 2);
});

Deno.test("servers of both purposes are where the flags say", () => {
  const servers = udpServers(
    {
      radius: [endpoint("192.0.2.1", 1812)],
      "radius-acct": [endpoint("2001:db8::9", 1813)],
    },
    () => [utf8("x")],
    { source: undefined, allowUnsigned: false },
  );
  assert.deepEqual(addressesOf(servers).map(formatIpAddress), ["192.0.2.1", "2001:db8::9"]);
});
