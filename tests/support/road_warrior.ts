/**
 * The scene of the interop tests: a gateway with an address inside, and clients that each reach it over a
 * link of their own. Configurations of strongSwan for both roles.
 */
import type { CharonOptions } from "./charon.ts";
import type { Lab, Namespace } from "./netns.ts";
import { clientName, gatewayName, type TestPki } from "./test_pki.ts";

/** An address behind the gateway, for ping and iperf3. */
export const innerTarget = "10.50.0.1";

/** The same for IPv6. */
export const innerTarget6 = "fd00:50::1";

/** The pool of inner addresses. */
export const pool = "10.99.0.0/24";

/** A client's place. */
export interface ClientSite {
  readonly namespace: Namespace;
  /** Its outer address. */
  readonly address: string;
  /** Its interface. */
  readonly interfaceName: string;
  /** The gateway as seen from here. */
  readonly gatewayAddress: string;
}

/** A gateway's namespace and some clients', joined. */
export async function connectedLab(
  lab: Lab,
  clientCount: number,
): Promise<{ readonly gateway: Namespace; readonly clients: readonly ClientSite[] }> {
  const gateway = await lab.namespace("gw");
  await gateway.addAddress(`${innerTarget}/32`);
  await gateway.addAddress(`${innerTarget6}/128`);
  const clients: ClientSite[] = [];
  for (let i = 1; i <= clientCount; i++) {
    const namespace = await lab.namespace(`c${i}`);
    const [address, gatewayAddress] = [`198.18.${i}.2`, `198.18.${i}.1`];
    await lab.link(
      { namespace: gateway, interfaceName: `wan${i}`, addresses: [`${gatewayAddress}/24`] },
      { namespace, interfaceName: "wan", addresses: [`${address}/24`] },
    );
    await namespace.run("ip", "route", "add", "default", "via", gatewayAddress);
    clients.push({ namespace, address, interfaceName: "wan", gatewayAddress });
  }
  return { gateway, clients };
}

/** strongSwan as gateway: EAP-MSCHAPv2 for alice and bob, or their certificates. */
export function charonGateway(lab: Lab, namespace: Namespace, pki: TestPki): CharonOptions {
  const connection = (name: string, remote: string): string => `
  ${name} {
    version = 2
    encap = yes
    pools = inner
    local {
      auth = pubkey
      certs = gateway.pem
      id = ${gatewayName}
    }
    remote {
      ${remote}
    }
    proposals = aes256gcm16-prfsha384-ecp256,aes256-sha384-ecp256
    children {
      net {
        local_ts = 0.0.0.0/0
        esp_proposals = aes256gcm16,aes256-sha384
      }
    }
  }`;
  return {
    namespace,
    folder: `${lab.folder}/charon-gateway`,
    files: {
      "x509ca/ca.pem": pki.ca,
      "x509/gateway.pem": pki.gatewayCert,
      "private/gateway.pem": pki.gatewayKey,
    },
    swanctl: `connections {${connection("eap", "auth = eap-mschapv2\n      eap_id = %any")}${
      connection("cert", "auth = pubkey\n      cacerts = ca.pem")
    }
}
secrets {
  ${secret("eap-alice", "id", "alice", "alicepw")}
  ${secret("eap-bob", "id", "bob", "bobpw")}
}
pools {
  inner {
    addrs = ${pool}
  }
}
`,
  };
}

/** How a strongSwan client proves who it is. */
export type ClientAuth =
  | {
    readonly auth: "eap";
    readonly user?: string;
    readonly password?: string;
    /** The method it wants, default EAP-MSCHAPv2. */
    readonly method?: "eap-mschapv2" | "eap-md5" | "eap-ttls";
  }
  | { readonly auth: "certificate" }
  /** EAP-TLS with the client's certificate, of another authority where one is given. */
  | { readonly auth: "eap-tls"; readonly pki?: TestPki }
  /** Coming back with a session id and its token. */
  | { readonly auth: "reconnect"; readonly sessionId: string; readonly token: string };

/** What may differ between clients. */
export interface ClientSettings {
  /** IKE proposal, default `aes256gcm16-prfsha384-ecp256`. */
  readonly ike?: string;
  /** ESP proposal, default `aes256gcm16`. */
  readonly esp?: string;
  /** Further lines of the connection, such as `dpd_delay = 2s`. */
  readonly connection?: string;
  /** Further lines of the child, such as `rekey_time = 3s`. */
  readonly child?: string;
  /** Ask for an IPv6 address, too. */
  readonly ipv6?: boolean;
  /** Further lines of strongswan.conf. */
  readonly settings?: string;
  /** Send from whichever address there is, not from that of the site alone. */
  readonly roams?: boolean;
  /** Name of the daemon's folder when a site has several. */
  readonly folder?: string;
}

function secret(section: string, key: string, id: string, value: string): string {
  return `${section} {\n    ${key} = "${id}"\n    secret = "${value}"\n  }`;
}

function clientLocal(who: ClientAuth): string {
  switch (who.auth) {
    case "eap": {
      const { user = "alice", method = "eap-mschapv2" } = who;
      return `auth = ${method}\n      id = ${user}\n      eap_id = ${user}`;
    }
    case "certificate":
      return `auth = pubkey\n      certs = client.pem\n      id = ${clientName}`;
    case "eap-tls":
      return `auth = eap-tls\n      certs = client.pem\n      id = ${clientName}\n      eap_id = ${clientName}`;
    case "reconnect":
      return `auth = psk\n      id = "keyid:${who.sessionId}"`;
  }
}

function clientSecret(who: ClientAuth): string {
  switch (who.auth) {
    case "eap": {
      const user = who.user ?? "alice";
      return secret("eap-user", "id", user, who.password ?? `${user}pw`);
    }
    case "certificate":
    case "eap-tls":
      return "";
    case "reconnect":
      return secret("ike-r", "id-1", `keyid:${who.sessionId}`, who.token);
  }
}

/** strongSwan as client of the gateway at a site; the child's name is `net`. */
export function charonClient(
  lab: Lab,
  site: ClientSite,
  pki: TestPki,
  who: ClientAuth,
  settings: ClientSettings = {},
): CharonOptions {
  const files: Record<string, string> = { "x509ca/ca.pem": pki.ca };
  if (who.auth === "certificate" || who.auth === "eap-tls") {
    const { clientCert, clientKey } = who.auth === "eap-tls" ? who.pki ?? pki : pki;
    files["x509/client.pem"] = clientCert;
    files["private/client.pem"] = clientKey;
  }
  const folder = settings.folder ?? site.namespace.name;
  return {
    namespace: site.namespace,
    folder: `${lab.folder}/charon-${folder}`,
    files,
    ...(settings.settings === undefined ? {} : { settings: settings.settings }),
    swanctl: `connections {
  gw {
    version = 2
    encap = yes
    vips = ${settings.ipv6 ? "0.0.0.0,::" : "0.0.0.0"}
    local_addrs = ${settings.roams === true ? "%any" : site.address}
    remote_addrs = ${site.gatewayAddress}
    local {
      ${clientLocal(who)}
    }
    remote {
      auth = pubkey
      id = ${gatewayName}
    }
    proposals = ${settings.ike ?? "aes256gcm16-prfsha384-ecp256"}
    ${settings.connection ?? ""}
    children {
      net {
        remote_ts = ${settings.ipv6 ? "0.0.0.0/0,::/0" : "0.0.0.0/0"}
        esp_proposals = ${settings.esp ?? "aes256gcm16"}
        ${settings.child ?? ""}
      }
    }
  }
}
secrets {
  ${clientSecret(who)}
}
`,
  };
}
