import { RondoError } from "../core/errors.ts";
import { type Command, defineCommand } from "./command.ts";
import { type Inspection, inspectModel } from "./inspection.ts";
import { inspectionText } from "./inspection-text.ts";
import { chooseModelPath } from "./model-options.ts";

/** `rondo inspect`: what a model file holds. */
export const inspect: Command = defineCommand({
  name: "inspect",
  summary: "Show what a model file holds and whether it can be run",
  details:
    "Reads the file's header only. A file that is not supported is described as far as it can be; one that is broken " +
    "is an error.",
  args: {
    file: {
      type: "positional",
      valueHint: "FILE",
      required: false,
      description: "A GGUF file (default: RONDO_MODEL, else the demo model that comes with Rondo)",
    },
    template: { type: "boolean", description: "Print the whole chat template and nothing else" },
    json: { type: "boolean", description: "Write one JSON document, the template included; sizes in bytes" },
  },
  examples: [
    { line: "rondo inspect FILE.gguf", does: "sizes, types, memory, template, what is unsupported" },
    { line: "rondo inspect FILE.gguf --template > template.jinja", does: "save the chat template" },
  ],
  run: async (args, context) => {
    const { terminal } = context;
    const inspection = await inspectModel(chooseModelPath(args.file, context));
    if (args.json === true)
      terminal.write(`${JSON.stringify(inspectionDocument(inspection), (_key, value) => value ?? null)}\n`);
    else if (args.template === true) terminal.writeForeign(`${templateOf(inspection)}\n`);
    else terminal.writeForeign(inspectionText(inspection));
    return 0;
  },
});

function templateOf({ path, content }: Inspection): string {
  if (content?.chatTemplate !== undefined) return content.chatTemplate;
  throw new RondoError(
    "TEMPLATE_MISSING",
    `printing the chat template: ${path} has none; name another model`,
  );
}

/** One flat object, so that a reader needs no more than a field's name; null for what is not known. */
function inspectionDocument({ path, sizeBytes, unsupported, content }: Inspection): Record<string, unknown> {
  const isSupported = unsupported.length === 0;
  if (content === undefined) return { path, sizeBytes, isSupported, unsupported };
  const { hyperparameters, ...rest } = content;
  return { path, sizeBytes, isSupported, unsupported, ...hyperparameters, ...rest };
}
