"""The objectives (losses) of fine-tuning: supervised (cross-entropy) and preferences (DPO)."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.engine.http.protocol import Json
from core.engine.models.chat_template import ChatTemplate
from core.engine.training.tokenize_rows import (
    IGNORE_INDEX,
    PreferencePair,
    TokenizedRow,
    tokenize_preference,
    tokenize_row,
)

if TYPE_CHECKING:  # it imports torch, and the engine's own process must not
    from core.engine.training.token_loss import TokenLoss

Sums = dict[str, float]


class TrainingError(Exception):
    """The job cannot be trained as requested; `code` and message go into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SupervisedObjective:
    """Cross-entropy of the completions' tokens. Losses and metrics are sums: those of micro-batches can be added."""

    METRICS = ("loss", "mean_token_accuracy")

    def __init__(self, token_loss: "TokenLoss") -> None:
        self._token_loss = token_loss

    def tokenize(self, chat_template: ChatTemplate, row: Json, max_length: int) -> list[Any]:
        """The items of one row. Raises ChatTemplateError when the template cannot render it."""
        return list(tokenize_row(chat_template, row, max_length))

    def precompute_reference(self, items: list[Any]) -> None:
        """Nothing: this loss needs no reference model."""

    @staticmethod
    def sequences(item: TokenizedRow) -> list[TokenizedRow]:
        """The sequences that the model reads for an item."""
        return [item]

    @staticmethod
    def num_tokens(item: TokenizedRow) -> int:
        """The tokens an item is billed by."""
        return len(item.input_ids)

    @staticmethod
    def num_items(batch: Sequence[TokenizedRow]) -> int:
        """What a batch's sums are divided by: its labels."""
        return sum(label != IGNORE_INDEX for row in batch for label in row.labels[1:])

    def compute_loss(self, batch: Sequence[TokenizedRow]) -> tuple[Any, Sums]:
        """The summed loss (a scalar tensor with gradients), and the sums of the metrics."""
        losses, correct, _ = self._token_loss.forward(batch)
        loss = losses.sum()
        return loss, {"loss": loss.item(), "mean_token_accuracy": float(correct.sum())}


class DPOObjective:
    """DPO: the chosen completion shall gain on the rejected one, compared with the model before training."""

    METRICS = ("loss", "accuracy", "reward_margin")

    def __init__(self, token_loss: "TokenLoss", beta: float) -> None:
        self._token_loss, self._beta = token_loss, beta

    def tokenize(self, chat_template: ChatTemplate, row: Json, max_length: int) -> list[Any]:
        """The items of one row. Raises ChatTemplateError when the template cannot render it."""
        pair = tokenize_preference(chat_template, row, max_length)
        return [pair] if pair else []

    def precompute_reference(self, items: list[Any]) -> None:
        """Store each pair's reference margin before the first step: no second model, no second pass in training."""
        import torch

        with torch.no_grad():
            for batch in micro_batches(items, self.sequences, self._token_loss):
                for pair, margin in zip(batch, self._margins(batch).tolist(), strict=True):
                    pair.reference_margin = margin

    @staticmethod
    def sequences(item: PreferencePair) -> list[TokenizedRow]:
        """The sequences that the model reads for an item."""
        return [item.chosen, item.rejected]

    @staticmethod
    def num_tokens(item: PreferencePair) -> int:
        """The tokens an item is billed by: those of both completions."""
        return len(item.chosen.input_ids) + len(item.rejected.input_ids)

    @staticmethod
    def num_items(batch: Sequence[PreferencePair]) -> int:
        """What a batch's sums are divided by: its pairs."""
        return len(batch)

    def compute_loss(self, batch: Sequence[PreferencePair]) -> tuple[Any, Sums]:
        """The summed loss (a scalar tensor with gradients), and the sums of the metrics.

        `reward_margin` is beta times what the log-probability margin gained on the reference.
        """
        import torch

        reference = torch.tensor([pair.reference_margin for pair in batch])
        margins = self._margins(batch)
        reward_margins = self._beta * (margins - reference.to(margins.device))
        loss = -torch.nn.functional.logsigmoid(reward_margins).sum()
        accuracy = float((reward_margins > 0).sum())
        return loss, {"loss": loss.item(), "accuracy": accuracy, "reward_margin": reward_margins.sum().item()}

    def _margins(self, batch: Sequence[PreferencePair]) -> Any:
        """log p(chosen) - log p(rejected) of each pair: shape (pairs,)."""
        rows = [row for pair in batch for row in self.sequences(pair)]
        losses, _, row_indices = self._token_loss.forward(rows)
        totals = losses.new_zeros(len(rows)).index_add(0, row_indices, losses)
        return totals[1::2] - totals[::2]


Objective = SupervisedObjective | DPOObjective


def micro_batches(batch: Sequence[Any], sequences: Any, token_loss: "TokenLoss") -> Iterator[list[Any]]:
    """The batch in micro-batches of similar lengths that the token loss can take at once; a longer item goes alone.

    `sequences`: the objective's method.
    """
    micro_batch: list[Any] = []
    rows: list[TokenizedRow] = []
    for item in sorted(batch, key=lambda item: max(len(row.input_ids) for row in sequences(item))):
        if micro_batch and token_loss.size([*rows, *sequences(item)]) > token_loss.max_tokens:
            yield micro_batch
            micro_batch, rows = [], []
        micro_batch.append(item)
        rows += sequences(item)
    if micro_batch:
        yield micro_batch


def add_sums(sums: Sums, more: Sums) -> None:
    """Add the sums of one micro-batch to those of the batch, in place."""
    for name, value in more.items():
        sums[name] = sums.get(name, 0.0) + value


def mean_metrics(prefix: str, sums: Sums, num_items: int) -> Json:
    """The protocol's metrics, `prefix` before their names, rounded to 5 digits.

    Raises TrainingError `training_diverged` when one of them is not finite.
    """
    metrics = {f"{prefix}_{name}": round(value / num_items, 5) for name, value in sums.items()}
    if not all(math.isfinite(value) for value in metrics.values()):
        message = "The job failed: the loss grew beyond all numbers. Lower the learning rate multiplier."
        raise TrainingError("training_diverged", message)
    return metrics
