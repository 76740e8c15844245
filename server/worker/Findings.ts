/** A check that ran to its end and found faults. */
export class Findings extends Error {
  override readonly name = "Findings";
  readonly count: number;

  constructor(message: string, count: number) {
    super(message);
    this.count = count;
  }
}
