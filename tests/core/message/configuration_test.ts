/** Values of configuration attributes (RFC 7296 §3.15.1) and Cisco's networks of 14 octets. */
import assert from "node:assert/strict";
import {
  buildIp6PrefixValue,
  buildSubnetValue,
  buildUnityNetworks,
  findAttribute,
  parseAddressValue,
  parseIp6AddressValue,
  parseSubnetValue,
  parseTextValue,
  parseUnityNetworks,
} from "../../../core/message/configuration.ts";
import {
  type AddressPrefix,
  formatIpAddress,
  formatPrefix,
  parsePrefix,
} from "../../../core/wire/address.ts";
import { hex, toHex } from "../../support/hex.ts";

function prefix(text: string): AddressPrefix {
  const parsed = parsePrefix(text);
  assert.ok(parsed, text);
  return parsed;
}

const text = (value: AddressPrefix | undefined): string | undefined =>
  value === undefined ? undefined : formatPrefix(value);

Deno.test("addresses by their length", () => {
  const four = parseAddressValue(hex("c0a81401"));
  assert.equal(four && formatIpAddress(four), "192.168.20.1");
  const six = parseAddressValue(hex("20010db8" + "00".repeat(11) + "01"));
  assert.equal(six && formatIpAddress(six), "2001:db8::1");
  for (const value of ["", "c0a814", "c0a8140100"]) {
    assert.equal(parseAddressValue(hex(value)), undefined);
  }
});

Deno.test("RFC 7296 §3.15.1: an IPv6 address with its prefix length", () => {
  const value = buildIp6PrefixValue(prefix("2001:db8::5/64"));
  assert.equal(toHex(value), "20010db8" + "00".repeat(11) + "05" + "40");
  assert.equal(text(parseIp6AddressValue(value)), "2001:db8::5/64");
  assert.equal(text(parseIp6AddressValue(value.subarray(0, 16))), "2001:db8::5/128");
  assert.equal(parseIp6AddressValue(hex("00".repeat(16) + "81")), undefined);
  assert.equal(parseIp6AddressValue(hex("00".repeat(18))), undefined);
  assert.equal(parseIp6AddressValue(hex("")), undefined);
});

Deno.test("subnets: address and mask for IPv4, address and length for IPv6", () => {
  assert.equal(toHex(buildSubnetValue(prefix("10.0.0.0/8"))), "0a000000ff000000");
  assert.equal(text(parseSubnetValue(hex("0a000000ff000000"))), "10.0.0.0/8");
  assert.equal(text(parseSubnetValue(buildSubnetValue(prefix("2001:db8::/32")))), "2001:db8::/32");
  assert.equal(parseSubnetValue(hex("0a000000ff00ff00")), undefined);
  assert.equal(parseSubnetValue(hex("0a000000")), undefined);
});

Deno.test("Unity networks have 14 octets each, IPv4 only", () => {
  const networks = [prefix("10.0.0.0/8"), prefix("2001:db8::/32"), prefix("192.168.20.0/24")];
  const value = buildUnityNetworks(networks);
  assert.equal(
    toHex(value),
    "0a000000ff000000000000000000" + "c0a81400ffffff00000000000000",
  );
  assert.deepEqual(parseUnityNetworks(value)?.map(formatPrefix), ["10.0.0.0/8", "192.168.20.0/24"]);
  assert.deepEqual(parseUnityNetworks(hex("")), []);
  assert.equal(parseUnityNetworks(value.subarray(0, 27)), undefined);
  assert.equal(parseUnityNetworks(hex("0a000000f0f00000000000000000")), undefined);
});

Deno.test("texts lose a terminating NUL, and only that", () => {
  assert.equal(parseTextValue(hex("6c6162")), "lab");
  assert.equal(parseTextValue(hex("6c616200")), "lab");
  assert.equal(parseTextValue(hex("6c006200")), "l\0b");
  assert.equal(parseTextValue(hex("ff")), "\ufffd");
});

Deno.test("an attribute by its type", () => {
  const attributes = [{ type: 1, value: hex("01") }, { type: 3, value: hex("02") }, {
    type: 3,
    value: hex("03"),
  }];
  const cp = { kind: "CP", configType: 1, attributes } as const;
  assert.equal(findAttribute(cp, 3), attributes[1]);
  assert.equal(findAttribute(cp, 2), undefined);
});
