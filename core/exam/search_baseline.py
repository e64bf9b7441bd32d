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
    found: list[tuple[bool, int]] = []
    for question in asked:
        if question.found is None and question.kind != questions.GENERAL:
            reporter.check()
            found.append((await finds_answer(project, builder, question, question.facts), question.id))
    return await project.write("", _store, found) if found else None


async def finds_answer(project: Project, builder: PromptBuilder, question: GradedQuestion, names: str) -> bool:
    """Whether the first passage that is found for a question about the facts `names` would pass as its answer.

    What the text does not say stands in no passage of it. Raises as `PromptBuilder.find`.
    """
    passages = await builder.find(project, question.question)
    if not passages or question.kind == NOT_STATED:
        return False
    text = passages[0].passage.text
    mark = await project.read(fact_marking.mark_answer, fact_marking.TOLERANT_GRADER, text, question, names)
    return bool(mark.passed)


def _store(db: sqlite3.Connection, found: Sequence[tuple[bool, int]]) -> None:
    db.executemany("UPDATE eval_question SET found = ? WHERE id = ?", found)
