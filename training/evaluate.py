"""Teacher-forced accuracy of a checkpoint on probe shards: the share of probes whose answer tokens are all the
most likely ones. A quick look while training runs; the model card's numbers come from the product itself.

    python training/evaluate.py CHECKPOINT.npz SHARD...
"""

import sys

import numpy as np
import torch

from checkpoint import load_weights
from model import hidden_states
from shards import ANSWER, ANSWER_REST, Shard


def accuracy(p: dict, shape, shard: Shard) -> tuple[float, float]:
    """Shares of probes with all answer tokens right, and with the whole reply right."""
    answers = replies = 0
    for index in range(len(shard)):
        ids, labels = shard.conversation(index)
        inputs = torch.from_numpy(ids[:-1])[None]
        hidden = hidden_states(p, shape, inputs, torch.arange(len(ids) - 1)[None])
        asked = labels[1:] > 0
        right = ((hidden[0][torch.from_numpy(asked)] @ p["output"].T).argmax(-1).numpy() == ids[1:][asked])
        is_answer = np.isin(labels[1:][asked], (ANSWER, ANSWER_REST))
        answers += bool(right[is_answer].all())
        replies += bool(right.all())
    return answers / len(shard), replies / len(shard)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shape, parameters = load_weights(sys.argv[1])
    for path in sys.argv[2:]:
        shard = Shard(path)
        answer, reply = accuracy(parameters, shape, shard)
        print(f"{path.rsplit('/', 1)[-1]}: {len(shard)} probes, answer {answer:.3f}, whole reply {reply:.3f}", flush=True)
