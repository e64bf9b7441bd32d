"""Checks all rows of a file together, with what the check of a project finds: duplicates, leaks, personal data, and more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core import formats
from core.checks import Problem, problem
from core.checks.rule_registry import clip
from core.dataset.row_json import RowTexts
from core.formats.reading_options import DETECTED, ReadingOptions
from core.language import tr
from core.lazy_numpy import np
from core.progress import Reporter
from core.review import exam_file, finding_texts, row_comparisons
from core.review.context_lengths import ContextLimit, LongRows
from core.review.file_rows import FileRows
from core.review.row_comparisons import MIN_TRAINING_ROWS, RowColumns
from core.text import contradicting_answers, near_duplicates

ROWS_PER_BATCH = 2000  # rows whose texts are read at once

OnProblem = Callable[[int, Problem], None]  # the line (0: the whole file), and what is wrong there


@dataclass(frozen=True, slots=True)
class FileCheckOptions:
    """What rows are compared with: the questions of an exam file, and the longest row of a model."""

    exam: Path | None = None
    limit: ContextLimit | None = None


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """How many rows of a file, and how many exam questions, were compared."""

    rows: int
    exam_questions: int


def check_rows_together(
    path: Path,
    reporter: Reporter,
    on_problem: OnProblem,
    options: FileCheckOptions,
    reading: ReadingOptions = DETECTED,
) -> CheckedRows:
    """Call `on_problem` for what all rows of `path` show together.

    Rows that are unreadable, or equal to an earlier line byte for byte, are left to `formats.check_file`. Raises
    FormatError when a file cannot be read, or leaves a doubt, `JukuError` without room for temporary files, and `Cancelled`.
    """
    path = formats.resolve(path)
    detected = formats.detect(path, reading)
    formats.require_sure(detected, reading.columns)
    check = _FileCheck(FileRows(path, detected, reading), options, on_problem)
    return check.run(reporter)


class _FileCheck:
    """One check of a file. Its rows have the ids 1, 2, …; the exam questions those after them."""

    def __init__(self, rows: FileRows, options: FileCheckOptions, on_problem: OnProblem) -> None:
        self._rows, self._options, self._on_problem = rows, options, on_problem
        self._columns = RowColumns()
        self._count = 0  # of the file's rows
        self._line = 0  # of the row that is being read
        self._prompt = ""  # of the first row
        self._exam: list[exam_file.ExamQuestion] = []

    def run(self, reporter: Reporter) -> CheckedRows:
        """Check all rows. Raises as `check_rows_together` does."""
        if self._options.exam:
            self._exam = list(exam_file.read_questions(self._options.exam, reporter))
        groups = near_duplicates.find_duplicates(self._iterate_questions(reporter), reporter)
        self._lines = self._rows.load_lines()
        row_comparisons.compare_rows(self._columns, groups, self._load, "", self._emit, ROWS_PER_BATCH, self._add_leak)
        self._check_prompt()
        return CheckedRows(self._count, len(self._exam))

    def _iterate_questions(self, reporter: Reporter) -> Iterator[str]:
        """Yield the question of each row and fill the columns; what single rows show is said at once."""
        long_rows = LongRows(self._options.limit) if self._options.limit else None
        for line, data, texts in self._rows.iterate(reporter):
            self._line = line
            self._count += 1
            self._prompt = texts.system_prompt if self._count == 1 else self._prompt
            self._columns.add(self._count, data, texts, "train", "", self._emit_of_row)
            if long_rows and (tokens := long_rows.count_if_too_long(data)):
                self._on_problem(self._line, _build_length_problem(tokens, self._options.limit))
            yield texts.key
        for number, question in enumerate(self._exam, self._count + 1):
            self._columns.add(number, "{}", question.texts, "test", question.kind, lambda *_finding: None)
            yield question.texts.key

    def _load(self, ids: Sequence[int]) -> dict[int, RowTexts]:
        own = [id for id in ids if id <= self._count]
        found = dict(zip(own, self._rows.load([id - 1 for id in own]), strict=True))
        return found | {id: self._exam[id - self._count - 1].texts for id in ids if id > self._count}

    def _check_prompt(self) -> None:
        prompts = self._columns.prompts.load()[: self._count]
        if self._count >= MIN_TRAINING_ROWS and self._prompt.strip() and bool(np.all(prompts == prompts[0])):
            words = tr("All rows have the system prompt “{prompt}”.", prompt=clip(self._prompt, 80))
            self._on_problem(0, problem("prompt-alike", "", words))

    def _emit_of_row(self, rule: str, _cluster: int, _id: int, detail: str) -> None:
        self._on_problem(self._line, problem(rule, "", finding_texts.format_finding(rule, detail)))

    def _emit(self, rule: str, _cluster: int, id: int, detail: str) -> None:
        """Pass on a finding with lines instead of ids; not what the check of lines says already."""
        if rule == "duplicate-row" or id > self._count:
            return
        words = _MESSAGES[rule](self._name, detail) if rule in _MESSAGES else finding_texts.format_finding(rule, detail)
        self._on_problem(int(self._lines[id - 1]) if id else 0, problem(rule, "", words))

    def _add_leak(self, exam_id: int, rows: Sequence[tuple[int, float]]) -> None:
        for id, similarity in rows:
            words = (
                tr("The question of {place} is the same.", place=self._name(exam_id))
                if similarity == 100
                else tr("The question of {place} is nearly the same ({percent} %).",
                        place=self._name(exam_id), percent=f"{similarity:.0f}")
            )  # fmt: skip
            self._on_problem(int(self._lines[id - 1]), problem("split-leakage", "", words))

    def _name(self, id: int) -> str:
        """Where a row is, in words."""
        if id <= self._count:
            return tr("line {line}", line=int(self._lines[id - 1]))
        assert self._options.exam
        line = self._exam[id - self._count - 1].line
        return tr("line {line} of {name}", line=line, name=clip(self._options.exam.name, 80))


def _build_length_problem(tokens: int, limit: ContextLimit | None) -> Problem:
    assert limit
    words = (
        tr("The row has {tokens} tokens; {model} reads {limit}.", tokens=tokens, model=limit.model, limit=limit.tokens)
        if limit.is_exact
        else tr("The row has about {tokens} tokens, counted as OpenAI's models do; the limit is {limit}.",
                tokens=tokens, limit=limit.tokens)
    )  # fmt: skip
    return problem("row-too-long", "", words)


def _format_near_duplicate(name: Callable[[int], str], detail: str) -> str:
    if not detail:
        return finding_texts.format_finding("near-duplicate", "")
    return tr("Nearly the same question as on {place}.", place=name(int(detail)))


def _format_same_contents(name: Callable[[int], str], detail: str) -> str:
    return tr("The same as {place}, with other order of keys, blanks or escapes.", place=name(int(detail)))


def _format_contradiction(name: Callable[[int], str], detail: str) -> str:
    id, reason = detail.split()
    place = name(int(id))
    if reason == contradicting_answers.DIFFERENT_FIGURES:
        return tr("The same question has an answer with different figures on {place}.", place=place)
    if reason == contradicting_answers.YES_NO:
        return tr("The answer here and that on {place} disagree: one says yes, the other no.", place=place)
    if reason == contradicting_answers.NOT_STATED:
        return tr("The answer here and that on {place} disagree: one says that the text does not say it.", place=place)
    return tr("The same question has another answer on {place}.", place=place)


# What a finding of a project says with the number of a row is said with a place here.
_MESSAGES: dict[str, Callable[[Callable[[int], str], str], str]] = {
    "near-duplicate": _format_near_duplicate,
    "same-contents": _format_same_contents,
    "answers-contradict": _format_contradiction,
}
