/** The documents: recorded ones octet by octet, ours against their own reader, and the order of elements. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { textOf, utf8 } from "../../../../core/bytes.ts";
import {
  answerTo,
  buildClientDocument,
  type ClientDocument,
  type ClientHeader,
  parseClientDocument,
} from "../../../../core/eap/anyconnect/client_documents.ts";
import { parseConfigAuth } from "../../../../core/eap/anyconnect/config_auth.ts";
import { parseTlvs } from "../../../../core/eap/anyconnect/framing.ts";
import {
  buildGatewayDocument,
  type GatewayDocument,
  parseGatewayDocument,
} from "../../../../core/eap/anyconnect/gateway_documents.ts";
import {
  challengeForm,
  englishTexts,
  findGroup,
  passwordForm,
} from "../../../../core/eap/anyconnect/login_forms.ts";
import {
  isEchoOf,
  makeOpaque,
  opaqueElement,
  opaqueIn,
} from "../../../../core/eap/anyconnect/opaque.ts";
import {
  buildXml,
  element,
  parseXml,
  type XmlElement,
} from "../../../../core/eap/anyconnect/xml.ts";
import { hex } from "../../../support/hex.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";
import { vectorTest } from "../../../support/vectors.ts";
import { recorded } from "./recorded.ts";

function documentIn(packet: string | undefined): Uint8Array {
  const message = parseTlvs(hex(packet ?? "").subarray(12));
  ok(message.ok && message.value.xml !== undefined);
  return message.value.xml;
}

function readGateway(octets: Uint8Array): GatewayDocument {
  const parsed = parseGatewayDocument(octets);
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.fault));
  return parsed.value;
}

function readClient(octets: Uint8Array): ClientDocument {
  const parsed = parseClientDocument(octets);
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.fault));
  return parsed.value;
}

const headerOfRecording: ClientHeader = {
  version: "4.9.01095",
  device: {
    platform: "win",
    computerName: "MyPC1",
    deviceType: "PC Vendor Notebook G1",
    platformVersion: "10.0.18363",
    uniqueId: "6670710BAE51885EDEF982FC59BAC8321D0AEE1036A3005FCDF996E19AEF6978",
    uniqueIdGlobal: "CC182A13D1990CF18436AEDEC8891122345EFD7D",
  },
  macAddresses: ["82-00-11-aa-bb-cc"],
};

vectorTest(
  "every recorded document of the client is read and built again octet by octet",
  recorded,
  (s) => {
    const documents = s.eap_client_to_gateway.map(documentIn);
    const values = documents.map(readClient);
    deepEqual(values.map(({ kind }) => kind), ["init", "init", "auth-reply", "ack"]);
    for (const [i, value] of values.entries()) {
      deepEqual(value.header, headerOfRecording);
      equal(textOf(buildClientDocument(value)), textOf(documents[i]!));
    }
    const [init, , reply] = values;
    ok(init?.kind === "init" && reply?.kind === "auth-reply");
    equal(init.groupAccess, "https://10.99.0.1/Group1");
    deepEqual(init.authMethods, ["multiple-cert"]);
    equal(init.hasNoCertificate, false);
    equal(reply.hostScanToken, "A98A15333EB1059ECF8EFD74");
    deepEqual(reply.answers, []);
    ok(
      isEchoOf(
        { tunnelGroup: "Group1", authMethods: [], configHash: "1623400123456" },
        reply.opaque!,
      ),
    );
  },
);

vectorTest(
  "recorded documents of the gateway that we send too are built octet by octet",
  recorded,
  (s) => {
    const [hello, request] = s.eap_gateway_to_client.map((packet) => packet);
    for (const packet of [hello, request]) {
      const octets = documentIn(packet);
      equal(textOf(buildGatewayDocument(readGateway(octets))), textOf(octets));
    }
    const asked = readGateway(documentIn(request));
    ok(asked.kind === "auth-request");
    equal(asked.asksCertificate, true);
    equal(asked.csport, 443);
    equal(asked.auth, undefined);
  },
);

vectorTest("a recorded host scan and a recorded complete are understood", recorded, (s) => {
  const scan = readGateway(documentIn(s.eap_gateway_to_client[2]));
  ok(scan.kind === "auth-request");
  equal(scan.asksHostScan, true);
  equal(scan.auth?.form, undefined);
  deepEqual(readGateway(documentIn(s.eap_gateway_to_client[3])), {
    kind: "complete",
    version: undefined,
    pair: {
      sessionId: "1193678174",
      token: "DCA407@1193678174@728F@E25B29CB7602F960F8CDB56D529EE7DAE41D103F",
    },
    banner: undefined,
    message: undefined,
    serverCertHash: "CE950C229C478B3D2779277FE184857C26D77F64",
  });
});

vectorTest("every recorded document survives the writer as a tree", recorded, (s) => {
  for (const packet of [...s.eap_client_to_gateway, ...s.eap_gateway_to_client.slice(0, 4)]) {
    const tree = parseXml(documentIn(packet));
    ok(tree.ok);
    deepEqual(parseXml(buildXml(tree.value)), tree);
  }
});

const opaque = { tunnelGroup: "RA-USERS", authMethods: [], configHash: "1700000000001" };

Deno.test("the form for user name and password has the elements in their usual order", () => {
  const document: GatewayDocument = {
    kind: "auth-request",
    version: "1.0",
    opaque: opaqueElement(opaque),
    csport: 443,
    auth: passwordForm({ ...englishTexts, banner: "Staff only" }, [], undefined, undefined),
    asksCertificate: false,
    asksHostScan: false,
  };
  equal(
    textOf(buildGatewayDocument(document)),
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<config-auth client="vpn" type="auth-request" aggregate-auth-version="2">' +
      '<version who="sg">1.0</version>' +
      '<opaque is-for="sg"><tunnel-group>RA-USERS</tunnel-group>' +
      "<config-hash>1700000000001</config-hash></opaque>" +
      "<csport>443</csport>" +
      '<auth id="main"><title>Login</title>' +
      "<message>Please enter your username and password.</message><banner>Staff only</banner>" +
      '<form><input type="text" name="username" label="Username:"/>' +
      '<input type="password" name="password" label="Password:"/></form></auth></config-auth>\n',
  );
  const octets = buildGatewayDocument(document);
  deepEqual(buildGatewayDocument(readGateway(octets)), octets);
});

Deno.test("a form that is shown again has the error before it, with a number and no parameters", () => {
  const auth = passwordForm(englishTexts, [], undefined, englishTexts.failed);
  const text = textOf(buildGatewayDocument({
    kind: "auth-request",
    auth,
    asksCertificate: false,
    asksHostScan: false,
  }));
  ok(text.includes('<error id="13" param1="" param2="">Login failed.</error><form>'), text);
});

Deno.test("an error with a percent sign is a parameter, so that a client fills nothing in", () => {
  const error = { id: "13", text: "50%s of %d" };
  const octets = buildGatewayDocument({ kind: "error", error });
  ok(textOf(octets).includes('<error id="13" param1="50%s of %d" param2="">%s</error>'));
  deepEqual(readGateway(octets), { kind: "error", error });
});

Deno.test("groups are a list with the chosen one selected, from two on", () => {
  const groups = [{ name: "staff", alias: "Staff" }, { name: "guests" }];
  const auth = passwordForm(englishTexts, groups, groups[1], undefined);
  const text = textOf(
    buildGatewayDocument({
      kind: "auth-request",
      auth,
      asksCertificate: false,
      asksHostScan: false,
    }),
  );
  ok(
    text.includes(
      '<select name="group_list" label="GROUP:"><option>Staff</option>' +
        '<option selected="true">guests</option></select></form>',
    ),
    text,
  );
  equal(passwordForm(englishTexts, [groups[0]!], groups[0], undefined).form?.length, 2);
});

Deno.test("a group is found by name, by alias, and in the path of a URL", () => {
  const groups = [{ name: "staff", alias: "Our Staff" }, { name: "guests" }];
  for (
    const word of ["staff", "Our Staff", "https://vpn.test/staff", "https://vpn.test:4443/staff/"]
  ) {
    equal(findGroup(groups, word), groups[0], word);
  }
  for (const word of [undefined, "", "Staff", "https://vpn.test", "https://vpn.test/", "no"]) {
    equal(findGroup(groups, word), undefined, word);
  }
});

Deno.test("a challenge is a form of one starred field named answer", () => {
  const auth = challengeForm(englishTexts, "Code from your phone", "Code:");
  const octets = buildGatewayDocument({
    kind: "auth-request",
    auth,
    asksCertificate: false,
    asksHostScan: false,
  });
  ok(
    textOf(octets).includes(
      '<auth id="challenge"><title>Login</title><message>Code from your phone</message>' +
        '<form><input type="password" name="answer" label="Code:"/></form></auth>',
    ),
  );
});

Deno.test("complete is below a kilobyte and has its elements in their usual order", () => {
  const document: GatewayDocument = {
    kind: "complete",
    version: "1.0",
    pair: { sessionId: "abcdefghijklmnopqr", token: "A".repeat(43) },
    banner: "Authorised use only",
    message: undefined,
    serverCertHash: "CE950C229C478B3D2779277FE184857C26D77F64",
  };
  const octets = buildGatewayDocument(document);
  ok(octets.length < 1024, `${octets.length}`);
  const parsed = parseConfigAuth(octets);
  ok(parsed.ok);
  deepEqual(parsed.value.root.children.map(({ name }) => name), [
    "version",
    "session-id",
    "session-token",
    "auth",
    "capabilities",
    "config",
  ]);
  deepEqual(readGateway(octets), document);
  const without = readGateway(buildGatewayDocument({ kind: "complete" }));
  ok(without.kind === "complete");
  equal(without.pair, undefined);
});

Deno.test("a pair with an empty half is none", () => {
  const text =
    `<config-auth type="complete"><session-id> </session-id><session-token>x</session-token></config-auth>`;
  const document = readGateway(utf8(text));
  ok(document.kind === "complete");
  equal(document.pair, undefined);
});

const reply = (inside: string): string =>
  `<config-auth client='vpn' type='auth-reply'>\n ${inside}\n</config-auth>\0`;

Deno.test("answers are read by name, in any order, unescaped, blanks kept", () => {
  const document = readClient(utf8(reply(
    "<group-select>RA-USERS</group-select><auth><password> p&amp;w&lt; </password><other/>" +
      "<username>alice</username></auth><unknown><deep/></unknown><session-id/>",
  )));
  ok(document.kind === "auth-reply");
  equal(answerTo(document.answers, "username"), "alice");
  equal(answerTo(document.answers, "password"), " p&w< ");
  equal(answerTo(document.answers, "answer", "password"), " p&w< ");
  equal(document.groupSelect, "RA-USERS");
  equal(document.opaque, undefined);
});

Deno.test("a field that is answered twice is not answered", () => {
  const document = readClient(utf8(reply(
    "<auth><username>alice</username><username>bob</username></auth>",
  )));
  ok(document.kind === "auth-reply");
  equal(answerTo(document.answers, "username"), undefined);
});

Deno.test("the version attribute may be missing; type and root may not be wrong", () => {
  ok(parseClientDocument(utf8("<config-auth type='ack'/>")).ok);
  const wrong = ["<config-auth/>", "<config-auth type='hello'/>", "<other type='ack'/>", "<a/>"];
  for (const text of [...wrong, "<config-auth type='ACK'/>", "<config-auth type='error'/>"]) {
    const parsed = parseClientDocument(utf8(text));
    ok(!parsed.ok && parsed.fault.kind === "unexpected", text);
  }
  ok(!parseGatewayDocument(utf8("<config-auth type='init'/>")).ok);
});

Deno.test("an error directly inside is the document, with its parameters filled in", () => {
  const text = "<config-auth type='auth-request'><error id='9' param1='alice' param2='3'>" +
    "%s failed %s times %s</error><auth><form/></auth></config-auth>";
  deepEqual(readGateway(utf8(text)), {
    kind: "error",
    error: { id: "9", text: "alice failed 3 times" },
  });
  const error = { kind: "error", error: { id: "1", text: "No." } } as const;
  deepEqual(readGateway(buildGatewayDocument(error)), error);
});

Deno.test("fields that nobody could answer are left out of a form", () => {
  const text = "<config-auth type='auth-request'><auth id='main'><form method='post' action='/'>" +
    "<input type='text' name='a b'/><input type='text' name='1'/><input type='text'/>" +
    "<input type='submit' name='go'/><input type='sso' name='sso'/>" +
    "<input type='hidden' name='h' value='v'/>" +
    "<select name='s'><option value='1'>One</option><option selected='true'>2</option></select>" +
    "</form></auth></config-auth>";
  const document = readGateway(utf8(text));
  ok(document.kind === "auth-request");
  deepEqual(document.auth?.form, [
    { kind: "input", type: "hidden", name: "h", label: undefined, value: "v" },
    {
      kind: "select",
      name: "s",
      label: undefined,
      options: [
        { value: "1", text: "One", isSelected: false },
        { value: "2", text: "2", isSelected: true },
      ],
    },
  ]);
});

Deno.test("an opaque is compared by value, and that of another conversation does not fit", () => {
  const random = new SeededRandom(1);
  const [mine, other] = [makeOpaque(random, "staff"), makeOpaque(random, "staff")];
  ok(/^1\d{17}$/.test(mine.configHash), mine.configHash);
  const back = (value: XmlElement): XmlElement => {
    const parsed = parseXml(buildXml(element("config-auth", [value])));
    ok(parsed.ok);
    const found = opaqueIn(parsed.value);
    ok(found !== undefined);
    return found;
  };
  ok(isEchoOf(mine, back(opaqueElement(mine))));
  const shuffled = { ...opaqueElement(mine), children: opaqueElement(mine).children.toReversed() };
  ok(isEchoOf(mine, back(shuffled)));
  ok(!isEchoOf(mine, back(opaqueElement(other))));
  ok(!isEchoOf(mine, back(opaqueElement({ ...mine, tunnelGroup: "admins" }))));
  ok(!isEchoOf(mine, back(opaqueElement({ ...mine, authMethods: ["multiple-cert"] }))));
  ok(!isEchoOf(mine, element("opaque", "", { "is-for": "sg" })));
  const withMethod = { ...mine, authMethods: ["multiple-cert"] };
  ok(isEchoOf(withMethod, back(opaqueElement(withMethod))));
});
