"""The attention of a training step, under the mask of a tree of tokens.

On a processor, torch's flash kernel costs a third of a step of short rows; here the whole matrix of scores is computed
at once, without copies of the keys for each group of heads. For long batches its memory would grow with the square of
their length: those, and every graphics card, use torch's own kernels with the same mask.
"""

from typing import Any

import torch
from torch import nn

NAME = "juku_tree"
# Tokens of a batch up to which the matrix of scores is kept for the backward pass: heads x 1024 x 1024 x 2 bytes a layer.
MAX_MATRIX_TOKENS = 1024


class MatrixAttention(torch.autograd.Function):  # type: ignore[misc] # torch has no types for it
    """softmax(scaling q k' + mask) v for grouped heads. `mask`: (n, n), 0 or a very low number."""

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, scaling: float
    ) -> torch.Tensor:
        """The output, shape (n, heads, d). `q`: (heads, n, d); `k`, `v`: (key heads, n, d)."""
        heads, n, d = q.shape
        # The heads of a group share their keys: one matrix product for all of them.
        q, k, v = q.reshape(k.shape[0], -1, d), k.contiguous(), v.contiguous()
        scores = torch.bmm(q, k.transpose(1, 2)).view(heads, n, n)
        torch.add(mask, scores, alpha=scaling, out=scores)
        weights = torch.softmax(scores, -1).view(k.shape[0], -1, n)
        out = torch.bmm(weights, v)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scaling = scaling
        return out.view(heads, n, -1).transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of `q`, `k` and `v`."""
        q, k, v, weights = ctx.saved_tensors
        n = k.shape[1]
        grad = grad_outputs[0].transpose(0, 1).reshape(k.shape[0], -1, v.shape[-1])
        grad_v = torch.bmm(weights.transpose(1, 2), grad)
        grad_weights = torch.bmm(grad, v.transpose(1, 2))
        grad_scores = torch._softmax_backward_data(grad_weights, weights, -1, weights.dtype).mul_(ctx.scaling)
        grad_q = torch.bmm(grad_scores, k).view(-1, n, q.shape[-1])
        grad_k = torch.bmm(grad_scores.transpose(1, 2), q)
        return grad_q, grad_k, grad_v, None, None


def tree_attention(
    module: nn.Module,  # noqa: ARG001 - the interface has it
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of one layer, in the form of transformers' AttentionInterface: shape (1, n, heads, d).

    Raises ValueError for what this attention does not do: without a mask it would see other rows.
    """
    unknown = [name for name in ("softcap", "s_aux", "position_bias") if kwargs.get(name) is not None]
    if attention_mask is None or unknown or dropout:
        raise ValueError(f"the tree attention needs a mask and does not do {unknown or 'dropout'}")
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.device.type != "cpu" or query.shape[2] > MAX_MATRIX_TOKENS or query.shape[0] != 1:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        out = nn.functional.scaled_dot_product_attention(query, key, value, attention_mask, scale=scaling)
        return out.transpose(1, 2).contiguous(), None
    out = MatrixAttention.apply(query[0], key[0], value[0], attention_mask[0, 0], scaling)
    return out[None], None


def register() -> None:
    """Make this attention known to transformers under `NAME`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, tree_attention)
