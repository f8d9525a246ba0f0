"""Writes the GGUF file of the demo model from a checkpoint (or from an untrained start, for its vocabulary).

    python training/export.py TOKENIZER.json OUT.gguf [CHECKPOINT.npz]
"""

import json
import sys

import gguf
import numpy as np

CONTEXT_LENGTH = 4096
TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('The demo model knows the roles system, user and assistant only') }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def write_vocabulary(writer: gguf.GGUFWriter, tokenizer: dict) -> None:
    special = tokenizer["special"]
    kinds = [
        gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokenizer["tokens"]
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokenizer["tokens"])
    writer.add_token_types(kinds)
    writer.add_token_merges(tokenizer["merges"])
    writer.add_bos_token_id(special["<|bos|>"])
    writer.add_eos_token_id(special["<|end|>"])
    writer.add_eot_token_id(special["<|end|>"])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def write_shape(writer: gguf.GGUFWriter, shape: dict) -> None:
    writer.add_name("Rondo demo")
    writer.add_description("A small model that remembers what it is told; made by Rondo's training folder")
    writer.add_license("MIT")
    writer.add_context_length(CONTEXT_LENGTH)
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["num_layers"])
    writer.add_feed_forward_length(shape["feed_forward"])
    writer.add_head_count(shape["num_heads"])
    writer.add_head_count_kv(shape["num_kv_heads"])
    writer.add_key_length(shape["head_dim"])
    writer.add_value_length(shape["head_dim"])
    writer.add_rope_dimension_count(shape["head_dim"])
    writer.add_rope_freq_base(shape["rope_base"])
    writer.add_layer_norm_rms_eps(shape["norm_epsilon"])
    writer.add_vocab_size(shape["vocabulary"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def write_weights(writer: gguf.GGUFWriter, shape: dict, p: dict[str, np.ndarray]) -> None:
    def matrix(name: str, value: np.ndarray) -> None:
        writer.add_tensor(name, np.ascontiguousarray(value, dtype=np.float16))

    def norm(name: str, value: np.ndarray) -> None:
        writer.add_tensor(name, np.ascontiguousarray(value, dtype=np.float32))

    queries = shape["num_heads"] * shape["head_dim"]
    keys = shape["num_kv_heads"] * shape["head_dim"]
    matrix("token_embd.weight", p["embedding"])
    for i in range(shape["num_layers"]):
        q, k, v = np.split(p[f"{i}.qkv"], [queries, queries + keys])
        gate, up = np.split(p[f"{i}.gate_up"], 2)
        norm(f"blk.{i}.attn_norm.weight", p[f"{i}.attention_norm"])
        matrix(f"blk.{i}.attn_q.weight", q)
        matrix(f"blk.{i}.attn_k.weight", k)
        matrix(f"blk.{i}.attn_v.weight", v)
        matrix(f"blk.{i}.attn_output.weight", p[f"{i}.attention_output"])
        norm(f"blk.{i}.ffn_norm.weight", p[f"{i}.ffn_norm"])
        matrix(f"blk.{i}.ffn_gate.weight", gate)
        matrix(f"blk.{i}.ffn_up.weight", up)
        matrix(f"blk.{i}.ffn_down.weight", p[f"{i}.down"])
    norm("output_norm.weight", p["output_norm"])
    matrix("output.weight", p["output"])


def main(tokenizer_path: str, out: str, checkpoint: str) -> None:
    with open(tokenizer_path, encoding="utf-8") as file:
        tokenizer = json.load(file)
    with np.load(checkpoint) as arrays:
        parameters = {name: arrays[name] for name in arrays.files}
    shape = json.loads(str(parameters.pop("shape")))
    if shape["vocabulary"] != len(tokenizer["tokens"]):
        raise SystemExit(f"{checkpoint} has {shape['vocabulary']} tokens, {tokenizer_path} {len(tokenizer['tokens'])}")
    writer = gguf.GGUFWriter(out, "llama")
    write_shape(writer, shape)
    write_vocabulary(writer, tokenizer)
    write_weights(writer, shape, parameters)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
