import { fileURLToPath } from "node:url";

/** Path of the model that comes with Rondo; the same from `src/cli` in a clone and from `dist/cli` when installed. */
export function demoModelPath(): string {
  return fileURLToPath(new URL("../../models/rondo-demo.gguf", import.meta.url));
}
