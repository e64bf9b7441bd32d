"""The loss of tokens from their hidden states, without all logits at once: with a large vocabulary they need most memory.

A chunk of tokens gets its logits, losses and gradients and is forgotten: the output layer is frozen, so the gradient
of each token's hidden state can be computed at once and scaled later.
"""

from collections.abc import Callable
from typing import Any

import torch

CHUNK_BYTES = 16 * 1024 * 1024  # of fp32 logits


class _HeadFunction(torch.autograd.Function):  # type: ignore[misc] # torch has no types for it
    """What the functions below share: gradients of the hidden states that are computed with the losses."""

    @staticmethod
    def save(
        ctx: Any, losses: list[torch.Tensor], told: list[torch.Tensor], gradients: list[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The losses, and what is told beside them without gradients, of all chunks."""
        if gradients:
            ctx.save_for_backward(torch.cat(gradients))
        values = torch.cat(told)
        ctx.mark_non_differentiable(values)
        return torch.cat(losses), values

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient of `hidden`."""
        (gradients,) = ctx.saved_tensors
        return gradients * grad_outputs[0][:, None].to(gradients.dtype), None, None


class HeadLossFunction(_HeadFunction):
    """Cross-entropy of each token, and whether its label had the largest logit."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both of shape (tokens,), the losses fp32. `hidden`: (tokens, d); `weight`: (vocabulary, d)."""
        size = max(1, CHUNK_BYTES // (4 * weight.shape[0]))
        losses, correct, gradients = [], [], []
        for part, target in zip(hidden.split(size), labels.split(size), strict=True):
            logits = (part @ weight.t()).float()
            total, picked = logits.logsumexp(-1, keepdim=True), logits.gather(1, target[:, None])
            losses.append((total - picked)[:, 0])
            correct.append(picked[:, 0] >= logits.amax(-1))
            if ctx.needs_input_grad[0]:
                logits.sub_(total).exp_()
                logits.scatter_add_(1, target[:, None], -torch.ones_like(picked))
                gradients.append(logits.to(weight.dtype) @ weight)
        return _HeadFunction.save(ctx, losses, correct, gradients)


class HeadTermsFunction(_HeadFunction):
    """Any loss of the tokens' logits. Plain cross-entropy has a function of its own, which is faster."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, compute: Callable[[torch.Tensor, slice], Any]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What `compute` gives for the fp32 logits of each part of the tokens: losses (tokens,), and values (tokens, m)
        without gradients. `hidden` and `weight` as above."""
        size = max(1, CHUNK_BYTES // (4 * weight.shape[0]))
        losses, values, gradients = [], [], []
        for start in range(0, len(hidden), size):
            part = slice(start, start + size)
            logits = (hidden[part] @ weight.t()).float().requires_grad_(ctx.needs_input_grad[0])
            # Hooks from outside would take what is freed at once for what is kept until the backward pass. These keep
            # tensors without their graph: a result that its own node keeps (that of `amax`) would never be freed.
            hooks = torch.autograd.graph.saved_tensors_hooks(torch.Tensor.detach, _identity)
            with torch.set_grad_enabled(ctx.needs_input_grad[0]), hooks:
                loss, value = compute(logits, part)
            if ctx.needs_input_grad[0]:
                (gradient,) = torch.autograd.grad(loss, logits, torch.ones_like(loss))
                gradients.append(gradient.to(weight.dtype) @ weight)
            losses.append(loss.detach())
            values.append(value)
        return _HeadFunction.save(ctx, losses, values, gradients)


def return_hidden_states(head: Any, enabled: bool) -> None:
    """Let the output layer of a model give its input back, or compute logits again."""
    if enabled:
        head.forward = _identity
    else:
        vars(head).pop("forward", None)


def _identity(hidden: Any) -> Any:
    return hidden
