/**
 * `show crypto ikev2 stats ext-service` in the layout of IOS XE: what IKE let others do, and what they
 * came to. Rows and blocks of IOS that are not counted here are left out: policy verification, PKI, GKM,
 * PPK. The pre-shared key that is received is the token of whoever comes back.
 */
import type { GatewayFacts } from "./facts.ts";

/** One kind of work. */
export interface ServiceFacts {
  readonly operation: string;
  readonly passed: number;
  readonly failed: number;
}

/** Work of one service. */
export interface ServiceBlockFacts {
  readonly service: string;
  readonly operations: readonly ServiceFacts[];
}

/** The blocks, from counters by name. */
export function extServiceFacts(
  { reconnect, counters }: Pick<GatewayFacts, "reconnect" | "counters">,
): readonly ServiceBlockFacts[] {
  const count = (name: string): number => counters[name] ?? 0;
  const row = (operation: string, passed: number, failed: number): ServiceFacts => ({
    operation,
    passed,
    failed,
  });
  const pair = (operation: string, name: string): ServiceFacts =>
    row(operation, count(`${name}-passed`), count(`${name}-failed`));
  const unfit = count("bad-install");
  return [
    {
      service: "AAA",
      operations: [
        row("RECEIVING PSKEY", reconnect.success, reconnect.failed),
        pair("AUTHENTICATION USING EAP", "eap"),
        pair("START ACCOUNTING", "radius-accounting-start"),
        pair("STOP ACCOUNTING", "radius-accounting-stop"),
        pair("AUTHORIZATION", "authorization"),
      ],
    },
    {
      service: "IPSEC",
      operations: [
        row(
          "SA CREATION",
          Math.max(0, count("child-sas-installed") - unfit),
          count("child-sas-refused") + unfit,
        ),
        row("SA DELETION", count("child-sas-removed"), 0),
      ],
    },
    {
      service: "CRYPTO ENGINE",
      operations: [
        row("DH PUBKEY GENERATED", count("dh-public-values"), 0),
        row("DH SHARED SECKEY GENERATED", count("dh-shared-secrets"), count("dh-refused-values")),
        row("SIGNATURE SIGN", count("signatures-made"), 0),
        row("SIGNATURE VERIFY", count("signatures-right"), count("signatures-wrong")),
      ],
    },
  ];
}

/** The blocks as text. */
export function extServiceLines(blocks: readonly ServiceBlockFacts[]): string[] {
  return blocks.flatMap(({ service, operations }) => {
    // IOS XE draws these two lines longer than all others.
    const rule = "-".repeat(service === "CRYPTO ENGINE" ? 63 : 62);
    return [
      rule,
      line(`${service} OPERATION`, "PASSED", "FAILED"),
      rule,
      ...operations.map(({ operation, passed, failed }) =>
        line(operation, String(passed), String(failed))
      ),
    ];
  });
}

function line(what: string, passed: string, failed: string): string {
  return `${what.padEnd(40)}${passed.padStart(11)}${failed.padStart(11)}`;
}
