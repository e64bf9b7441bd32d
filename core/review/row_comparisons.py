"""Compares the texts of all rows with each other, wherever the rows are: copies, near duplicates, leaks, contradictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from core.checks.contents_digest import compute_contents_digest
from core.dataset.examples import MEMORISED, SPLITS
from core.dataset.row_json import RowTexts
from core.lazy_numpy import np, npt
from core.review import similar_rows
from core.spilled_columns import NumberColumn
from core.storage import compressed_texts
from core.text import contradicting_answers, negation, personal_data
from core.text.near_duplicates import DuplicateGroups, Indices, IntArray

UNKNOWING_KINDS = ("not_stated", "false_premise")  # kinds whose answers may say that something is not in the text
MIN_TRAINING_ROWS, RECOMMENDED_TRAINING_ROWS = 10, 50  # training rows: fewer are refused, fewer do little
MIN_ALIKE_SHARE = 0.9  # of the rows, whose answers or questions are the same: then hardly anything else is learned
MAX_COMPARED_NEIGHBOURS = 200  # training rows of one group that an exam question is compared with
MAX_CACHED_PROMPTS = 1000  # system prompts that are searched once for all their rows

Marks: TypeAlias = "npt.NDArray[np.bool_]"
Emit = Callable[[str, int, int, str], None]  # rule, cluster, example (0: the whole dataset), detail
Leaks = dict[int, list[tuple[int, float]]]  # test row -> the training rows that ask the same, and the per cent
OnLeak = Callable[[int, Sequence[tuple[int, float]]], None]  # one of these
LoadTexts = Callable[[Sequence[int]], dict[int, RowTexts]]  # of rows by their ids

_SPLIT_CODES = {split: code for code, split in enumerate(SPLITS)}
_TRAIN_CODE, _TEST_CODE = _SPLIT_CODES["train"], _SPLIT_CODES["test"]


class RowColumns:
    """A few bytes of each row, as columns in the order of ids."""

    def __init__(self) -> None:
        self.ids, self.digests, self.contents = NumberColumn("q"), NumberColumn("q"), NumberColumn("q")
        self.answers, self.prompts = NumberColumn("q"), NumberColumn("q")
        self.splits, self.has_question, self.is_memorised = NumberColumn("b"), NumberColumn("b"), NumberColumn("b")
        self._known_prompts: dict[str, dict[str, str]] = {}

    def add(self, id: int, data: str, texts: RowTexts, split: str, kind: str, emit: Emit) -> None:
        """Add a row, and emit what is wrong in its texts alone: what is not known, and what nobody should read."""
        self.ids.append(id)
        self.splits.append(_SPLIT_CODES.get(split, _TRAIN_CODE))
        self.digests.append(compressed_texts.digest(data.encode()))
        self.contents.append(compute_contents_digest(data))
        self.answers.append(hash(texts.answer))
        self.prompts.append(hash(texts.system_prompt))
        self.has_question.append(bool(texts.question))
        self.is_memorised.append(kind == MEMORISED)  # whether it repeats a training row on purpose
        if split != "test" and kind not in UNKNOWING_KINDS and (phrase := negation.find_unknown_phrase(texts.answer)):
            emit("answer-admits-unknown", 0, id, phrase)
        for rule, text in self._find_personal_data(texts).items():
            emit(rule, 0, id, text)

    def _find_personal_data(self, texts: RowTexts) -> dict[str, str]:
        """The first match of each personal-data rule in a row, masked. System prompts are searched once."""
        if (in_prompt := self._known_prompts.get(texts.system_prompt)) is None:
            if len(self._known_prompts) >= MAX_CACHED_PROMPTS:
                self._known_prompts.clear()
            in_prompt = self._known_prompts[texts.system_prompt] = _find_first_of_each_rule(texts.system_prompt)
        return in_prompt | _find_first_of_each_rule(texts.question) | _find_first_of_each_rule(texts.answer)


def _find_first_of_each_rule(text: str) -> dict[str, str]:
    return {
        one.rule: personal_data.mask(text[one.start : one.end])
        for one in reversed(personal_data.find_personal_data(text))
    }


def compare_rows(
    rows: RowColumns,
    groups: DuplicateGroups,
    load: LoadTexts,
    usual_prompt: str,
    emit: Emit,
    batch_size: int,
    on_leak: OnLeak | None = None,
) -> None:
    """Emit what the texts of all rows show together.

    `usual_prompt`: the system prompt that rows should have; blank: the one that most have. `batch_size`: rows whose texts
    are in memory at once. `on_leak` is called for leaks instead of `emit`.
    """
    ids = rows.ids.load()
    copies = check_copies(rows, ids, emit)
    check_near_duplicates(load, rows, ids, groups, copies, emit, batch_size)
    for first, leaked in find_leaks(load, rows, ids, groups):
        if on_leak:
            for id, twins in leaked.items():
                on_leak(id, twins)
        else:
            _emit_leaks(first, leaked, emit)
    check_contradictions(load, rows, ids, groups, emit, batch_size)
    check_system_prompts(rows, ids, usual_prompt, emit)
    check_alike(rows, groups, emit)


def _iterate_equal_groups(keys: Indices) -> Iterator[Indices]:
    """Groups of indices with equal keys, of two or more, each in ascending order."""
    order = np.argsort(keys, kind="stable").astype(np.int32)
    ordered = keys[order]
    del keys
    is_new = np.append(True, ordered[1:] != ordered[:-1])[: len(order)]
    del ordered
    starts = np.flatnonzero(is_new).astype(np.int32)
    sizes = np.diff(starts, append=np.int32(len(order)))
    for group in np.flatnonzero(sizes > 1):
        yield order[starts[group] : starts[group] + sizes[group]]


def check_copies(rows: RowColumns, ids: IntArray, emit: Emit) -> Marks:
    """Emit rows with the same contents as an earlier one of their split; returns which rows these are."""
    copies = np.zeros(len(ids), np.bool_)
    keys = rows.contents.load()
    keys ^= rows.splits.load()
    digests = rows.digests.load()
    for places in _iterate_equal_groups(keys):
        known: dict[int, int] = {}
        for place, digest in zip(places.tolist(), digests[places].tolist(), strict=True):
            first = known.setdefault(digest, place)
            if first != place:
                emit("duplicate-row", int(ids[first]), int(ids[place]), str(ids[first]))
            elif place != places[0]:
                emit("same-contents", int(ids[places[0]]), int(ids[place]), str(ids[places[0]]))
        copies[places[1:]] = True
    return copies


def check_near_duplicates(
    load: LoadTexts,
    rows: RowColumns,
    ids: IntArray,
    groups: DuplicateGroups,
    copies: Marks,
    emit: Emit,
    batch_size: int,
) -> None:
    """Emit near duplicates within one split; `copies` were emitted before."""
    splits = rows.splits.load().astype(np.int64)
    alike = (places[~copies[places]] for places in _iterate_equal_groups(groups.near * len(SPLITS) + splits))
    for batch in _batch_groups((ids[places].tolist() for places in alike if len(places) > 1), batch_size):
        texts = load([id for members in batch for id in members])
        for members in batch:
            for first, *others in similar_rows.cluster_rows({id: texts[id] for id in members}):
                emit("near-duplicate", first, first, "")
                for id in others:
                    emit("near-duplicate", first, id, str(first))


def _batch_groups(groups: Iterable[list[int]], batch_size: int) -> Iterator[list[list[int]]]:
    """Batches of groups of ids, about `batch_size` ids each; a larger group is split."""
    batch: list[list[int]] = []
    size = 0
    for group in groups:
        for start in range(0, len(group), batch_size):
            batch.append(group[start : start + batch_size])
            size += len(batch[-1])
            if size >= batch_size:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _emit_leaks(first: int, leaked: Leaks, emit: Emit) -> None:
    """Emit test and validation rows whose question is trained on too, and those training rows."""
    for id, twins in leaked.items():
        row, similarity = twins[0]
        emit("split-leakage", first, id, f"{row} {similarity:.0f}")
    for row in sorted({row for twins in leaked.values() for row, _similarity in twins}):
        emit("split-leakage", first, row, "")


def find_leaks(
    load: LoadTexts, rows: RowColumns, ids: IntArray, groups: DuplicateGroups
) -> Iterator[tuple[int, Leaks]]:
    """Yield groups: the id of its first row, and for each test or validation row the training rows that ask the same.

    These are ids with the similarity in per cent, the most similar first.
    """
    splits, is_memorised = rows.splits.load(), rows.is_memorised.load()
    for places in _iterate_equal_groups(groups.near):
        trained = places[splits[places] == _TRAIN_CODE]
        untrained = [place for place in places[splits[places] != _TRAIN_CODE].tolist() if not is_memorised[place]]
        if untrained and len(trained):
            found = {int(ids[place]): _find_similar(load, ids, groups, place, trained) for place in untrained}
            yield int(ids[places[0]]), {id: twins for id, twins in found.items() if twins}


def _find_similar(
    load: LoadTexts, ids: IntArray, groups: DuplicateGroups, place: int, trained: Indices
) -> list[tuple[int, float]]:
    """The ids of the training rows whose question is similar to a row's, and the per cent, the most similar first.

    A group has chains: not each of its rows is similar to each other one.
    """
    is_same = groups.same[trained] == groups.same[place]
    found = [(int(id), 100.0) for id in ids[trained[is_same]]]
    others = ids[trained[~is_same][:MAX_COMPARED_NEIGHBOURS]].tolist()
    if others:
        texts = load([int(ids[place]), *others])
        own = texts.pop(int(ids[place]))
        similar = ((id, similar_rows.compute_similarity(own, other)) for id, other in texts.items())
        found += sorted((match for match in similar if match[1]), key=lambda match: -match[1])
    return found


def check_contradictions(
    load: LoadTexts, rows: RowColumns, ids: IntArray, groups: DuplicateGroups, emit: Emit, batch_size: int
) -> None:
    """Emit rows that ask the same and answer differently."""
    for batch in _batch_groups(_group_different_answers(rows, ids, groups), batch_size):
        texts = load([id for members in batch for id in members])
        for members in batch:
            answers = {id: texts[id].answer for id in members if texts[id].answer}  # an exam may have none
            for id, other, why in contradicting_answers.find_contradictions(answers, texts[members[0]].question):
                emit("answers-contradict", members[0], id, f"{other} {why}")


def _group_different_answers(rows: RowColumns, ids: IntArray, groups: DuplicateGroups) -> Iterator[list[int]]:
    """For each question, the ids of the first row of each different answer, at most `MAX_COMPARED_ANSWERS`."""
    answers, has_question = rows.answers.load(), rows.has_question.load()
    for places in _iterate_equal_groups(groups.same):
        _each, firsts = np.unique(answers[places], return_index=True)
        if has_question[places[0]] and len(firsts) > 1:
            yield ids[places[np.sort(firsts)][: contradicting_answers.MAX_COMPARED_ANSWERS]].tolist()


def check_system_prompts(rows: RowColumns, ids: IntArray, usual_prompt: str, emit: Emit) -> None:
    """Emit training rows with another system prompt than the usual one or, where it is blank, than most rows have."""
    prompts, is_trained = rows.prompts.load(), rows.splits.load() != _TEST_CODE
    usual, example = hash(usual_prompt), 0
    if not usual_prompt.strip():
        usual, count = _find_most_frequent(prompts[is_trained])
        if count * 2 < np.count_nonzero(is_trained) or not count:
            return  # no prompt is the usual one
        example = int(ids[np.argmax(is_trained & (prompts == usual))])
    for place in np.flatnonzero(is_trained & (prompts != usual)).tolist():
        emit("system-prompt-differs", 0, int(ids[place]), str(example))


def check_alike(rows: RowColumns, groups: DuplicateGroups, emit: Emit) -> None:
    """Emit where nearly all training rows have the same answer, or the same question."""
    trained = rows.splits.load() == _TRAIN_CODE
    total = int(np.count_nonzero(trained))
    if total < MIN_TRAINING_ROWS:
        return
    asked = trained & (rows.has_question.load() != 0)
    for rule, keys in (("answers-alike", rows.answers.load()[trained]), ("questions-alike", groups.same[asked])):
        _key, count = _find_most_frequent(keys)
        if count >= MIN_ALIKE_SHARE * total:
            emit(rule, 0, 0, f"{count} {total}")


def _find_most_frequent(keys: Indices) -> tuple[int, int]:
    """The most frequent key and how often it occurs, (0, 0) without keys; sorts the keys in place."""
    if not len(keys):
        return 0, 0
    keys.sort()
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])).astype(np.int32)
    sizes = np.diff(starts, append=np.int32(len(keys)))
    most = int(np.argmax(sizes))
    return int(keys[starts[most]]), int(sizes[most])
