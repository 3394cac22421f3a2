/** One step of the core: the moment it happens at and the outputs gathered so far, in order. */
import type { Moment } from "../moment.ts";
import type { Output } from "../gateway/output.ts";
import type { Trace } from "../trace.ts";

/** Handed through every function that may cause an output. */
export interface Step {
  /** When. */
  readonly at: Moment;
  /** What is to be done, in order. */
  readonly outputs: Output[];
}

/** Adds a trace to the outputs. */
export function trace(step: Step, record: Trace): void {
  step.outputs.push({ kind: "trace", trace: record });
}
