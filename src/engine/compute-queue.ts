/** Runs tasks one after another, in the order they came: a backend computes one graph at a time. */
export class ComputeQueue {
  #tail: Promise<void> = Promise.resolve();

  async run<T>(task: () => Promise<T>): Promise<T> {
    const previous = this.#tail;
    const { promise, resolve } = withResolvers();
    this.#tail = promise;
    await previous;
    try {
      return await task();
    } finally {
      resolve();
    }
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
