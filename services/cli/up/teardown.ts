// Stops what was started in the reverse order, whatever happens in between.
import { messageOf } from '#libs/runtime/errors.ts';

interface Step {
  readonly name: string;
  readonly stop: () => Promise<void> | void;
}

export class Teardown {
  readonly #steps: Step[] = [];

  /** Stops before everything that was added earlier. */
  add(name: string, stop: () => Promise<void> | void): void {
    this.#steps.push({ name, stop });
  }

  /** Stops each in turn; what fails to stop does not keep the rest from it. Gives the sentences of what failed. */
  async run(): Promise<readonly string[]> {
    const problems: string[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.stop();
      } catch (error) {
        problems.push(`${step.name} did not stop: ${messageOf(error)}`);
      }
    }
    return problems;
  }
}
