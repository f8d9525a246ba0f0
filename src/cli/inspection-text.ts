import type { Inspection, ModelContent, SpecialToken, StatedSizes } from "./inspection.ts";
import { formatBytes, formatCount, formatNumber, formatParameters } from "./quantities.ts";

type Row = readonly [label: string, text: string];

const LABEL_WIDTH = 18;

/** An {@link Inspection} as lines for people. */
export function inspectionText({ path, sizeBytes, unsupported, content }: Inspection): string {
  const rows: readonly Row[] = [
    ["file", `${path} (${formatBytes(sizeBytes)})`],
    ...(unsupported.length === 0
      ? [["supported", "yes"] as const]
      : unsupported.map((why): Row => ["unsupported", why])),
    ...(content === undefined ? [] : contentRows(content)),
  ];
  return rows.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}\n`).join("");
}

function contentRows(content: ModelContent): readonly Row[] {
  const { hyperparameters, kvBytesPer1000Tokens } = content;
  return [
    ["name", content.name ?? "not stated"],
    ["license", content.license ?? "not stated"],
    ["architecture", content.architecture],
    ["parameters", formatParameters(content.numParameters)],
    ...(hyperparameters === undefined
      ? [["sizes", "not stated in the usual way"] as const]
      : sizeRows(hyperparameters, content.ropeScaling)),
    ...content.tensorTypes.map(
      ({ type, count, bytes }, i): Row => [
        i === 0 ? "tensors" : "",
        `${type.padEnd(8)}${formatNumber(count, "tensor").padStart(12)}  ${formatBytes(bytes)}`,
      ],
    ),
    ...(kvBytesPer1000Tokens === undefined
      ? []
      : [["KV, 1,000 tokens", formatBytes(kvBytesPer1000Tokens)] as const]),
    ...memoryRows(content),
    ["chat template", templateSummary(content.chatTemplate)],
    ...content.specialTokens.map((token, i): Row => [i === 0 ? "special tokens" : "", specialToken(token)]),
  ];
}

function sizeRows(h: StatedSizes, ropeScaling: string | undefined): readonly Row[] {
  return [
    ["layers", formatCount(h.numLayers)],
    ["heads", `${h.numHeads} query, ${h.numKvHeads} KV, of ${h.headDim} elements`],
    ["width", `${formatCount(h.embeddingLength)}, feed-forward ${formatCount(h.feedForwardLength)}`],
    ["vocabulary", formatNumber(h.vocabularySize, "token")],
    ["context", formatNumber(h.contextLength, "token")],
    ["RoPE", ropeSummary(h, ropeScaling)],
  ];
}

function ropeSummary({ rope }: StatedSizes, scaling: string | undefined): string {
  const isScaled = rope.freqScale !== 1 || rope.extFactor !== 0;
  const factor = `scaled ${scaling ?? "linear"}, factor ${Number((1 / rope.freqScale).toPrecision(6))}`;
  return `base ${formatCount(rope.freqBase)}, ${rope.mode ?? "mode unknown"}, ${rope.numDims} dimensions, ${isScaled ? factor : "not scaled"}`;
}

function memoryRows({ memory, hyperparameters }: ModelContent): readonly Row[] {
  if (memory === undefined || hyperparameters === undefined) return [];
  const { weightBytes, kvBytes, computeBytes, totalBytes, availableBytes } = memory;
  const parts = `weights ${formatBytes(weightBytes)}, compute ${formatBytes(computeBytes)}, KV ${formatBytes(kvBytes)}`;
  return [
    ["memory, estimated", `${formatBytes(totalBytes)} with a full context (${parts})`],
    ["memory, free", formatBytes(availableBytes)],
  ];
}

function templateSummary(template: string | undefined): string {
  if (template === undefined) return "none: rondo chat cannot use this file";
  const [first = ""] = template.trim().split("\n");
  return `yes: ${first.length > 50 ? `${first.slice(0, 50)}…` : first}`;
}

function specialToken({ name, id, text }: SpecialToken): string {
  const shown = text === undefined ? "not in the vocabulary" : JSON.stringify(text);
  return `${name.padEnd(8)}${String(id).padStart(8)}  ${shown}`;
}
