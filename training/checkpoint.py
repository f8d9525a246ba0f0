"""Checkpoints: weights as .npz (what export.py reads) and the optimizer's state beside them."""

import json
import os

import numpy as np
import torch

from model import Shape


def save_weights(path: str, shape: Shape, parameters: dict[str, torch.Tensor]) -> None:
    arrays = {name: value.detach().numpy() for name, value in parameters.items()}
    temporary = f"{path}.part"
    with open(temporary, "wb") as file:
        np.savez(file, shape=json.dumps(shape.to_dict()), **arrays)
    os.replace(temporary, path)


def load_weights(path: str) -> tuple[Shape, dict[str, torch.Tensor]]:
    with np.load(path) as arrays:
        shape = Shape(**json.loads(str(arrays["shape"])))
        return shape, {name: torch.nn.Parameter(torch.from_numpy(arrays[name])) for name in arrays.files if name != "shape"}


def save_state(path: str, state: dict) -> None:
    temporary = f"{path}.part"
    torch.save(state, temporary)
    os.replace(temporary, path)
