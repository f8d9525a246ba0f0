import { constants } from "node:os";
import { RondoError } from "../core/errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/**
 * The wish that a command end early. The first signal aborts, so that the command can put things in order; one
 * more ends the process at once.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener = (signal: Signal): void => this.#receive(signal);
  #handler: (() => boolean) | undefined;
  #exitStatus: number | undefined;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Aborted when the command shall end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What the process shall exit with after a signal: 128 and its number, as shells count. */
  get exitStatus(): number | undefined {
    return this.#exitStatus;
  }

  /** Asks the command to end without a signal having come. */
  end(): void {
    this.#controller.abort(new RondoError("ABORTED", "running the command: it was interrupted"));
  }

  /** Asks `handler` first when SIGINT comes, until the answer is disposed: true means that it has dealt with it. */
  takeInterrupts(handler: () => boolean): Disposable {
    this.#handler = handler;
    return {
      [Symbol.dispose]: () => {
        this.#handler = undefined;
      },
    };
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #receive(signal: Signal): void {
    const isFirst = !this.#controller.signal.aborted;
    if (isFirst && signal === "SIGINT" && this.#handler?.() === true) return;
    this.#exitStatus = 128 + constants.signals[signal];
    if (!isFirst) process.exit(this.#exitStatus);
    this.end();
  }
}
