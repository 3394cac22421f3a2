/** Which EAP method a login by EAP gets. */
import { Mschapv2Server } from "../eap/mschapv2.ts";
import { EapServer } from "../eap/server.ts";
import type { Policy } from "../gateway/policy.ts";
import type { LoginMethod } from "../gateway/record.ts";
import type { AuthenticationFacts, IkeSa } from "./ike_sa.ts";

/** How a login by EAP is called. */
export interface LoginByEap {
  /** In records. */
  readonly method: LoginMethod;
  /** In `show`. */
  readonly verify: AuthenticationFacts["verify"];
}

/** A conversation with the method that policy has for this peer; `undefined` when it has none. */
export function beginEap(
  sa: IkeSa,
  policy: Policy,
  isAnyConnect: boolean,
): LoginByEap & { readonly eap: EapServer } | undefined {
  const { random } = sa.world;
  if (isAnyConnect || !policy.loginMethods.includes("eap-mschapv2")) return undefined;
  const method = new Mschapv2Server({ random, serverName: policy.gatewayName });
  const [firstIdentifier = 0] = random.bytes(1);
  const eap = new EapServer({ method, asksIdentity: true, firstIdentifier });
  return { method: "eap-mschapv2", verify: "EAP", eap };
}
