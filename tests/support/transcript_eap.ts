/**
 * EAP packets of AnyConnect-EAP in transcripts: which document, and what tells it from others of
 * its kind. What people type, and what a session comes back with, is never shown.
 */
import {
  ANYCONNECT_METHOD,
  type AnyConnectMessage,
  parseTlvs,
} from "../../core/eap/anyconnect/framing.ts";
import {
  type ClientDocument,
  parseClientDocument,
} from "../../core/eap/anyconnect/client_documents.ts";
import {
  type GatewayDocument,
  parseGatewayDocument,
} from "../../core/eap/anyconnect/gateway_documents.ts";
import { parseEapPacket, sameMethod } from "../../core/eap/packet.ts";

/** Words for a packet, for instance `2 auth-request main`; `undefined` when it is another method's. */
export function formatAnyConnect(
  packet: Uint8Array,
  pairName: (sessionId: string) => string,
): string | undefined {
  const parsed = parseEapPacket(packet);
  if (!parsed.ok || !("data" in parsed.value)) return undefined;
  const { kind, identifier, method, data } = parsed.value;
  if (!sameMethod(method, ANYCONNECT_METHOD)) return undefined;
  const message = parseTlvs(data);
  if (!message.ok) return `${identifier} unreadable`;
  return [`${identifier}`, ...wordsOf(message.value, kind === "request", pairName)].join(" ");
}

function wordsOf(
  { xml, sign, pkcs7 }: AnyConnectMessage,
  isRequest: boolean,
  pairName: (sessionId: string) => string,
): readonly string[] {
  if (xml === undefined) return ["without a document"];
  const parsed = isRequest ? parseGatewayDocument(xml) : parseClientDocument(xml);
  if (!parsed.ok) return ["with an unreadable document"];
  const { value } = parsed;
  const tlvs = [
    ...(pkcs7 === undefined ? [] : ["+PKCS7"]),
    ...(sign === undefined ? [] : ["+SIGN"]),
  ];
  return [value.kind, ...remarksOn(value, pairName), ...tlvs];
}

function remarksOn(
  document: GatewayDocument | ClientDocument,
  pairName: (sessionId: string) => string,
): readonly string[] {
  switch (document.kind) {
    case "hello":
    case "ack":
    case "error":
      return [];
    case "init":
      return [
        ...group(document.groupSelect),
        ...(document.hasNoCertificate ? ["client-cert-fail"] : []),
      ];
    case "auth-request": {
      const { auth, asksCertificate, asksHostScan } = document;
      return [
        ...(auth === undefined ? [] : [auth.id, `{${fieldsOf(auth.form)}}`]),
        ...(auth?.error === undefined ? [] : [`error ${auth.error.id}`]),
        ...(asksCertificate ? ["client-cert-request"] : []),
        ...(asksHostScan ? ["host-scan"] : []),
      ];
    }
    case "auth-reply":
      return [
        `{${document.answers.map(({ name }) => name).join(" ")}}`,
        ...group(document.groupSelect),
      ];
    case "complete": {
      const { pair, banner } = document;
      return [
        pair === undefined ? "no pair" : pairName(pair.sessionId),
        ...(banner === undefined ? [] : [`banner ${JSON.stringify(banner)}`]),
      ];
    }
  }
}

function group(name: string | undefined): readonly string[] {
  return name === undefined ? [] : [`group ${name}`];
}

function fieldsOf(form: readonly { readonly name: string }[] | undefined): string {
  return form?.map(({ name }) => name).join(" ") ?? "";
}
