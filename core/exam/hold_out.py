"""Holds out rows for the exam, by fact, wording and kind: what is asked was trained in other words, never word for word."""

import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.dataset import examples
from core.dataset.examples import MEMORISED, Example
from core.dataset.row_json import RowTexts
from core.exam import fact_points, held_out_kinds
from core.exam.fact_points import FactPoints
from core.exam.held_out_kinds import PAGE_KINDS
from core.language import tr, trn
from core.progress import Reporter
from core.review import findings, similar_rows
from core.spec import facts
from core.storage import background_process
from core.storage.connection import open_snapshot
from core.storage.project import Project
from core.text import near_duplicates
from core.text.questions.rows import KEYWORDS, SOURCE

DEFAULT_SHARE = 0.2  # of the rows, where nothing else is said
MAX_SHARE = 0.5
MAX_KIND_SHARE = 0.1  # of the rows held out, for each kind of which the exam asks some questions over the page
LEAK_RULE = "split-leakage"
UNASKED_KINDS = ("general", "statement", MEMORISED)  # kinds that make no exam question of the project's own
KIND_RANKS = (
    "reworded",
    "",
    "direct",
    "applied",
    "reverse",
    "combined",
    "false_premise",
    "not_stated",
)  # kinds, those that are kept first before the others


@dataclass(frozen=True, slots=True)
class WordingGroup:
    """Rows that ask nearly the same, and so stay on one side: their ids, the facts they teach, and their kind."""

    ids: tuple[int, ...]
    facts: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class HoldOutMaterial:
    """What can be chosen from. `examined` counts the exam questions that each fact has already, and `examined_kinds`
    those of each kind."""

    wordings: list[WordingGroup]
    examined: Counter[str] = field(default_factory=Counter)
    examined_kinds: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """The number of rows in all wordings."""
        return sum(len(one.ids) for one in self.wordings)


@dataclass(frozen=True, slots=True)
class HeldOutChoice:
    """The rows to hold out: their ids, how many for each fact, and how many without a fact."""

    ids: list[int]
    by_fact: Counter[str]
    without: int


async def load_material(project: Project, reporter: Reporter) -> HoldOutMaterial:
    """Find the rows that may be held out, in a process of its own; cancelling ends it. Raises `JukuError`."""
    async with project.frozen() as path:
        found = await background_process.run("core.exam.hold_out", {"project": str(path)}, reporter)
    wordings = [WordingGroup(tuple(ids), tuple(names), kind) for ids, names, kind in found["wordings"]]
    return HoldOutMaterial(wordings, Counter(found["examined"]), Counter(found["examined_kinds"]))


def find_material(db: sqlite3.Connection, reporter: Reporter) -> HoldOutMaterial:
    """The training rows that may become exam questions, by wording.

    A wording of which a row is a draft, or is kept for exam or validation already, is left out. Raises `Cancelled` when
    the reporter is cancelled.
    """
    sql = "SELECT id, split, status, kind, facts, source, tags FROM example WHERE status <> 'rejected' ORDER BY id"
    rows = {id: own for id, *own in db.execute(sql)}
    known, made_points = {fact.name for fact in facts.load(db)}, fact_points.load(db)
    texts = similar_rows.load_row_texts(db, list(rows))
    ids = sorted(texts)
    groups: dict[int, list[int]] = defaultdict(list)
    for id, group in zip(
        ids, near_duplicates.find_duplicates((texts[id].key for id in ids), reporter).near.tolist(), strict=True
    ):
        groups[group].append(id)
    wordings = [
        WordingGroup(tuple(members), _find_facts(members, rows, texts, known, made_points), rows[members[0]][2])
        for members in groups.values()
        if all(_may_ask(*rows[id]) and texts[id].question and texts[id].answer for id in members)
    ]
    exam = [(kind, names) for split, _status, kind, names, *_ in rows.values() if split == "test"]
    examined = Counter(name for kind, names in exam if kind not in PAGE_KINDS for name in names.split())
    return HoldOutMaterial(wordings, examined, Counter(kind for kind, _names in exam))


def _may_ask(split: str, status: str, kind: str, _facts: str, source: str, tags: str) -> bool:
    """Whether a row may become an exam question: nobody would ask the keywords of a fact."""
    is_keywords = source == SOURCE and KEYWORDS in tags.split()
    return split == "train" and status == "approved" and kind not in UNASKED_KINDS and not is_keywords


def _find_facts(
    members: Iterable[int],
    rows: Mapping[int, Sequence[str]],
    texts: Mapping[int, RowTexts],
    known: set[str],
    made_points: FactPoints,
) -> tuple[str, ...]:
    """The facts that a wording asks for: what a row recites beside them is not asked."""
    found: dict[str, None] = {}
    for id in members:
        _split, _status, kind, facts_, source, _tags = rows[id]
        names = facts_.split()
        if len(names) > 1 and _recites(source, kind):
            _answer, names = made_points.cut_passage(texts[id].question, texts[id].answer, names)
        found |= dict.fromkeys(name for name in names if name in known)
    return tuple(found)


def choose_rows(found: HoldOutMaterial, rows: int, seed: int) -> HeldOutChoice:
    """Choose about `rows` rows: a wording of each fact, facts without an exam question first, then a second one, …

    Beside them some of each kind that asks for two facts, for what the text does not say, or with a false premise. A fact
    always keeps a wording for training, and so does each of these kinds. Rows without a fact are drawn in proportion. The
    same seed chooses the same rows.
    """
    draw = random.Random(seed)  # noqa: S311 - to be drawn again, not to be secret
    linked = [one for one in found.wordings if one.facts]
    others = [one for one in found.wordings if not one.facts]
    share = sum(len(one.ids) for one in linked) / max(1, found.rows)
    of_kinds = _choose_by_kind(linked, found, round(rows * share), draw)
    left = round(rows * share) - sum(len(one.ids) for one in of_kinds)
    chosen = _choose_by_fact(linked, of_kinds, found.examined, left, draw)
    left = rows - sum(len(one.ids) for one in chosen)
    chosen += _choose_any(others, left, draw)
    by_fact = Counter(name for one in chosen for name in one.facts for _id in one.ids)
    without = sum(len(one.ids) for one in chosen if not one.facts)
    return HeldOutChoice(sorted(id for one in chosen for id in one.ids), by_fact, without)


def _choose_by_kind(
    linked: Sequence[WordingGroup], found: HoldOutMaterial, rows: int, draw: random.Random
) -> list[WordingGroup]:
    """Some wordings of each of `PAGE_KINDS`, of different facts; most of the kind stays for training."""
    trained = Counter(name for one in linked for name in one.facts)
    limit, chosen = max(1, round(MAX_KIND_SHARE * rows)), list[WordingGroup]()
    if rows < len(trained):
        return []  # a question for each fact comes first
    asked = set[str]()
    for kind in PAGE_KINDS:
        own = [one for one in linked if one.kind == kind]
        wanted = held_out_kinds.count_wanted(len(trained)) - found.examined_kinds[kind]
        wanted = min(wanted, limit, len(own) // (1 + held_out_kinds.MIN_TRAINED_PER_HELD))
        for one in draw.sample(own, len(own)):
            if wanted > 0 and not asked.intersection(one.facts) and all(trained[name] > 1 for name in one.facts):
                chosen.append(one)
                asked.update(one.facts)
                trained.subtract(one.facts)
                wanted -= len(one.ids)
    return chosen


def _choose_by_fact(
    linked: Sequence[WordingGroup],
    of_kinds: Sequence[WordingGroup],
    examined: Counter[str],
    rows: int,
    draw: random.Random,
) -> list[WordingGroup]:
    """`of_kinds`, and wordings of the other kinds for each fact."""
    of_fact: dict[str, list[WordingGroup]] = defaultdict(list)
    for one in linked:
        for name in one.facts:
            of_fact[name].append(one)
    trained = Counter({name: len(wordings) for name, wordings in of_fact.items()})
    trained.subtract(name for one in of_kinds for name in one.facts)
    for wordings in of_fact.values():
        draw.shuffle(wordings)
        wordings.sort(
            key=lambda one: (len(one.ids), _rank_kind(one.kind)), reverse=True
        )  # the best is taken from the end
    question_counts, open_ones = Counter(examined), sorted(of_fact)
    chosen = dict.fromkeys(of_kinds)
    draw.shuffle(open_ones)
    while open_ones and rows > 0:
        name = min(open_ones, key=lambda name: question_counts[name])
        if not of_fact[name]:
            open_ones.remove(name)
            continue
        one = of_fact[name].pop()
        if one not in chosen and len(one.ids) <= rows and all(trained[other] > 1 for other in one.facts):
            chosen[one] = None
            rows -= len(one.ids)
            question_counts.update(one.facts)
            trained.subtract(one.facts)
    return list(chosen)


def _rank_kind(kind: str) -> int:
    return KIND_RANKS.index(kind) if kind in KIND_RANKS else len(KIND_RANKS)


def _choose_any(others: Sequence[WordingGroup], rows: int, draw: random.Random) -> list[WordingGroup]:
    """Some of the rows without a fact; one wording at least is left to be trained on."""
    chosen: list[WordingGroup] = []
    for one in draw.sample(list(others), len(others))[1:]:
        if len(one.ids) <= rows:
            chosen.append(one)
            rows -= len(one.ids)
    return chosen


def hold_out_rows(db: sqlite3.Connection, ids: Sequence[int], seed: int) -> int:
    """Move these training rows to the exam; returns how many. Rows without key points get some, and all a tag with the seed.

    A row that recites a whole passage asks for one fact of it: it keeps that one, and what it says of it.
    """
    made_points, count = fact_points.load(db), 0
    for row in examples.iterate(db, ids):
        if row.split != "train":
            continue
        answer, names = row.answer, row.facts.split()
        if _recites(row.source, row.kind):
            answer, names = _narrow(db, row, made_points)
        points = row.key_points or made_points.suggest(answer, names, row.question, row.kind)
        tags = " ".join(dict.fromkeys([*row.tags.split(), f"held-{seed}"]))
        db.execute("UPDATE example SET split = 'test', key_points = ?, tags = ? WHERE id = ?", (points, tags, row.id))
        count += 1
    return count


def _recites(source: str, kind: str) -> bool:
    """Whether the first fact of a row is the one asked for, and the others only stand beside it."""
    return source == SOURCE and kind != "combined"


def _narrow(db: sqlite3.Connection, row: Example, made_points: FactPoints) -> tuple[str, list[str]]:
    """Take from a row what it recites beside the fact that it asks for; returns its answer and its facts then."""
    answer, names = made_points.cut_passage(row.question, row.answer, row.facts.split())
    if answer != row.answer:
        examples.set_field(db, row.id, "answer", answer)
        examples.set_field(db, row.id, "facts", " ".join(names))
    return answer, names


def format_held_out(choice: HeldOutChoice, seed: int) -> list[str]:
    """Sentences: how many rows are held out, and how many of them for which fact."""
    lines = [trn("{n} row is kept for the exam (seed {seed}).", "{n} rows are kept for the exam (seed {seed}).",
                 len(choice.ids), seed=seed)]  # fmt: skip
    if choice.by_fact:
        lines.append(", ".join(f"{name} {count}" for name, count in sorted(choice.by_fact.items())))
    if choice.without and choice.by_fact:
        lines.append(trn("{n} row names no fact.", "{n} rows name no fact.", choice.without))
    return lines


def format_shortfall(found: HoldOutMaterial, wanted: int, choice: HeldOutChoice, seed: int) -> str:
    """Why fewer rows are held out than requested; '' where they are not, or only the last wording has too many rows."""
    if len(choice.ids) >= wanted or len(choose_rows(found, found.rows, seed).ids) >= wanted:
        return ""
    return tr("Fewer than asked for: one wording of each fact stays in training. Make more rows first.")


def format_leaks(leaks: int) -> str:
    """What the check for leaks found."""
    if not leaks:
        return tr("No leak: none of them is asked in the training rows.")
    return trn(
        "{n} of them is also asked in the training rows.", "{n} of them are also asked in the training rows.", leaks
    )


async def count_leaks(project: Project, ids: Iterable[int], reporter: Reporter) -> int:
    """How many of these rows are also asked in training, by the check of the whole dataset, which is run again if needed.

    Raises `JukuError`.
    """
    await findings.refresh(project, reporter)
    return await project.read(_count_leaks, set(ids))


def _count_leaks(db: sqlite3.Connection, ids: set[int]) -> int:
    found = {id for (id,) in db.execute("SELECT example FROM finding WHERE rule = ?", (LEAK_RULE,))}
    return len(found & ids)


def _work(request: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    with closing(open_snapshot(Path(request["project"]))) as db:
        found = find_material(db, reporter)
    wordings = [[one.ids, one.facts, one.kind] for one in found.wordings]
    return {"wordings": wordings, "examined": found.examined, "examined_kinds": found.examined_kinds}


if __name__ == "__main__":
    background_process.serve(_work)
