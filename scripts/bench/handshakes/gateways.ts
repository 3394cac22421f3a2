/** The gateways that are compared, each with the same certificate, users and one shared pair. */
import { formatPasswordHash, hashPassword } from "../../../appliance/users/password_hash.ts";
import { systemRandom } from "../../../appliance/entropy.ts";
import { hexOf, ntHash } from "../../../core/mod.ts";
import { startCharon } from "../../../tests/support/charon.ts";
import type { Lab, Namespace } from "../../../tests/support/netns.ts";
import { startGateway } from "../../../tests/support/rejoin.ts";
import { gatewayName, type TestPki } from "../../../tests/support/test_pki.ts";

/** What both take, in strongSwan's notation. */
export const ike = "aes256gcm16-prfsha384-ecp256";
/** Users `u0` and so on, all with this password. One may have 16 sessions. */
export const users = 512;
export const password = "a password of the load";
/** What clients of strongSwan come with that are measured against ours with a token. */
export const pair = { sessionId: "SharedIdentityOfAll", token: `Token${"x".repeat(38)}` } as const;

/** A gateway that runs. */
export interface RunningGateway extends AsyncDisposable {
  readonly pid: number;
}

/** A gateway and where it runs. */
export interface Scene {
  readonly lab: Lab;
  readonly namespace: Namespace;
  readonly pki: TestPki;
}

/** Ours. */
export async function startOurs({ lab, namespace, pki }: Scene): Promise<RunningGateway> {
  const gateway = await startGateway({
    namespace,
    folder: `${lab.folder}/state-${crypto.randomUUID()}`,
    pki,
    flags: {
      pool: "10.100.0.0/16",
      user: [],
      users: await writeUsers(lab.folder),
      auth: "eap-mschapv2,cert",
      "ike-proposal": ike,
      "log-level": "info",
      "cookie-threshold": 1_000_000,
      "max-sa": 60_000,
    },
  });
  return {
    pid: gateway.process.pid,
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

/** strongSwan, with its limits on half-open SAs off. */
export async function startSwan({ lab, namespace, pki }: Scene): Promise<RunningGateway> {
  const connection = (name: string, remote: string): string => `
  ${name} {
    version = 2
    encap = yes
    pools = inner
    unique = never
    proposals = ${ike}
    local {
      auth = pubkey
      certs = gateway.pem
      id = ${gatewayName}
    }
    remote {
      ${remote}
    }
    children {
      net {
        local_ts = 0.0.0.0/0
        esp_proposals = aes256gcm16,aes256-sha384
      }
    }
  }`;
  const secrets = Array.from({ length: users }, (_, i) => `
  eap-u${i} {
    id = u${i}
    secret = "${password}"
  }`);
  const charon = await startCharon({
    namespace,
    folder: `${lab.folder}/charon-${crypto.randomUUID()}`,
    files: {
      "x509ca/ca.pem": pki.ca,
      "x509/gateway.pem": pki.gatewayCert,
      "private/gateway.pem": pki.gatewayKey,
    },
    settings: "cookie_threshold = 0\n  block_threshold = 0\n  init_limit_half_open = 0\n" +
      "  ikesa_table_size = 4096\n  ikesa_table_segments = 16",
    swanctl: `connections {${connection("eap", "auth = eap-mschapv2\n      eap_id = %any")}${
      connection("psk", `auth = psk\n      id = "keyid:${pair.sessionId}"`)
    }${connection("cert", "auth = pubkey\n      cacerts = ca.pem")}
}
secrets {${secrets.join("")}
  ike-all {
    id-1 = "keyid:${pair.sessionId}"
    secret = "${pair.token}"
  }
}
pools {
  inner {
    addrs = 10.100.0.0/16
  }
}
`,
  });
  return { pid: charon.process.pid, [Symbol.asyncDispose]: () => charon[Symbol.asyncDispose]() };
}

const cheap = { log2N: 13, r: 8, p: 1 };

/** A users file; the hash for forms, which are not measured, is one that costs little. */
export async function writeUsers(folder: string): Promise<string> {
  const hashed = formatPasswordHash(
    await hashPassword(password, (length) => systemRandom.bytes(length), cheap),
  );
  const lines = Array.from(
    { length: users },
    (_, i) => `u${i}:${hashed}:${hexOf(ntHash(password))}`,
  );
  const path = `${folder}/users`;
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`, { mode: 0o600 });
  return path;
}
