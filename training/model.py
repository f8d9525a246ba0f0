"""The demo model: a small llama (RMSNorm, SwiGLU, interleaved RoPE, grouped queries), in PyTorch."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Shape:
    num_layers: int = 12
    width: int = 128
    num_heads: int = 4
    num_kv_heads: int = 2
    head_dim: int = 32
    feed_forward: int = 192
    vocabulary: int = 1536
    # A large base leaves half of the rotary pairs nearly still over thousands of tokens: they match content.
    rope_base: float = 1e7
    norm_epsilon: float = 1e-5

    def to_dict(self) -> dict:
        return asdict(self)


def new_parameters(shape: Shape) -> dict[str, torch.Tensor]:
    """Weights drawn with std 1/sqrt(fan_in); outputs of layers further scaled down, so that depth starts as identity."""

    def draw(rows: int, columns: int, gain: float = 1.0) -> torch.Tensor:
        return torch.randn(rows, columns) * (gain * columns**-0.5)

    heads = (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim
    small = (2 * shape.num_layers) ** -0.5
    parameters = {
        "embedding": draw(shape.vocabulary, shape.width),
        "output": draw(shape.vocabulary, shape.width),
        "output_norm": torch.ones(shape.width),
    }
    for i in range(shape.num_layers):
        parameters |= {
            f"{i}.attention_norm": torch.ones(shape.width),
            f"{i}.qkv": draw(heads, shape.width),
            f"{i}.attention_output": draw(shape.width, shape.num_heads * shape.head_dim, small),
            f"{i}.ffn_norm": torch.ones(shape.width),
            f"{i}.gate_up": draw(2 * shape.feed_forward, shape.width),
            f"{i}.down": draw(shape.width, shape.feed_forward, small),
        }
    return {name: torch.nn.Parameter(value) for name, value in parameters.items()}


def rope_frequencies(shape: Shape) -> torch.Tensor:
    """[head_dim / 2], radians per token."""
    return shape.rope_base ** (-torch.arange(0, shape.head_dim, 2) / shape.head_dim)


def rms_norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * weight


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Interleaved RoPE: x [..., time, heads, head_dim], cosine and sine [batch, time, 1, head_dim / 2]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """q [B, T, H, D], k and v [B, T, G, D], mask additive [T, T]; returns [B, T, H * D]."""
    batch, time, heads, dim = q.shape
    groups = k.shape[2]
    per_group = heads // groups
    q = q.view(batch, time, groups, per_group, dim).permute(0, 2, 3, 1, 4).reshape(batch, groups, per_group * time, dim)
    scores = (q * dim**-0.5) @ k.permute(0, 2, 3, 1)
    weights = torch.softmax(scores.view(batch, groups, per_group, time, time) + mask, -1)
    out = weights.view(batch, groups, per_group * time, time) @ v.transpose(1, 2)
    return out.view(batch, groups, per_group, time, dim).permute(0, 3, 1, 2, 4).reshape(batch, time, heads * dim)


def hidden_states(
    p: dict[str, torch.Tensor], shape: Shape, ids: torch.Tensor, positions: torch.Tensor, attention=None
) -> torch.Tensor:
    """ids and positions [B, T]; returns the normed last hidden states [B, T, width]."""
    batch, time = ids.shape
    angles = positions[..., None].double() * rope_frequencies(shape).double()
    cosine, sine = angles.cos().float()[:, :, None], angles.sin().float()[:, :, None]
    if attention is None:
        mask = torch.full((time, time), float("-inf")).triu(1)
        attention = lambda q, k, v: attend(q, k, v, mask)  # noqa: E731
    heads, groups = shape.num_heads, shape.num_kv_heads
    x = p["embedding"][ids]
    for i in range(shape.num_layers):
        y = rms_norm(x, p[f"{i}.attention_norm"], shape.norm_epsilon) @ p[f"{i}.qkv"].T
        y = y.view(batch, time, heads + 2 * groups, shape.head_dim)
        qk = rotate(y[:, :, : heads + groups], cosine, sine)
        out = attention(qk[:, :, :heads], qk[:, :, heads:], y[:, :, heads + groups :])
        x = x + out @ p[f"{i}.attention_output"].T
        y = rms_norm(x, p[f"{i}.ffn_norm"], shape.norm_epsilon) @ p[f"{i}.gate_up"].T
        gate, up = y.split(shape.feed_forward, -1)
        x = x + (F.silu(gate) * up) @ p[f"{i}.down"].T
    return rms_norm(x, p["output_norm"], shape.norm_epsilon)
