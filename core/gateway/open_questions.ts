/** Questions to the outside: their numbers, and the IKE SAs that wait for answers. */
import type { IkeSa } from "../exchange/ike_sa.ts";
import type { Step } from "../exchange/step.ts";
import type { Question } from "./question.ts";

/** The open ones. */
export class OpenQuestions {
  /** BOUNDED by the half-open SAs: one each. */
  readonly #askers = new Map<number, IkeSa>();
  #next = 1;

  /** How many answers are waited for. */
  get size(): number {
    return this.#askers.size;
  }

  /** Asks, and waits for the answer where there is an asker; the question's number. */
  ask(step: Step, question: Question, asker?: IkeSa): number {
    const id = this.#next++;
    if (asker !== undefined) this.#askers.set(id, asker);
    step.outputs.push({ kind: "ask", id, question });
    return id;
  }

  /** Whose answer this is; it was waited for until now. */
  take(id: number): IkeSa | undefined {
    const asker = this.#askers.get(id);
    this.#askers.delete(id);
    return asker;
  }

  /** Does not want the answer any more. */
  cancel(step: Step, id: number): void {
    if (this.#askers.delete(id)) step.outputs.push({ kind: "cancel", id });
  }
}
