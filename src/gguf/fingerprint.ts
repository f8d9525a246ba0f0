import { createHash } from "node:crypto";
import type { GgufFile } from "./reader.ts";
import { TensorReader } from "./tensor-data.ts";
import type { TensorInfo } from "./tensor-info.ts";

const SAMPLE_BYTES = 4096;

/** Part of what is hashed, so that a change of the recipe changes every fingerprint. */
const RECIPE = "rondo-gguf-fingerprint-1";

/**
 * The identity of a model's content, 64 hexadecimal digits, the same for every copy of the file.
 *
 * Covered: the size of the file; name, type, shape and place of every tensor; every byte of the header
 * (vocabulary, template, hyperparameters); of each tensor's data three blocks of 4 KiB, the first, the middle
 * and the last one, or all of it up to 12 KiB. Not covered: other bytes of large tensors. Retraining, merging
 * or requantising changes whole tensors and is seen; a few bytes changed by hand inside one may not be.
 *
 * @throws RondoError `MODEL_NOT_FOUND`, `MODEL_TRUNCATED` where the file changed since its header was read.
 */
export async function fingerprint(file: GgufFile): Promise<string> {
  await using reader = await TensorReader.open(file);
  const hash = createHash("sha256");
  hash.update(`${RECIPE}\n${file.sizeBytes}\n${file.dataOffset}\n`);
  hash.update(await readHeaderBytes(reader, file));
  for (const tensor of file.tensors.values()) {
    for (const startBytes of sampleOffsets(tensor.sizeBytes)) {
      const block = new Uint8Array(Math.min(SAMPLE_BYTES, tensor.sizeBytes - startBytes));
      await reader.readInto(tensor, block, { startBytes });
      hash.update(block);
    }
  }
  return hash.digest("hex");
}

async function readHeaderBytes(reader: TensorReader, file: GgufFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.dataOffset);
  const asTensor: TensorInfo = {
    name: "the header",
    type: "I8",
    typeId: 24,
    shape: [file.dataOffset],
    offsetBytes: 0,
    sizeBytes: file.dataOffset,
  };
  await reader.readInto(asTensor, bytes);
  return bytes;
}

function sampleOffsets(sizeBytes: number): readonly number[] {
  if (sizeBytes <= 3 * SAMPLE_BYTES) {
    return Array.from({ length: Math.ceil(sizeBytes / SAMPLE_BYTES) }, (_, i) => i * SAMPLE_BYTES);
  }
  const middle = Math.floor(sizeBytes / 2 / SAMPLE_BYTES) * SAMPLE_BYTES;
  return [0, middle, sizeBytes - SAMPLE_BYTES];
}
