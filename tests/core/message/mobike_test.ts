/** The notifies of MOBIKE that carry data (RFC 4555 §4.2). */
import { deepEqual, equal } from "node:assert/strict";
import { NotifyType } from "../../../core/message/constants.ts";
import {
  buildAdditionalAddress,
  parseCookie2,
  parseNoNatsAllowed,
} from "../../../core/message/mobike.ts";
import { notify } from "../../../core/message/notify.ts";
import { formatEndpoint } from "../../../core/wire/address.ts";
import { hex } from "../../support/hex.ts";
import { address } from "../../support/sim_settings.ts";

Deno.test("RFC 4555 §4.2.2: another address of either family is its octets", () => {
  const four = buildAdditionalAddress(address("192.0.2.9"));
  deepEqual([four.notifyType, four.data], [NotifyType.ADDITIONAL_IP4_ADDRESS, hex("c0000209")]);
  const six = buildAdditionalAddress(address("2001:db8::9"));
  equal(six.notifyType, NotifyType.ADDITIONAL_IP6_ADDRESS);
  deepEqual(six.data, address("2001:db8::9").octets);
  deepEqual([four.protocol, four.spi.length], [0, 0], "of the IKE SA, which needs no SPI");
});

Deno.test("RFC 4555 §4.2.5: a COOKIE2 has 8 to 64 octets", () => {
  const parsed = [0, 7, 8, 64, 65].map((length) =>
    parseCookie2(notify(NotifyType.COOKIE2, new Uint8Array(length)))?.length
  );
  deepEqual(parsed, [undefined, undefined, 8, 64, undefined]);
});

Deno.test("RFC 4555 §4.2.6: NO_NATS_ALLOWED has both addresses, then both ports", () => {
  const parse = (text: string) => parseNoNatsAllowed(notify(NotifyType.NO_NATS_ALLOWED, hex(text)));
  const told = (text: string) => {
    const path = parse(text);
    return path && [path.source, path.destination].map(formatEndpoint);
  };
  deepEqual(told("c0000201" + "cb007109" + "1194" + "01f4"), ["192.0.2.1:4500", "203.0.113.9:500"]);
  const six = (last: string): string => `20010db8${"0".repeat(22)}${last}`;
  deepEqual(told(`${six("01")}${six("02")}11941194`), ["[2001:db8::1]:4500", "[2001:db8::2]:4500"]);
  for (const length of [0, 11, 13, 35, 37, 64]) equal(parse("00".repeat(length)), undefined);
});
