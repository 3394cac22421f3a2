/**
 * `deno task interop [WORDS]`: the interop tests alone, those whose names contain WORDS. Unlike
 * `deno task test`, which skips them where they cannot run, this says what is missing and fails.
 */
import { whyNoCharon } from "../tests/support/charon.ts";
import { whyNoGateway } from "../tests/support/rejoin.ts";

const packages =
  "iproute2 iputils-ping iperf3 strongswan-charon strongswan-swanctl strongswan-pki " +
  "libcharon-extra-plugins libcharon-extauth-plugins libstrongswan-extra-plugins " +
  "libstrongswan-standard-plugins";

async function main(): Promise<number> {
  const reason = whyNoCharon() ?? whyNoGateway();
  if (reason !== undefined) {
    console.error(
      `Cannot run the interop tests: ${reason}. They need root and, on Debian, ${packages}`,
    );
    return 1;
  }
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--no-check", "--allow-all", "--sanitize-ops", "--sanitize-resources"],
      ...(Deno.args.length === 0 ? [] : ["--filter", Deno.args.join(" ")]),
      new URL("../tests/interop", import.meta.url).pathname,
    ],
  }).spawn().status;
  return code;
}

if (import.meta.main) Deno.exit(await main());
