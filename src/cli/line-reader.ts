import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import type { Terminal } from "./terminal.ts";

export interface LineReaderOptions {
  readonly prompt: string;
  /** What Tab completes to. */
  readonly completions: readonly string[];
  /** Ctrl-C in the terminal. */
  readonly onInterrupt: () => void;
}

/**
 * Lines from stdin, one at a time: with a prompt and editing where a person types, plain otherwise. What is typed
 * while nobody waits for a line is not echoed into what is being written, and is there for the next one.
 */
export class LineReader implements Disposable {
  readonly #interface: Interface;
  readonly #terminal: Terminal;
  readonly #output: MutableOutput | undefined;
  readonly #prompt: string;
  readonly #lines: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #isEnded = false;

  constructor(terminal: Terminal, { prompt, completions, onInterrupt }: LineReaderOptions) {
    this.#terminal = terminal;
    this.#prompt = prompt;
    this.#output = terminal.isInteractive ? new MutableOutput(terminal.stdout) : undefined;
    this.#interface = createInterface({
      input: terminal.stdin,
      ...(this.#output === undefined ? {} : { output: this.#output }),
      terminal: this.#output !== undefined,
      completer: (line: string) => [completions.filter((text) => text.startsWith(line)), line],
      prompt,
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    this.#interface.on("line", (line) => this.#receive(line));
    this.#interface.on("SIGINT", onInterrupt);
    this.#interface.on("close", () => this.#end());
  }

  /** Text on the line that is being edited. */
  get typed(): string {
    return this.#interface.line;
  }

  /** The next line; undefined when there is none any more. */
  async next(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined) {
      if (this.#output !== undefined) this.#terminal.write(`${this.#prompt}${line}\n`);
      return line;
    }
    if (this.#isEnded) return undefined;
    this.#showPrompt();
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Empties the line that is being edited. */
  erase(): void {
    this.#interface.write(null, { ctrl: true, name: "e" });
    this.#interface.write(null, { ctrl: true, name: "u" });
  }

  /** Ends the input. */
  close(): void {
    this.#lines.length = 0;
    this.#interface.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #receive(line: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#lines.push(line);
    else this.#settle(waiting, line);
  }

  #end(): void {
    this.#isEnded = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    // The prompt is on the screen without a line after it.
    if (this.#output !== undefined) this.#terminal.write("\n");
    this.#settle(waiting, undefined);
  }

  #settle(waiting: (line: string | undefined) => void, line: string | undefined): void {
    if (this.#output !== undefined) this.#output.isMuted = true;
    waiting(line);
  }

  #showPrompt(): void {
    if (this.#output === undefined) return;
    // Taken off while nothing shows and typed again: readline believes that it is on the screen already.
    const { typed } = this;
    this.erase();
    this.#output.isMuted = false;
    this.#interface.prompt();
    if (typed !== "") this.#interface.write(typed);
  }
}

/** A terminal's output that can be silenced. */
class MutableOutput extends Writable {
  isMuted = true;
  readonly #target: NodeJS.WriteStream;

  constructor(target: NodeJS.WriteStream) {
    super();
    this.#target = target;
    target.on("resize", () => this.emit("resize"));
  }

  get columns(): number {
    return this.#target.columns;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isMuted) this.#target.write(chunk);
    done();
  }
}
