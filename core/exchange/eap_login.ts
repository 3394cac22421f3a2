/** Which EAP method a login by EAP gets. */
import type { ClientProof } from "../eap/anyconnect/client_certificate.ts";
import { englishTexts } from "../eap/anyconnect/login_forms.ts";
import type { LoginMode } from "../eap/anyconnect/server.ts";
import { AnyConnectServer } from "../eap/anyconnect/server.ts";
import type { EapConversation } from "../eap/conversation.ts";
import { Mschapv2Server } from "../eap/mschapv2.ts";
import { EapRelay } from "../eap/relay.ts";
import { EapServer } from "../eap/server.ts";
import type { Policy } from "../gateway/policy.ts";
import type { LoginMethod } from "../gateway/record.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { AuthenticationFacts } from "./ike_sa_seed.ts";

/** The port that a request for a client certificate names. */
const CLIENT_SERVICES_PORT = 443;

/** Of the documents, for everybody: ours is told after authentication only (RFC 7296 §2.20). */
const DOCUMENT_VERSION = "1.0";

/** How a login by EAP is called. */
export interface LoginByEap {
  /** In records. */
  readonly method: LoginMethod;
  /** In `show`. */
  readonly verify: AuthenticationFacts["verify"];
}

/** A conversation that has not begun. */
export interface BegunEap extends LoginByEap {
  /** The gateway's side. */
  readonly eap: EapConversation;
}

/**
 * A conversation with the method that policy has for this peer; `undefined` when it has none. `proof`
 * is what a client certificate inside AnyConnect-EAP is checked against, at the time of asking.
 */
export function beginEap(
  sa: IkeSa,
  policy: Policy,
  isAnyConnect: boolean,
  proof: () => ClientProof,
): BegunEap | undefined {
  return isAnyConnect ? beginAnyConnect(sa, policy, proof) : beginStandard(sa, policy);
}

function beginAnyConnect(
  sa: IkeSa,
  policy: Policy,
  proof: () => ClientProof,
): BegunEap | undefined {
  if (!policy.loginMethods.includes("anyconnect-eap")) return undefined;
  const { groups, tries } = policy.anyConnect;
  const method = new AnyConnectServer({
    random: sa.world.random,
    mode: modeOf(policy, proof),
    groups,
    texts: englishTexts,
    tries,
    version: DOCUMENT_VERSION,
    csport: CLIENT_SERVICES_PORT,
    banner: policy.attributes.banner,
    serverCertHash: undefined,
  });
  const eap = new EapServer({ method, asksIdentity: false, firstIdentifier: 1 });
  return { method: "anyconnect-eap", verify: "AnyConnect-EAP", eap };
}

function modeOf(policy: Policy, proof: () => ClientProof): LoginMode {
  const { mode } = policy.anyConnect;
  return mode === "password" ? { kind: mode } : { kind: mode, proof };
}

/** The first of the methods for standard clients: with others behind it nobody is offered those. */
function beginStandard(sa: IkeSa, policy: Policy): BegunEap | undefined {
  const { random } = sa.world;
  const [firstIdentifier = 0] = random.bytes(1);
  for (const method of policy.loginMethods) {
    if (method === "eap-radius") {
      return { method, verify: "EAP", eap: new EapRelay(firstIdentifier) };
    }
    if (method !== "eap-mschapv2") continue;
    const server = new Mschapv2Server({ random, serverName: policy.gatewayName });
    const eap = new EapServer({ method: server, asksIdentity: true, firstIdentifier });
    return { method, verify: "EAP", eap };
  }
  return undefined;
}
