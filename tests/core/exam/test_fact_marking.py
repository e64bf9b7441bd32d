"""Recited passages in an exam: what stands beside the right sentence is not held against it, and what is wrong stays wrong."""

import pytest

from core.exam import fact_marking
from core.exam.graders import PlainQuestion
from core.spec import facts
from core.spec.spec import Spec
from tests.support.projects import write

CLUB = """# Club

## Opened in 1998

Bikes cost 9 euros a day. Tandems cost 18 euros a day. Smoking is not allowed in the shed. Smoking is allowed in the yard.
"""
KAIKAN = "# 会館\n\n## 料金\n\n会員は月3,000円です。学生は月1,500円です。小学生は無料です。\n"
TANDEM = PlainQuestion("How much do tandems cost?", "Tandems cost 18 euros a day.", "18 euros")
HEADED = PlainQuestion("How much do bikes cost?", "Opened in 1998: Bikes cost 9 euros a day.", "")  # without key points
YARD = PlainQuestion(
    "Is smoking allowed in the yard?", "Smoking is allowed in the yard.", "yes|allowed in the yard ; !no"
)
WALK = "# Walks\n\nThe fen walk takes 1.5 hours. The shop opens at 9:00. The hut holds 250 people.\n"
FEN = PlainQuestion("How long is the fen walk?", "The fen walk takes 1.5 hours.", "1.5 hours")
HUT = PlainQuestion("How many people does the hut hold?", "The hut holds 250 people.", "250")
STUDENT = PlainQuestion("学生はいくらですか。", "学生は月1,500円です。", "1,500円")


@pytest.mark.parametrize(
    ("text", "question", "names", "answer", "passes"),
    [
        (CLUB, TANDEM, "f02", "Opened in 1998: Bikes cost 9 euros a day. Tandems cost 18 euros a day.", True),
        (CLUB, TANDEM, "f02", "Bikes cost 9 euros a day.", False),
        (CLUB, TANDEM, "f02", "Tandems cost 9 euros a day. Tandems cost 18 euros a day.", False),
        (CLUB, TANDEM, "f02", "Bikes cost 9 euros a day. Tandems cost 9 euros a day.", False),
        (CLUB, TANDEM, "", "Bikes cost 9 euros a day. Tandems cost 18 euros a day.", False),
        (CLUB, HEADED, "f01", "9 euros.", True),
        (CLUB, HEADED, "f01", "It was opened in 1998.", False),
        (CLUB, YARD, "f04", "Smoking is not allowed in the shed. Smoking is allowed in the yard.", True),
        (CLUB, YARD, "f04", "Smoking is not allowed in the shed. Smoking is not allowed in the yard.", False),
        (KAIKAN, STUDENT, "f02", "料金：会員は月3,000円です。学生は月1,500円です。小学生は無料です。", True),
        (KAIKAN, STUDENT, "f02", "料金：会員は月3,000円です。学生は月3,000円です。", False),
        # The figures of two facts exchanged, in either order; then true ones in other words.
        (CLUB, TANDEM, "f02", "Bikes cost 18 euros a day. Tandems cost 9 euros a day.", False),
        (CLUB, TANDEM, "f02", "Tandems cost 9 euros a day. Bikes cost 18 euros a day.", False),
        (CLUB, TANDEM, "f02", "Tandems cost eighteen euros a day. Bikes cost nine euros a day.", True),
        (CLUB, TANDEM, "f02", "Tandems cost 18 euros a day, twice as much as bikes.", True),
        (KAIKAN, STUDENT, "f02", "料金：会員は月1,500円です。学生は月3,000円です。", False),
        (KAIKAN, STUDENT, "f02", "学生は月1,500円です。会員は月3千円です。", True),
        # The same figure in another form, and a figure that is only asked.
        (WALK, FEN, "f01", "The fen walk takes 1.50 hours.", True),
        (WALK, FEN, "f01", "The fen walk takes 1.5 hours. The shop opens at 9.", True),
        (WALK, FEN, "f01", "The fen walk takes 1.5 hours. The shop opens at 10.", False),
        (WALK, HUT, "f03", "The hut holds 300 people? No, the hut holds 250 people.", True),
    ],
)
def test_true_sentences_beside_the_right_one_do_not_make_it_wrong(project, text, question, names, answer, passes):
    write(project, facts.save, Spec("Club", "ja" if text is KAIKAN else "en", "", text))
    write(project, facts.accept_missing)
    assert fact_marking.mark_answer(project.rows, "key_points", answer, question, names).passed is passes


def test_a_grader_that_compares_whole_answers_stays_strict(project):
    write(project, facts.save, Spec("Club", "en", "", CLUB))
    write(project, facts.accept_missing)
    recited = "Bikes cost 9 euros a day. Tandems cost 18 euros a day."
    assert not fact_marking.mark_answer(project.rows, "exact", recited, TANDEM, "f02").passed
