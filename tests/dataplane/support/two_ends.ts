/** Two network namespaces, joined, with a packet path in each. Needs root. */
import type { ChildSaInstall } from "../../../core/gateway/output.ts";
import type { DataplaneCounters } from "../../../dataplane/mod.ts";
import { until } from "../../support/background.ts";
import { Lab, type Namespace } from "../../support/netns.ts";
import { address, mirrored, pair } from "./ends.ts";
import { RemoteEnd } from "./remote_end.ts";

/** Why real packets cannot move here; `undefined` when they can. */
export function whyNoNamespaces(): string | undefined {
  if (Deno.build.os !== "linux") return "not Linux";
  if (Deno.uid() !== 0) return "not root";
  try {
    Deno.statSync("/dev/net/tun");
  } catch {
    return "no /dev/net/tun";
  }
  const { success } = new Deno.Command("unshare", { args: ["--net", "true"] }).outputSync();
  return success ? undefined : "no network namespaces";
}

/** A test that skips, with a printed reason, where namespaces cannot be made. */
export function namespaceTest(name: string, run: (lab: Lab) => Promise<void>): void {
  const reason = whyNoNamespaces();
  if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);
  Deno.test({
    name,
    ignore: reason !== undefined,
    fn: async () => {
      await using lab = await Lab.create();
      await run(lab);
    },
  });
}

/** The same with one packet loop for both directions, and with one for each. */
export function loopsTest(name: string, run: (lab: Lab, workers: number) => Promise<void>): void {
  namespaceTest(name, (lab) => run(lab, 1));
  namespaceTest(`${name}; with two packet loops`, (lab) => run(lab, 2));
}

/** Outer addresses of both ends. */
export interface Outer {
  readonly here: string;
  readonly there: string;
}

/** Outer IPv4. */
export const outer4: Outer = { here: "10.250.0.1", there: "10.250.0.2" };
/** Outer IPv6. */
export const outer6: Outer = { here: "fd25::1", there: "fd25::2" };

/** The namespaces and the programs in them. */
export interface TwoEnds {
  readonly spaces: readonly [Namespace, Namespace];
  readonly here: RemoteEnd;
  readonly there: RemoteEnd;
}

/** Two joined namespaces; interface `eth0` at both ends has both outer addresses. */
export async function joinedSpaces(lab: Lab): Promise<[Namespace, Namespace]> {
  const a = await lab.namespace("a");
  const b = await lab.namespace("b");
  const end = (namespace: Namespace, four: string, six: string) => ({
    namespace,
    interfaceName: "eth0",
    addresses: [`${four}/24`, `${six}/64`],
  });
  await lab.link(end(a, outer4.here, outer6.here), end(b, outer4.there, outer6.there));
  return [a, b];
}

/** Two joined namespaces with a packet path in each, opened alike, and inner addresses. */
export async function openEnds(
  lab: Lab,
  options: Parameters<RemoteEnd["open"]>[0],
): Promise<TwoEnds & AsyncDisposable> {
  await using cleanup = new AsyncDisposableStack();
  const spaces = await joinedSpaces(lab);
  const here = cleanup.use(new RemoteEnd(spaces[0]));
  const there = cleanup.use(new RemoteEnd(spaces[1]));
  await Promise.all([here, there].map((it) => it.open(options)));
  await configureInner({ spaces, here, there });
  const open = cleanup.move();
  return { spaces, here, there, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

/** The pair between both ends with the outer addresses. */
export function pairOver(outer: Outer, more: Partial<ChildSaInstall> = {}): ChildSaInstall {
  return pair({
    local: { address: address(outer.here), port: 4500 },
    remote: { address: address(outer.there), port: 4500 },
    ...more,
  });
}

/** The same pair as the other end has it. */
export function farSide(install: ChildSaInstall): ChildSaInstall {
  return { ...mirrored(install), local: install.remote, remote: install.local };
}

/** Installs a pair here, and there as the other end has it. */
export async function installBoth(
  { here, there }: Pick<TwoEnds, "here" | "there">,
  install: ChildSaInstall,
): Promise<void> {
  await here.call("installChildSa", install);
  await there.call("installChildSa", farSide(install));
}

/**
 * The counters of both ends, once each has received all that the other has sent: the last word of a
 * TCP connection may still be on its way.
 */
export function settledCounters(
  { here, there }: Pick<TwoEnds, "here" | "there">,
): Promise<readonly [DataplaneCounters, DataplaneCounters]> {
  return until("what was sent is received", async () => {
    const [a, b] = [await here.counters(), await there.counters()];
    const isSettled = a.totals["packets-out"] === b.totals["packets-in"] &&
      b.totals["packets-out"] === a.totals["packets-in"];
    return isSettled ? [a, b] as const : undefined;
  }, 5000);
}

/** Inner addresses and routes: `10.0.0.1` and `fd00::1` here, the same with 2 there. */
export async function configureInner(
  { here, there }: { readonly [Name in keyof TwoEnds]: TwoEnds[Name] | undefined },
): Promise<void> {
  const prefixes = (n: number) => [
    { address: address(`10.0.0.${n}`), length: 32 },
    { address: address(`fd00::${n}`), length: 128 },
  ];
  await here?.call("configureTun", { addresses: prefixes(1), routes: prefixes(2) });
  await there?.call("configureTun", { addresses: prefixes(2), routes: prefixes(1) });
}
