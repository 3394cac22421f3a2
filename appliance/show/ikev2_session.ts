/** `show crypto ikev2 session [detailed]` in the layout of IOS XE. */
import type { ChildSaFacts, SelectorFacts, SessionFacts } from "./facts.ts";
import { ikeSaBlock } from "./ikev2_sa.ts";
import { isIpv6 } from "./text.ts";

/** All sessions with an IKE SA. */
export function ikev2SessionLines(sessions: readonly SessionFacts[], detail: boolean): string[] {
  const blocks = ([4, 6] as const).map((family) =>
    sessions.flatMap((session) => {
      const { ikeSa, childSas } = session;
      if (ikeSa === undefined || isIpv6(ikeSa.remote.address) !== (family === 6)) return [];
      const status = childSas.length > 0 ? "UP-ACTIVE" : "UP-IDLE";
      return [
        `Session-id:${session.id}, Status:${status}, IKE count:1, CHILD count:${childSas.length}`,
        "",
        ...ikeSaBlock(session, ikeSa, detail),
        ...childSas.flatMap((sa) => childSaLines(sa, detail)),
        "",
      ];
    })
  );
  return [
    " IPv4 Crypto IKEv2 Session",
    "",
    ...(blocks[0] ?? []),
    " IPv6 Crypto IKEv2 Session",
    "",
    ...(blocks[1] ?? []),
  ];
}

function childSaLines(sa: ChildSaFacts, detail: boolean): string[] {
  const [ours, ...moreOurs] = sa.localSelectors;
  const [theirs, ...moreTheirs] = sa.remoteSelectors;
  const row = (title: string, selectors: readonly (SelectorFacts | undefined)[]): string[] =>
    selectors.flatMap((selector, i) =>
      selector === undefined ? [] : [`${i === 0 ? title : " ".repeat(26)}${rangeText(selector)}`]
    );
  return [
    ...row("Child sa: local selector  ", [ours, ...moreOurs]),
    ...row("          remote selector ", [theirs, ...moreTheirs]),
    `          ESP spi in/out: ${sa.inboundSpi}/${sa.outboundSpi}`,
    ...(detail
      ? [
        "          AH spi in/out: 0x0/0x0",
        "          CPI in/out: 0x0/0x0",
        `          Encr: ${sa.encryption}, keysize: ${sa.keyBits}, esp_hmac: ${sa.integrity}`,
        "          ah_hmac: None, comp: IPCOMP_NONE, mode tunnel",
      ]
      : []),
  ];
}

function rangeText(selector: SelectorFacts): string {
  return `${selector.first}/${selector.startPort} - ${selector.last}/${selector.endPort}`;
}
