import { ProgressLine } from "./progress-line.ts";
import { formatCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

const SHOW_AFTER_MS = 500;

/** How far the reading of a prompt is. To be cleared before the reply begins. */
export class PrefillProgress implements Disposable {
  readonly #line: ProgressLine;

  constructor(terminal: Terminal) {
    this.#line = new ProgressLine(terminal, SHOW_AFTER_MS);
  }

  /** For `onPrefill`. */
  readonly show = (numDone: number, numTotal: number): void => {
    if (numDone >= numTotal) this.#line.clear();
    else this.#line.show(`reading ${formatCount(numDone)} of ${formatCount(numTotal)} tokens`);
  };

  clear(): void {
    this.#line.clear();
  }

  [Symbol.dispose](): void {
    this.#line.clear();
  }
}
