/**
 * FreeRADIUS 3 of Debian as the AAA server of a test: a configuration of its own, written into a folder
 * of the test, on 127.0.0.1. Its users are in `radiusUsers`; `otp` is asked for a code.
 */
import { Background, until } from "./background.ts";
import type { Namespace } from "./netns.ts";

const program = "/usr/sbin/freeradius";

/** The secret that it shares with everybody on this host. */
export const radiusSecret = "a secret of the lab";

/** What the server knows, in the form of its own users file. */
const radiusUsers = `
alice Cleartext-Password := "alicepw"
	Framed-IP-Address = 10.99.0.77,
	Session-Timeout = 3600,
	Class = "OU=staff",
	Class += "second",
	Reply-Message = "unused"
bob Cleartext-Password := "bobpw"
	Session-Timeout = 3600,
	Cisco-AVPair = "ipsec:session-lifetime=1200"
stray Cleartext-Password := "straypw"
	Framed-IP-Address = 203.0.113.9
otp Cleartext-Password := "otppw"
`;

/** What a server is started with. */
export interface FreeRadiusOptions {
  /** Its own; made if it is not there. */
  readonly folder: string;
  /** The port of questions; accounting is at the next one. */
  readonly port: number;
  /** Where it runs; else on this host. */
  readonly namespace?: Namespace;
  /** Users besides the usual ones, in the form of its users file. */
  readonly users?: string;
  /** Whether all answers carry Message-Authenticator, as it is not the habit of 3.2.1. */
  readonly signs: boolean;
  /** Where it also speaks TLS; its clients have to show a certificate. */
  readonly tls?: {
    readonly port: number;
    /** PEM files. */
    readonly ca: string;
    readonly certificate: string;
    readonly key: string;
  };
  /** Speaks EAP by itself. */
  readonly eap?: EapOfRadius;
}

/** EAP of a server: MD5, MS-CHAPv2, and TLS, TTLS and PEAP by these PEM files. */
export interface EapOfRadius {
  /** Certificate of the CA whose clients may log in by TLS. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** What is offered first; who refuses it is offered what they name. */
  readonly first: "md5" | "mschapv2" | "tls" | "ttls" | "peap";
}

/** Why it cannot be started here, or `undefined`. */
export function whyNoFreeRadius(): string | undefined {
  try {
    Deno.statSync(program);
    return undefined;
  } catch {
    return `${program} is missing (Debian: freeradius)`;
  }
}

/** A running server. */
export class FreeRadius implements AsyncDisposable {
  readonly #folder: string;
  /** Its process and log. */
  readonly process: Background;

  /** Use `startFreeRadius`. */
  constructor(process: Background, folder: string) {
    this.process = process;
    this.#folder = folder;
  }

  /**
   * The accounting records so far: attributes by name, in order of arrival. Of an attribute that is
   * there several times it is the last; of Cisco-AVPair each has its own name ("rejoin:event").
   */
  async records(): Promise<readonly Readonly<Record<string, string>>[]> {
    let text: string;
    try {
      text = await Deno.readTextFile(`${this.#folder}/detail`);
    } catch {
      return [];
    }
    return text.split(/\n\n/).filter((part) => part.trim() !== "").map((part) =>
      Object.fromEntries(
        [...part.matchAll(/^\t(\S+) = (.*)$/gm)].map(([, name = "", quoted = ""]) => {
          const value = quoted.replace(/^"(.*)"$/, "$1");
          if (name !== "Cisco-AVPair") return [name, value];
          const cut = value.indexOf("=");
          return [value.slice(0, cut), value.slice(cut + 1)];
        }),
      )
    );
  }

  /** The first record of which all of this is true. */
  record(wanted: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    return until(
      `an accounting record ${JSON.stringify(wanted)}`,
      async () =>
        (await this.records()).find((record) =>
          Object.entries(wanted).every(([name, value]) => record[name] === value)
        ),
      10_000,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop();
  }
}

/** Starts a server and waits until it listens. */
export async function startFreeRadius(options: FreeRadiusOptions): Promise<FreeRadius> {
  const { folder, namespace, users = "" } = options;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/users`, radiusUsers + users);
  await Deno.writeTextFile(`${folder}/radiusd.conf`, configurationOf(options));
  const command = [program, "-f", "-l", "stdout", "-d", folder];
  const process = namespace?.start("freeradius", command) ?? new Background("freeradius", command);
  try {
    await process.waitFor(/Ready to process requests/, 15_000);
  } catch (error) {
    await process.stop("SIGKILL");
    throw error;
  }
  return new FreeRadius(process, folder);
}

/** It wants threads for TLS. */
const threads = `
thread pool {
	start_servers = 2
	max_servers = 4
	min_spare_servers = 1
	max_spare_servers = 2
	max_requests_per_server = 0
}`;

function tlsConfigurationOf({ tls }: FreeRadiusOptions): string {
  if (tls === undefined) return "";
  return `
	listen {
		type = auth+acct
		proto = tcp
		ipaddr = 127.0.0.1
		port = ${tls.port}
		clients = radsec
		tls {
			ca_file = ${tls.ca}
			certificate_file = ${tls.certificate}
			private_key_file = ${tls.key}
			require_client_cert = yes
			tls_min_version = "1.2"
			tls_max_version = "1.3"
		}
	}`;
}

/**
 * The module. Fragments are long, so that only Framed-MTU makes them short; the inner server is a server
 * of its own for the methods inside TTLS and PEAP.
 */
function eapModule({ ca, cert, key, first }: EapOfRadius): string {
  return `
	eap {
		default_eap_type = ${first}
		timer_expire = 60
		md5 {
		}
		mschapv2 {
		}
		tls-config lab {
			private_key_file = ${key}
			certificate_file = ${cert}
			ca_file = ${ca}
			fragment_size = 4000
			tls_min_version = "1.2"
			tls_max_version = "1.2"
		}
		tls {
			tls = lab
		}
		ttls {
			tls = lab
			default_eap_type = mschapv2
			use_tunneled_reply = yes
			virtual_server = inner
		}
		peap {
			tls = lab
			default_eap_type = mschapv2
			use_tunneled_reply = yes
			virtual_server = inner
		}
	}
`;
}

const innerServer = `
server inner {
	authorize {
		files
		# strongSwan takes nothing but EAP inside a tunnel.
		update reply { Reply-Message !* ANY }
		mschap
		eap {
			ok = return
		}
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
		Auth-Type MS-CHAP {
			mschap
		}
		eap
	}
	post-auth {
		# Who hid behind another name outside.
		update reply { User-Name := "%{User-Name}" }
	}
}
`;

function configurationOf(options: FreeRadiusOptions): string {
  const { folder, port, signs, eap } = options;
  const sign = signs ? "update reply { Message-Authenticator := 0x00 }" : "";
  return `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${folder}
run_dir = ${folder}
correct_escapes = true
max_requests = 16384
log {
	destination = stdout
}
security {
	reject_delay = 0
	status_server = yes
}
client lab {
	ipaddr = 127.0.0.1
	secret = "${radiusSecret}"
	require_message_authenticator = yes
}
modules {
	pap {
	}
	mschap {
	}
	files {
		usersfile = ${folder}/users
	}
	detail {
		filename = ${folder}/detail
	}
	always handled {
		rcode = handled
	}
	${eap === undefined ? "" : eapModule(eap)}
}
${eap === undefined ? "" : innerServer}
${options.tls === undefined ? "" : threads}
clients radsec {
	client lab-tls {
		ipaddr = 127.0.0.1
		proto = tls
		secret = radsec
	}
}
server lab {
${tlsConfigurationOf(options)}
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = ${port}
	}
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = ${port + 1}
	}
	authorize {
		files
		if (&User-Name == "otp") {
			if (&State) {
				update control { Cleartext-Password := "246810" }
			}
			else {
				update control { Auth-Type := Challenge }
			}
		}
		mschap
		${eap === undefined ? "" : "eap { ok = return }"}
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
		Auth-Type MS-CHAP {
			mschap
		}
		${eap === undefined ? "" : "eap"}
		Auth-Type Challenge {
			update reply {
				Reply-Message := "Type the code of your token"
				State := 0x6c61622d7374617465
			}
			update control { Response-Packet-Type := Access-Challenge }
			${sign}
			handled
		}
	}
	post-auth {
		${sign}
		Post-Auth-Type REJECT {
			${sign}
		}
	}
	accounting {
		detail
	}
}
`;
}
