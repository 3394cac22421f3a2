/** What is measured: a tunnel between two namespaces, and how to ask its ends for what they used. */
import type { Namespace } from "../../../tests/support/netns.ts";

/** An address in a namespace. */
export interface Place {
  readonly namespace: Namespace;
  readonly address: string;
}

/** Two places that a tunnel joins. */
export interface Flow {
  readonly from: Place;
  readonly to: Place;
}

/** Processor time of both daemons so far, seconds. */
export interface CpuSeconds {
  readonly from: number;
  readonly to: number;
}

/** What a daemon has done so far. */
export interface Profile {
  /** Inner packets in both directions. */
  readonly packets: number;
  /** Milliseconds in each stage of its packet loop; empty when it is not profiled. */
  readonly stages: Readonly<Record<string, number>>;
}

/** A tunnel that stands. */
export interface Tunnel extends Flow {
  /** Further pairs of places; where there are any, loads use them all. */
  readonly flows?: readonly Flow[];
  cpu(): Promise<CpuSeconds>;
  /** Of both daemons, where they can tell. */
  profile?(): Promise<{ readonly from: Profile; readonly to: Profile }>;
  /** Resident memory of both daemons, octets; where it can be asked for. */
  memory?(): Promise<{ readonly from: number; readonly to: number }>;
}

/** Something that carries packets between two namespaces. */
export interface System {
  /** Of the program. */
  readonly name: string;
  /** Algorithms, in strongSwan's notation where they have one. */
  readonly suite: string;
  /** Why it cannot be measured here. */
  readonly whyNot?: string | undefined;
  /** Sets the tunnel up, lets `use` measure, and takes it down. */
  run(use: (tunnel: Tunnel) => Promise<void>): Promise<void>;
}

/** Largest inner packet of every tunnel, octets. */
export const innerMtu = 1400;

/** User and system time of a process with all its threads, seconds. */
export function cpuSecondsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Why a program of these is missing; `undefined` when all are there. */
export function whyMissing(
  packageName: string,
  ...programs: readonly string[]
): string | undefined {
  for (const program of programs) {
    const { success } = new Deno.Command("which", { args: [program], stdout: "null" }).outputSync();
    if (!success) return `${program} is missing (Debian: ${packageName})`;
  }
  return undefined;
}
