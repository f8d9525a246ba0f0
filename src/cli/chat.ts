import type { Model } from "../engine/model.ts";
import { ChatSession } from "./chat-session.ts";
import { type Command, defineCommand } from "./command.ts";
import { loadChosenModel, modelName, modelOptions } from "./model-options.ts";
import { readInteger } from "./number-option.ts";
import { formatCount } from "./quantities.ts";
import { readSampling, samplingOptions } from "./sampling-options.ts";
import type { Terminal } from "./terminal.ts";
import { packageVersion } from "./version.ts";

/** `rondo chat`: a conversation in the terminal. */
export const chat: Command = defineCommand({
  name: "chat",
  summary: "Talk with a model in the terminal",
  details:
    "Each reply reads only what is new: the KV of the conversation is kept. /help in the chat lists its commands. " +
    "Ctrl-C stops a reply and keeps what was written; again, or at the prompt, it leaves, as Ctrl-D does. Fed from a " +
    "pipe, it answers each line and ends with the input.",
  args: {
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
      description: "Tokens of a reply at most (default: what the context still holds)",
    },
    stop: {
      type: "string",
      valueHint: "TEXT",
      description: "A text that ends a reply and is left out; may be given again",
    },
    json: {
      type: "boolean",
      description:
        "At the end, write one line of JSON: model, contextLength, turns (question, text, usage, timings)",
    },
    ...modelOptions,
    ...samplingOptions,
  },
  repeatable: ["stop"],
  examples: [
    { line: 'rondo chat --system "You are brief."', does: "with the demo model" },
    { line: "rondo chat -m FILE.gguf --temperature 0.2 < questions.txt", does: "answer each line of a file" },
  ],
  run: async (args, context) => {
    const { terminal, repeated } = context;
    const maxTokens = readInteger("max-tokens", args["max-tokens"], { min: 1 });
    const send = {
      sampling: readSampling(args),
      stop: repeated.get("stop") ?? [],
      ...(maxTokens === undefined ? {} : { maxTokens }),
    };
    await using model: Model = await loadChosenModel(args, context);
    const session = new ChatSession(model, terminal, { system: args.system, send });
    if (terminal.isInteractive) greet(model, terminal);
    await session.run(context);
    if (args.json === true) {
      const { path, contextLength } = model;
      terminal.write(`${JSON.stringify({ model: path, contextLength, turns: session.turns })}\n`);
    }
    return 0;
  },
});

function greet(model: Model, terminal: Terminal): void {
  const { architecture, numLayers } = model.hyperparameters;
  const about = `${architecture}, ${numLayers} layers, context ${formatCount(model.contextLength)} tokens`;
  terminal.write(
    `Rondo ${packageVersion()}, ${terminal.style("bold", modelName(model.path))} (${about})\n` +
      `${terminal.style("dim", "/help lists commands, Ctrl-C stops a reply, Ctrl-D leaves.")}\n\n`,
  );
}
