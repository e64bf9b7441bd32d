"""Marks an answer of the project's exam: what other facts of the spec say word for word is not held against it."""

import sqlite3

from core.checks.rule_registry import clip
from core.exam import fact_points, key_points
from core.exam.graders import GRADERS, GradedQuestion, GraderMark, PlainQuestion
from core.language import tr
from core.spec import spec
from core.text import recited_headings

MAX_SENTENCE_SHOWN = 120  # characters of a sentence in a reason
TOLERANT_GRADER = "key_points"  # the others compare the whole answer, or only look for words


def mark_answer(db: sqlite3.Connection, grader: str, answer: str, question: GradedQuestion, names: str) -> GraderMark:
    """The mark of an answer to a question about the facts `names`.

    A model that was trained on whole passages answers with one, and each price in it is another figure beside the one that
    was asked for. So a failed answer is marked again without its heading and the sentences of other facts. Nor is a heading
    that a reference answer recites what a right answer has to say. A passed answer fails where it recites a sentence of the
    text with the figures of another one: the weekend's price for a weekday.
    """
    if grader != TOLERANT_GRADER or not names:
        return GRADERS[grader].grade(answer, question)
    if not key_points.has_points(question.key_points):
        reference = recited_headings.strip_heading(question.reference, spec.load(db).text)
        question = PlainQuestion(question.question, reference, question.key_points, question.kind)
    mark, points = GRADERS[grader].grade(answer, question), fact_points.load(db)
    if mark.passed is False:
        rest = points.cut_other_facts(answer, names.split())
        again = GRADERS[grader].grade(rest, question) if rest not in ("", answer) else mark
        mark = again if again.passed else mark
    exchanged = ""
    if mark.passed and question.kind != "applied":  # an applied answer calculates other figures
        exchanged = points.find_exchanged_figure(answer, question.reference)
    if not exchanged:
        return mark
    reason = tr(
        "The text has other figures in this sentence: “{sentence}”.", sentence=clip(exchanged, MAX_SENTENCE_SHOWN)
    )
    return GraderMark(0.0, False, "\n".join(filter(None, (mark.reason, reason))), mark.found, mark.missed)
