"""The demo model: a small llama (RMSNorm, SwiGLU, interleaved RoPE, grouped queries), in PyTorch."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F

from kernels import Attention, RmsNorm, SwiGlu


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


def rotary_tables(shape: Shape, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine [B, T, head_dim / 2] of positions [B, T]."""
    angles = positions[..., None].double() * rope_frequencies(shape).double()
    return angles.cos().float(), angles.sin().float()


def hidden_states(
    p: dict[str, torch.Tensor],
    shape: Shape,
    ids: torch.Tensor,
    positions: torch.Tensor,
    windows: dict[int, int] | None = None,
) -> torch.Tensor:
    """ids and positions [B, T]; returns the normed last hidden states [B, T, width].

    `windows` limits layers to that many last tokens; layers not named see everything.
    """
    cosine, sine = rotary_tables(shape, positions)
    x = F.embedding(ids, p["embedding"])
    for i in range(shape.num_layers):
        y = RmsNorm.apply(x, p[f"{i}.attention_norm"], shape.norm_epsilon) @ p[f"{i}.qkv"].T
        window = 0 if windows is None else windows.get(i, 0)
        out = Attention.apply(y, cosine, sine, shape.num_heads, shape.num_kv_heads, window)
        x = x + out @ p[f"{i}.attention_output"].T
        y = RmsNorm.apply(x, p[f"{i}.ffn_norm"], shape.norm_epsilon) @ p[f"{i}.gate_up"].T
        x = x + SwiGlu.apply(y) @ p[f"{i}.down"].T
    return RmsNorm.apply(x, p["output_norm"], shape.norm_epsilon)
