/**
 * The words of IOS extended access lists, as data: protocols, ports, types of ICMP and ICMPv6. A word
 * that stands first for its number is the one that is printed.
 */

/** Values by word. */
export type Words<T> = ReadonlyMap<string, T>;

/** Protocol numbers. `ip`, `ipv6` and `icmp` mean more than a number and are not here. */
export const protocolNumbers: Words<number> = wordsOf({
  igmp: 2,
  ipinip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ahp: 51,
  icmpv6: 58,
  eigrp: 88,
  ospf: 89,
  nos: 94,
  pim: 103,
  pcp: 108,
  sctp: 132,
});

/** The protocols whose packets begin with two ports. */
export const protocolsWithPorts: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** TCP. */
export const tcp = 6;
/** ICMP of each family. */
export const icmpOf: Readonly<Record<4 | 6, number>> = { 4: 1, 6: 58 };

const bothPorts = {
  discard: 9,
  domain: 53,
  echo: 7,
  "pim-auto-rp": 496,
  sunrpc: 111,
  tacacs: 49,
  talk: 517,
  time: 37,
};

const tcpPorts = wordsOf({
  ...bothPorts,
  bgp: 179,
  chargen: 19,
  cmd: 514,
  daytime: 13,
  drip: 3949,
  exec: 512,
  finger: 79,
  ftp: 21,
  "ftp-data": 20,
  gopher: 70,
  hostname: 101,
  ident: 113,
  irc: 194,
  klogin: 543,
  kshell: 544,
  login: 513,
  lpd: 515,
  msrpc: 135,
  nntp: 119,
  pop2: 109,
  pop3: 110,
  smtp: 25,
  syslog: 514,
  telnet: 23,
  uucp: 540,
  whois: 43,
  www: 80,
});

const udpPorts = wordsOf({
  ...bothPorts,
  biff: 512,
  bootpc: 68,
  bootps: 67,
  dnsix: 195,
  isakmp: 500,
  "mobile-ip": 434,
  nameserver: 42,
  "netbios-dgm": 138,
  "netbios-ns": 137,
  "netbios-ss": 139,
  "non500-isakmp": 4500,
  ntp: 123,
  rip: 520,
  snmp: 161,
  snmptrap: 162,
  syslog: 514,
  tftp: 69,
  who: 513,
  xdmcp: 177,
});

/** Port numbers by word; protocols other than TCP and UDP have numbers only. */
export function portWords(protocol: number): Words<number> {
  return protocol === tcp ? tcpPorts : protocol === 17 ? udpPorts : new Map();
}

/** A type of ICMP, with a code where the word says one. */
export type IcmpWord = readonly [type: number, code?: number];

const icmp4 = wordsOf<IcmpWord>({
  "echo-reply": [0],
  unreachable: [3],
  "net-unreachable": [3, 0],
  "host-unreachable": [3, 1],
  "protocol-unreachable": [3, 2],
  "port-unreachable": [3, 3],
  "packet-too-big": [3, 4],
  "source-route-failed": [3, 5],
  "network-unknown": [3, 6],
  "host-unknown": [3, 7],
  "administratively-prohibited": [3, 13],
  "source-quench": [4],
  redirect: [5],
  echo: [8],
  "router-advertisement": [9],
  "router-solicitation": [10],
  "time-exceeded": [11],
  "ttl-exceeded": [11, 0],
  "reassembly-timeout": [11, 1],
  "parameter-problem": [12],
  "timestamp-request": [13],
  "timestamp-reply": [14],
  "information-request": [15],
  "information-reply": [16],
  "mask-request": [17],
  "mask-reply": [18],
  traceroute: [30],
});

const icmp6 = wordsOf<IcmpWord>({
  unreachable: [1],
  "destination-unreachable": [1],
  "no-route": [1, 0],
  "no-admin": [1, 1],
  "beyond-scope": [1, 2],
  "port-unreachable": [1, 4],
  "packet-too-big": [2],
  "time-exceeded": [3],
  "hop-limit": [3, 0],
  "reassembly-timeout": [3, 1],
  "parameter-problem": [4],
  header: [4, 0],
  "next-header": [4, 1],
  "parameter-option": [4, 2],
  "echo-request": [128],
  "echo-reply": [129],
  "mld-query": [130],
  "mld-report": [131],
  "mld-reduction": [132],
  "router-solicitation": [133],
  "router-advertisement": [134],
  "nd-ns": [135],
  "nd-na": [136],
  redirect: [137],
  "router-renumbering": [138],
});

/** Types by word. */
export const icmpWords: Readonly<Record<4 | 6, Words<IcmpWord>>> = {
  4: icmp4,
  6: icmp6,
};

/** The word that is printed for a value. */
export function wordFor<T>(words: Words<T>, fits: (value: T) => boolean): string | undefined {
  for (const [word, value] of words) if (fits(value)) return word;
  return undefined;
}

function wordsOf<T>(table: Readonly<Record<string, T>>): Words<T> {
  return new Map(Object.entries(table));
}
