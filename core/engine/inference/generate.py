"""Writes answers token by token: several rows at once, each with its own settings, each heard as it grows."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.engine.inference.loaded_models import Loaded
from core.engine.inference.streaming_decoder import TextStream


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


class Writing:
    """Several answers under way, as one batch with a shared cache; finished rows leave it.

    It can be left after any step and gone on with later: what is asked meanwhile may come first.
    """

    def __init__(self, loaded: Loaded, rows: list[Row]) -> None:
        import torch
        from transformers import DynamicCache

        self._loaded, self._rows = loaded, rows
        with torch.inference_mode():
            ids, mask = _pad([row.prompt for row in rows], loaded.pad)
            self._ids, self._mask = ids.to(loaded.model.device), mask.to(loaded.model.device)
            self._places = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self._cache = DynamicCache(config=loaded.model.config)
        for row in rows:
            row.begin(loaded)

    def step(self) -> bool:
        """Write the next token of every row; False when all are finished."""
        import torch

        with torch.inference_mode():
            logits = _step(self._loaded.model, self._ids, self._mask, self._places, self._cache)
            tokens = [row.pick(logits[i]) for i, row in enumerate(self._rows)]
            stay = [i for i, row in enumerate(self._rows) if row.accept(tokens[i], self._loaded.ends)]
            if len(stay) < len(self._rows):
                self._keep(stay)
            device = self._mask.device
            self._ids = torch.tensor([[tokens[i]] for i in stay], dtype=torch.long, device=device)
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(stay), 1)], 1)
            self._places = self._places[:, -1:] + 1
        return bool(self._rows)

    def _keep(self, stay: list[int]) -> None:
        import torch

        self._rows = [self._rows[i] for i in stay]
        kept = torch.tensor(stay, dtype=torch.long, device=self._mask.device)
        self._mask, self._places = self._mask[kept], self._places[kept]
        self._cache.batch_select_indices(kept)


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
