import type { Terminal } from "./terminal.ts";

const ERASE_LINE = "\r\u001b[2K";

/** One line on stderr that is written over and over, on terminals only. Disposing it erases it. */
export class ProgressLine implements Disposable {
  readonly #terminal: Terminal;
  readonly #showAfter: number;
  #isShown = false;

  /** @param delayMs nothing is shown before: what is over sooner needs no progress. */
  constructor(terminal: Terminal, delayMs: number) {
    this.#terminal = terminal;
    this.#showAfter = performance.now() + delayMs;
  }

  show(text: string): void {
    const { stderr } = this.#terminal;
    if (stderr.isTTY !== true || performance.now() < this.#showAfter) return;
    const fitting = text.slice(0, Math.max(0, (stderr.columns || 80) - 1));
    stderr.write(ERASE_LINE + this.#terminal.style("dim", fitting, stderr));
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) this.#terminal.stderr.write(ERASE_LINE);
    this.#isShown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
