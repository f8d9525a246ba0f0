import type { MetadataValue } from "../../gguf/metadata-value.ts";

/** Token types of GGUF files. */
const NORMAL = 1;
const CONTROL = 3;

/** Letters by how often English uses them: frequent pairs become tokens first. */
const LETTERS = "etaoinshrdlcumwfgypbvkjxqz";
/** How byte-level BPE writes a space. */
const SPACE = "Ġ";
const NUM_BYTES = 256;

interface Family {
  /** What libllama calls the splitting of text before BPE. */
  readonly preTokenizer: string;
  readonly specials: readonly string[];
  readonly bos: string;
  readonly eos: string;
  readonly eot: string;
  readonly addBos: boolean;
  readonly chatTemplate: string;
}

const QWEN: Family = {
  preTokenizer: "qwen2",
  specials: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
  bos: "<|endoftext|>",
  eos: "<|im_end|>",
  eot: "<|im_end|>",
  addBos: false,
  chatTemplate:
    "{% for message in messages %}" +
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
};

const LLAMA: Family = {
  preTokenizer: "llama-bpe",
  specials: [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
  ],
  bos: "<|begin_of_text|>",
  eos: "<|end_of_text|>",
  eot: "<|eot_id|>",
  addBos: true,
  chatTemplate:
    "{{ bos_token }}{% for message in messages %}" +
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] + '<|eot_id|>' }}" +
    "{% endfor %}{% if add_generation_prompt %}" +
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
};

/**
 * The metadata of a byte-level BPE vocabulary of `size` tokens that encodes any text: the 256 bytes, merges of
 * letters, and the special tokens of the family at the end.
 */
export function vocabularyMetadata(
  family: "llama" | "qwen",
  size: number,
): ReadonlyMap<string, MetadataValue> {
  const { specials, bos, eos, eot, ...rest } = family === "llama" ? LLAMA : QWEN;
  const numMerges = size - NUM_BYTES - specials.length;
  if (numMerges < 0)
    throw new RangeError(`a vocabulary of ${size} has no room for the 256 bytes and its special tokens`);
  const tokens = byteTokens();
  const merges: string[] = [];
  for (const [left, right] of mergesInOrder()) {
    if (merges.length === numMerges) break;
    merges.push(`${left} ${right}`);
    tokens.push(left + right);
  }
  if (merges.length < numMerges)
    throw new RangeError(`a vocabulary of ${size} is larger than letters can fill`);
  tokens.push(...specials);
  const types = new Int32Array(size).fill(NORMAL).fill(CONTROL, size - specials.length);
  const id = (token: string): MetadataValue => ({
    type: "uint32",
    value: size - specials.length + specials.indexOf(token),
  });
  return new Map<string, MetadataValue>([
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: rest.preTokenizer }],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: tokens }],
    ["tokenizer.ggml.token_type", { type: "array", elementType: "int32", value: types }],
    ["tokenizer.ggml.merges", { type: "array", elementType: "string", value: merges }],
    ["tokenizer.ggml.bos_token_id", id(bos)],
    ["tokenizer.ggml.eos_token_id", id(eos)],
    ["tokenizer.ggml.eot_token_id", id(eot)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: rest.addBos }],
    ["tokenizer.chat_template", { type: "string", value: rest.chatTemplate }],
  ]);
}

/** The characters that byte-level BPE writes bytes as: printable ones as they are, the others from U+0100 on. */
function byteTokens(): string[] {
  const printable: string[] = [];
  const shifted: string[] = [];
  for (let byte = 0; byte < NUM_BYTES; byte++) {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    if (isPrintable) printable.push(String.fromCodePoint(byte));
    else shifted.push(String.fromCodePoint(0x100 + shifted.length));
  }
  return [...printable, ...shifted];
}

/** Merges in the order of their rank: letters after a space, pairs, pairs after a space, fours. */
function* mergesInOrder(): Generator<readonly [string, string]> {
  const letters = [...LETTERS];
  for (const letter of letters) yield [SPACE, letter];
  const pairs: string[] = [];
  for (const [left, right] of diagonally(letters)) {
    pairs.push(left + right);
    yield [left, right];
  }
  for (const pair of pairs) yield [SPACE, pair];
  yield* diagonally(pairs);
}

/** All ordered pairs of `items`, those of early items first. */
function* diagonally(items: readonly string[]): Generator<readonly [string, string]> {
  for (let sum = 0; sum <= 2 * (items.length - 1); sum++) {
    for (let i = Math.max(0, sum - items.length + 1); i <= Math.min(sum, items.length - 1); i++) {
      yield [items[i] as string, items[sum - i] as string];
    }
  }
}
