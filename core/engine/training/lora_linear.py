"""LoRA's linear layer as one autograd function, in the dtype of the base weights.

PEFT computes its adapters in fp32: on a bf16 base each layer casts its input, its output and their gradients, some
3,900 casts in a step of a small model. Here the fp32 adapter weights are cast instead, which are far smaller.

Base weights in NF4 (QLoRA, arXiv 2305.14314) are dequantized for each product, in both passes, and never kept.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class LoraLinearFunction(torch.autograd.Function):  # type: ignore[misc] # torch has no types for it
    """y = x W' + bias + scaling (x A') B'. The base weights are frozen; A and B are fp32 and get fp32 gradients.

    `read` makes `weight`, shape (out, in), of what is stored.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        stored: torch.Tensor,
        bias: torch.Tensor | None,
        lora_a: torch.Tensor,
        lora_b: torch.Tensor,
        scaling: float,
        read: Callable[[torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        """The output, shape (..., out). `x`: (..., in); `lora_a`: (r, in); `lora_b`: (out, r)."""
        weight = read(stored)
        flat = x.reshape(-1, x.shape[-1])
        a, b = lora_a.to(weight.dtype), (lora_b * scaling).to(weight.dtype)
        low_rank = flat @ a.t()
        y = flat @ weight.t() if bias is None else torch.addmm(bias, flat, weight.t())
        y.addmm_(low_rank, b.t())
        ctx.save_for_backward(flat, stored, a, b, low_rank)
        ctx.scaling, ctx.shape, ctx.read = scaling, x.shape, read
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of `x`, `lora_a` and `lora_b`."""
        flat, stored, a, b, low_rank = ctx.saved_tensors
        grad = grad_outputs[0].reshape(-1, b.shape[0])
        grad_low_rank = grad @ b
        grad_a = (grad_low_rank.t() @ flat).float()
        grad_b = (grad.t() @ low_rank).float().mul_(ctx.scaling)
        grad_x = None
        if ctx.needs_input_grad[0]:  # not below the first adapter
            grad_x = (grad @ ctx.read(stored)).addmm_(grad_low_rank, a).view(ctx.shape)
        return grad_x, None, None, grad_a, grad_b, None, None


def _as_stored(weight: torch.Tensor) -> torch.Tensor:
    return weight


def use_lora_linear(model: nn.Module) -> int:
    """Let the LoRA layers of a PEFT model compute by `LoraLinearFunction`; returns how many do.

    The layers, their names and what is saved of them stay PEFT's. One that does more than plain LoRA on a plain
    linear layer (dropout, DoRA) keeps PEFT's own forward pass, and so does a base that is quantised otherwise than in NF4.
    """
    from peft.tuners.lora import LoraLayer

    count = 0
    for layer in model.modules():
        if isinstance(layer, LoraLayer) and _is_plain(layer):
            layer.forward = _Forward(layer)
            count += 1
    return count


class _Forward:
    """What a layer's `forward` becomes. An object, so that the layer can still be pickled."""

    def __init__(self, layer: Any) -> None:
        (adapter,) = layer.active_adapters
        base, self._scaling = layer.get_base_layer(), layer.scaling[adapter]
        # Not the weights: another dtype or device gives the modules new ones.
        self._base, self._a, self._b = base, layer.lora_A[adapter], layer.lora_B[adapter]
        self._read = _as_stored if type(base) is nn.Linear else self._dequantize

    def _dequantize(self, stored: torch.Tensor) -> torch.Tensor:
        from bitsandbytes.functional import dequantize_4bit

        weight: torch.Tensor = dequantize_4bit(stored, self._base.weight.quant_state)
        return weight

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        base = self._base
        y: torch.Tensor = LoraLinearFunction.apply(
            x, base.weight, base.bias, self._a.weight, self._b.weight, self._scaling, self._read
        )
        return y


def _is_plain(layer: Any) -> bool:
    adapters = layer.active_adapters
    if len(adapters) != 1 or layer.merged or layer.disable_adapters or not _is_readable(layer.get_base_layer()):
        return False
    (adapter,) = adapters
    return (
        adapter in layer.lora_A
        and adapter not in layer.lora_variant
        and isinstance(layer.lora_dropout[adapter], nn.Identity)
        and layer.lora_B[adapter].bias is None
        and not layer.get_base_layer().weight.requires_grad
        and not (layer.get_base_layer().bias is not None and layer.get_base_layer().bias.requires_grad)
    )


def _is_readable(base: Any) -> bool:
    """Whether this is a plain linear layer, or one of bitsandbytes in NF4 that is still stored as bitsandbytes made it."""
    if type(base) is nn.Linear:
        return True
    state = getattr(base.weight, "quant_state", None)
    return type(base).__name__ == "Linear4bit" and state is not None and state.quant_type == "nf4"
