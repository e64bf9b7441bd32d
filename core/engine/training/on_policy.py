"""On-policy distillation: in some rows the model learns from its teacher on a text that it has just written itself.

GKD (arXiv 2306.13649), whose share of such batches is `lmbda` in TRL's GKDTrainer; with the model before training as its own
teacher, which has read more: SDFT (arXiv 2601.19897).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.engine.training.objectives import KLObjective, TrainingError
from core.engine.training.text_writer import TextRequest, TextWriter
from core.engine.training.tokenize_rows import IGNORE_INDEX, TokenizedRow

if TYPE_CHECKING:
    from core.engine.training.ranks import Ranks

EXTRA_TOKENS = 16  # a text may be so much longer than the completion of its row


@dataclass(frozen=True)
class OnPolicySettings:
    """`share`: of the rows with a teacher, from 0 to 1. `seed`: of the job. `context_length`: of a prompt and its text."""

    share: float
    seed: int
    context_length: int


class OnPolicyTexts:
    """Gives rows the model's own text. `parameters`: those that are trained, as they are before the first step."""

    def __init__(
        self,
        writer: TextWriter,
        objective: KLObjective,
        parameters: Mapping[str, Any],
        settings: OnPolicySettings,
        ranks: "Ranks | None" = None,
    ) -> None:
        """Raises TrainingError for parameters that several processes have a part of each."""
        from core.engine.training.ranks import is_sharded

        if any(is_sharded(one) for one in parameters.values()):
            message = (
                "The model's weights are in parts in several processes (FSDP), and so it cannot write the texts of "
                "'on_policy_share'. Set that to 0, or train in one process or with whole copies (DDP)."
            )
            raise TrainingError("unsupported_value", message)
        self._writer, self._objective, self._parameters = writer, objective, parameters
        self._settings, self._ranks = settings, ranks
        self._before = {name: one.detach().clone() for name, one in parameters.items()}

    def apply(self, rows: Sequence[TokenizedRow], epoch: int, indices: Sequence[int]) -> list[TokenizedRow]:
        """The rows of a step, those that are drawn with what the model says now, and with what its teacher says to that.

        What is drawn depends on seed, epoch and a row's index alone. With several processes all must call this together.
        """
        drawn = {
            place: self._prepare(row, epoch, index)
            for place, (row, index) in enumerate(zip(rows, indices, strict=True))
        }
        wanted = {place: found for place, found in drawn.items() if found}
        texts = self._write([request for _, request in wanted.values()])
        found = list(rows)
        for (place, (row, _)), text in zip(wanted.items(), texts, strict=True):
            found[place] = _complete(row, text)
        with self._model_before():
            self._objective.precompute_reference([found[place] for place in wanted])
        return found

    def _prepare(self, row: TokenizedRow, epoch: int, index: int) -> tuple[TokenizedRow, TextRequest] | None:
        """The prompt of a row and its teacher, and what to write to it; None for a row that keeps its text."""
        seed = f"{self._settings.seed}/{epoch}/{index}/on-policy"
        dice = random.Random(seed)  # noqa: S311 - must repeat, need not be secret
        if row.teacher is None or dice.random() >= self._settings.share:
            return None
        turns = list(zip(completions(row), completions(row.teacher), strict=True))
        (start, end), (teacher_start, _) = dice.choice(turns)
        room = self._settings.context_length - max(start, teacher_start)
        if room < 1 or not start:
            return None
        prompt = TokenizedRow(row.input_ids[:start], [], TokenizedRow(row.teacher.input_ids[:teacher_start], []))
        return prompt, TextRequest((prompt.input_ids,), min(room, end - start + EXTRA_TOKENS), dice)

    def _write(self, requests: list[TextRequest]) -> list[list[int]]:
        """The texts, each written by one of the processes and the same in all."""
        if self._ranks is None or self._ranks.size == 1:
            return self._writer.write(requests)
        size = self._ranks.size
        gathered = self._ranks.gather(self._writer.write(requests[self._ranks.index :: size]))
        return [gathered[place % size][place // size] for place in range(len(requests))]

    @contextmanager
    def _model_before(self) -> Iterator[None]:
        """Within it, the model is the one before the first step: a new adapter has not changed anything there yet."""
        trained = {name: one.data for name, one in self._parameters.items()}
        try:
            for name, one in self._parameters.items():
                one.data = self._before[name]
            yield
        finally:
            for name, one in self._parameters.items():
                one.data = trained[name]


def completions(row: TokenizedRow) -> list[tuple[int, int]]:
    """Where the trained turns of a row begin and end."""
    starts = [
        place
        for place, label in enumerate(row.labels)
        if label != IGNORE_INDEX and (not place or row.labels[place - 1] == IGNORE_INDEX)
    ]
    ends = [
        place + 1
        for place, label in enumerate(row.labels)
        if label != IGNORE_INDEX and (place + 1 == len(row.labels) or row.labels[place + 1] == IGNORE_INDEX)
    ]
    return list(zip(starts, ends, strict=True))


def longest(row: TokenizedRow) -> TokenizedRow:
    """A row as long as this one can become: what a step needs is measured on it."""
    found = replace(row, teacher=None, references={})
    return _append(found.input_ids, found.labels, row.labels[-1:] * EXTRA_TOKENS)


def _complete(prompt: TokenizedRow, text: list[int]) -> TokenizedRow:
    """The row of a prompt, with this text to be learned from its teacher alone."""
    assert prompt.teacher
    teacher, own = (
        _append(one, [IGNORE_INDEX] * len(one), text) for one in (prompt.teacher.input_ids, prompt.input_ids)
    )
    return replace(own, teacher=teacher, is_on_policy=True)


def _append(input_ids: list[int], labels: list[int], text: list[int]) -> TokenizedRow:
    return TokenizedRow(input_ids + text, labels + text)
