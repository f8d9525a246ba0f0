import type { RondoError } from "../core/errors.ts";
import type { MetadataValue, NumberArray } from "./metadata-value.ts";
import { modelError, quoteName } from "./model-error.ts";

/**
 * The key-value pairs of a model file, by type.
 *
 * A getter without a fallback throws `MODEL_MISSING_KEY` for a key that is not there; every getter throws
 * `MODEL_CORRUPT` for one that holds another type. Both name the key. Whole numbers of any width count as
 * numbers where a double holds them exactly.
 */
export class Metadata {
  readonly #path: string;
  readonly #entries: ReadonlyMap<string, MetadataValue>;

  constructor(path: string, entries: ReadonlyMap<string, MetadataValue>) {
    this.#path = path;
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Keys in the order of the file. */
  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The value as stored, with its type; undefined where the key is not there. */
  raw(key: string): MetadataValue | undefined {
    return this.#entries.get(key);
  }

  string(key: string): string {
    return this.#required(key, "a string", asString);
  }

  number(key: string): number {
    return this.#required(key, "a number", asNumber);
  }

  boolean(key: string): boolean {
    return this.#required(key, "a boolean", asBoolean);
  }

  numbers(key: string): NumberArray {
    return this.#required(key, "an array of numbers", asNumbers);
  }

  strings(key: string): readonly string[] {
    return this.#required(key, "an array of strings", asStrings);
  }

  optionalString(key: string): string | undefined {
    return this.#optional(key, "a string", asString);
  }

  optionalNumber(key: string): number | undefined {
    return this.#optional(key, "a number", asNumber);
  }

  optionalBoolean(key: string): boolean | undefined {
    return this.#optional(key, "a boolean", asBoolean);
  }

  optionalNumbers(key: string): NumberArray | undefined {
    return this.#optional(key, "an array of numbers", asNumbers);
  }

  optionalStrings(key: string): readonly string[] | undefined {
    return this.#optional(key, "an array of strings", asStrings);
  }

  #required<T>(key: string, wanted: string, convert: (value: MetadataValue) => T | undefined): T {
    const value = this.#optional(key, wanted, convert);
    if (value === undefined) {
      throw modelError(
        "MODEL_MISSING_KEY",
        this.#path,
        `the metadata key ${quoteName(key)} is missing; convert the model again with a current converter`,
      );
    }
    return value;
  }

  #optional<T>(key: string, wanted: string, convert: (value: MetadataValue) => T | undefined): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const value = convert(entry);
    if (value === undefined) throw this.#wrongType(key, wanted, entry);
    return value;
  }

  #wrongType(key: string, wanted: string, entry: MetadataValue): RondoError {
    const found = entry.type === "array" ? `an array of ${entry.elementType}` : entry.type;
    const value = typeof entry.value === "bigint" ? ` ${entry.value}` : "";
    return modelError(
      "MODEL_CORRUPT",
      this.#path,
      `the metadata key ${quoteName(key)} holds ${found}${value} where ${wanted} is expected; convert the model again`,
    );
  }
}

function asString(entry: MetadataValue): string | undefined {
  return entry.type === "string" ? entry.value : undefined;
}

function asBoolean(entry: MetadataValue): boolean | undefined {
  return entry.type === "bool" ? entry.value : undefined;
}

function asNumber({ value }: MetadataValue): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "bigint" ? toSafeNumber(value) : undefined;
}

function asNumbers(entry: MetadataValue): NumberArray | undefined {
  if (entry.type !== "array" || entry.elementType === "string" || entry.elementType === "bool")
    return undefined;
  const { value } = entry;
  if (!(value instanceof BigInt64Array || value instanceof BigUint64Array)) return value;
  const numbers = new Float64Array(value.length);
  for (const [i, element] of value.entries()) {
    const number = toSafeNumber(element);
    if (number === undefined) return undefined;
    numbers[i] = number;
  }
  return numbers;
}

function asStrings(entry: MetadataValue): readonly string[] | undefined {
  return entry.type === "array" && entry.elementType === "string" ? entry.value : undefined;
}

function toSafeNumber(value: bigint): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}
