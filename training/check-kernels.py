"""Compares kernels.c with the same mathematics in plain PyTorch, values and gradients. Exits with 1 on a difference.

    python training/check-kernels.py
"""

import sys

import torch
import torch.nn.functional as F

from kernels import Adam, Attention, RmsNorm, SwiGlu
from model import Shape, rotary_tables

TOLERANCE = 2e-5


def plain_attention(qkv, cosine, sine, heads, groups, window):
    batch, time, _ = qkv.shape
    x = qkv.view(batch, time, heads + 2 * groups, 32)
    even, odd = x[..., 0::2], x[..., 1::2]
    c, s = cosine[:, :, None], sine[:, :, None]
    turned = torch.stack([even * c - odd * s, even * s + odd * c], -1).flatten(-2)
    q, k, v = turned[:, :, :heads], turned[:, :, heads : heads + groups], x[:, :, heads + groups :]
    k, v = (t.repeat_interleave(heads // groups, 2) for t in (k, v))
    age = torch.arange(time)[:, None] - torch.arange(time)
    hidden = (age < 0) | ((age >= window) & (window > 0))
    scores = torch.einsum("bthd,bshd->bhts", q, k) * 32**-0.5
    weights = torch.softmax(scores.masked_fill(hidden, float("-inf")), -1)
    return torch.einsum("bhts,bshd->bthd", weights, v).reshape(batch, time, heads * 32)


def worst(ours, reference, *inputs: torch.Tensor) -> float:
    """The largest difference of outputs and gradients."""
    results = []
    for function in (ours, reference):
        copies = [x.clone().requires_grad_() for x in inputs]
        out = function(*copies)
        out.backward(torch.linspace(-1, 1, out.numel()).view_as(out))
        results.append([out.detach(), *(x.grad for x in copies)])
    return max((a - b).abs().max().item() for a, b in zip(*results))


def check_attention(batch: int, time: int, window: int) -> float:
    cosine, sine = rotary_tables(Shape(), torch.arange(time).expand(batch, time) * 3)
    qkv = torch.randn(batch, time, 8 * 32)
    return worst(
        lambda x: Attention.apply(x, cosine, sine, 4, 2, window),
        lambda x: plain_attention(x, cosine, sine, 4, 2, window),
        qkv,
    )


def check_adam() -> float:
    start = torch.randn(1000)
    ours = {"w": torch.nn.Parameter(start.clone())}
    theirs = torch.nn.Parameter(start.clone())
    optimizer, reference = Adam(ours), torch.optim.AdamW([theirs], lr=1e-2, betas=Adam.BETAS, weight_decay=0.01)
    for i in range(5):
        grad = torch.sin(start * (i + 1))
        ours["w"].grad.copy_(grad)
        theirs.grad = grad.clone()
        torch.nn.utils.clip_grad_norm_([theirs], 1.0)
        optimizer.step(1e-2)
        reference.step()
    return (ours["w"].detach() - theirs.detach()).abs().max().item()


def main() -> None:
    torch.manual_seed(0)
    x, w = torch.randn(50, 128), torch.rand(128)
    differences = {
        "attention": max(check_attention(*case) for case in [(2, 45, 0), (1, 128, 0), (2, 77, 20), (3, 8, 1)]),
        "rms norm": worst(
            lambda x, w: RmsNorm.apply(x, w, 1e-5), lambda x, w: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * w, x, w
        ),
        "swiglu": worst(SwiGlu.apply, lambda x: F.silu(x[:, :64]) * x[:, 64:], x),
        "adam": check_adam(),
    }
    for name, difference in differences.items():
        print(f"{name}: {difference:.2e}")
    if max(differences.values()) > TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    main()
