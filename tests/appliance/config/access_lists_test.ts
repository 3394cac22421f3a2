import assert from "node:assert/strict";
import { formatRule } from "../../../appliance/aaa/access_list/format.ts";
import { compileAccessLists } from "../../../appliance/config/access_lists.ts";
import { type FlagProblem, problemText } from "../../../appliance/config/flag.ts";
import { gather } from "../../../appliance/config/gather.ts";
import { serveFlags } from "../../../appliance/config/serve_flags.ts";

interface Compiled {
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly problems: readonly string[];
}

/** Compiles flags, and a file if there is one; lists come back as text. */
function compiled(rules: readonly string[], file?: string): Compiled {
  const path = file === undefined ? undefined : Deno.makeTempFileSync({ prefix: "rejoin-acl-" });
  try {
    if (path !== undefined) Deno.writeTextFileSync(path, file ?? "");
    const args = new Map([
      ["access-list", rules],
      ...(path === undefined ? [] : [["access-list-file", [path]] as const]),
    ]);
    const sources = { args, unknown: [], env: () => undefined, readFile: () => "" };
    const gathered = gather(serveFlags, sources);
    const { accessLists, problems } = compileAccessLists(gathered.settings);
    const text = (problem: FlagProblem): string =>
      problemText(problem).replaceAll(path ?? "\0", "FILE");
    return {
      lists: Object.fromEntries(
        [...accessLists].map(([name, list]) => {
          assert.equal(list.name, name);
          return [name, list.rules.map((rule) => formatRule(rule))];
        }),
      ),
      problems: [...gathered.problems, ...problems].map(text),
    };
  } finally {
    if (path !== undefined) Deno.removeSync(path);
  }
}

Deno.test("rules of one name make one list in the order given", () => {
  const { lists, problems } = compiled([
    "web:permit tcp any host 10.0.0.5 eq 443",
    "dns.in:permit udp any any eq domain",
    "web:permit tcp any host 2001:db8::5 eq 443",
    "web: deny ip any any log",
  ]);
  assert.deepEqual(problems, []);
  assert.deepEqual(lists, {
    web: [
      "permit tcp any host 10.0.0.5 eq 443",
      "permit tcp any host 2001:db8::5 eq 443",
      "deny ip any any",
    ],
    "dns.in": ["permit udp any any eq domain"],
  });
});

Deno.test("every rule that cannot be read is told, with its list, word and what is wanted", () => {
  const { problems } = compiled([
    "web:permit tpc any any",
    "web:permit tcp any any eq",
    "we b:permit ip any any",
    "permit ip any any",
    "ok:permit ip any any",
  ]);
  const name = "--access-list";
  const form = "wanted a name of 1 to 64 letters, digits, dots, hyphens or underscores, " +
    "a colon, and a rule such as permit tcp any any eq 443";
  assert.deepEqual(problems, [
    `${name} "web:permit tpc any any": wanted a protocol such as ip, ipv6, tcp, udp, icmp, ` +
    `icmpv6, or its number, instead of "tpc", word 2 of the rule`,
    `${name} "web:permit tcp any any eq": wanted a port, a number from 0 to 65535 or a word such ` +
    `as www, behind the last word of the rule`,
    `${name} "we b:permit ip any any": ${form}`,
    `${name} "permit ip any any": ${form}`,
  ]);
});

Deno.test("a file in the form of IOS: headings, numbers, remarks, both families, classic lists", () => {
  const { lists, problems } = compiled(
    [],
    `! from the old gateway
ip access-list extended staff
 remark web servers
 25 remark all others
 30 deny ip any any log
 10 permit tcp any 10.0.0.0 0.0.0.255 eq www 443
 20 permit icmp any any echo
!
ipv6 access-list staff
 sequence 4 remark of IPv6
 permit tcp any 2001:db8::/32 eq 443
 sequence 5 permit icmp any any echo-request
 permit udp any any eq domain sequence 15
 permit udp any any eq ntp
exit
access-list 101 remark classic
access-list 101 permit ip any host 10.0.0.1\r
# the end
access-list 101 deny   ip any any
ip access-list extended staff
 permit ip any host 10.0.0.9
end
`,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(lists, {
    staff: [
      "permit tcp any 10.0.0.0 0.0.0.255 eq www 443",
      "permit icmp any any echo",
      "deny ip any any",
      "permit ip any host 10.0.0.9",
      "permit icmpv6 any any echo-request",
      "permit tcp any 2001:db8::/32 eq 443",
      "permit udp ::/0 any eq domain",
      "permit udp ::/0 any eq ntp",
    ],
    "101": ["permit ip any host 10.0.0.1", "deny ip any any"],
  });
});

Deno.test("every line of a file that cannot be read is told at once", () => {
  const { problems } = compiled(
    ["web:permit ip any any", "long:permit ip any any"],
    `permit ip any any
ip access-list extended staff
 10 permit ip any any
 10 deny ip any any
 permit ipv6 any any
ip access-list extended two words
 permit ip any any
ip access-list standard old
exit
interface GigabitEthernet1
ip access-list extended empty
ip access-list extended web
 permit ip any any
`,
  );
  const file = "--access-list-file FILE: wanted";
  assert.deepEqual(problems, [
    `${file} ip access-list extended NAME or ipv6 access-list NAME before "permit ip any any", line 1`,
    `${file} a number that the list does not have yet instead of 10, line 4`,
    `${file} a protocol such as ip, tcp, udp, icmp, or its number, instead of "ipv6", ` +
    `word 2 of the rule, line 5`,
    `${file} a name of 1 to 64 letters, digits, dots, hyphens or underscores instead of ` +
    `"two words", line 6`,
    `${file} permit or deny instead of "ip", word 1 of the rule, line 8`,
    `${file} ip access-list extended NAME or ipv6 access-list NAME before ` +
    `"interface GigabitEthernet1", line 10`,
    "--access-list-file web: wanted each list either by flags or in the file",
  ]);
});

Deno.test("a list without rules, and one with too many, are refused", () => {
  const many = Array.from({ length: 400 }, (_, i) => ` permit tcp any any eq ${i}`).join("\n");
  const { problems } = compiled(
    [],
    `ip access-list extended empty\nip access-list extended long\n${many}\n`,
  );
  assert.deepEqual(problems, [
    "--access-list-file empty: wanted at least one rule in each list",
    "--access-list-file long: wanted rules of at most 32000 octets in one list (some 180); " +
    "these have 35781",
  ]);
});

Deno.test("a file that cannot be read is told", () => {
  const args = new Map([["access-list-file", ["/nonexistent/acl"]]]);
  const sources = { args, unknown: [], env: () => undefined, readFile: () => "" };
  const { problems } = compileAccessLists(gather(serveFlags, sources).settings);
  assert.match(
    problems.map(problemText).join("\n"),
    /^--access-list-file \/nonexistent\/acl: wanted a readable file \(No such file.*\)$/,
  );
});
