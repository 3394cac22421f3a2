/** What several packet loops answer to one question, kept until all have. */

/** Open questions. */
export class LoopAnswers<Answer> {
  readonly #loops: number;
  readonly #open = new Map<number, Answer[]>();

  /** Questions to so many loops. */
  constructor(loops: number) {
    this.#loops = loops;
  }

  /** A question was put to all of them. */
  open(id: number): void {
    this.#open.set(id, []);
  }

  /** One loop's answer; all of them when it is the last. Each loop answers once. */
  take(id: number, answer: Answer): readonly Answer[] | undefined {
    const answers = this.#open.get(id);
    if (answers === undefined) return undefined;
    answers.push(answer);
    if (answers.length < this.#loops) return undefined;
    this.#open.delete(id);
    return answers;
  }
}
