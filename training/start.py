"""A start by hand: weights that already copy what followed an earlier occurrence of the last few tokens.

Residual stream, by columns: a constant; the token; the tokens before it as a key; the same shifted by one
as a query; the token to predict. Layers 0 and 1 look 1 to 8 tokens back (a constant query whose rotary
phase points there). The matching layers find the earlier place whose past equals ours and copy its token.
Everything else starts small, so that training finds the rest.
"""

import sys

import torch
import torch.nn.functional as F

from checkpoint import save_weights
from model import Shape, new_parameters, rope_frequencies

CONSTANT = 0
TOKEN = slice(1, 32)
KEY = slice(32, 64)
QUERY = slice(64, 96)
PREDICTION = slice(96, 128)

CONSTANT_SIZE = 0.35
LOOK_BACK_SHARPNESS = 10.0
NUM_SHARP_PAIRS = 6
WRITE_SIZE = 0.35
# By how much the residual stream outgrows the embedding before layer 0 and layer 1.
GROWTH = (1.0, 1.35)
MATCH_SHARPNESS = 8.0
DECAY = 0.9
NUM_OFFSETS = 8
# Pairs from this one on turn by less than half a radian over 1,500 tokens.
FIRST_STILL_PAIR = 8


def orthogonal(size: int, generator: torch.Generator) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=generator))[0]


def start_by_hand(p: dict[str, torch.Tensor], shape: Shape, matching_layers: tuple[int, ...] = (5, 7)) -> None:
    generator = torch.Generator().manual_seed(1)
    dim = shape.head_dim
    with torch.no_grad():
        # Equal lengths: the look-back scores grow with the constant's share of a normed embedding.
        tokens = F.normalize(torch.randn(shape.vocabulary, 31, generator=generator), dim=-1)
        p["embedding"].zero_()
        p["embedding"][:, CONSTANT] = CONSTANT_SIZE
        p["embedding"][:, TOKEN] = tokens
        p["output"].mul_(0.3)
        p["output"][:, PREDICTION.start : PREDICTION.start + 31] += tokens
        for layer in range(shape.num_layers):
            p[f"{layer}.down"].mul_(0.05 if layer < 5 else 0.3)
            p[f"{layer}.attention_output"].mul_(0.3)
        shifts = [orthogonal(dim, generator) for _ in range(NUM_OFFSETS + 1)]
        for layer in (0, 1):
            look_back(p, shape, layer, shifts)
        for layer in matching_layers:
            match(p, shape, layer, shifts[0], generator)


def blocks(p: dict[str, torch.Tensor], shape: Shape, layer: int):
    """Views on a layer's queries [H, D, width], keys and values [G, D, width] and outputs [width, H, D]."""
    heads, groups, dim = shape.num_heads, shape.num_kv_heads, shape.head_dim
    qkv = p[f"{layer}.qkv"].view(heads + 2 * groups, dim, shape.width)
    outputs = p[f"{layer}.attention_output"].view(shape.width, heads, dim)
    return qkv[:heads], qkv[heads : heads + groups], qkv[heads + groups :], outputs


def look_back(p: dict[str, torch.Tensor], shape: Shape, layer: int, shifts: list[torch.Tensor]) -> None:
    queries, keys, values, outputs = blocks(p, shape, layer)
    for block in (queries, keys, values):
        block.mul_(0.05)
    outputs.mul_(0.1)
    constant = shape.width**0.5 * CONSTANT_SIZE / (1 + CONSTANT_SIZE**2) ** 0.5
    size = (LOOK_BACK_SHARPNESS * shape.head_dim**0.5) ** 0.5 / constant * GROWTH[layer]
    frequencies = rope_frequencies(shape)[:NUM_SHARP_PAIRS]
    keys[:, 0 : 2 * NUM_SHARP_PAIRS : 2, CONSTANT] = size
    identity = torch.eye(31)
    values[:, :31, TOKEN] += identity / shape.width**0.5
    for head in range(shape.num_heads):
        offset = shape.num_heads * layer + head + 1
        queries[head, 0 : 2 * NUM_SHARP_PAIRS : 2, CONSTANT] = size * torch.cos(offset * frequencies)
        queries[head, 1 : 2 * NUM_SHARP_PAIRS : 2, CONSTANT] = -size * torch.sin(offset * frequencies)
        weight = WRITE_SIZE * GROWTH[layer] * DECAY ** (offset - 1)
        outputs[KEY, head] += weight * shifts[offset - 1]
        if offset < NUM_OFFSETS:
            outputs[QUERY, head] += weight * DECAY * shifts[offset]


def match(p: dict[str, torch.Tensor], shape: Shape, layer: int, first: torch.Tensor, generator: torch.Generator) -> None:
    queries, keys, values, outputs = blocks(p, shape, layer)
    for block in (queries, keys, values):
        block.mul_(0.2)
    outputs.mul_(0.2)
    still = slice(2 * FIRST_STILL_PAIR, shape.head_dim)
    num_still = shape.head_dim - 2 * FIRST_STILL_PAIR
    gain = MATCH_SHARPNESS**0.5
    per_group = shape.num_heads // shape.num_kv_heads
    for group in range(shape.num_kv_heads):
        projection = orthogonal(shape.head_dim, generator)[:num_still] * (shape.head_dim / num_still) ** 0.5
        keys[group, still, KEY] += gain * projection
        values[group, :31, TOKEN] += torch.eye(31) * 0.1
        for head in range(group * per_group, (group + 1) * per_group):
            queries[head, still, QUERY] += gain * projection
            queries[head, still, TOKEN] += gain * WRITE_SIZE * (projection @ first)[:, :31]
            outputs[PREDICTION, head] += torch.eye(shape.head_dim) * 2


if __name__ == "__main__":
    torch.manual_seed(0)
    shape = Shape()
    parameters = new_parameters(shape)
    start_by_hand(parameters, shape)
    save_weights(sys.argv[1], shape, parameters)
