import type { MetadataValue } from "../../src/gguf/metadata-value.ts";
import { type GgufFile, readGguf } from "../../src/gguf/reader.ts";
import { TensorReader } from "../../src/gguf/tensor-data.ts";
import type { TensorTypeName } from "../../src/gguf/tensor-types.ts";
import { writeGguf } from "../../src/gguf/writer.ts";

/** A tensor with its data in memory. */
export interface LoadedTensor {
  readonly name: string;
  readonly type: TensorTypeName;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A small model file in memory, to be changed and written again. */
export interface EditableGguf {
  readonly metadata: Map<string, MetadataValue>;
  readonly tensors: Map<string, LoadedTensor>;
}

/** Reads the whole file at `path`. */
export async function readEditable(path: string): Promise<EditableGguf> {
  const file = await readGguf(path);
  const metadata = new Map<string, MetadataValue>();
  for (const key of file.metadata.keys()) {
    const value = file.metadata.raw(key);
    if (value !== undefined) metadata.set(key, value);
  }
  return { metadata, tensors: await readTensors(file) };
}

async function readTensors(file: GgufFile): Promise<Map<string, LoadedTensor>> {
  await using reader = await TensorReader.open(file);
  const tensors = new Map<string, LoadedTensor>();
  for (const info of file.tensors.values()) {
    const bytes = new Uint8Array(info.sizeBytes);
    await reader.readInto(info, bytes);
    tensors.set(info.name, { name: info.name, type: info.type, shape: info.shape, bytes });
  }
  return tensors;
}

/** Writes `gguf` to `path`. */
export async function writeEditable(path: string, { metadata, tensors }: EditableGguf): Promise<void> {
  const sources = [...tensors.values()].map(({ bytes, ...description }) => ({
    ...description,
    data: () => [bytes],
  }));
  await writeGguf(path, metadata, sources);
}

/** Reads the file at `from`, lets `change` edit it, and writes it to `to`. */
export async function editGguf(
  from: string,
  to: string,
  change: (gguf: EditableGguf) => void | Promise<void>,
): Promise<void> {
  const gguf = await readEditable(from);
  await change(gguf);
  await writeEditable(to, gguf);
}

/** An F32 tensor of one dimension. */
export function vectorTensor(name: string, values: readonly number[]): LoadedTensor {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return { name, type: "F32", shape: [values.length], bytes };
}

export const float32 = (value: number): MetadataValue => ({ type: "float32", value });
export const uint32 = (value: number): MetadataValue => ({ type: "uint32", value });
export const text = (value: string): MetadataValue => ({ type: "string", value });
