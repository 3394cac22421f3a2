/** What several packet loops answer to one question, kept until all have. */

interface Question<Answer> {
  readonly loops: number;
  readonly answers: Answer[];
}

/** Open questions. */
export class LoopAnswers<Answer> {
  readonly #open = new Map<number, Question<Answer>>();
  #lastId = 0;

  /** A question is put to so many loops; its number. */
  open(loops: number): number {
    const id = ++this.#lastId;
    this.#open.set(id, { loops, answers: [] });
    return id;
  }

  /** One loop's answer; all of them when it is the last. Each loop answers once. */
  take(id: number, answer: Answer): readonly Answer[] | undefined {
    const question = this.#open.get(id);
    if (question === undefined) return undefined;
    question.answers.push(answer);
    if (question.answers.length < question.loops) return undefined;
    this.#open.delete(id);
    return question.answers;
  }
}
