"""Texts that a model writes while it is trained: token by token, with a cache of keys and values.

The engine's `GenerationBatch` answers requests with a model whose adapter is merged in; here the adapter stands beside the
weights, as it is trained, and a text may be drawn from what several prompts say together.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.engine.inference.generate import left_pad

if TYPE_CHECKING:  # it imports torch, and the engine's own process must not
    from core.engine.training.token_loss import TokenLoss

MAX_PROMPTS = 16  # that are continued at once: keys and values of more would take the memory of a step


@dataclass(frozen=True)
class TextRequest:
    """A text to write. `prompts`: token ids; of several, each token is drawn from the mean of their distributions, and all
    go on with it. `max_tokens`: at least 1. `dice`: draws the tokens, at temperature 1."""

    prompts: tuple[list[int], ...]
    max_tokens: int
    dice: random.Random


class TextWriter:
    """Writes texts with the model of a token loss as it is at the time. `eos_token_ids`: what ends a text, and is its last token."""

    def __init__(self, token_loss: "TokenLoss", eos_token_ids: frozenset[int]) -> None:
        self._token_loss, self._eos_token_ids = token_loss, eos_token_ids

    def write(self, requests: Sequence[TextRequest]) -> list[list[int]]:
        """The token ids of each text. Raises TrainingError for a model that keeps no keys and values."""
        import torch

        texts: list[list[int]] = [[] for _ in requests]
        order = sorted(range(len(requests)), key=lambda index: max(map(len, requests[index].prompts)))
        with torch.no_grad(), self._token_loss.writing():
            while order:
                size = 1
                # A layer that is no attention would read the padding.
                while self._token_loss.can_pad and size < len(order) and self._fits(requests, order[: size + 1]):
                    size += 1
                chosen, order = order[:size], order[size:]
                found = self._write_together([requests[index] for index in chosen])
                for index, text in zip(chosen, found, strict=True):
                    texts[index] = text
        return texts

    @staticmethod
    def _fits(requests: Sequence[TextRequest], chosen: list[int]) -> bool:
        return sum(len(requests[index].prompts) for index in chosen) <= MAX_PROMPTS

    def _write_together(self, requests: list[TextRequest]) -> list[list[int]]:
        """The texts of some requests, padded on the left to the same length."""
        import torch

        device = self._token_loss.device
        input_ids, mask = left_pad([prompt for one in requests for prompt in one.prompts], 0)
        input_ids, mask = input_ids.to(device), mask.to(device)
        positions, cache = (mask.cumsum(-1) - 1).clamp(min=0), self._token_loss.make_cache()
        texts: list[list[int]] = [[] for _ in requests]
        active = list(range(len(requests)))
        while True:
            logits = self._token_loss.read_next(cache, input_ids=input_ids, attention_mask=mask, position_ids=positions)
            going: list[int] = []  # requests
            rows: list[int] = []  # those of the batch that go on
            start = 0
            for index in active:
                end = start + len(requests[index].prompts)
                texts[index].append(_draw(logits[start:end], requests[index].dice))
                if texts[index][-1] not in self._eos_token_ids and len(texts[index]) < requests[index].max_tokens:
                    going.append(index)
                    rows += range(start, end)
                start = end
            if not going:
                return texts
            if len(rows) < len(mask):
                kept = torch.tensor(rows, device=device)
                cache.batch_select_indices(kept)
                mask, positions = mask[kept], positions[kept]
            active = going
            tokens = [texts[index][-1] for index in active for _ in requests[index].prompts]
            input_ids = torch.tensor(tokens, device=device)[:, None]
            mask, positions = torch.cat([mask, mask.new_ones(len(mask), 1)], 1), positions[:, -1:] + 1


def _draw(logits: Any, dice: random.Random) -> int:
    """A token from the mean of the distributions of logits, shape (prompts, vocabulary): on the processor, where sums are
    the same each time."""
    import torch

    total = logits.softmax(-1).mean(0).double().cpu().cumsum(0)
    place = torch.searchsorted(total, torch.tensor(dice.random(), dtype=total.dtype) * total[-1], right=True)
    return min(int(place), len(total) - 1)
