/** The client as a process, as far as no gateway is needed. In namespaces of its own. */
import assert from "node:assert/strict";
import { adviceFor } from "../../appliance/connect_advice.ts";
import type { Background } from "../support/background.ts";
import { Lab, type Namespace } from "../support/netns.ts";
import { rejoinCommand, whyNoGateway } from "../support/rejoin.ts";
import { makeTestPki } from "../support/test_pki.ts";

const reason = whyNoGateway();
if (reason !== undefined) console.log(`skipped: tests of rejoin connect: ${reason}`);

/** A client whose gateway would be at a port that nobody listens on. */
async function startAt(lab: Lab, at: Namespace, ...flags: string[]): Promise<Background> {
  const pki = await makeTestPki(lab.folder);
  await Deno.writeTextFile(`${lab.folder}/password`, "very-secret\n");
  return at.start("rejoin connect", [
    ...rejoinCommand(),
    ...["connect", "127.0.0.1", "--user", "ann", "--ca", pki.ca, ...flags],
    ...["--password-file", `${lab.folder}/password`, "--state-dir", `${lab.folder}/state`],
  ]);
}

Deno.test({
  name: "a client that nobody answers says whom it asks, and fails when its time is over",
  ignore: reason !== undefined,
  fn: async () => {
    await using lab = await Lab.create();
    const at = await lab.namespace("client");
    await using process = await startAt(lab, at, "--exit-after", "1");
    assert.equal((await process.status()).code, 1);
    const { output } = process;
    assert.match(output, / connecting gateway=127\.0\.0\.1:4500 how=login\n/);
    assert.match(output, / stopped reason=exit-after\n$/);
    assert.ok(!output.includes("very-secret"));
  },
});

Deno.test({
  name: "a TUN device that is taken away ends the client, which says so",
  ignore: reason !== undefined,
  fn: async () => {
    await using lab = await Lab.create();
    const at = await lab.namespace("client");
    await using process = await startAt(lab, at, "--tun", "tunnel0");
    await process.waitFor(/ connecting /, 20_000);
    await at.run("ip", "link", "delete", "tunnel0");
    assert.equal((await process.status()).code, 1);
    assert.match(process.output, / stopped reason=.*the TUN device was removed/);
  },
});

Deno.test("a refusal that a user can do something about says what", () => {
  assert.match(adviceFor("gateway-has-another-identity") ?? "", /--remote-id/);
  assert.match(adviceFor("notify-24") ?? "", /AUTHENTICATION_FAILED/);
  assert.equal(adviceFor("deleted-by-gateway"), undefined);
});
