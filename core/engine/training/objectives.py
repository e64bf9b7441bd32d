"""What a job learns from its rows: answers word by word, or which of two answers is the better one."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from core.engine.http.protocol import Json
from core.engine.models.chat_template import Template
from core.engine.training.tokenize_rows import IGNORED, Pair, encode, encode_pair
from core.engine.training.tokenize_rows import Sequence as Row

# Tokens with their padding that go through the model at once; the rest of a batch follows. Memory is bounded by it.
BUDGET = {"cpu": 2048, "mps": 2048, "cuda": 16384}

Sums = dict[str, float]


class TrainError(Exception):
    """The job cannot be done as asked; `code` and text go into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Reader:
    """The model as both lessons use it: the loss of each learnt token of some rows."""

    def __init__(self, base: Any, pad: int, device: str) -> None:
        self._base, self._pad, self._device = base, pad, device
        self.budget = BUDGET[device]

    def read(self, rows: Sequence[Row]) -> tuple[Any, Any, Any]:
        """For every learnt token: its loss, whether it was guessed right, and the number of its row."""
        import torch

        width = max(len(one.ids) for one in rows)
        ids = [one.ids + [self._pad] * (width - len(one.ids)) for one in rows]
        mask = [[1] * len(one.ids) + [0] * (width - len(one.ids)) for one in rows]
        labels = [one.labels + [IGNORED] * (width - len(one.labels)) for one in rows]
        x, m, y = (torch.tensor(value, device=self._device) for value in (ids, mask, labels))
        y = y[:, 1:]
        learnt = y != IGNORED
        hidden = self._base.model(input_ids=x, attention_mask=m, use_cache=False).last_hidden_state[:, :-1]
        # Logits only where something is learnt: a large vocabulary makes them the most costly part.
        logits = self._base.lm_head(hidden[learnt]).float()
        losses = torch.nn.functional.cross_entropy(logits, y[learnt], reduction="none")
        return losses, logits.argmax(-1) == y[learnt], learnt.nonzero()[:, 0]


class Supervised:
    """The loss of the answers' tokens. Every method returns sums over rows, so parts can be added up."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def encode(self, template: Template, row: Json, limit: int) -> list[Any]:
        """What one row of a file is to this lesson."""
        return list(encode(template, row, limit))

    def prepare(self, items: list[Any]) -> None:
        """Nothing has to be known of the model before it is trained."""

    @staticmethod
    def size(item: Row) -> tuple[int, int]:
        """How wide an item is, in tokens, and how many rows it has."""
        return len(item.ids), 1

    @staticmethod
    def tokens(item: Row) -> int:
        """The tokens an item is billed by."""
        return len(item.ids)

    @staticmethod
    def weigh(batch: Sequence[Row]) -> int:
        """What a batch's sums are divided by: its learnt tokens."""
        return sum(label != IGNORED for one in batch for label in one.labels[1:])

    def measure(self, part: Sequence[Row]) -> tuple[Any, Sums]:
        """The summed loss to learn from, and the sums to tell."""
        losses, right, _ = self._reader.read(part)
        loss = losses.sum()
        return loss, {"loss": loss.item(), "mean_token_accuracy": float(right.sum())}


class Preferences:
    """DPO: the better answer shall gain on the worse one, measured from where the model stood at first."""

    def __init__(self, reader: Reader, beta: float) -> None:
        self._reader, self._beta = reader, beta

    def encode(self, template: Template, row: Json, limit: int) -> list[Any]:
        """What one row of a file is to this lesson."""
        pair = encode_pair(template, row, limit)
        return [pair] if pair else []

    def prepare(self, items: list[Any]) -> None:
        """Note each pair's margin before anything is learnt: no second model, no second pass in training."""
        import torch

        with torch.no_grad():
            for part in parts(items, self.size, self._reader.budget):
                for pair, margin in zip(part, self._margins(part).tolist(), strict=True):
                    pair.margin = margin

    @staticmethod
    def size(item: Pair) -> tuple[int, int]:
        """How wide an item is, in tokens, and how many rows it has."""
        return max(len(item.better.ids), len(item.worse.ids)), 2

    @staticmethod
    def tokens(item: Pair) -> int:
        """The tokens an item is billed by: both answers are read."""
        return len(item.better.ids) + len(item.worse.ids)

    @staticmethod
    def weigh(batch: Sequence[Pair]) -> int:
        """What a batch's sums are divided by: its pairs."""
        return len(batch)

    def measure(self, part: Sequence[Pair]) -> tuple[Any, Sums]:
        """The summed loss to learn from, and the sums to tell; `reward_margin` is beta times the gain."""
        import torch

        before = torch.tensor([pair.margin for pair in part])
        margins = self._margins(part)
        gains = self._beta * (margins - before.to(margins.device))
        loss = -torch.nn.functional.logsigmoid(gains).sum()
        right = float((gains > 0).sum())
        return loss, {"loss": loss.item(), "accuracy": right, "reward_margin": gains.sum().item()}

    def _margins(self, part: Sequence[Pair]) -> Any:
        """How much more probable the better answer is than the worse one: log-probabilities, one for each pair."""
        rows = [row for pair in part for row in (pair.better, pair.worse)]
        losses, _, place = self._reader.read(rows)
        totals = losses.new_zeros(len(rows)).index_add(0, place, losses)
        return totals[1::2] - totals[::2]


Lesson = Supervised | Preferences


def parts(batch: Sequence[Any], size: Any, budget: int) -> Iterator[list[Any]]:
    """The batch in pieces of similar widths that fit into the budget of tokens; a larger item goes alone."""
    part: list[Any] = []
    rows = 0
    for item in sorted(batch, key=size):
        width, more = size(item)
        if part and width * (rows + more) > budget:
            yield part
            part, rows = [], 0
        part.append(item)
        rows += more
    if part:
        yield part


def add(sums: Sums, more: Sums) -> None:
    """Add what one part of a batch told to the whole."""
    for name, value in more.items():
        sums[name] = sums.get(name, 0.0) + value


def shown(kind: str, sums: Sums, weight: int) -> Json:
    """The metrics of the protocol, `kind` before their names."""
    values = {f"{kind}_{name}": round(value / weight, 5) for name, value in sums.items()}
    if not all(math.isfinite(value) for value in values.values()):
        what = "The job failed: the loss grew beyond all numbers. Lower the learning rate multiplier."
        raise TrainError("training_diverged", what)
    return values
