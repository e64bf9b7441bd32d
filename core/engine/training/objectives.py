"""The objectives (losses) of fine-tuning: supervised (cross-entropy) and preferences (DPO)."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from core.engine.http.protocol import Json
from core.engine.models.chat_template import ChatTemplate
from core.engine.training.tokenize_rows import (
    IGNORE_INDEX,
    PreferencePair,
    TokenizedRow,
    tokenize_preference,
    tokenize_row,
)

# Tokens, padding included, of one micro-batch. It bounds the memory of a step.
MAX_MICRO_BATCH_TOKENS = {"cpu": 2048, "mps": 2048, "cuda": 16384}

Sums = dict[str, float]


class TrainingError(Exception):
    """The job cannot be trained as requested; `code` and message go into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TokenLoss:
    """The model's forward pass as both objectives use it: the loss of each token that has a label."""

    def __init__(self, base_model: Any, pad_token_id: int, device: str) -> None:
        self._base_model, self._pad_token_id, self._device = base_model, pad_token_id, device
        self.max_tokens = MAX_MICRO_BATCH_TOKENS[device]

    def forward(self, rows: Sequence[TokenizedRow]) -> tuple[Any, Any, Any]:
        """Three tensors of shape (labels,): each label's loss, whether it was the argmax, and its row's index."""
        import torch

        width = max(len(row.input_ids) for row in rows)
        padded_ids = [row.input_ids + [self._pad_token_id] * (width - len(row.input_ids)) for row in rows]
        mask = [[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows]
        padded_labels = [row.labels + [IGNORE_INDEX] * (width - len(row.labels)) for row in rows]
        tensors = (torch.tensor(value, device=self._device) for value in (padded_ids, mask, padded_labels))
        input_ids, attention_mask, labels = tensors
        labels = labels[:, 1:]
        has_label = labels != IGNORE_INDEX
        outputs = self._base_model.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)
        hidden = outputs.last_hidden_state[:, :-1]
        # Logits only where there is a label: with a large vocabulary they cost most.
        logits = self._base_model.lm_head(hidden[has_label]).float()
        losses = torch.nn.functional.cross_entropy(logits, labels[has_label], reduction="none")
        return losses, logits.argmax(-1) == labels[has_label], has_label.nonzero()[:, 0]


class SupervisedObjective:
    """Cross-entropy of the completions' tokens. Losses and metrics are sums: those of micro-batches can be added."""

    def __init__(self, token_loss: TokenLoss) -> None:
        self._token_loss = token_loss

    def tokenize(self, chat_template: ChatTemplate, row: Json, max_length: int) -> list[Any]:
        """The items of one row. Raises ChatTemplateError when the template cannot render it."""
        return list(tokenize_row(chat_template, row, max_length))

    def precompute_reference(self, items: list[Any]) -> None:
        """Nothing: this loss needs no reference model."""

    @staticmethod
    def item_shape(item: TokenizedRow) -> tuple[int, int]:
        """The length of an item in tokens, and its number of sequences."""
        return len(item.input_ids), 1

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

    def __init__(self, token_loss: TokenLoss, beta: float) -> None:
        self._token_loss, self._beta = token_loss, beta

    def tokenize(self, chat_template: ChatTemplate, row: Json, max_length: int) -> list[Any]:
        """The items of one row. Raises ChatTemplateError when the template cannot render it."""
        pair = tokenize_preference(chat_template, row, max_length)
        return [pair] if pair else []

    def precompute_reference(self, items: list[Any]) -> None:
        """Store each pair's reference margin before the first step: no second model, no second pass in training."""
        import torch

        with torch.no_grad():
            for batch in micro_batches(items, self.item_shape, self._token_loss.max_tokens):
                for pair, margin in zip(batch, self._margins(batch).tolist(), strict=True):
                    pair.reference_margin = margin

    @staticmethod
    def item_shape(item: PreferencePair) -> tuple[int, int]:
        """The length of an item in tokens, and its number of sequences."""
        return max(len(item.chosen.input_ids), len(item.rejected.input_ids)), 2

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
        rows = [row for pair in batch for row in (pair.chosen, pair.rejected)]
        losses, _, row_indices = self._token_loss.forward(rows)
        totals = losses.new_zeros(len(rows)).index_add(0, row_indices, losses)
        return totals[1::2] - totals[::2]


Objective = SupervisedObjective | DPOObjective


def micro_batches(batch: Sequence[Any], item_shape: Any, max_tokens: int) -> Iterator[list[Any]]:
    """The batch in micro-batches of similar lengths, `max_tokens` each with padding; a longer item goes alone."""
    micro_batch: list[Any] = []
    num_sequences = 0
    for item in sorted(batch, key=item_shape):
        length, sequences = item_shape(item)
        if micro_batch and length * (num_sequences + sequences) > max_tokens:
            yield micro_batch
            micro_batch, num_sequences = [], 0
        micro_batch.append(item)
        num_sequences += sequences
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
