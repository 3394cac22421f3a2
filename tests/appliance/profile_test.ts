/** `rejoin profile`, read back as a client would. */
import assert from "node:assert/strict";
import { run } from "../../appliance/cli.ts";
import { parseXml, utf8, type XmlElement } from "../../core/mod.ts";

async function profile(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: readonly string[] }> {
  let out = "";
  const err: string[] = [];
  const status = await run(["profile", ...args], {
    out: (text) => void (out += text),
    err: (line) => void err.push(line),
    env: () => undefined,
    readFile: () => "",
    askSecret: () => undefined,
  });
  return { status, out, err };
}

async function parsed(...args: readonly string[]): Promise<XmlElement> {
  const { status, out } = await profile(...args);
  assert.equal(status, 0);
  const root = parseXml(utf8(out));
  assert.ok(root.ok, out);
  return root.value;
}

/** Every element in document order: its path and its own text. */
function flat(element: XmlElement, path = ""): readonly string[] {
  const at = `${path}/${element.name}`;
  const text = element.text.trim();
  return [
    text === "" ? at : `${at}=${text}`,
    ...element.children.flatMap((child) => flat(child, at)),
  ];
}

Deno.test("a profile has the client's elements in the client's order", async () => {
  const root = await parsed(
    ...["--host", "Office", "--address", "vpn.example.net", "--user-group", "staff"],
    ...["--backup", "vpn2.example.net", "--backup", "2001:db8::1"],
    ...["--authentication-timeout", "90"],
  );
  assert.equal(root.attributes.get("xmlns"), "http://schemas.xmlsoap.org/encoding/");
  const start = "/AnyConnectProfile/ClientInitialization";
  const entry = "/AnyConnectProfile/ServerList/HostEntry";
  const protocol = `${entry}/PrimaryProtocol`;
  assert.deepEqual(flat(root), [
    "/AnyConnectProfile",
    start,
    `${start}/AuthenticationTimeout=90`,
    `${start}/AutoReconnect=true`,
    `${start}/AutoReconnect/AutoReconnectBehavior=ReconnectAfterResume`,
    "/AnyConnectProfile/ServerList",
    entry,
    `${entry}/HostName=Office`,
    `${entry}/HostAddress=vpn.example.net`,
    `${entry}/UserGroup=staff`,
    `${entry}/BackupServerList`,
    `${entry}/BackupServerList/HostAddress=vpn2.example.net`,
    `${entry}/BackupServerList/HostAddress=2001:db8::1`,
    `${protocol}=IPsec`,
    `${protocol}/StandardAuthenticationOnly=true`,
    `${protocol}/StandardAuthenticationOnly/AuthMethodDuringIKENegotiation=EAP-AnyConnect`,
  ]);
});

Deno.test("an EAP method that is not Cisco's comes with an identity", async () => {
  const root = await parsed(
    ...["--host", "vpn.example.net", "--auth", "eap-mschapv2", "--ike-identity", "ann"],
  );
  const entry = "/AnyConnectProfile/ServerList/HostEntry";
  const standard = `${entry}/PrimaryProtocol/StandardAuthenticationOnly`;
  assert.deepEqual(flat(root).filter((line) => line.startsWith(entry)).slice(1), [
    `${entry}/HostName=vpn.example.net`,
    `${entry}/HostAddress=vpn.example.net`,
    `${entry}/PrimaryProtocol=IPsec`,
    `${standard}=true`,
    `${standard}/AuthMethodDuringIKENegotiation=EAP-MSCHAPv2`,
    `${standard}/IKEIdentity=ann`,
  ]);
});

Deno.test("names cannot add elements", async () => {
  const name = `R&D </HostName><HostAddress>evil.test</HostAddress> "x" ]]>`;
  const root = await parsed("--host", name, "--address", "vpn.example.net");
  assert.ok(flat(root).includes(`/AnyConnectProfile/ServerList/HostEntry/HostName=${name}`));
  assert.equal(flat(root).filter((line) => line.includes("/HostEntry/HostAddress=")).length, 1);
});

Deno.test("a profile is laid out for people, one element a line", async () => {
  const { out } = await profile("--host", "vpn.example.net");
  assert.match(out, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<AnyConnectProfile /);
  assert.match(out, /\n {6}<HostName>vpn\.example\.net<\/HostName>\n/);
  assert.ok(out.endsWith("</AnyConnectProfile>\n"));
});

const mistakes: readonly (readonly [args: readonly string[], said: RegExp])[] = [
  [[], /^rejoin profile: --host: wanted a name/],
  [["--host", "Our office"], /--address: wanted the gateway's name or address/],
  [["--host", "a.test", "--auth", "eap-md5"], /--auth eap-md5: wanted one of eap-anyconnect,/],
  [["--host", "a.test", "--auth", "eap-mschapv2"], /--ike-identity: wanted the identity/],
  [["--host", "a.test", "--ike-identity", "ann"], /--ike-identity ann: wanted --auth eap-mschapv2/],
  [["--host", "a.test", "--backup", "a b"], /--backup "a b": wanted a host name/],
];

for (const [args, said] of mistakes) {
  Deno.test(`rejoin profile ${args.join(" ")} is refused with what it wants`, async () => {
    const { status, out, err } = await profile(...args);
    assert.deepEqual([status, out, err.length], [2, "", 1]);
    assert.match(err[0] ?? "", said);
  });
}
