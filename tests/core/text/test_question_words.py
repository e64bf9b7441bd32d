"""What questions ask for: a table by hand."""

import pytest

from core.text.question_words import CLOCK, COUNT, MONEY, TIME, Question

ASKED = [
    ("How much is it, and when do you open?", False, 2, [MONEY, CLOCK, COUNT]),
    ("Can two of us go?", True, 0, []),
    ("How long does it take?", False, 1, [TIME]),
    ("How many panes are there?", False, 1, [COUNT]),
    ("いくらですか。", False, 1, [MONEY]),
    ("何人で、何時に来ますか?", False, 2, [CLOCK, COUNT]),
    ("一人で始めていいですか?", True, 0, []),
    ("どこに捨てればいい?", False, 1, []),
]


@pytest.mark.parametrize(("text", "whether", "things", "kinds"), ASKED)
def test_asked(text, whether, things, kinds):
    question = Question(text)
    assert (question.whether, question.things, question.kinds) == (whether, things, kinds)
