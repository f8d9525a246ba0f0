import { parseArgs } from "node:util";
import { isRondoError } from "../src/core/errors.ts";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { isModelShapeName, MODEL_SHAPE_NAMES } from "../src/lab/random-model/shapes.ts";
import { RANDOM_MODEL_TYPES, type RandomModelType } from "../src/lab/random-model/tensor-bytes.ts";

const USAGE = `Writes a GGUF file of random numbers in the shape of a real model, for tests and measurements.

  npx tsx scripts/make-gguf.ts --shape SHAPE --type TYPE --out FILE [--output-type TYPE] [--seed N]

  SHAPE  ${MODEL_SHAPE_NAMES.join(", ")}
  TYPE   ${RANDOM_MODEL_TYPES.join(", ")}
         Norms and biases are F32; rows that a K-quant's block of 256 does not fit become Q5_0 (Q4_K) or Q8_0 (Q6_K).
  --output-type  type of the token embedding and output matrix, where it differs
  --seed         other numbers (1 unless given)
`;

function fail(why: string): never {
  process.stderr.write(`${why}\n\n${USAGE}`);
  process.exit(2);
}

function modelType(text: string | undefined, option: string): RandomModelType {
  const found = RANDOM_MODEL_TYPES.find((type) => type === text?.toUpperCase());
  return found ?? fail(`${option}: "${text ?? ""}" is none of ${RANDOM_MODEL_TYPES.join(", ")}`);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        shape: { type: "string" },
        type: { type: "string" },
        out: { type: "string" },
        "output-type": { type: "string" },
        seed: { type: "string", default: "1" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    return fail((error as Error).message);
  }
}

const values = readOptions();
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const { shape = "", out, seed } = values;
if (!isModelShapeName(shape)) fail(`--shape: "${shape}" is none of ${MODEL_SHAPE_NAMES.join(", ")}`);
if (out === undefined) fail("--out: name the file to write");
if (!/^\d+$/.test(seed)) fail(`--seed: "${seed}" is not a whole number`);
const type = modelType(values.type, "--type");
const outputType =
  values["output-type"] === undefined ? type : modelType(values["output-type"], "--output-type");

const startMs = performance.now();
let shownPercent = -1;
try {
  await writeRandomModel(out, shape, type, { seed: Number(seed), outputType, onProgress: showProgress });
} catch (error) {
  if (!isRondoError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
process.stderr.write(`${process.stderr.isTTY ? "\n" : ""}wrote ${out} in ${seconds} s\n`);

function showProgress(writtenBytes: number, totalBytes: number): void {
  const percent = Math.floor((100 * writtenBytes) / totalBytes);
  if (percent === shownPercent || !process.stderr.isTTY) return;
  shownPercent = percent;
  process.stderr.write(`\r${out}: ${percent} % of ${(totalBytes / 1e6).toFixed(1)} MB`);
}
