"""kernels.c as differentiable functions of PyTorch tensors on the CPU."""

import ctypes
import os
import subprocess

import torch

_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.c")
_FLAGS = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]


def _load() -> ctypes.CDLL:
    folder = os.path.join(os.path.dirname(_SOURCE), "work")
    os.makedirs(folder, exist_ok=True)
    library = os.path.join(folder, "kernels.so")
    if not os.path.exists(library) or os.path.getmtime(library) < os.path.getmtime(_SOURCE):
        subprocess.run(["gcc", *_FLAGS, _SOURCE, "-o", f"{library}.part", "-lm"], check=True)
        os.replace(f"{library}.part", library)
    return ctypes.CDLL(library)


_C = _load()


def _at(tensor: torch.Tensor) -> ctypes.c_void_p:
    if not tensor.is_contiguous() or tensor.dtype != torch.float32:
        raise TypeError(f"kernels take contiguous float32 tensors, not {tensor.dtype} with strides {tensor.stride()}")
    return ctypes.c_void_p(tensor.data_ptr())


class Attention(torch.autograd.Function):
    """qkv [B, T, (H + 2G) * 32] before rotation, cosine and sine [B, T, 16]; returns [B, T, H * 32]."""

    @staticmethod
    def forward(ctx, qkv, cosine, sine, heads, groups, window):
        batch, time, _ = qkv.shape
        out = torch.empty(batch, time, heads * 32)
        lse = torch.empty(batch, heads, time)
        _C.attention_forward(
            _at(qkv), _at(cosine), _at(sine), _at(out), _at(lse), batch, time, heads, groups, window
        )
        ctx.save_for_backward(qkv, cosine, sine, out, lse)
        ctx.geometry = (batch, time, heads, groups, window)
        return out

    @staticmethod
    def backward(ctx, grad):
        qkv, cosine, sine, out, lse = ctx.saved_tensors
        grad, grad_qkv = grad.contiguous(), torch.empty_like(qkv)
        _C.attention_backward(
            _at(qkv), _at(cosine), _at(sine), _at(out), _at(lse), _at(grad), _at(grad_qkv), *ctx.geometry
        )
        return grad_qkv, None, None, None, None, None


class RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, epsilon):
        width = x.shape[-1]
        rows = x.numel() // width
        y, inverse = torch.empty_like(x), torch.empty(rows)
        _C.rms_forward(_at(x), _at(weight), _at(y), _at(inverse), rows, width, ctypes.c_float(epsilon))
        ctx.save_for_backward(x, weight, inverse)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, weight, inverse = ctx.saved_tensors
        grad, grad_x, grad_weight = grad.contiguous(), torch.empty_like(x), torch.empty_like(weight)
        rows, width = inverse.numel(), x.shape[-1]
        _C.rms_backward(
            _at(x), _at(weight), _at(inverse), _at(grad), _at(grad_x), _at(grad_weight), rows, width
        )
        return grad_x, grad_weight, None


class SwiGlu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate_up):
        width = gate_up.shape[-1] // 2
        y = torch.empty(*gate_up.shape[:-1], width)
        _C.swiglu_forward(_at(gate_up), _at(y), y.numel() // width, width)
        ctx.save_for_backward(gate_up)
        return y

    @staticmethod
    def backward(ctx, grad):
        (gate_up,) = ctx.saved_tensors
        grad, grad_gate_up = grad.contiguous(), torch.empty_like(gate_up)
        width = grad.shape[-1]
        _C.swiglu_backward(_at(gate_up), _at(grad), _at(grad_gate_up), grad.numel() // width, width)
        return grad_gate_up


class Adam:
    """AdamW over one flat buffer: the parameters given become views of it, and so do their gradients."""

    BETAS = (0.9, 0.98)

    def __init__(self, parameters: dict[str, torch.nn.Parameter], decay: float = 0.01):
        sizes = [p.numel() for p in parameters.values()]
        self.weights = torch.cat([p.detach().reshape(-1) for p in parameters.values()])
        self.grads, self.mean, self.square = (torch.zeros_like(self.weights) for _ in range(3))
        self.step_count = 0
        self.decay = decay
        parts = zip(parameters.values(), self.weights.split(sizes), self.grads.split(sizes))
        for parameter, weights, grads in parts:
            parameter.data = weights.view_as(parameter)
            parameter.grad = grads.view_as(parameter)

    def step(self, rate: float, max_norm: float = 1.0) -> None:
        """One update, with gradients clipped to `max_norm`; clears the gradients."""
        self.step_count += 1
        norm = torch.linalg.vector_norm(self.grads).item()
        beta1, beta2 = self.BETAS
        numbers = (
            rate,
            beta1,
            beta2,
            1 / (1 - beta1**self.step_count),
            1 / (1 - beta2**self.step_count),
            min(1.0, max_norm / (norm + 1e-6)),
            self.decay,
        )
        buffers = (self.weights, self.grads, self.mean, self.square)
        _C.adam_step(
            *map(_at, buffers), ctypes.c_long(self.weights.numel()), *(ctypes.c_float(number) for number in numbers)
        )

    def state(self) -> dict:
        return {"mean": self.mean, "square": self.square, "step_count": self.step_count}

    def restore(self, state: dict) -> None:
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
        self.step_count = state["step_count"]
