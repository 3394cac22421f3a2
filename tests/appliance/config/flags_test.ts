import assert from "node:assert/strict";
import { type FlagProblem, type FlagTable, UsageError } from "../../../appliance/config/flag.ts";
import { gather, type Gathered, settle, type Sources } from "../../../appliance/config/gather.ts";
import { checkServe } from "../../../appliance/config/serve_checks.ts";
import { serveFlags } from "../../../appliance/config/serve_flags.ts";
import { formatEndpoint, formatIpAddress } from "../../../core/mod.ts";

interface Given {
  readonly args?: Readonly<Record<string, string | readonly (string | undefined)[]>>;
  readonly unknown?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

function sources(given: Given): Sources {
  const args = Object.entries(given.args ?? {}).map(([name, value]) =>
    [name, typeof value === "string" ? [value] : value] as const
  );
  return {
    args: new Map(args),
    unknown: given.unknown ?? [],
    env: (name) => given.env?.[name],
    readFile: (path) => {
      const text = given.files?.[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
  };
}

/** Without access lists. */
function checkedServe(gathered: Gathered<typeof serveFlags>): readonly FlagProblem[] {
  return checkServe(gathered, () => undefined);
}

function problemsOf(given: Given): readonly string[] {
  try {
    settle(serveFlags, sources(given), checkedServe);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message.split("\n");
  }
  return [];
}

const lab = { pool: "192.168.20.0/24", user: "test:cisco" };

Deno.test("the defaults with a pool and a user are a working configuration", () => {
  const settings = settle(serveFlags, sources({ args: lab }), checkedServe);
  assert.equal(settings["reconnect-timeout"], 1800);
  assert.equal(settings.dpd, 45);
  assert.equal(settings["dpd-retry"], 2);
  assert.deepEqual(settings.auth, ["anyconnect-eap", "eap-mschapv2", "certificate"]);
  assert.deepEqual(settings.user, [{ name: "test", password: "cisco" }]);
  assert.deepEqual(settings["cisco-attr"], [], "every name keeps its known numbers");
  assert.deepEqual(settings.listen.map(formatIpAddress), ["0.0.0.0"]);
});

Deno.test("every default passes its own parser", () => {
  const table: FlagTable = serveFlags;
  for (const [name, flag] of Object.entries(table)) {
    if (flag.kind === "switch" || flag.fallback === undefined) continue;
    const texts = flag.kind === "list" ? flag.fallback.split(flag.separator) : [flag.fallback];
    for (const text of texts) assert.notEqual(flag.parse(text), undefined, name);
  }
});

/** One bad value each: flag, value, and what the line must be. */
const bad: readonly (readonly [name: string, value: string, line: string])[] = [
  ["pool", "192.168.20.0/33", "--pool 192.168.20.0/33: wanted a range such as"],
  ["pool", "10.0.0.9-10.0.0.1", "--pool 10.0.0.9-10.0.0.1: wanted a range such as"],
  ["dns", "8.8.8", "--dns 8.8.8: wanted an IPv4 or IPv6 address"],
  ["wins", "2001:db8::1", "--wins 2001:db8::1: wanted an IPv4 address"],
  ["mtu", "1279", "--mtu 1279: wanted a whole number from 1280 to 9000"],
  [
    "reconnect-timeout",
    "599",
    "--reconnect-timeout 599: wanted 0 (off) or a whole number from 600 to 86400",
  ],
  [
    "reconnect-timeout",
    "86401",
    "--reconnect-timeout 86401: wanted 0 (off) or a whole number from 600",
  ],
  ["reconnect-timeout", "6e2", "--reconnect-timeout 6e2: wanted 0 (off)"],
  ["idle-timeout", "59", "--idle-timeout 59: wanted 0 (off) or a whole number from 60 to 86400"],
  [
    "dynamic-author",
    "192.0.2.0/33",
    "--dynamic-author 192.0.2.0/33: wanted an address, or a block",
  ],
  ["dynamic-author", "radius.example", "--dynamic-author radius.example: wanted an address, or"],
  ["dynamic-author-port", "0", "--dynamic-author-port 0: wanted a whole number from 1 to 65535"],
  ["idle-action", "sleep", "--idle-action sleep: wanted one of end, park"],
  ["dpd", "9", "--dpd 9: wanted a whole number from 10 to 3600"],
  ["dpd-retry", "61", "--dpd-retry 61: wanted a whole number from 2 to 60"],
  ["ike-proposal", "aes256-md5", "--ike-proposal aes256-md5: wanted a proposal such as"],
  ["esp-proposal", "aes256", "--esp-proposal aes256: wanted a proposal such as"],
  [
    "cisco-attr",
    "session=3",
    "--cisco-attr session=3: wanted attribute numbers from 16384 to 32767",
  ],
  [
    "cisco-attr",
    "session-id=1",
    "--cisco-attr session-id=1: wanted attribute numbers from 16384 to 32767",
  ],
  ["auth", "pap", "--auth pap: wanted anyconnect-eap, eap-mschapv2, eap-radius or cert"],
  ["id", "10.0.0.300", "--id 10.0.0.300: wanted a host name"],
  ["domain", "not a name", '--domain "not a name": wanted a domain name'],
  ["user", "nocolon", "--user …: wanted a name, a colon and a password"],
  ["workers", "0", "--workers 0: wanted a whole number from 1 to 2"],
  ["workers", "3", "--workers 3: wanted a whole number from 1 to 2"],
  ["workers", "1.5", "--workers 1.5: wanted a whole number from 1 to 2"],
  ["tun", "a/b", "--tun a/b: wanted a device name"],
  ["log-level", "loud", "--log-level loud: wanted one of debug, info, warning, error"],
  ["split-include", "10.0.0.0", "--split-include 10.0.0.0: wanted an address block"],
  ["banner", "a\u001b[2Jb", '--banner "a\\u001b[2Jb": wanted a text without control'],
  ["listen", "", '--listen "": wanted an IPv4 or IPv6 address'],
];

for (const [name, value, line] of bad) {
  Deno.test(`--${name} ${JSON.stringify(value)} is refused with the form that would do`, () => {
    const problems = problemsOf({ args: { ...lab, [name]: value } });
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.ok(problems[0]?.startsWith(line), problems[0]);
  });
}

Deno.test("all bad flags are told at once, in the order of the table, unknown ones first", () => {
  const problems = problemsOf({
    args: { dpd: "1", pool: ["a", "10.0.0.0/8"], "log-format": "xml", dns: [undefined] },
    unknown: ["--polo", "10.0.0.0/8", "--qqqqq"],
  });
  assert.deepEqual(problems.map((line) => line.split(":")[0]), [
    "--polo",
    "--qqqqq",
    "--pool a",
    "--dns",
    "--dpd 1",
    "--log-format xml",
  ]);
  assert.match(problems[0] ?? "", /did you mean --pool\?/);
});

Deno.test("a password in a bad --user is not repeated", () => {
  assert.ok(
    !problemsOf({ args: { pool: "10.0.0.0/8", user: ":hunter2" } }).join().includes("hunter2"),
  );
});

Deno.test("PSK as a login method is refused together with reconnect, as Cisco does", () => {
  const [line] = problemsOf({ args: { ...lab, auth: "psk,cert" } });
  assert.match(
    line ?? "",
    /^--auth psk: wanted anyconnect-eap, eap-mschapv2, eap-radius or cert\. Reconnect .*PSK itself/,
  );
});

/** One client that may end and change sessions. */
const author = { "dynamic-author": "192.0.2.1", "dynamic-author-secret-file": "a" };

const overTls = {
  "radius-tls": "radius.example.net",
  "radius-tls-ca": "a",
  "radius-tls-cert": "a",
  "radius-tls-key": "a",
};

/** Flags that contradict each other. */
const contradictions: readonly (readonly [
  why: string,
  args: Readonly<Record<string, string | string[]>>,
  line: RegExp,
])[] = [
  ["a certificate without its key", { ...lab, cert: "a" }, /^--key: wanted the private key of/],
  ["a key without its certificate", { ...lab, key: "a" }, /^--cert: wanted the certificate of/],
  ["no pool", { user: "a:b" }, /^--pool: wanted at least one range or block/],
  [
    "overlapping pools",
    { ...lab, pool: ["10.0.0.0/8", "10.2.0.0-10.2.0.9"] },
    /^--pool 10\.2\.0\.0-10\.2\.0\.9: /,
  ],
  ["one port for both", { ...lab, "ike-port": "4500" }, /^--natt-port 4500: wanted another port/],
  ["a user twice", { ...lab, user: ["a:b", "a:c"] }, /^--user a:…: wanted each name once/],
  ["EAP without users", { pool: "10.0.0.0/8", auth: "eap-mschapv2" }, /^--users: wanted users/],
  [
    "client certificates without a CA",
    { ...lab, auth: "cert", cert: "a", key: "b" },
    /^--client-ca: wanted the CA/,
  ],
  [
    "RADIUS without a secret",
    { ...lab, radius: "192.0.2.1" },
    /^--radius-secret-file: wanted the secret shared/,
  ],
  [
    "relay of EAP without RADIUS",
    { ...lab, auth: "eap-radius,eap-mschapv2" },
    /^--radius: wanted a server that speaks the method of eap-radius/,
  ],
  [
    "two secrets for three servers",
    { ...lab, radius: "192.0.2.1,192.0.2.2,192.0.2.3", "radius-secret-file": "a,b" },
    /^--radius-secret-file "2 files": wanted one file for all servers, or 3: one each, in the order of --radius$/,
  ],
  [
    "two secrets for one server",
    { ...lab, radius: "192.0.2.1", "radius-secret-file": "a,b" },
    /^--radius-secret-file "2 files": wanted one file$/,
  ],
  [
    "a secret too few for accounting servers",
    {
      ...lab,
      radius: "192.0.2.1,192.0.2.2",
      "radius-acct": "192.0.2.9",
      "radius-accounting": "true",
      "radius-secret-file": "a,b",
    },
    /or 3: one each, in the order of --radius and then --radius-acct$/,
  ],
  [
    "accounting servers without accounting",
    { ...lab, radius: "192.0.2.1", "radius-secret-file": "a", "radius-acct": "192.0.2.9" },
    /^--radius-accounting: wanted it with --radius-acct/,
  ],
  [
    "an IPv4 source for an IPv6 accounting server",
    {
      ...lab,
      radius: "192.0.2.1",
      "radius-secret-file": "a",
      "radius-acct": "2001:db8::9",
      "radius-accounting": "true",
      "radius-source": "192.0.2.7",
    },
    /^--radius-source 192.0.2.7: wanted an address of the servers' family/,
  ],
  [
    "RADIUS over TLS beside RADIUS over UDP",
    { ...lab, ...overTls, radius: "192.0.2.1" },
    /^--radius: wanted no such flag beside --radius-tls/,
  ],
  [
    "a secret for RADIUS over TLS",
    { ...lab, ...overTls, "radius-secret-file": "a" },
    /^--radius-secret-file: wanted no such flag beside --radius-tls/,
  ],
  [
    "RADIUS over TLS without a key",
    { ...lab, "radius-tls": "a.example", "radius-tls-ca": "a", "radius-tls-cert": "a" },
    /^--radius-tls-key: wanted a file for --radius-tls/,
  ],
  [
    "files of TLS without a server",
    { ...lab, radius: "192.0.2.1", "radius-secret-file": "a", "radius-tls-ca": "a" },
    /^--radius-tls-ca: wanted a --radius-tls server with it/,
  ],
  ["RADIUS flags alone", { ...lab, "radius-timeout": "5" }, /^--radius-timeout: wanted a --radius/],
  [
    "an IPv6 source for an IPv4 server",
    { ...lab, radius: "192.0.2.1", "radius-secret-file": "a", "radius-source": "2001:db8::1" },
    /^--radius-source 2001:db8::1: wanted an address of the servers' family/,
  ],
  [
    "a server that cannot be read, which is all that is wrong",
    { ...lab, radius: "aaa.example.net", "radius-secret-file": "a", "radius-accounting": "true" },
    /^--radius aaa\.example\.net: wanted an address/,
  ],
  [
    "one over TLS that cannot be read",
    { ...lab, ...overTls, "radius-tls": "192.0.2.1:0" },
    /^--radius-tls 192\.0\.2\.1:0: wanted a name or an address/,
  ],
  [
    "a client of dynamic authorization that cannot be read",
    { ...lab, ...author, "dynamic-author": "192.0.2.0/33" },
    /^--dynamic-author 192\.0\.2\.0\/33: wanted an address, or a block/,
  ],
  [
    "dynamic authorization without a secret",
    { ...lab, "dynamic-author": "192.0.2.1" },
    /^--dynamic-author-secret-file: wanted the secret shared with --dynamic-author/,
  ],
  [
    "its flags alone",
    { ...lab, "dynamic-author-port": "3799" },
    /^--dynamic-author-port: wanted a --dynamic-author client with it/,
  ],
  [
    "a port of it twice",
    { ...lab, ...author, "dynamic-author-port": "3799,1700,3799" },
    /^--dynamic-author-port 3799: wanted each port once/,
  ],
  [
    "a port of it that is IKE's",
    { ...lab, ...author, "dynamic-author-port": "4500" },
    /^--dynamic-author-port 4500: wanted another port than those of IKE/,
  ],
  [
    "an address of it twice",
    { ...lab, ...author, "dynamic-author-listen": "192.0.2.9,192.0.2.9" },
    /^--dynamic-author-listen 192\.0\.2\.9: wanted each address once/,
  ],
  [
    "both wildcards",
    { ...lab, ...author, "dynamic-author-listen": "::,0.0.0.0" },
    /^--dynamic-author-listen 0\.0\.0\.0: wanted not to stand beside ::/,
  ],
  [
    "a client that cannot reach it",
    { ...lab, ...author, "dynamic-author-listen": "2001:db8::9" },
    /^--dynamic-author-listen 2001:db8::9: wanted an address of the family of 192\.0\.2\.1 too/,
  ],
];

Deno.test("RADIUS servers over TLS have names or addresses, and a port if they want", () => {
  const servers = "radius.example.net,192.0.2.1:2084,2001:db8::1,[2001:db8::2]:2084";
  const { settings, problems } = gather(
    serveFlags,
    sources({ args: { ...lab, ...overTls, "radius-tls": servers } }),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(settings["radius-tls"].map(({ host, port }) => `${host} ${port}`), [
    "radius.example.net 2083",
    "192.0.2.1 2084",
    "2001:db8::1 2083",
    "2001:db8::2 2084",
  ]);
  for (const bad of ["a b", "192.0.2.1:0", "192.0.2.1:65536", "[192.0.2.1", ":2083", "1.2.3"]) {
    const [problem = ""] = problemsOf({ args: { ...lab, ...overTls, "radius-tls": bad } });
    assert.match(problem, /^--radius-tls .*: wanted a name or an address/, bad);
  }
});

Deno.test("RADIUS servers have addresses of both families and a port if they want", () => {
  const radius = "192.0.2.1,192.0.2.2:1645,2001:db8::1,[2001:db8::2]:1645";
  const { settings, problems } = gather(serveFlags, sources({ args: { ...lab, radius } }));
  assert.deepEqual(problems, []);
  assert.deepEqual(settings.radius.map(formatEndpoint), [
    "192.0.2.1:1812",
    "192.0.2.2:1645",
    "[2001:db8::1]:1812",
    "[2001:db8::2]:1645",
  ]);
  for (const bad of ["aaa.example.net", "192.0.2.1:0", "192.0.2.1:65535", "[192.0.2.1", ":1812"]) {
    assert.equal(problemsOf({ args: { ...lab, radius: bad } }).length >= 1, true, bad);
    assert.match(problemsOf({ args: { ...lab, radius: bad } })[0] ?? "", /^--radius .*: wanted/);
  }
});

for (const [why, args, line] of contradictions) {
  Deno.test(`refused: ${why}`, () => {
    const problems = problemsOf({ args });
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", line);
  });
}

Deno.test("flag over environment over flags file over default", () => {
  const files = { f: "dpd 40\ndpd-retry 4\nmtu 1300\n" };
  const env = { REJOIN_DPD: "30", REJOIN_DPD_RETRY: "3" };
  const args = { ...lab, "flags-file": "f", dpd: "20" };
  const { settings } = gather(serveFlags, sources({ args, env, files }));
  assert.deepEqual(
    [settings.dpd, settings["dpd-retry"], settings.mtu, settings["max-sa"]],
    [20, 3, 1300, 10_000],
  );
});

Deno.test("the flags file may be named by the environment, and lists replace lists", () => {
  const files = {
    f: "# users\n\n--pool=10.1.0.0/16\n--pool 10.2.0.0/16\ndns = 1.1.1.1, 9.9.9.9\nuser a:b#c d\n",
  };
  const { settings, problems } = gather(
    serveFlags,
    sources({ env: { REJOIN_FLAGS_FILE: "f" }, files }),
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(settings.pool.map(({ text }) => text), ["10.1.0.0/16", "10.2.0.0/16"]);
  assert.deepEqual(settings.dns.map(formatIpAddress), ["1.1.1.1", "9.9.9.9"]);
  assert.deepEqual(settings.user, [{ name: "a", password: "b#c d" }]);
  const over = gather(
    serveFlags,
    sources({ args: { dns: "8.8.8.8" }, env: { REJOIN_FLAGS_FILE: "f" }, files }),
  );
  assert.deepEqual(over.settings.dns.map(formatIpAddress), ["8.8.8.8"]);
});

Deno.test("problems of a flags file name file and line, those of the environment the variable", () => {
  const files = { "/etc/f": "mtu 1\nflags-file other\npolo 1\n???\ndns 1.1.1\ndns 9.9.9.9\n" };
  const problems = problemsOf({
    args: { ...lab, "flags-file": "/etc/f" },
    env: { REJOIN_DPD: "x" },
    files,
  });
  assert.deepEqual(problems, [
    "--flags-file: wanted no flags file inside a flags file (from /etc/f line 2)",
    "--polo: wanted a flag of this command, one a line; see --help (from /etc/f line 3)",
    "???: wanted a flag of this command, one a line; see --help (from /etc/f line 4)",
    "--dns 1.1.1: wanted an IPv4 or IPv6 address (from /etc/f line 5)",
    "--mtu 1: wanted a whole number from 1280 to 9000 (from /etc/f line 1)",
    "--dpd x: wanted a whole number from 10 to 3600 (from REJOIN_DPD)",
  ]);
});

Deno.test("a flags file that cannot be read is one more problem", () => {
  const problems = problemsOf({ args: { ...lab, "flags-file": "gone", mtu: "1" } });
  assert.deepEqual(problems.map((line) => line.slice(0, 18)), [
    "--flags-file gone:",
    "--mtu 1: wanted a ",
  ]);
});
