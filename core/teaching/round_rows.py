"""The rows of a round: more and other questions about the facts that are not learned, approved in one step."""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.dataset import bulk_edits
from core.generation import everyday_rows, page_rows, question_writer
from core.generation.page_rows import RowChoice
from core.progress import Reporter
from core.providers import Provider
from core.storage.project import Project
from core.teaching import probes, records, stopping
from core.teaching.records import TeachingPlan, TeachingRound, TeachingRun
from core.teaching.stopping import OWN_QUESTIONS, RULES
from core.text.questions.rows import QuestionRow


@dataclass(frozen=True, slots=True)
class RoundRows:
    """The rows to add: by which means they were made, and everyday questions with their answers."""

    means: str = ""
    rows: Sequence[QuestionRow] = ()
    everyday: Sequence[tuple[str, str]] = ()


async def make(
    project: Project, provider: Provider, run: TeachingRun, number: int, names: Collection[str], reporter: Reporter
) -> RoundRows:
    """New rows for these facts, none of them like a probe question; none where no means gives any.

    Raises `ProviderError`, `ProjectError` and `Cancelled`.
    """
    plan = run.plan
    kept: dict[str, list[str]] = defaultdict(list)
    for one in await project.read(records.load_probes, run.id):
        kept[one.fact].append(one.question)
    everyday = list[tuple[str, str]]()
    if plan.everyday and number == 1:
        _page, language = await project.read(page_rows.load_page_and_language)
        everyday = await everyday_rows.ask(provider, plan.model, language, reporter)
    for means in stopping.choose_means(plan.means, number) if names else ():
        made = await _MAKERS[means](project, provider, plan, number, frozenset(names), reporter)
        if rows := [row for row in made if not probes.is_like(row.question, kept[row.facts[0]])]:
            return RoundRows(means, rows, everyday)
    return RoundRows(everyday=everyday)


async def _make_by_rules(
    project: Project, _provider: Provider, _plan: TeachingPlan, number: int, names: frozenset[str], reporter: Reporter
) -> list[QuestionRow]:
    """In the first round what the facts lack, then other questions than before."""
    choice = RowChoice(names, hold=False, more=number > 1)
    material = await project.read(page_rows.load_material)
    found = await asyncio.to_thread(page_rows.plan_rows, material, choice, reporter)
    return [row for row, _held in found.rows]


async def _write_own_questions(
    project: Project, provider: Provider, plan: TeachingPlan, number: int, names: frozenset[str], reporter: Reporter
) -> list[QuestionRow]:
    """Those of a writer that is there already; other ones in each round, since they are sampled."""
    material = await project.read(page_rows.load_material)
    writer = await question_writer.find_writer(provider, plan.model, material.language)
    if not writer:
        return []
    written = await question_writer.write_rows(
        provider, writer, material.page, material.language, names, reporter, number
    )
    new = await asyncio.to_thread(page_rows.find_new_rows, material, written, False, reporter)
    return [row for row, _held in new]


_MAKERS = {RULES: _make_by_rules, OWN_QUESTIONS: _write_own_questions}


def add(
    db: sqlite3.Connection, run: int, plan: TeachingPlan, number: int, made: RoundRows, reporter: Reporter
) -> TeachingRound:
    """Add the rows, approve those that have no doubts, tag them with the round, and record the round, in one write.

    Rows that may not follow from their facts stay drafts: nobody looks at them before the training. Raises `Cancelled`.
    """
    added = page_rows.add_given_rows(db, made.rows, False, reporter)
    everyday = everyday_rows.store_answers(db, made.everyday, plan.model)
    ids = [*added.ids, *everyday.ids]
    first = min(ids, default=0)
    noted = {id for (id,) in db.execute("SELECT example FROM finding WHERE example >= ?", (first,))}
    doubtful = noted & {*added.ids}
    sound = [id for id in ids if id not in doubtful]
    bulk_edits.add_tag(db, ids, build_tag(run, number), reporter)
    bulk_edits.approve(db, sound, reporter)
    taught = _find_taught_facts(db, {*added.ids} - doubtful)
    means = made.means if taught else ""
    one = TeachingRound(number, means, len(sound), len(ids) - len(sound), taught, 0.0)
    records.begin_round(db, run, one)
    return one


def build_tag(run: int, number: int) -> str:
    """The tag of the rows of a round, by which they can be found and deleted."""
    return f"teach-{run}-{number}"


def _find_taught_facts(db: sqlite3.Connection, ids: set[int]) -> frozenset[str]:
    """The first fact of each row: the one that it was made for."""
    rows = db.execute("SELECT id, facts FROM example WHERE id >= ?", (min(ids, default=0),))
    return frozenset(names.split()[0] for id, names in rows if id in ids)
