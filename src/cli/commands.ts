import { Registry } from "../core/registry.ts";
import { bench } from "./bench.ts";
import { chat } from "./chat.ts";
import type { Command } from "./command.ts";
import { generate } from "./generate.ts";
import { inspect } from "./inspect.ts";

/** The commands of `rondo`, in the order of its help; a new one is a file and a line here. */
export const commands: Registry<Command> = new Registry<Command>("command", [chat, generate, inspect, bench]);
