import { Registry } from "../../core/registry.ts";
import type { Architecture } from "../architecture.ts";
import { llama } from "./llama.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

/** The architectures that can be loaded; a new one is a file and a line here. */
export const architectures: Registry<Architecture> = new Registry<Architecture>("architecture", [
  llama,
  qwen2,
  qwen3,
]);
