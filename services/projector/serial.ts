// Runs tasks one after another, in the order of the calls: the projection has one writer inside the process, too.

/** Queues the tasks of one worker. A task that fails fails its own caller only. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
