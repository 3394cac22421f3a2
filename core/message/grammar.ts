/**
 * The grammar of IKE as a table: which payloads each message may and must hold, and whether they must
 * be encrypted (RFC 7296 §1.2 to §1.4, §2.16 and appendix C).
 *
 * Tolerant where real peers are: N and V may stand anywhere and any number of times, payloads of
 * unknown type are passed over, order is not judged, and a response that reports an error needs
 * nothing else. Left out: what payloads say, which is for `exchange/`.
 */
import type { WireFault } from "../wire/fault.ts";
import { payloadTypeOf } from "./chain.ts";
import { ExchangeType, ProtocolId } from "./constants.ts";
import { findErrorNotify } from "./notify.ts";
import type { Payload } from "./payload.ts";

/**
 * Where in the login an IKE_AUTH message stands: the first pair, an EAP round, or the pair with AUTH
 * after EAP succeeded. A response belongs to the step of its request.
 */
export type AuthStep = "first" | "eap" | "final";

/** How often a kind of payload may stand in a message. */
interface Count {
  readonly min: number;
  readonly max: number;
}

/** One row: what is not named may not appear, except N, V and payloads of unknown type. */
interface Rule {
  readonly isEncrypted: boolean;
  readonly payloads: { readonly [K in Payload["kind"]]?: Count };
}

const one: Count = { min: 1, max: 1 };
const optional: Count = { min: 0, max: 1 };
const any: Count = { min: 0, max: Infinity };

const childSa = { SA: optional, TSi: optional, TSr: optional, CP: optional } as const;

const rules = {
  // §1.2, and RFC 8019 §7.1.2. A CP here is out of place, but it is not protected and nobody reads it.
  "IKE_SA_INIT request": {
    isEncrypted: false,
    payloads: { PS: optional, SA: one, KE: one, Nonce: one, CP: any },
  },
  "IKE_SA_INIT response": {
    isEncrypted: false,
    payloads: { SA: one, KE: one, Nonce: one, CERTREQ: any, CP: any },
  },
  // Cookie and group retries (§2.6, §1.2), and REDIRECT (RFC 5685).
  "IKE_SA_INIT refusal": {
    isEncrypted: false,
    payloads: { SA: optional, KE: optional, Nonce: optional, CERTREQ: any, CP: any },
  },
  // No AUTH asks for EAP (§2.16); no SA is a childless IKE SA (RFC 6023).
  "IKE_AUTH first request": {
    isEncrypted: true,
    payloads: { IDi: one, IDr: optional, CERT: any, CERTREQ: any, AUTH: optional, ...childSa },
  },
  "IKE_AUTH first response": {
    isEncrypted: true,
    payloads: { IDr: one, CERT: any, AUTH: optional, EAP: optional, ...childSa },
  },
  "IKE_AUTH eap request": { isEncrypted: true, payloads: { EAP: one } },
  "IKE_AUTH eap response": { isEncrypted: true, payloads: { EAP: one } },
  "IKE_AUTH final request": { isEncrypted: true, payloads: { AUTH: one } },
  "IKE_AUTH final response": { isEncrypted: true, payloads: { AUTH: one, ...childSa } },
  "IKE_AUTH refusal": {
    isEncrypted: true,
    payloads: { IDr: optional, CERT: any, AUTH: optional, EAP: optional, ...childSa },
  },
  // §1.3.1 and §1.3.3: the same for a new Child SA and for the rekey of one.
  "CREATE_CHILD_SA child": {
    isEncrypted: true,
    payloads: { SA: one, Nonce: one, KE: optional, TSi: one, TSr: one, CP: optional },
  },
  // §1.3.2
  "CREATE_CHILD_SA ike": { isEncrypted: true, payloads: { SA: one, Nonce: one, KE: one } },
  "CREATE_CHILD_SA refusal": {
    isEncrypted: true,
    payloads: { SA: optional, Nonce: optional, KE: optional, TSi: optional, TSr: optional },
  },
  // §1.4
  "INFORMATIONAL": { isEncrypted: true, payloads: { D: any, CP: optional } },
} as const satisfies Record<string, Rule>;

/** What `checkGrammar` looks at. */
export interface GrammarSubject {
  /** `ExchangeType`. */
  readonly exchangeType: number;
  /** Whether it is a response. */
  readonly isResponse: boolean;
  /** Whether the payloads came out of an SK or SKF. */
  readonly isEncrypted: boolean;
  /** IKE_AUTH only: where in the login. */
  readonly step?: AuthStep;
  /** The payloads, as parsed. */
  readonly payloads: readonly Payload[];
}

/**
 * The first thing wrong with the payloads of a message, if any. The fault is about the message as a
 * whole, so its offset is 0; `had` and `needed` count payloads.
 */
export function checkGrammar(subject: GrammarSubject): WireFault | undefined {
  const name = ruleNameOf(subject);
  if (name === undefined) {
    return { kind: "unexpected", offset: 0, path: "exchange", had: subject.exchangeType };
  }
  const rule: Rule = rules[name];
  if (rule.isEncrypted !== subject.isEncrypted) {
    return { kind: rule.isEncrypted ? "missing" : "unexpected", offset: 0, path: "SK" };
  }
  const counts = new Map<Payload["kind"], number>();
  for (const payload of subject.payloads) {
    const { kind } = payload;
    if (kind === "N" || kind === "V" || kind === "unknown") continue;
    const had = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, had);
    const allowed = rule.payloads[kind];
    if (allowed === undefined) {
      return { kind: "unexpected", offset: 0, path: kind, had: payloadTypeOf(payload) };
    }
    if (had > allowed.max) {
      return { kind: "too-many", offset: 0, path: kind, had, needed: allowed.max };
    }
  }
  for (const name in rule.payloads) {
    const kind = name as Payload["kind"];
    const min = rule.payloads[kind]?.min ?? 0;
    const had = counts.get(kind) ?? 0;
    if (had < min) return { kind: "missing", offset: 0, path: kind, had, needed: min };
  }
  return checkPairs(counts);
}

/** Traffic selectors come in pairs (§2.9). */
function checkPairs(counts: ReadonlyMap<Payload["kind"], number>): WireFault | undefined {
  const isPresent = (kind: Payload["kind"]): boolean => counts.has(kind);
  if (isPresent("TSi") !== isPresent("TSr")) {
    const path = isPresent("TSi") ? "TSr" : "TSi";
    return { kind: "missing", offset: 0, path, had: 0, needed: 1 };
  }
  return undefined;
}

function ruleNameOf(subject: GrammarSubject): keyof typeof rules | undefined {
  const { exchangeType, isResponse, payloads, step = "first" } = subject;
  const isRefusal = isResponse && findErrorNotify(payloads) !== undefined;
  switch (exchangeType) {
    case ExchangeType.IKE_SA_INIT: {
      if (!isResponse) return "IKE_SA_INIT request";
      // COOKIE and REDIRECT are status notifies, but they too stand alone.
      const isAlone = payloads.every(({ kind }) => kind === "N" || kind === "V");
      return isRefusal || (isAlone && payloads.length > 0)
        ? "IKE_SA_INIT refusal"
        : "IKE_SA_INIT response";
    }
    case ExchangeType.IKE_AUTH:
      // A Child SA may fail while the IKE SA stands (§1.2), so errors come with payloads, too.
      if (isRefusal) return "IKE_AUTH refusal";
      return `IKE_AUTH ${step} ${isResponse ? "response" : "request"}`;
    case ExchangeType.CREATE_CHILD_SA:
      if (isRefusal) return "CREATE_CHILD_SA refusal";
      return isIkeRekey(payloads) ? "CREATE_CHILD_SA ike" : "CREATE_CHILD_SA child";
    case ExchangeType.INFORMATIONAL:
      return "INFORMATIONAL";
    default:
      return undefined;
  }
}

function isIkeRekey(payloads: readonly Payload[]): boolean {
  return payloads.some((payload) =>
    payload.kind === "SA" && payload.proposals.some(({ protocol }) => protocol === ProtocolId.IKE)
  );
}
