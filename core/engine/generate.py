"""Writes answers token by token: several rows at once, each with its own settings, each heard as it grows."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.engine.models import Loaded
from core.engine.text import TextStream


@dataclass(eq=False)
class Row:
    """One answer to write. `hear(text, finish, tokens)` is called with each new text, at last with a finish
    reason (`stop` or `length`) and the number of tokens written. Setting `gone` ends the row unheard."""

    prompt: list[int]
    most: int
    temperature: float
    top_p: float
    seed: int | None
    stops: list[str]
    hear: Callable[[str, str | None, int], None]
    gone: threading.Event
    written: int = 0
    text: TextStream | None = field(default=None, repr=False)
    dice: Any = field(default=None, repr=False)

    def begin(self, loaded: Loaded) -> None:
        """Make ready to write with this model."""
        import torch

        self.text = TextStream(loaded.tokenizer, self.stops)
        self.dice = torch.Generator()
        if self.seed is None:
            self.dice.seed()
        else:
            self.dice.manual_seed(self.seed)

    def pick(self, logits: Any) -> int:
        """The next token for logits of shape (vocabulary,): the best at temperature 0, else drawn by chance."""
        import torch

        if self.temperature == 0 or self.top_p == 0:
            return int(logits.argmax())
        chances = torch.softmax(logits / self.temperature, -1)
        if self.top_p < 1:
            ordered, order = chances.sort(descending=True)
            ordered[ordered.cumsum(-1) - ordered >= self.top_p] = 0
            return int(order[torch.multinomial(ordered, 1, generator=self.dice)])
        return int(torch.multinomial(chances, 1, generator=self.dice))

    def accept(self, token: int, ends: frozenset[int]) -> bool:
        """Take the token into the answer; False when the row is finished with it."""
        assert self.text
        if self.gone.is_set():
            return False
        self.written += 1
        if token in ends:
            return self._finish(self.text.end(), "stop")
        new = self.text.add(token)
        if self.text.stopped:
            return self._finish(new, "stop")
        if self.written >= self.most:
            rest = self.text.end()
            return self._finish(new + rest, "stop" if self.text.stopped else "length")
        if new:
            self.hear(new, None, self.written)
        return True

    def _finish(self, new: str, reason: str) -> bool:
        self.hear(new, reason, self.written)
        return False


def write(loaded: Loaded, rows: list[Row]) -> None:
    """Write all rows to their ends, as one batch with a shared cache; finished rows leave it."""
    import torch
    from transformers import DynamicCache

    with torch.inference_mode():
        ids, mask = _pad([row.prompt for row in rows], loaded.pad)
        ids, mask = ids.to(loaded.model.device), mask.to(loaded.model.device)
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = DynamicCache(config=loaded.model.config)
        for row in rows:
            row.begin(loaded)
        while rows:
            logits = _step(loaded.model, ids, mask, places, cache)
            tokens = [row.pick(logits[i]) for i, row in enumerate(rows)]
            stay = [i for i, row in enumerate(rows) if row.accept(tokens[i], loaded.ends)]
            if len(stay) < len(rows):
                rows = [rows[i] for i in stay]
                kept = torch.tensor(stay, dtype=torch.long, device=mask.device)
                mask, places = mask[kept], places[kept]
                cache.batch_select_indices(kept)
            ids = torch.tensor([[tokens[i]] for i in stay], dtype=torch.long, device=mask.device)
            mask = torch.cat([mask, mask.new_ones(len(stay), 1)], 1)
            places = places[:, -1:] + 1


def _step(model: Any, ids: Any, mask: Any, places: Any, cache: Any) -> Any:
    """The logits after the last token, in fp32 on the processor: shape (rows, vocabulary)."""
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=places,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1].float().cpu()


def _pad(prompts: list[list[int]], pad: int) -> tuple[Any, Any]:
    """Ids and mask, padded on the left so that every row's next token stands in the same place."""
    import torch

    width = max(len(prompt) for prompt in prompts)
    ids = [[pad] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids), torch.tensor(mask)
