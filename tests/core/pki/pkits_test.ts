/**
 * NIST PKITS 2011, the part of it that is at hand; revocation (4.4) is in `revocation_test.ts`.
 */
import { equal } from "node:assert/strict";
import { nobleProvider } from "../../../core/crypto/noble_provider.ts";
import { wall } from "../../../core/moment.ts";
import { type Certificate, parseCertificate } from "../../../core/pki/certificate.ts";
import { type ChainFault, verifyChain } from "../../../core/pki/chain.ts";
import { readVector, vectorTest } from "../../support/vectors.ts";
import { parsed } from "./authority.ts";

const folder = "thirdparty/kat/pkits/certs";
const anchor = readVector(`${folder}/TrustAnchorRootCertificate.crt`);
const at = wall(Date.parse("2025-01-01T00:00:00Z"));

/**
 * Section of PKITS, end entity, CA, and why it must fail; `undefined` for a path that holds. The spoilt
 * signature of 4.1.2 is no string of whole octets any more, so that CA does not even parse.
 */
const cases: readonly (readonly [
  section: string,
  leaf: string,
  ca: string,
  fault: ChainFault["kind"] | "malformed" | undefined,
])[] = [
  ["4.1.1", "ValidCertificatePathTest1EE", "GoodCACert", undefined],
  ["4.1.2", "InvalidCASignatureTest2EE", "BadSignedCACert", "malformed"],
  ["4.1.3", "InvalidEESignatureTest3EE", "GoodCACert", "bad-signature"],
  ["4.2.5", "InvalidCAnotAfterDateTest5EE", "BadnotAfterDateCACert", "expired"],
  ["4.2.6", "InvalidEEnotAfterDateTest6EE", "GoodCACert", "expired"],
  ["4.3.1", "InvalidNameChainingTest1EE", "GoodCACert", "no-issuer"],
];

for (const [section, leafName, caName, fault] of cases) {
  vectorTest(`PKITS ${section}: ${leafName} ${fault ?? "is valid"}`, anchor, (anchorDer) => {
    equal(outcome(leafName, caName, parsed(anchorDer)), fault);
  });
}

function outcome(leafName: string, caName: string, anchor: Certificate): string | undefined {
  const [leaf, ca] = [leafName, caName].map((name) =>
    parseCertificate(readVector(`${folder}/${name}.crt`) ?? new Uint8Array(0))
  );
  if (leaf?.ok !== true || ca?.ok !== true) return "malformed";
  const result = verifyChain({
    leaf: leaf.value,
    intermediates: [ca.value],
    anchors: [anchor],
    at,
    purpose: "clientAuth",
    crypto: nobleProvider,
  });
  return result.ok ? undefined : result.fault.kind;
}
