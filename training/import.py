"""Turns the GGUF file of a demo model back into a checkpoint, to train it further: the reverse of export.py.

    python training/import.py MODEL.gguf OUT.npz TOKENIZER.json
"""

import json
import sys

import gguf
import numpy as np


def main(path: str, out: str, tokenizer_path: str) -> None:
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: np.array(tensor.data, dtype=np.float32) for tensor in reader.tensors}
    field = lambda name: reader.get_field(name).contents()  # noqa: E731
    shape = {
        "num_layers": field("llama.block_count"),
        "width": field("llama.embedding_length"),
        "num_heads": field("llama.attention.head_count"),
        "num_kv_heads": field("llama.attention.head_count_kv"),
        "head_dim": field("llama.rope.dimension_count"),
        "feed_forward": field("llama.feed_forward_length"),
        "vocabulary": len(field("tokenizer.ggml.tokens")),
        "rope_base": float(field("llama.rope.freq_base")),
        "norm_epsilon": float(np.float32(field("llama.attention.layer_norm_rms_epsilon"))),
    }
    weights = {name: tensors[f"{stored}.weight"] for name, stored in
               {"embedding": "token_embd", "output": "output", "output_norm": "output_norm"}.items()}
    for i in range(shape["num_layers"]):
        part = lambda name: tensors[f"blk.{i}.{name}.weight"]  # noqa: B023, E731
        weights |= {
            f"{i}.attention_norm": part("attn_norm"),
            f"{i}.qkv": np.concatenate([part("attn_q"), part("attn_k"), part("attn_v")]),
            f"{i}.attention_output": part("attn_output"),
            f"{i}.ffn_norm": part("ffn_norm"),
            f"{i}.gate_up": np.concatenate([part("ffn_gate"), part("ffn_up")]),
            f"{i}.down": part("ffn_down"),
        }
    np.savez(out, shape=json.dumps(shape), **weights)
    tokens = field("tokenizer.ggml.tokens")
    control = [token for token, kind in zip(tokens, field("tokenizer.ggml.token_type")) if kind == gguf.TokenType.CONTROL]
    with open(tokenizer_path, "w", encoding="utf-8") as file:
        special = {token: tokens.index(token) for token in control}
        json.dump({"tokens": tokens, "merges": field("tokenizer.ggml.merges"), "special": special}, file, ensure_ascii=False)


if __name__ == "__main__":
    main(*sys.argv[1:4])
