"""In which layers recall happens: answers right when all layers from one on, or all layers up to one, are blind to
what is more than WINDOW tokens ago.

    python training/where.py CHECKPOINT.npz PROBE_SHARD [PROBES]
"""

import sys

import numpy as np
import torch

from checkpoint import load_weights
from model import hidden_states
from shards import ANSWER, ANSWER_REST, Shard

WINDOW = 40


def accuracy(p: dict, shape, shard: Shard, probes: int, windows: dict[int, int]) -> float:
    right = 0
    for index in range(probes):
        ids, labels = shard.conversation(index)
        positions = torch.arange(len(ids) - 1)[None]
        hidden = hidden_states(p, shape, torch.from_numpy(ids[:-1])[None], positions, windows)
        asked = np.isin(labels[1:], (ANSWER, ANSWER_REST))
        logits = hidden[0][torch.from_numpy(asked)] @ p["output"].T
        right += bool((logits.argmax(-1).numpy() == ids[1:][asked]).all())
    return right / probes


def main(checkpoint: str, path: str, probes: int) -> None:
    shape, p = load_weights(checkpoint)
    shard = Shard(path)
    print("layer | blind from it on | blind up to it")
    for layer in range(shape.num_layers):
        above = accuracy(p, shape, shard, probes, {i: WINDOW for i in range(layer, shape.num_layers)})
        below = accuracy(p, shape, shard, probes, {i: WINDOW for i in range(layer + 1)})
        print(f"{layer} | {above:.2f} | {below:.2f}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 100)
