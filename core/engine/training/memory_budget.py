"""How many tokens a step may compute at once, from the memory that is free and what a first pass keeps.

Nothing is assumed about a model: the first pass counts the bytes that autograd keeps for the backward pass. Where even
the longest row does not fit, the layers keep their inputs only and are computed twice (gradient checkpointing).
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from core.engine.training.tokenize_rows import TokenizedRow

if TYPE_CHECKING:  # it imports torch, and the engine's own process must not
    from core.engine.training.token_loss import TokenLoss

USABLE_SHARE = 0.6  # of the free memory: gradients of activations, and what else runs on the machine
PROBE_TOKENS = 256  # of the rows that the first pass reads; more tell nothing new

log = logging.getLogger(__name__)


def fit(token_loss: "TokenLoss", rows: Sequence[TokenizedRow], memory_bytes: int) -> None:
    """Lower the token loss's `max_tokens` to what fits into `memory_bytes`, and turn on gradient checkpointing where the
    longest row does not fit."""
    usable = int(memory_bytes * USABLE_SHARE)
    longest = max(len(row.input_ids) for row in rows)
    per_token = bytes_per_token(token_loss, rows)
    if per_token * longest > usable:
        log.warning("gradient checkpointing: a row of %d tokens keeps %d MB", longest, per_token * longest >> 20)
        token_loss.use_checkpointing()
        per_token = bytes_per_token(token_loss, rows)
    token_loss.max_tokens = max(longest, min(token_loss.max_tokens, usable // max(1, per_token)))


def bytes_per_token(token_loss: "TokenLoss", rows: Sequence[TokenizedRow]) -> int:
    """What autograd keeps of one token between the passes, weights left out, measured on some rows."""

    sample = [min(rows, key=lambda row: len(row.input_ids))]
    for row in rows:
        if token_loss.size([*sample, row]) > PROBE_TOKENS:
            break
        sample.append(row)
    token_loss.model.train()
    total = count_kept_bytes(token_loss.model, lambda: token_loss.forward(sample)[0])
    return -(-total // token_loss.size(sample))


def count_kept_bytes(model: Any, forward: Callable[[], Any]) -> int:
    """The bytes that a forward pass keeps for its backward pass, the model's parameters left out."""
    import torch

    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        losses = forward()
        total = sum(kept.values())
    del losses  # alive until here: freed memory would be used, and counted, once more
    return total
