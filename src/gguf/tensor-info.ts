import type { HeaderBytes } from "./header-bytes.ts";
import { MAX_DIMS, MAX_TENSOR_NAME_BYTES } from "./limits.ts";
import { quoteName } from "./model-error.ts";
import { readString } from "./read-metadata.ts";
import {
  TENSOR_TYPE_NAMES,
  type TensorType,
  type TensorTypeName,
  tensorBytes,
  tensorTypeById,
} from "./tensor-types.ts";

/** Where and what a tensor of a model file is. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorTypeName;
  /** `enum ggml_type`. */
  readonly typeId: number;
  /** 1 to 4 positive dimensions, `ne0` (the row length) first. */
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The fewest bytes the description of a tensor takes: name length, dimension count, type and offset. */
export const MIN_TENSOR_INFO_BYTES: number = 8 + 4 + 4 + 8;

/**
 * Reads the descriptions of `numTensors` tensors at the cursor; their `offsetBytes` still count from the
 * start of the data section.
 *
 * @throws RondoError for anything malformed.
 */
export async function readTensorInfos(
  header: HeaderBytes,
  numTensors: number,
): Promise<readonly TensorInfo[]> {
  const infos: TensorInfo[] = [];
  const names = new Set<string>();
  for (let i = 0; i < numTensors; i++) {
    const name = await readString(header, MAX_TENSOR_NAME_BYTES, `the name of tensor ${i}`);
    if (name === "") throw header.error("MODEL_CORRUPT", `tensor ${i} has no name`);
    if (names.has(name)) throw header.error("MODEL_CORRUPT", `the tensor ${quoteName(name)} is there twice`);
    names.add(name);
    infos.push(await readTensorInfo(header, name));
  }
  return infos;
}

async function readTensorInfo(header: HeaderBytes, name: string): Promise<TensorInfo> {
  const what = `the description of tensor ${quoteName(name)}`;
  await header.need(4, what);
  const numDims = header.uint32();
  if (numDims > MAX_DIMS) {
    throw header.error(
      "MODEL_CORRUPT",
      `tensor ${quoteName(name)} has ${numDims} dimensions; at most ${MAX_DIMS} exist`,
    );
  }
  await header.need(numDims * 8 + 4 + 8, what);
  const dims = Array.from({ length: numDims }, () => header.count());
  // ggml reads a tensor without dimensions as a single element.
  const shape = numDims === 0 ? [1] : dims;
  const type = knownType(header, header.uint32(), name);
  checkShape(header, name, shape, type);
  const offsetBytes = header.count();
  const sizeBytes = tensorBytes(type.name, shape);
  return { name, type: type.name, typeId: type.id, shape, offsetBytes, sizeBytes };
}

function knownType(header: HeaderBytes, id: number, name: string): TensorType {
  const type = tensorTypeById(id);
  if (type === undefined) {
    throw header.error(
      "MODEL_UNSUPPORTED",
      `tensor ${quoteName(name)} has type ${id}, which is unknown; known are ${TENSOR_TYPE_NAMES.join(", ")}`,
    );
  }
  return type;
}

/** Dimensions are multiplied only while the product stays exact and below the size of the file's elements. */
function checkShape(header: HeaderBytes, name: string, shape: readonly number[], type: TensorType): void {
  const described = `tensor ${quoteName(name)} of shape [${shape.join(", ")}]`;
  if (shape.some((n) => n === 0 || !Number.isSafeInteger(n))) {
    throw header.error("MODEL_CORRUPT", `${described} has a dimension that cannot be`);
  }
  const maxElements = Math.floor(header.sizeBytes / type.blockBytes) * type.blockSize;
  let numElements = 1;
  for (const n of shape) {
    numElements *= n;
    if (numElements > maxElements) {
      throw header.error(
        "MODEL_TRUNCATED",
        `${described} and type ${type.name} is larger than the file (${header.sizeBytes} bytes); ` +
          "download or copy it again",
      );
    }
  }
  if ((shape[0] ?? 1) % type.blockSize !== 0) {
    throw header.error(
      "MODEL_CORRUPT",
      `${described} has rows that are no multiple of ${type.blockSize}, the block of ${type.name}`,
    );
  }
}

/**
 * The same tensors with offsets from the start of the file.
 *
 * @throws RondoError `MODEL_CORRUPT` for an offset that is not aligned or data that overlap,
 * `MODEL_TRUNCATED` where data reach past the end of the file.
 */
export function placeTensors(
  header: HeaderBytes,
  infos: readonly TensorInfo[],
  dataOffset: number,
  alignment: number,
): readonly TensorInfo[] {
  const placed = infos.map((info) => ({ ...info, offsetBytes: dataOffset + info.offsetBytes }));
  for (const [i, { name, offsetBytes, sizeBytes }] of placed.entries()) {
    const offset = infos[i]?.offsetBytes ?? 0;
    if (offset % alignment !== 0) {
      throw header.error(
        "MODEL_CORRUPT",
        `tensor ${quoteName(name)} starts at ${offset}, not a multiple of ${alignment}`,
      );
    }
    if (offsetBytes + sizeBytes > header.sizeBytes) {
      throw header.error(
        "MODEL_TRUNCATED",
        `tensor ${quoteName(name)} ends at byte ${offsetBytes + sizeBytes}, the file at ${header.sizeBytes}; ` +
          "download or copy it again",
      );
    }
  }
  checkOverlap(header, placed);
  return placed;
}

function checkOverlap(header: HeaderBytes, placed: readonly TensorInfo[]): void {
  const sorted = placed.toSorted((a, b) => a.offsetBytes - b.offsetBytes);
  let previous: TensorInfo | undefined;
  for (const info of sorted) {
    if (previous !== undefined && previous.offsetBytes + previous.sizeBytes > info.offsetBytes) {
      throw header.error(
        "MODEL_CORRUPT",
        `the data of ${quoteName(previous.name)} and ${quoteName(info.name)} overlap`,
      );
    }
    previous = info;
  }
}
