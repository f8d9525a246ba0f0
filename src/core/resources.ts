/**
 * Things to dispose together, newest first. Node 20 has no `DisposableStack`; this is the part of it that
 * Rondo uses.
 */
export class Resources implements Disposable {
  #entries: Disposable[] = [];

  use<T extends Disposable>(resource: T): T {
    this.#entries.push(resource);
    return resource;
  }

  /** Hands everything over to a new owner; this one has nothing to dispose any more. */
  move(): Resources {
    const moved = new Resources();
    moved.#entries = this.#entries;
    this.#entries = [];
    return moved;
  }

  /** Disposes all of them even where one fails; throws the first error then. */
  [Symbol.dispose](): void {
    const entries = this.#entries.reverse();
    this.#entries = [];
    const errors: unknown[] = [];
    for (const entry of entries) {
      try {
        entry[Symbol.dispose]();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
