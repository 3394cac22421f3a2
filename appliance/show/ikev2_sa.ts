/** `show crypto ikev2 sa [detailed]` in the layout of IOS XE, one block a family. */
import type { IkeSaFacts, SessionFacts } from "./facts.ts";
import { isIpv6, maskText, slashed } from "./text.ts";

/** All IKE SAs. */
export function ikev2SaLines(sessions: readonly SessionFacts[], detail: boolean): string[] {
  const rows = ([4, 6] as const).map((family) =>
    sessions.flatMap((session) => {
      const { ikeSa } = session;
      if (ikeSa === undefined || isIpv6(ikeSa.remote.address) !== (family === 6)) return [];
      return [...ikeSaBlock(session, ikeSa, detail), ""];
    })
  );
  return [
    " IPv4 Crypto IKEv2  SA",
    "",
    ...(rows[0] ?? []),
    " IPv6 Crypto IKEv2  SA",
    "",
    ...(rows[1] ?? []),
  ];
}

/** Column titles and the lines of one IKE SA; also part of `show crypto ikev2 session`. */
export function ikeSaBlock(session: SessionFacts, sa: IkeSaFacts, detail: boolean): string[] {
  const id = String(session.id);
  const head = isIpv6(sa.remote.address)
    ? [
      "Tunnel-id    fvrf/ivrf              Status",
      `${id.padEnd(13)}none/none              READY`,
      `Local  ${slashed(sa.local)}`,
      `Remote  ${slashed(sa.remote)}`,
    ]
    : [
      "Tunnel-id Local                 Remote                fvrf/ivrf            Status",
      `${id.padEnd(9)} ${slashed(sa.local).padEnd(21)} ${
        slashed(sa.remote).padEnd(21)
      } none/none            READY`,
    ];
  return [
    ...head,
    `      Encr: ${sa.encryption}, keysize: ${sa.keyBits}, PRF: ${sa.prf}, Hash: ${sa.integrity}, ` +
    `DH Grp:${sa.group}, Auth sign: ${sa.authSign}, Auth verify: ${sa.authVerify}`,
    `      Life/Active Time: ${sa.lifetimeSeconds}/${sa.activeSeconds} sec`,
    ...(detail ? detailLines(session, sa) : []),
  ];
}

function detailLines(session: SessionFacts, sa: IkeSaFacts): string[] {
  const counted = (label: string, local: number, remote: number): string =>
    `      ${`Local ${label}`.padEnd(18)} ${String(local).padEnd(15)}${
      `Remote ${label}`.padEnd(19)
    } ${remote}`;
  const { dpd } = session;
  const eap = sa.authVerify.endsWith("EAP") || (session.method !== "certificate");
  return [
    `      CE id: ${session.id}, Session-id: ${session.id}`,
    `      Local spi: ${sa.localSpi}       Remote spi: ${sa.remoteSpi}`,
    "      Status Description: Negotiation done",
    `      Local id: ${sa.localId}`,
    `      Remote id: ${sa.remoteId}`,
    ...(eap ? [`      Remote EAP id: ${session.userName}`] : []),
    counted("req msg id:", sa.nextLocalMessageId, sa.nextRemoteMessageId),
    counted("next msg id:", sa.nextLocalMessageId, sa.nextRemoteMessageId),
    counted("req queued:", sa.nextLocalMessageId, sa.nextRemoteMessageId),
    counted("window:", 1, 1),
    `      DPD configured for ${dpd.intervalSeconds} seconds, retry ${dpd.retrySeconds}`,
    sa.fragmentation ? "      Fragmentation configured." : "      Fragmentation not  configured.",
    "      Dynamic Route Update: disabled",
    "      Extended Authentication not configured.",
    natLine(sa.nat),
    "      Cisco Trust Security SGT is disabled",
    ...session.addresses.map((address) => `      Assigned host addr: ${address}`),
    `      Initiator of SA : ${sa.initiator ? "Yes" : "No"}`,
    ...remoteSubnets(session),
    `      PEER TYPE: ${session.peerType}`,
  ];
}

/** Networks behind the user, those of IPv4 with their masks. */
function remoteSubnets({ given: { networks = [] } }: SessionFacts): readonly string[] {
  if (networks.length === 0) return [];
  const lines = networks.map((network) => {
    const [address = "", length] = network.split("/");
    return `      ${isIpv6(address) ? network : `${address} ${maskText(Number(length))}`}`;
  });
  return ["      Remote subnets:", ...lines];
}

function natLine(nat: IkeSaFacts["nat"]): string {
  switch (nat) {
    case "none":
      return "      NAT-T is not detected";
    case "both":
      return "      NAT-T is detected both";
    default:
      return `      NAT-T is detected ${nat}`;
  }
}
