"""Probe questions: held-out wordings of the facts that are trained, which tell the loop what is learned.

They are rows of the split “validation”: never trained on, and never asked in the exam. The loop looks at their answers
after each round, so their rate flatters; the exam, which nothing is chosen by, is sat once at the end.
"""

import asyncio
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.dataset import examples
from core.dataset.examples import Example
from core.dataset.filters import Filter
from core.errors import JukuError
from core.exam import fact_points, hold_out
from core.exam.held_out_kinds import FACT_KINDS
from core.formats import jsonl
from core.generation import draft_rows, page_rows
from core.generation.page_rows import CLOSED_FORMS, SOURCE, PageMaterial
from core.language import tr
from core.lazy_rapidfuzz import fuzz
from core.progress import Reporter
from core.review import findings
from core.spec import facts, spec
from core.storage.project import Changes, Project
from core.storage.schema import Table
from core.teaching.records import Probe
from core.text.questions.rows import QuestionRow

TAG = "probe"  # what the rows are found by
PROBES_PER_FACT = 3
LIKE = 90.0  # per cent from which two questions, or one and a part of the other, are alike
MIN_PART = 0.4  # of the longer question's letters that the shorter one has
FIRST_SEED, DRAWS = 101, 3  # of the draws that probe questions come from: not those that rows are first made from


@dataclass(frozen=True, slots=True)
class ProbeMaterial:
    """What probe questions are chosen from: the page and its rows, the probe questions that each fact has, the kinds that
    its exam asks, and the questions that it is trained with."""

    page: PageMaterial
    present: dict[str, list[Probe]]
    examined: dict[str, set[str]]
    trained: dict[str, list[str]]


def load_material(db: sqlite3.Connection) -> ProbeMaterial:
    """What `choose_rows` needs of the project."""
    present: dict[str, list[Probe]] = defaultdict(list)
    for probe in load(db):
        present[probe.fact].append(probe)
    trained: dict[str, list[str]] = defaultdict(list)
    for row in examples.iterate(db, Filter(split="train")):
        for name in row.facts.split():
            trained[name].append(row.question)
    return ProbeMaterial(page_rows.load_material(db), dict(present), load_examined_kinds(db), trained)


def load_examined_kinds(db: sqlite3.Connection) -> dict[str, set[str]]:
    """The kinds of questions that the exam asks about each fact."""
    examined: dict[str, set[str]] = defaultdict(set)
    for names, kind in db.execute("SELECT facts, kind FROM example WHERE split = 'test' AND status <> 'rejected'"):
        for name in names.split():
            examined[name].add(kind)
    return dict(examined)


def choose_rows(material: ProbeMaterial, reporter: Reporter) -> list[QuestionRow]:
    """New probe questions, up to `PROBES_PER_FACT` for each fact, with those that are there.

    Of kinds that the exam does not ask of the fact, and unlike all rows that are trained on, where there are such; none
    that a row there asks, nearly or exactly. A fact that has some gets only others of their level. Takes seconds for a long page. Raises `Cancelled`.
    """
    offered = [
        row for row in _draw_candidates(material.page) if len(material.present.get(row.facts[0], [])) < PROBES_PER_FACT
    ]
    proposals = page_rows.build_proposals(offered, material.page.facts, hold=False)
    places = draft_rows.find_unasked(material.page.present, proposals, reporter)
    by_fact: dict[str, list[QuestionRow]] = defaultdict(list)
    for place in places:
        by_fact[offered[place].facts[0]].append(offered[place])
    found: list[QuestionRow] = []
    for name, own in by_fact.items():
        reporter.check()
        there, examined = material.present.get(name, []), material.examined.get(name, set())
        found += _choose_own(own, examined, material.trained.get(name, []), there)
    return found


def _choose_own(
    rows: Sequence[QuestionRow], examined: set[str], trained: Sequence[str], there: Sequence[Probe]
) -> list[QuestionRow]:
    """As many of a fact's candidates as lack beside `there`: only of the best level there is, each unlike the others."""

    def level(row: QuestionRow | Probe) -> tuple[bool, bool]:
        return row.kind in examined, is_like(row.question, trained)

    best = min(map(level, rows))
    if there and best > max(map(level, there)):
        return []  # fewer questions tell more than others of a worse kind
    asked, chosen = [one.question for one in there], list[QuestionRow]()
    for row in sorted(rows, key=lambda row: FACT_KINDS.index(row.kind)):
        if len(asked) < PROBES_PER_FACT and level(row) == best and not is_like(row.question, asked):
            asked.append(row.question)
            chosen.append(row)
    return chosen


def is_like(question: str, others: Iterable[str]) -> bool:
    """Whether one of the others is contained in the question but for a few letters, or contains it.

    Stricter than near duplicates (core/text/near_duplicates.py): “Tell me which gate opens at 3 in Zorvale.” is like “Which
    gate opens at 3?”, and a model that was trained on one knows the other. A few words in a long question are not like it.
    """
    return any(_are_alike(_squeeze(question), _squeeze(other)) for other in others)


def _are_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= MIN_PART * len(long) and fuzz.partial_ratio(short, long) >= LIKE


def _squeeze(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())


async def read_material(project: Project, reporter: Reporter, no_facts: str) -> ProbeMaterial:
    """What `choose_rows` needs, with findings of today. Raises `JukuError`, titled `no_facts`, where there are none."""
    await findings.refresh(project, reporter)
    material = await project.read(load_material)
    if not material.page.page.facts:
        raise JukuError(no_facts, tr("Write a spec and find its facts first, in the spec tab."))
    return material


async def keep(project: Project, reporter: Reporter, tag: str = "") -> tuple[int, Changes]:
    """Add probe questions where facts lack them; returns how many, and what the write has changed.

    Raises `JukuError` where there are no facts or no free wordings, and `Cancelled`.
    """
    material = await read_material(project, reporter, tr("There are no facts to ask about"))
    rows = await asyncio.to_thread(choose_rows, material, reporter)
    if not rows:
        raise JukuError(
            tr("No validation question was added"),
            tr(
                "Each fact has {count} already, or all of its wordings are trained or asked in the exam.",
                count=PROBES_PER_FACT,
            ),
        )
    changes = await project.write(tr("Add validation questions"), add_rows, rows, tag)
    return changes.counts.get(Table.EXAMPLE, 0), changes


def _draw_candidates(material: PageMaterial) -> list[QuestionRow]:
    known = {name for name, entry in material.entries.items() if not entry.fact.ignored}
    drawn = (
        row
        for draw in range(DRAWS)
        for row in page_rows.draw_rows(material.page, material.language, FIRST_SEED + draw)
        if row.kind in FACT_KINDS and row.form not in CLOSED_FORMS and row.facts[0] in known
    )
    return list(dict.fromkeys(drawn))


def add_rows(db: sqlite3.Connection, rows: Iterable[QuestionRow], tag: str = "") -> list[int]:
    """Add probe questions as approved rows of the split “validation”, with a tag more if given; returns their ids.

    Those that were added since they were chosen, by a second click or by the loop, are left out.
    """
    state, known = spec.load(db), {fact.name: fact for fact in facts.load(db)}
    made_points = fact_points.load(db)
    present = Counter(one.fact for one in load(db))
    asked = {row.question for row in examples.iterate(db, Filter(split="validation"))}
    made: list[Example] = []
    for row in rows:
        if row.facts[0] not in known or row.question in asked or present[row.facts[0]] >= PROBES_PER_FACT:
            continue
        fact = known[row.facts[0]]
        present[fact.name] += 1
        points = made_points.suggest(row.answer, [fact.name], row.question, row.kind)
        fields = {
            "split": "validation",
            "status": "approved",
            "kind": row.kind,
            "facts": fact.name,
            "quote": fact.quote,
        }
        tags = " ".join(filter(None, (row.form, TAG, tag)))
        text = jsonl.new_row(state.system_prompt, row.question, row.answer)
        made.append(examples.read_row(text, **fields, tags=tags, key_points=points, source=SOURCE))
    return list(examples.add(db, made))


def load(db: sqlite3.Connection) -> list[Probe]:
    """The probe questions of the project, up to `PROBES_PER_FACT` of each fact that is not ignored.

    Any approved validation row that names a fact is one, but for those that training rows ask, too.
    """
    leaked = {id for (id,) in db.execute("SELECT example FROM finding WHERE rule = ?", (hold_out.LEAK_RULE,))}
    known = {fact.name: fact for fact in facts.load(db) if not fact.ignored}
    rows = [row for row in examples.iterate(db, Filter(split="validation", status="approved")) if row.id not in leaked]
    rows.sort(key=lambda row: TAG not in row.tags.split())
    taken, found, made_points = Counter[str](), list[Probe](), fact_points.load(db)
    for row in rows:
        name = next((name for name in row.facts.split() if name in known), "")
        if name and row.question and row.answer and taken[name] < PROBES_PER_FACT:
            taken[name] += 1
            points = row.key_points or made_points.suggest(row.answer, [name], row.question, row.kind)
            found.append(Probe(row.id, row.question, row.answer, points, row.kind, name))
    return found


def find_left_out(db: sqlite3.Connection, probes: Sequence[Probe]) -> list[str]:
    """The facts that are not ignored and have no probe question, by name."""
    followed = {one.fact for one in probes}
    return [fact.name for fact in facts.load(db) if not fact.ignored and fact.name not in followed]
