"""Marks an answer of the project's exam: what other facts of the spec say word for word is not held against it."""

import sqlite3

from core.exam import fact_points, key_points
from core.exam.graders import GRADERS, GradedQuestion, GraderMark, PlainQuestion
from core.spec import spec
from core.text import recited_headings

TOLERANT_GRADER = "key_points"  # the others compare the whole answer, or only look for words


def mark_answer(db: sqlite3.Connection, grader: str, answer: str, question: GradedQuestion, names: str) -> GraderMark:
    """The mark of an answer to a question about the facts `names`.

    A model that was trained on whole passages answers with one, and each price in it is another figure beside the one that
    was asked for. So a failed answer is marked again without its heading and the sentences of other facts. Nor is a heading
    that a reference answer recites what a right answer has to say.
    """
    if grader != TOLERANT_GRADER or not names:
        return GRADERS[grader].grade(answer, question)
    if not key_points.has_points(question.key_points):
        reference = recited_headings.strip_heading(question.reference, spec.load(db).text)
        question = PlainQuestion(question.question, reference, question.key_points, question.kind)
    mark = GRADERS[grader].grade(answer, question)
    if mark.passed is not False:
        return mark
    rest = fact_points.load(db).cut_other_facts(answer, names.split())
    again = GRADERS[grader].grade(rest, question) if rest not in ("", answer) else mark
    return again if again.passed else mark
