"""Conversations as written by write-shards.ts, and batches of them."""

from dataclasses import dataclass

import numpy as np
import torch

LABEL_WEIGHTS = np.array([0.0, 0.3, 0.6, 2.0, 1.0, 1.0], dtype=np.float32)
ANSWER, ANSWER_REST, RECITAL = 3, 4, 5


@dataclass
class Batch:
    """All [batch, time]: ids, positions in the text, label and weight of the token that follows each."""

    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    labels: np.ndarray
    weights: torch.Tensor


class Shard:
    def __init__(self, path: str):
        self.ids = np.memmap(f"{path}.ids", np.uint16, "r")
        self.labels = np.memmap(f"{path}.labels", np.uint8, "r")
        self.starts = np.fromfile(f"{path}.starts", np.uint32)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def conversation(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(self.starts[index], self.starts[index + 1])
        return self.ids[part].astype(np.int64), self.labels[part]


def make_batch(rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]], time: int) -> Batch:
    """Rows of ids, labels and positions, cut or padded to `time` + 1 tokens."""
    ids = np.zeros((len(rows), time + 1), np.int64)
    labels = np.zeros((len(rows), time + 1), np.uint8)
    positions = np.zeros((len(rows), time + 1), np.int64)
    for row, (row_ids, row_labels, row_positions) in enumerate(rows):
        n = min(time + 1, len(row_ids))
        ids[row, :n], labels[row, :n], positions[row, :n] = row_ids[:n], row_labels[:n], row_positions[:n]
    return Batch(
        ids=torch.from_numpy(ids[:, :-1]),
        positions=torch.from_numpy(positions[:, :-1]),
        targets=torch.from_numpy(ids[:, 1:]),
        labels=labels[:, 1:],
        weights=torch.from_numpy(LABEL_WEIGHTS[labels[:, 1:]]),
    )


def spread_positions(ids: np.ndarray, user_token: int, max_position: int, random: np.random.Generator) -> np.ndarray:
    """Positions with gaps before rounds, so that short conversations teach long distances."""
    positions = np.arange(len(ids))
    room = max_position - len(ids)
    if room <= 0:
        return positions
    heads = np.flatnonzero(ids == user_token)
    if len(heads) == 0:
        return positions
    shares = random.dirichlet(np.full(len(heads), 0.5)) * (room * random.random() ** 2)
    gaps = np.zeros(len(ids), np.int64)
    gaps[heads] = shares.astype(np.int64)
    return positions + np.cumsum(gaps)


def repeated_segments(time: int, vocabulary: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random segments, each said two or three times, not always at once: what copying is learned from."""
    segments: list[np.ndarray] = []
    ids, labels = [], []
    total = 0
    while total <= time:
        if segments and random.random() < 0.55:
            segment = segments[random.integers(len(segments))]
            label = np.full(len(segment), 1, np.uint8)
            label[0:2] = 0
        else:
            segment = random.integers(0, vocabulary, random.integers(6, 20))
            segments.append(segment)
            label = np.zeros(len(segment), np.uint8)
        ids.append(segment)
        labels.append(label)
        total += len(segment)
    return np.concatenate(ids), np.concatenate(labels)
