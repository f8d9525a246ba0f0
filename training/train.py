"""Trains the demo model through stages of growing conversations; resumes where it stopped.

    python training/train.py WORK STAGE...

WORK holds start.npz (or weights.npz and state.pt of an earlier run) and the shards. A stage is
SHARD:STEPS:BATCH:TIME:RATE, for example a:6000:4:256:1e-3; with SHARD+SIDE a share of the batches comes from
shard SIDE, in rows of 512 tokens. Progress is counted over all stages, so the same
command line goes on after an interruption.
"""

import os
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from checkpoint import load_weights, save_state, save_weights
from kernels import Adam
from model import Shape, hidden_states
from shards import ANSWER, ANSWER_REST, RECITAL, Batch, Shard, make_batch, repeated_segments, spread_positions

USER_TOKEN = -3  # from the end of the vocabulary: bos, system, user, assistant, end
MAX_POSITION = 4096
REPEATED_SHARE = 0.1
SIDE_SHARE = 0.3
SIDE_TIME = 512
WARM_UP_STEPS = 200
# Most batches let the lowest layers see the last rounds only, so that recall grows in the layers above them.
LOWER_WINDOWS = {layer: 64 for layer in range(5)}
WINDOWED_SHARE = 0.85
REPORT_EVERY = 100
SAVE_EVERY = 500


@dataclass(frozen=True)
class Stage:
    shard: str
    steps: int
    batch: int
    time: int
    rate: float

    @staticmethod
    def parse(text: str) -> "Stage":
        shard, steps, batch, length, rate = text.split(":")
        return Stage(shard, int(steps), int(batch), int(length), float(rate))


def draw_side_or_main(shards: list[Shard], stage: Stage, shape: Shape, random: np.random.Generator) -> Batch:
    if len(shards) > 1 and random.random() < SIDE_SHARE:
        rows = max(1, stage.batch * stage.time // SIDE_TIME)
        return draw_batch(shards[1], replace(stage, batch=rows, time=SIDE_TIME), shape, random)
    return draw_batch(shards[0], stage, shape, random)


def draw_batch(shard: Shard, stage: Stage, shape: Shape, random: np.random.Generator) -> Batch:
    rows = []
    for _ in range(stage.batch):
        if random.random() < REPEATED_SHARE:
            ids, labels = repeated_segments(stage.time, shape.vocabulary, random)
            rows.append((ids, labels, np.arange(len(ids))))
            continue
        ids, labels = shard.conversation(int(random.integers(len(shard))))
        positions = np.arange(len(ids))
        if random.random() < 0.7:
            positions = spread_positions(ids, shape.vocabulary + USER_TOKEN, MAX_POSITION, random)
        rows.append((ids, labels, positions))
    return make_batch(rows, stage.time)


def loss_of(p: dict, shape: Shape, batch: Batch, windows: dict[int, int] | None):
    """Weighted loss, and which weighted tokens were right."""
    hidden = hidden_states(p, shape, batch.ids, batch.positions, windows)
    chosen = batch.weights > 0
    logits = hidden[chosen] @ p["output"].T
    targets, weights = batch.targets[chosen], batch.weights[chosen]
    losses = F.cross_entropy(logits, targets, reduction="none")
    right = (logits.detach().argmax(-1) == targets).numpy()
    return (losses * weights).sum() / weights.sum(), right, batch.labels[chosen.numpy()]


class Meter:
    """Accuracy per label since the last report."""

    def __init__(self) -> None:
        self.right = np.zeros(8)
        self.seen = np.zeros(8)

    def add(self, right: np.ndarray, labels: np.ndarray) -> None:
        self.right += np.bincount(labels, right, 8)
        self.seen += np.bincount(labels, minlength=8)

    def __str__(self) -> str:
        share = self.right / np.maximum(self.seen, 1)
        return f"reply {share[1]:.3f} noted {share[2]:.3f} answer {share[ANSWER]:.3f} rest {share[ANSWER_REST]:.3f} recital {share[RECITAL]:.3f}"


def rate_at(step: int, stage_step: int, stage: Stage, is_last: bool) -> float:
    rate = stage.rate * min(1.0, (step + 1) / WARM_UP_STEPS)
    if is_last:
        rate *= max(0.05, 1 - stage_step / stage.steps)
    return rate


def main(work: str, stages: list[Stage]) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    weights_path, state_path = os.path.join(work, "weights.npz"), os.path.join(work, "state.pt")
    resumed = os.path.exists(state_path)
    shape, parameters = load_weights(weights_path if resumed else os.path.join(work, "start.npz"))
    optimizer = Adam(parameters)
    done = 0
    if resumed:
        state = torch.load(state_path)
        optimizer.restore(state["optimizer"])
        done = state["step"]
    step, seen, began, meter, total_loss = done, 0, time.time(), Meter(), 0.0
    first = 0
    for number, stage in enumerate(stages):
        shards = [Shard(os.path.join(work, name)) for name in stage.shard.split("+")]
        for stage_step in range(max(0, done - first), stage.steps):
            random = np.random.default_rng([7, step])
            batch = draw_side_or_main(shards, stage, shape, random)
            windows = LOWER_WINDOWS if random.random() < WINDOWED_SHARE else None
            loss, right, labels = loss_of(parameters, shape, batch, windows)
            loss.backward()
            optimizer.step(rate_at(step, stage_step, stage, number == len(stages) - 1))
            meter.add(right, labels)
            step += 1
            seen += stage.batch * stage.time
            total_loss += loss.item()
            if step % REPORT_EVERY == 0:
                speed = seen / (time.time() - began)
                print(f"{step} {stage.shard} loss {total_loss / REPORT_EVERY:.3f} {meter} {speed:.0f} tok/s", flush=True)
                meter, total_loss = Meter(), 0.0
            if step % SAVE_EVERY == 0 or (stage_step == stage.steps - 1):
                save_weights(weights_path, shape, parameters)
                save_state(state_path, {"optimizer": optimizer.state(), "step": step})
        first += stage.steps


if __name__ == "__main__":
    main(sys.argv[1], [Stage.parse(text) for text in sys.argv[2:]])
