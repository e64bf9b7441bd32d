"""What a search of the text alone would answer in an exam, without any model: does the passage found first hold the answer?

A model that was taught a text is worth its training only where it answers more than that.
"""

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.exam import fact_marking, questions, sentence_encoder
from core.exam.graders import GradedQuestion
from core.exam.prompt_conditions import PromptBuilder
from core.progress import Reporter
from core.storage.project import Changes, Project

if TYPE_CHECKING:  # it imports this module
    from core.exam.runs import ExamQuestion

NOT_STATED = "not_stated"


async def measure(
    project: Project, asked: Sequence["ExamQuestion"], builder: PromptBuilder, reporter: Reporter
) -> Changes | None:
    """Store it for each question about the text that was not searched for yet; None where there is none.

    The search is that of this computer (letters, and meaning where the run uses an encoder), also where the run's own one
    asks a server; without the run's encoder there is none. Raises `ProjectError` and `Cancelled`.
    """
    if not builder.text.strip() or (builder.settings.encoder and not sentence_encoder.is_installed()):
        return None
    found: list[tuple[ExamQuestion, str]] = []
    for question in asked:
        if question.found is None and question.kind != questions.GENERAL:
            reporter.check()
            passages = await builder.find(project, question.question)
            found.append((question, passages[0].passage.text if passages else ""))
    return await project.write("", store, found) if found else None


def store(db: sqlite3.Connection, found: Sequence[tuple["ExamQuestion", str]]) -> None:
    """Mark the passages as an exam marks answers, and store which hold the answer."""
    sql = "UPDATE eval_question SET found = ? WHERE id = ?"
    db.executemany(sql, [(holds_answer(db, question, question.facts, one), question.id) for question, one in found])


def holds_answer(db: sqlite3.Connection, question: GradedQuestion, names: str, passage: str) -> bool:
    """Whether a passage would pass as the answer to a question about the facts `names`.

    What the text does not say stands in no passage of it.
    """
    if not passage or question.kind == NOT_STATED:
        return False
    return bool(fact_marking.mark_answer(db, fact_marking.TOLERANT_GRADER, passage, question, names).passed)
