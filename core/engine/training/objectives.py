"""The objectives (losses) of fine-tuning: supervised (cross-entropy, with KL terms if wanted) and preferences (DPO)."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.engine.http.protocol import Json
from core.engine.models.chat_template import ChatTemplate
from core.engine.training.auto_hyperparameters import Hyperparameters
from core.engine.training.tokenize_rows import (
    PreferencePair,
    TokenizedRow,
    tokenize_preference,
    tokenize_row,
    tokenize_with_teacher,
)

if TYPE_CHECKING:  # they import torch, and the engine's own process must not
    from core.engine.training.kl_loss import TopTokens
    from core.engine.training.token_loss import TokenLoss

Sums = dict[str, float]


class TrainingError(Exception):
    """The job cannot be trained as requested; `code` and message go into the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SupervisedObjective:
    """Cross-entropy of the completions' tokens. Losses and metrics are sums: those of micro-batches can be added."""

    METRICS: tuple[str, ...] = ("loss", "mean_token_accuracy")
    HAS_REFERENCE = False  # whether `precompute_reference` reads the rows

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
        return sum(row.num_labels for row in batch)

    def compute_loss(self, batch: Sequence[TokenizedRow]) -> tuple[Any, Sums]:
        """The summed loss (a scalar tensor with gradients), and the sums of the metrics."""
        losses, correct, _ = self._token_loss.forward(batch)
        loss = losses.sum()
        return loss, {"loss": loss.item(), "mean_token_accuracy": float(correct.sum())}


class KLObjective(SupervisedObjective):
    """Cross-entropy with KL terms to the model as it was before the first step: forgetting control, self-distillation.

    `kl_coefficient`: forgetting control. That many times KL(model before || model) of each completion token is added. With
    `kl_mask_target` the row's own token is taken out of both distributions (arXiv 2605.29498): plain KL holds its
    probability down, against the cross-entropy, while without it the alternatives keep their order among each other.
    `distillation_weight`: prompt distillation (arXiv 2412.14964; as self-distillation 2601.19897). In a row with a
    teacher, this share of the cross-entropy is replaced by the KL to the same model that has read the teacher's messages
    too, both at `distillation_temperature` T, times T squared, so that its gradients do not shrink (arXiv 1503.02531).

    In a row whose text the model has written itself (`OnPolicyTexts`), nobody's text is to be learned: there the KL to the
    teacher stands instead of the whole cross-entropy.

    `loss` among the metrics stays the cross-entropy, and the terms stand beside it without their factors: so jobs with
    different factors can be compared. With both terms, at T = 1 and without the mask, a token's target is the mixture of
    both distributions; MixSD (arXiv 2605.16865) draws its target tokens from such a mixture instead.
    """

    HAS_REFERENCE = True

    def __init__(self, token_loss: "TokenLoss", hyperparameters: Hyperparameters) -> None:
        super().__init__(token_loss)
        self._coefficient, self._masks = hyperparameters.kl_coefficient, hyperparameters.kl_mask_target
        self._share, self._temperature = hyperparameters.distillation_weight, hyperparameters.distillation_temperature
        kl = ("kl",) if self._coefficient else ()
        self.METRICS = (*SupervisedObjective.METRICS, *kl, *(("distillation_loss",) if self._share else ()))

    def tokenize(self, chat_template: ChatTemplate, row: Json, max_length: int) -> list[Any]:
        """The items of one row, with a teacher where they are distilled. Raises ChatTemplateError."""
        tokenize = tokenize_with_teacher if self._share else tokenize_row
        return list(tokenize(chat_template, row, max_length))

    def precompute_reference(self, items: list[Any]) -> None:
        """Cache the distributions of the completion tokens before the first step: no second pass in training."""
        import torch

        with torch.no_grad():
            if self._coefficient:
                self._cache("before", [(item, item) for item in items], 1.0, self._masks)
            if self._share:
                pairs = [(item, item.teacher) for item in items if item.teacher]
                self._cache("teacher", pairs, self._temperature, False)

    def _cache(self, name: str, pairs: list[tuple[Any, Any]], temperature: float, masks: bool) -> None:
        """Store in each first row what the model says in the second one. `masks`: without the labels."""
        from core.engine.training.kl_loss import TopTokens, top_tokens

        for batch in micro_batches(pairs, lambda pair: [pair[1]], self._token_loss):
            parts = [
                top_tokens(logits, temperature, labels if masks else None)
                for logits, labels in self._token_loss.iterate_logits([read for _, read in batch])
            ]
            found = TopTokens.join(parts).split([read.num_labels for _, read in batch])
            for (row, _), reference in zip(batch, found, strict=True):
                row.references[name] = reference

    def compute_loss(self, batch: Sequence[TokenizedRow]) -> tuple[Any, Sums]:
        """The summed loss (a scalar tensor with gradients), and the sums of the metrics."""
        import torch

        from core.engine.training.kl_loss import kl_divergence

        before, (teacher, shares) = self._reference(batch), self._teacher(batch)

        def compute(logits: Any, labels: Any, part: slice) -> tuple[Any, Any]:
            cross_entropy = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
            plain = logits.detach()
            correct = plain.gather(1, labels[:, None])[:, 0] >= plain.amax(-1)
            loss, told = cross_entropy, [cross_entropy, correct.float()]
            if before:
                told.append(kl_divergence(before.part(part), logits, 1.0, labels if self._masks else None))
                loss = loss + self._coefficient * told[-1]
            if teacher:
                told.append(kl_divergence(teacher.part(part), logits, self._temperature) * (shares[part] > 0))
                loss = loss + shares[part] * (self._temperature**2 * told[-1] - cross_entropy)
            elif self._share:
                told.append(torch.zeros_like(cross_entropy))
            return loss, torch.stack(told, 1).detach().clamp_min(0)  # rounding makes a divergence of 0 negative

        losses, values = self._token_loss.forward_terms(batch, compute)
        return losses.sum(), dict(zip(self.METRICS, values.sum(0).tolist(), strict=True))

    def _reference(self, batch: Sequence[TokenizedRow]) -> "TopTokens | None":
        """The cached distributions of the model before the first step, of all labels of a batch."""
        from core.engine.training.kl_loss import TopTokens

        if not self._coefficient:
            return None
        return TopTokens.join([row.references["before"] for row in batch], self._token_loss.device)

    def _teacher(self, batch: Sequence[TokenizedRow]) -> tuple["TopTokens | None", Any]:
        """Those of the teachers, and the weight of the distillation for each label: 0 in a row without a teacher."""
        import torch

        from core.engine.training.kl_loss import TopTokens

        device = self._token_loss.device
        found = [row.references.get("teacher") for row in batch]
        if not any(found):
            return None, None
        columns = next(one for one in found if one).ids.shape[1]
        parts = [one or TopTokens.filler(row.num_labels, columns) for row, one in zip(batch, found, strict=True)]
        weights = [
            (1.0 if row.is_on_policy else self._share) if one else 0.0 for row, one in zip(batch, found, strict=True)
        ]
        shares = [weight for row, weight in zip(batch, weights, strict=True) for _ in range(row.num_labels)]
        return TopTokens.join(parts, device), torch.tensor(shares, device=device)


class DPOObjective:
    """DPO: the chosen completion shall gain on the rejected one, compared with the model before training."""

    METRICS = ("loss", "accuracy", "reward_margin")
    HAS_REFERENCE = True

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


def build_objective(token_loss: "TokenLoss", hyperparameters: Hyperparameters) -> Objective:
    """The objective that a job's hyperparameters ask for."""
    if hyperparameters.beta is not None:
        return DPOObjective(token_loss, hyperparameters.beta)
    return build_supervised(token_loss, hyperparameters)


def build_supervised(token_loss: "TokenLoss", hyperparameters: Hyperparameters) -> SupervisedObjective:
    """The supervised objective, with KL terms where one has a weight."""
    if hyperparameters.kl_coefficient or hyperparameters.distillation_weight:
        return KLObjective(token_loss, hyperparameters)
    return SupervisedObjective(token_loss)


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
