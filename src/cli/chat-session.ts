import { isRondoError } from "../core/errors.ts";
import type { Chat, SendOptions } from "../engine/chat.ts";
import type { Model } from "../engine/model.ts";
import type { ReplyResult } from "../engine/reply.ts";
import type { CommandContext } from "./command.ts";
import { LineReader } from "./line-reader.ts";
import { PrefillProgress } from "./prefill-progress.ts";
import { formatBytes, formatCount, formatSpeed } from "./quantities.ts";
import { replyLine } from "./reply-line.ts";
import { type ChatActions, runSlashCommand, SLASH_NAMES } from "./slash-commands.ts";
import type { Terminal } from "./terminal.ts";

/** A question and what came of it. */
export interface Turn extends ReplyResult {
  readonly question: string;
}

export interface ChatSessionOptions {
  readonly system: string | undefined;
  readonly send: Pick<SendOptions, "maxTokens" | "sampling" | "stop">;
}

const PROMPT = "> ";

/** A chat with whoever writes lines to stdin, until they leave. */
export class ChatSession implements ChatActions {
  readonly #model: Model;
  readonly #terminal: Terminal;
  readonly #lines: LineReader;
  readonly #send: ChatSessionOptions["send"];
  readonly #turns: Turn[] = [];
  #system: string | undefined;
  #chat: Chat;
  /** Stops the reply that is being written. */
  #reply: AbortController | undefined;
  #wasInterrupted = false;

  constructor(model: Model, terminal: Terminal, { system, send }: ChatSessionOptions) {
    this.#model = model;
    this.#terminal = terminal;
    this.#send = send;
    this.#system = system;
    this.#chat = this.#newChat();
    this.#lines = new LineReader(terminal, {
      prompt: terminal.style("bold", PROMPT),
      completions: SLASH_NAMES,
      onInterrupt: () => {
        if (!this.interrupt()) this.leave();
      },
    });
  }

  /** The questions that were answered, over all chats of the session. */
  get turns(): readonly Turn[] {
    return this.#turns;
  }

  get system(): string | undefined {
    return this.#system;
  }

  /**
   * Answers line after line. A person is told what went wrong and can go on; anyone else gets it thrown.
   *
   * @throws RondoError as `Chat.send`.
   */
  async run({ interruption }: Pick<CommandContext, "interruption">): Promise<void> {
    const leave = (): void => this.leave();
    interruption.signal.addEventListener("abort", leave);
    using _interrupts = interruption.takeInterrupts(() => this.interrupt());
    try {
      for (;;) {
        const line = await this.#lines.next();
        if (line === undefined) return;
        if (line.startsWith("/")) await runSlashCommand(line, this);
        else if (line.trim() !== "") await this.#ask(line);
      }
    } finally {
      interruption.signal.removeEventListener("abort", leave);
      this.#lines.close();
      await this.#chat.close();
    }
  }

  /** Ctrl-C: stops the reply or empties the line. Answers false where it is left to end the session. */
  interrupt(): boolean {
    const { isInteractive } = this.#terminal;
    const isAnswering = this.#reply !== undefined && !this.#reply.signal.aborted;
    // Where nobody watches each reply, Ctrl-C twice has to end it all.
    if (isAnswering && (isInteractive || !this.#wasInterrupted)) {
      this.#wasInterrupted = true;
      this.#reply?.abort();
      return true;
    }
    if (!isInteractive || this.#reply !== undefined || this.#lines.typed === "") return false;
    this.#lines.erase();
    return true;
  }

  leave(): void {
    this.#reply?.abort();
    this.#lines.close();
  }

  print(text: string): void {
    this.#terminal.writeForeign(`${text}\n`);
  }

  async restart(system?: string): Promise<void> {
    this.#system = system ?? this.#system;
    await this.#chat.close();
    this.#chat = this.#newChat();
    this.#remark(system === undefined ? "A new chat." : "A new chat, with that system prompt.");
  }

  statistics(): string {
    const { weightBytes, kvBytes, computeBytes } = this.#model.memory;
    const sum = (pick: (turn: Turn) => number): number =>
      this.#turns.reduce((all, turn) => all + pick(turn), 0);
    const numWritten = sum(({ usage }) => usage.completionTokens);
    const numCached = sum(({ usage }) => usage.cachedTokens);
    const numRead = sum(({ usage }) => usage.promptTokens) - numCached;
    const numTimed = sum(({ usage }) => Math.max(0, usage.completionTokens - 1));
    const speed = formatSpeed((1000 * numTimed) / sum(({ timings }) => timings.decodeMs)) ?? "none yet";
    const { numTokens } = this.#chat;
    return [
      `questions  ${formatCount(this.#turns.length)}`,
      `tokens     ${formatCount(numRead)} read, ${formatCount(numCached)} cached, ${formatCount(numWritten)} written`,
      `speed      ${speed}`,
      `context    ${formatCount(numTokens)} of ${formatCount(this.#model.contextLength)} tokens`,
      `memory     weights ${formatBytes(weightBytes)}, KV ${formatBytes(kvBytes)}, compute ${formatBytes(computeBytes)}`,
    ].join("\n");
  }

  async #ask(question: string): Promise<void> {
    this.#reply = new AbortController();
    try {
      const result = await this.#stream(question, this.#reply.signal);
      this.#turns.push({ question, ...result });
      this.#remark(replyLine(result, { used: this.#chat.numTokens, length: this.#model.contextLength }));
      if (result.finishReason === "length") this.#remark(this.#whyCut(result));
      this.#remark("");
    } catch (error) {
      if (!this.#terminal.isInteractive || !isRondoError(error)) throw error;
      this.#terminal.note(`${error.message} [${error.code}]`);
      if (error.code === "CONTEXT_FULL") this.#remark("/clear starts a new chat.");
    } finally {
      this.#reply = undefined;
    }
  }

  async #stream(question: string, signal: AbortSignal): Promise<ReplyResult> {
    using progress = new PrefillProgress(this.#terminal);
    const reply = this.#chat.send(question, { ...this.#send, signal, onPrefill: progress.show });
    let last = "";
    for await (const { text } of reply) {
      progress.clear();
      this.#terminal.writeForeign(text);
      last = text;
    }
    progress.clear();
    // One line at least for a program that reads answers by line; a person needs none for nothing.
    const needsNewline = last === "" ? !this.#terminal.isInteractive : !last.endsWith("\n");
    if (needsNewline) this.#terminal.write("\n");
    return reply.done;
  }

  #whyCut({ usage }: ReplyResult): string {
    return usage.completionTokens === this.#send.maxTokens
      ? `Cut off by --max-tokens ${this.#send.maxTokens}.`
      : "The context is full: /clear starts a new chat.";
  }

  #newChat(): Chat {
    return this.#model.createChat(this.#system === undefined ? {} : { system: this.#system });
  }

  /** For a person only. */
  #remark(text: string): void {
    if (this.#terminal.isInteractive) this.#terminal.write(`${this.#terminal.style("dim", text)}\n`);
  }
}
