import assert from "node:assert/strict";
import { forwardingOff } from "../../appliance/forwarding.ts";

const files = (v4: string, v6?: string) => (path: string): string => {
  if (path.includes("ipv4")) return v4;
  if (v6 === undefined) throw new Deno.errors.NotFound(path);
  return v6;
};

Deno.test("only families that are in use and switched off are named", () => {
  assert.deepEqual(forwardingOff([4, 4, 6], files("0\n", "0\n")), [
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
  ]);
  assert.deepEqual(forwardingOff([4, 6], files("1\n", "0\n")), ["net.ipv6.conf.all.forwarding"]);
  assert.deepEqual(forwardingOff([4], files("1\n", "0\n")), []);
});

Deno.test("a host without the setting is not complained about", () => {
  assert.deepEqual(forwardingOff([6], files("1\n")), []);
});
