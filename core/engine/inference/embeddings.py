"""Vectors of texts: the mean of a model's last hidden states, made of length 1."""

from collections.abc import Iterator
from typing import Any

from core.engine.http.protocol import bad_request
from core.engine.inference.loaded_models import Loaded

BUDGET = 2048  # tokens with their padding, read at once


def encode(loaded: Loaded, texts: list[str], most: int) -> list[list[int]]:
    """The texts as token ids; 400 for one that is longer than the model reads, or for more than `most` in all."""
    found: list[list[int]] = loaded.tokenizer(texts, add_special_tokens=False).input_ids
    for place, ids in enumerate(found):
        if not 0 < len(ids) <= loaded.limit:
            what = f"This model's maximum context length is {loaded.limit} tokens, 'input[{place}]' has {len(ids)}."
            raise bad_request(what, "input", "context_length_exceeded")
    if (total := sum(map(len, found))) > most:
        what = f"Requested {total} tokens, max {most} tokens per request."
        raise bad_request(what, "input", "max_tokens_per_request")
    return found


def portions(rows: list[list[int]]) -> Iterator[list[int]]:
    """The numbers of the rows, in portions of similar lengths that can be read at once."""
    portion: list[int] = []
    for number in sorted(range(len(rows)), key=lambda number: len(rows[number])):
        if portion and len(rows[number]) * (len(portion) + 1) > BUDGET:
            yield portion
            portion = []
        portion.append(number)
    if portion:
        yield portion


def vectors(loaded: Loaded, rows: list[list[int]]) -> Any:
    """One vector for each row, float32: an array of shape (rows, width)."""
    import torch

    longest = max(map(len, rows))
    device = loaded.model.device
    ids = torch.tensor([row + [loaded.pad] * (longest - len(row)) for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    with torch.inference_mode():
        hidden = loaded.model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state.float()
        counted = mask.unsqueeze(-1)
        means = (hidden * counted).sum(1) / counted.sum(1)
        return torch.nn.functional.normalize(means, dim=-1).cpu().numpy()
