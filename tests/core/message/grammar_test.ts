/** Which payloads belong in which message. */
import assert from "node:assert/strict";
import { ExchangeType, NotifyType } from "../../../core/message/constants.ts";
import { type AuthStep, checkGrammar } from "../../../core/message/grammar.ts";
import { notify } from "../../../core/message/notify.ts";
import type { Payload } from "../../../core/message/payload.ts";

const empty = new Uint8Array(0);

const samples: Readonly<Record<string, Payload>> = {
  SA: { kind: "SA", proposals: [{ number: 1, protocol: 3, spi: empty, transforms: [] }] },
  "SA(IKE)": { kind: "SA", proposals: [{ number: 1, protocol: 1, spi: empty, transforms: [] }] },
  KE: { kind: "KE", group: 19, data: empty },
  Ni: { kind: "Nonce", data: empty },
  IDi: { kind: "IDi", idType: 2, data: empty },
  IDr: { kind: "IDr", idType: 2, data: empty },
  CERT: { kind: "CERT", encoding: 4, data: empty },
  CERTREQ: { kind: "CERTREQ", encoding: 4, authorities: empty },
  AUTH: { kind: "AUTH", method: 2, data: empty },
  TSi: { kind: "TSi", selectors: [] },
  TSr: { kind: "TSr", selectors: [] },
  CP: { kind: "CP", configType: 1, attributes: [] },
  EAP: { kind: "EAP", packet: empty },
  PS: { kind: "PS", data: empty },
  D: { kind: "D", protocol: 1, spis: [] },
  V: { kind: "V", data: empty },
  N: notify(NotifyType.INITIAL_CONTACT),
  "N(COOKIE)": notify(NotifyType.COOKIE),
  "N(error)": notify(NotifyType.TS_UNACCEPTABLE),
  unknown: { kind: "unknown", payloadType: 200, body: empty },
};

/** The result for payloads named with blanks between them: "ok", or kind and path of the fault. */
function judge(
  exchange: keyof typeof ExchangeType,
  direction: "request" | "response",
  names: string,
  step?: AuthStep,
): string {
  const payloads = names.split(" ").filter((name) => name !== "").map((name) => {
    const payload = samples[name];
    assert.ok(payload, name);
    return payload;
  });
  const fault = checkGrammar({
    exchangeType: ExchangeType[exchange],
    isResponse: direction === "response",
    isEncrypted: exchange !== "IKE_SA_INIT",
    ...(step === undefined ? {} : { step }),
    payloads,
  });
  return fault === undefined ? "ok" : `${fault.kind} ${fault.path}`;
}

Deno.test("IKE_SA_INIT", () => {
  const request = (names: string): string => judge("IKE_SA_INIT", "request", names);
  const response = (names: string): string => judge("IKE_SA_INIT", "response", names);
  assert.equal(request("SA(IKE) KE Ni"), "ok");
  assert.equal(request("N(COOKIE) SA(IKE) KE Ni N N N V V unknown"), "ok");
  assert.equal(request("Ni KE V SA(IKE)"), "ok");
  assert.equal(request("SA(IKE) KE Ni CP"), "ok");
  assert.equal(request("SA(IKE) Ni"), "missing KE");
  assert.equal(request(""), "missing SA");
  assert.equal(request("SA(IKE) KE KE Ni"), "too-many KE");
  assert.equal(request("SA(IKE) KE Ni IDi"), "unexpected IDi");
  assert.equal(request("SA(IKE) KE Ni CERTREQ"), "unexpected CERTREQ");
  assert.equal(response("SA(IKE) KE Ni CERTREQ CERTREQ N V"), "ok");
  assert.equal(response("N(COOKIE)"), "ok");
  assert.equal(response("N(error)"), "ok");
  assert.equal(response("V N(error) V"), "ok");
  assert.equal(response("SA(IKE) KE"), "missing Nonce");
  assert.equal(response(""), "missing SA");
});

Deno.test("IKE_AUTH: the first pair", () => {
  const request = (names: string): string => judge("IKE_AUTH", "request", names, "first");
  const response = (names: string): string => judge("IKE_AUTH", "response", names, "first");
  assert.equal(request("IDi N CERTREQ CP SA TSi TSr N N"), "ok");
  assert.equal(request("IDi CERT CERT CERTREQ IDr AUTH CP SA TSi TSr"), "ok");
  assert.equal(request("IDi AUTH"), "ok");
  assert.equal(request("AUTH SA TSi TSr"), "missing IDi");
  assert.equal(request("IDi AUTH SA TSi"), "missing TSr");
  assert.equal(request("IDi AUTH SA TSr"), "missing TSi");
  assert.equal(request("IDi EAP"), "unexpected EAP");
  assert.equal(request("IDi IDi AUTH"), "too-many IDi");
  assert.equal(request("IDi CP CP"), "too-many CP");
  assert.equal(response("IDr CERT AUTH EAP"), "ok");
  assert.equal(response("IDr AUTH CP SA TSi TSr N"), "ok");
  assert.equal(response("IDr AUTH N(error)"), "ok");
  assert.equal(response("N(error)"), "ok");
  assert.equal(response("AUTH"), "missing IDr");
});

Deno.test("IKE_AUTH: EAP rounds and the end", () => {
  assert.equal(judge("IKE_AUTH", "request", "EAP", "eap"), "ok");
  assert.equal(judge("IKE_AUTH", "response", "EAP N", "eap"), "ok");
  assert.equal(judge("IKE_AUTH", "request", "", "eap"), "missing EAP");
  assert.equal(judge("IKE_AUTH", "request", "EAP EAP", "eap"), "too-many EAP");
  assert.equal(judge("IKE_AUTH", "request", "EAP SA", "eap"), "unexpected SA");
  assert.equal(judge("IKE_AUTH", "request", "AUTH", "final"), "ok");
  assert.equal(judge("IKE_AUTH", "request", "IDi AUTH", "final"), "unexpected IDi");
  assert.equal(judge("IKE_AUTH", "request", "N", "final"), "missing AUTH");
  assert.equal(judge("IKE_AUTH", "response", "AUTH CP SA TSi TSr N", "final"), "ok");
  assert.equal(judge("IKE_AUTH", "response", "EAP N(error)", "eap"), "ok");
  assert.equal(judge("IKE_AUTH", "response", "N(error)", "final"), "ok");
});

Deno.test("CREATE_CHILD_SA: new Child SA, rekey of a Child SA, rekey of the IKE SA", () => {
  for (const direction of ["request", "response"] as const) {
    const on = (names: string): string => judge("CREATE_CHILD_SA", direction, names);
    assert.equal(on("SA Ni TSi TSr"), "ok");
    assert.equal(on("N SA Ni KE TSi TSr N"), "ok");
    assert.equal(on("SA(IKE) Ni KE"), "ok");
    assert.equal(on("SA(IKE) Ni"), "missing KE");
    assert.equal(on("SA(IKE) Ni KE TSi TSr"), "unexpected TSi");
    assert.equal(on("SA Ni KE"), "missing TSi");
    assert.equal(on("SA TSi TSr"), "missing Nonce");
    assert.equal(on("SA Ni TSi TSr IDi"), "unexpected IDi");
  }
  assert.equal(judge("CREATE_CHILD_SA", "response", "N(error)"), "ok");
  assert.equal(judge("CREATE_CHILD_SA", "request", "N(error)"), "missing SA");
});

Deno.test("INFORMATIONAL", () => {
  assert.equal(judge("INFORMATIONAL", "request", ""), "ok");
  assert.equal(judge("INFORMATIONAL", "request", "D D N CP V unknown"), "ok");
  assert.equal(judge("INFORMATIONAL", "response", "SA"), "unexpected SA");
});

Deno.test("IKE_SA_INIT is in clear, everything else is encrypted", () => {
  const subject = { isResponse: false, payloads: [] };
  for (const name of ["IKE_AUTH", "CREATE_CHILD_SA", "INFORMATIONAL"] as const) {
    const clear = { ...subject, exchangeType: ExchangeType[name], isEncrypted: false };
    assert.deepEqual(checkGrammar(clear), { kind: "missing", offset: 0, path: "SK" });
  }
  const init = { ...subject, exchangeType: ExchangeType.IKE_SA_INIT, isEncrypted: true };
  assert.deepEqual(checkGrammar(init), { kind: "unexpected", offset: 0, path: "SK" });
});

Deno.test("an exchange that is not known", () => {
  const fault = checkGrammar({
    exchangeType: 99,
    isResponse: false,
    isEncrypted: true,
    payloads: [],
  });
  assert.deepEqual(fault, { kind: "unexpected", offset: 0, path: "exchange", had: 99 });
});
