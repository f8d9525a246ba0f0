import { randomInt } from "node:crypto";
import { text as readText } from "node:stream/consumers";
import { RondoError } from "../core/errors.ts";
import type { Model } from "../engine/model.ts";
import type { Reply, ReplyResult } from "../engine/reply.ts";
import { type Command, defineCommand } from "./command.ts";
import { loadChosenModel, modelOptions } from "./model-options.ts";
import { readInteger } from "./number-option.ts";
import { PrefillProgress } from "./prefill-progress.ts";
import { readSampling, samplingOptions } from "./sampling-options.ts";
import type { Terminal } from "./terminal.ts";

const MAX_SEED = 2 ** 31;

/** `rondo generate`: one reply to one prompt, for scripts. */
export const generate: Command = defineCommand({
  name: "generate",
  summary: "Write one reply to a prompt",
  details:
    "The reply is streamed to standard output. Ctrl-C stops it and keeps what was written. With --json the last " +
    "line is one JSON document: text, finishReason (stop, length or aborted), usage (tokens), timings (ms), model, seed.",
  args: {
    prompt: {
      type: "string",
      alias: "p",
      valueHint: "TEXT",
      required: true,
      description: 'What to reply to; "-" reads it from standard input',
    },
    system: {
      type: "string",
      alias: "s",
      valueHint: "TEXT",
      description: "The system prompt (default: none)",
    },
    "max-tokens": {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: "Tokens of the reply at most (default: what the context still holds)",
    },
    stop: {
      type: "string",
      valueHint: "TEXT",
      description: "A text that ends the reply and is left out; may be given again",
    },
    json: { type: "boolean", description: "Write one JSON document instead of the text" },
    ...modelOptions,
    ...samplingOptions,
  },
  repeatable: ["stop"],
  examples: [
    { line: 'rondo generate --prompt "Name three rivers." --max-tokens 64', does: "with the demo model" },
    {
      line: "rondo generate -m FILE.gguf --prompt - --temperature 0 --json < question.txt",
      does: "the likeliest reply to a file, as JSON",
    },
  ],
  run: async (args, context) => {
    const { terminal, interruption, repeated } = context;
    const seed = readInteger("seed", args.seed, { min: Number.MIN_SAFE_INTEGER }) ?? randomInt(MAX_SEED);
    const maxTokens = readInteger("max-tokens", args["max-tokens"], { min: 1 });
    const sampling = { ...readSampling(args), seed };
    const prompt = await readPrompt(args.prompt, terminal);

    const start = performance.now();
    await using model: Model = await loadChosenModel(args, context);
    const loadMs = performance.now() - start;
    await using chat = model.createChat(args.system === undefined ? {} : { system: args.system });
    using progress = new PrefillProgress(terminal);
    const reply = chat.send(prompt, {
      sampling,
      stop: repeated.get("stop") ?? [],
      ...(maxTokens === undefined ? {} : { maxTokens }),
      signal: interruption.signal,
      onPrefill: progress.show,
    });
    if (args.json === true) {
      const { text, finishReason, usage, timings } = await reply.done;
      const document = {
        text,
        finishReason,
        usage,
        timings: { loadMs, ...timings },
        model: model.path,
        seed,
      };
      terminal.write(`${JSON.stringify(document)}\n`);
    } else {
      await stream(reply, terminal, progress);
    }
    return 0;
  },
});

async function stream(reply: Reply, terminal: Terminal, progress: PrefillProgress): Promise<ReplyResult> {
  let last = "";
  for await (const { text } of reply) {
    progress.clear();
    terminal.writeForeign(text);
    last = text;
  }
  progress.clear();
  if (!last.endsWith("\n")) terminal.write("\n");
  return reply.done;
}

async function readPrompt(given: string, terminal: Terminal): Promise<string> {
  const isStandardInput = given === "-";
  if (isStandardInput && terminal.stdin.isTTY === true) terminal.note("Write the prompt; Ctrl-D ends it.");
  const prompt = isStandardInput ? (await readText(terminal.stdin)).replace(/\r?\n$/, "") : given;
  if (prompt.trim() !== "") return prompt;
  const where = isStandardInput ? "standard input holds" : "--prompt is";
  throw new RondoError("PROMPT_EMPTY", `reading the prompt: ${where} nothing but space; give it text`);
}
