/**
 * Writes token ids and labels for the trainer, made by the product's own tokenizer from a model file.
 *
 *     npx tsx training/write-shards.ts MODEL.gguf OUT train SEED CONVERSATIONS ROUNDS
 *     npx tsx training/write-shards.ts MODEL.gguf OUT recital SEED CONVERSATIONS ROUNDS
 *     npx tsx training/write-shards.ts MODEL.gguf OUT probe KIND BETWEEN COUNT
 *
 * OUT.ids (uint16), OUT.labels (uint8) and OUT.starts (uint32, one per conversation and one at the end).
 */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import type { Round } from "../src/lab/dialogues/conversation.ts";
import { drawConversation, drawRecital } from "../src/lab/dialogues/draw.ts";
import type { Preamble } from "../src/lab/dialogues/preamble.ts";
import { drawProbe, PROBE_KINDS } from "../src/lab/dialogues/probe.ts";
import { LABEL, labelReply, plainLabel } from "../src/lab/dialogues/token-labels.ts";
import type { Wording } from "../src/lab/dialogues/wording.ts";
import { Vocabulary } from "../src/tokenizer/vocabulary.ts";

interface Sink {
  ids: number[];
  labels: number[];
}

class ShardWriter {
  readonly #vocabulary: Vocabulary;
  readonly #out: string;
  readonly #files: readonly [ids: number, labels: number];
  readonly #starts: number[] = [0];
  readonly #special: Readonly<Record<"bos" | "system" | "user" | "assistant" | "end", number>>;

  constructor(vocabulary: Vocabulary, out: string) {
    this.#vocabulary = vocabulary;
    this.#out = out;
    this.#files = [openSync(`${out}.ids`, "w"), openSync(`${out}.labels`, "w")];
    const id = (name: string): number => {
      const [token, ...rest] = vocabulary.encode(`<|${name}|>`, { parseSpecial: true });
      if (token === undefined || rest.length > 0)
        throw new RangeError(`read the vocabulary: <|${name}|> is no token`);
      return token;
    };
    this.#special = {
      bos: id("bos"),
      system: id("system"),
      user: id("user"),
      assistant: id("assistant"),
      end: id("end"),
    };
  }

  /** Writes a conversation; `asked` says which rounds' values count as answers (by default, questions'). */
  write(preamble: Preamble, rounds: readonly Round[], isLabelled: (index: number) => boolean): void {
    const sink: Sink = { ids: [this.#special.bos], labels: [LABEL.context] };
    if (preamble.system !== undefined) this.#context(sink, "system", { text: preamble.system, values: [] });
    for (const [index, round] of rounds.entries()) {
      this.#context(sink, "user", round.user);
      if (isLabelled(index)) this.#reply(sink, round);
      else this.#context(sink, "assistant", round.assistant);
    }
    writeSync(this.#files[0], Uint16Array.from(sink.ids));
    writeSync(this.#files[1], Uint8Array.from(sink.labels));
    this.#starts.push((this.#starts.at(-1) ?? 0) + sink.ids.length);
  }

  #context(sink: Sink, role: "system" | "user" | "assistant", { text }: Wording): void {
    const ids = [this.#special[role], ...this.#vocabulary.encode(text), this.#special.end];
    sink.ids.push(...ids);
    sink.labels.push(...ids.map(() => LABEL.context));
  }

  #reply(sink: Sink, round: Round): void {
    const ids = [...this.#vocabulary.encode(round.assistant.text)];
    const tokenBytes = ids.map((id) => this.#vocabulary.tokenBytes(id).length);
    sink.ids.push(this.#special.assistant, ...ids, this.#special.end);
    sink.labels.push(LABEL.context, ...labelReply(round, tokenBytes), plainLabel(round.kind));
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
    writeFileSync(`${this.#out}.starts`, Uint32Array.from(this.#starts));
  }
}

async function main(args: readonly string[]): Promise<void> {
  const [model, out, mode, what, third, fourth] = args;
  if (model === undefined || out === undefined)
    throw new TypeError("write shards: name a model file and an output");
  using vocabulary = await Vocabulary.load(model);
  const writer = new ShardWriter(vocabulary, out);
  if (mode === "train" || mode === "recital") {
    const draw = mode === "train" ? drawConversation : drawRecital;
    for (let i = 0; i < Number(third); i++) {
      const { preamble, rounds } = draw(`${what}/${i}`, { rounds: Number(fourth), split: "train" });
      writer.write(preamble, rounds, () => true);
    }
  } else {
    const kind = PROBE_KINDS.find((name) => name === what);
    if (kind === undefined)
      throw new TypeError(`write shards: no probe ${what}, name one of ${PROBE_KINDS.join(", ")}`);
    for (let i = 0; i < Number(fourth); i++) {
      const { preamble, history, question } = drawProbe(`shard/${i}`, { kind, between: Number(third) });
      writer.write(preamble, [...history, question], (index) => index === history.length);
    }
  }
  writer.close();
}

await main(process.argv.slice(2));
