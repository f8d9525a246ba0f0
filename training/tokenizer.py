"""Learns a byte-level BPE vocabulary (GPT-2's pre-tokenizer) from the generator's text.

    python training/tokenizer.py CORPUS.jsonl OUT.json

OUT.json holds `tokens` (in id order), `merges` and `special` (name -> id).
"""

import json
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY_SIZE = 1536
SPECIAL = ["<|bos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]


def learn(corpus: str) -> dict:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - len(SPECIAL),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    with open(corpus, encoding="utf-8") as lines:
        tokenizer.train_from_iterator((json.loads(line) for line in lines), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    special = {name: len(tokens) + i for i, name in enumerate(SPECIAL)}
    return {"tokens": tokens + SPECIAL, "merges": merges, "special": special}


if __name__ == "__main__":
    corpus_path, out_path = sys.argv[1:3]
    with open(out_path, "w", encoding="utf-8") as out:
        json.dump(learn(corpus_path), out, ensure_ascii=False)
