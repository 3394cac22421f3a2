import assert from "node:assert/strict";
import { Encr, Integ } from "../../core/message/constants.ts";
import type { EspKeys } from "../../core/sa/suite.ts";
import { hex, toHex } from "../support/hex.ts";
import { readVectorJson, vectorTest } from "../support/vectors.ts";
import { type End, pair, selector, Tunnel } from "./support/ends.ts";

/** Of the exchange that made the keys, which for a rekey may be the other end. */
type Role = "initiator" | "responder";

type RecordedChildSa =
  & { readonly spi_in_at_responder: string; readonly spi_out_at_responder: string }
  & { readonly [Key in `${"encryption" | "integrity"} ${Role} key`]: string };
interface RecordedEsp {
  readonly spi: string;
  readonly frame: number;
  readonly kind: string;
  readonly dst: string;
  readonly raw: string;
  readonly decrypted: { readonly key_used: string; readonly inner: string };
}
interface Recording {
  readonly child_sas: readonly RecordedChildSa[];
  readonly messages: readonly RecordedEsp[];
}

const path = "own/strongswan-recordings/eap-mschapv2-ikegcm-espcbc.expected.json";

function keysOf(sa: RecordedChildSa, role: Role): EspKeys {
  return {
    encryption: hex(sa[`encryption ${role} key`]),
    integrity: hex(sa[`integrity ${role} key`]),
  };
}

/** The responder's pairs at `here`, the initiator's at `there`. */
function install(tunnel: Tunnel, sa: RecordedChildSa, peer: Role): void {
  const own = peer === "initiator" ? "responder" : "initiator";
  tunnel.install(pair({
    suite: {
      encryption: Encr.AES_CBC,
      keyBits: 256,
      integrity: Integ.HMAC_SHA2_256_128,
      esn: false,
    },
    inboundSpi: Number.parseInt(sa.spi_in_at_responder, 16),
    outboundSpi: Number.parseInt(sa.spi_out_at_responder, 16),
    inboundKeys: keysOf(sa, peer),
    outboundKeys: keysOf(sa, own),
    localSelectors: [selector("10.9.0.0-10.9.0.255")],
    remoteSelectors: [selector("10.99.0.1")],
  }));
}

vectorTest(
  "every ESP packet that strongSwan sent opens to the recorded inner packet, once",
  readVectorJson<Recording>(path),
  (recording) => {
    const tunnel = new Tunnel();
    const packets = recording.messages.filter((message) => message.kind === "esp");
    for (const sa of recording.child_sas) {
      const first = packets.find((packet) => packet.spi === sa.spi_in_at_responder);
      install(
        tunnel,
        sa,
        first?.decrypted.key_used.includes("initiator") ? "initiator" : "responder",
      );
    }
    assert.ok(packets.length >= 10);
    for (const { frame, raw, decrypted, dst } of packets) {
      const end: End = dst === "10.251.0.1:4500" ? tunnel.here : tunnel.there;
      const inner = tunnel.open(end, hex(raw));
      assert.equal(inner && toHex(inner), decrypted.inner, `frame ${frame}`);
      assert.equal(tunnel.open(end, hex(raw)), undefined, `frame ${frame} again`);
    }
    for (const end of [tunnel.here, tunnel.there]) {
      assert.equal(end.counted["packets-in"], packets.length / 2);
      assert.equal(end.counted.replay, packets.length / 2);
      assert.equal(Object.keys(end.counted).length, 3);
    }
  },
);
