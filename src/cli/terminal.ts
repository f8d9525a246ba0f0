import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Where a command reads and writes. What a program may read goes to stdout, what only people do to stderr. */
export class Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly #allowsColor: boolean;
  readonly #closed = new AbortController();

  constructor({ stdin, stdout, stderr }: TerminalStreams, allowsColor: boolean) {
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#allowsColor = allowsColor;
    // The reader went away (`| head`): nothing is wrong, there is only nobody left to write for.
    stdout.on("error", () => this.#closed.abort());
    stderr.on("error", () => {});
  }

  /** Whether a person sits at both ends. */
  get isInteractive(): boolean {
    return this.stdin.isTTY === true && this.stdout.isTTY === true;
  }

  /** Aborted when nobody reads stdout any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Text that did not come from this program, on its way to stdout: a terminal is not to act on it. */
  writeForeign(text: string): void {
    this.write(this.stdout.isTTY === true ? printable(text) : text);
  }

  write(text: string): void {
    if (!this.#closed.signal.aborted) this.stdout.write(text);
  }

  /** A line for people on stderr. */
  note(text: string): void {
    this.stderr.write(`${text}\n`);
  }

  /** `text` in that format where `stream`, stdout by default, can show it. */
  style(format: Format, text: string, stream: NodeJS.WriteStream = this.stdout): string {
    const hasColor = this.#allowsColor && stream.isTTY === true;
    return hasColor ? styleText(format, text, { validateStream: false }) : text;
  }
}

/** Control characters but line feed and tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** `text` with control characters made visible, so that escape sequences in it steer no terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    if (code === 0x7f) return "\u2421";
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\uFFFD";
  });
}
