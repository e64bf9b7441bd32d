"""Words by which an answer says that it does not know, and words that only look like them."""

import pytest

from core.text import negation
from core.text.questions import english_unstated, japanese_unstated


@pytest.mark.parametrize(
    "answer",
    [
        "The text does not say how long it is.",
        "That isn't mentioned in the rules.",
        "The passage does not explicitly state the reason; the document doesn't provide it.",
        "No information is given on this.",
        "I don't know.",
        "その点は本文に記載されていません。",
        "本文には書かれていません。",
        "申し訳ありませんが、わかりません。",
        "規定はありません。",
    ],
)
def test_admissions(answer):
    assert negation.find_unknown_phrase(answer)


@pytest.mark.parametrize("answer", [*english_unstated.ANSWERS, *japanese_unstated.ANSWERS])
def test_what_the_rules_write_where_the_text_is_silent_is_read_as_an_admission(answer):
    assert negation.find_admission(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "The referee says so, and it does not stop the clock.",
        "It is stated in rule 4.",
        "The box does not contain balls, and no names are given to them.",
        "You do not have to specify a size by yourself.",
        "規則に記載されています。",
        "得点は3点です。負けではありません。",
        "情報は掲示板に貼られます。",
        "",
    ],
)
def test_no_admissions(answer):
    assert not negation.find_unknown_phrase(answer)


@pytest.mark.parametrize(
    ("answer", "verdict", "spoken"),
    [
        ("Yes, of course.", negation.YES, negation.YES),
        ("No, never.", negation.NO, negation.NO),
        ("No problem, you can.", negation.YES, negation.YES),
        ("Sorry, you can't.", negation.NO, ""),
        ("You may.", negation.YES, ""),
        ("It holds no more than five.", "", ""),
        ("Only if it is not wet.", "", ""),
        ("It is red.", "", ""),
        ("はい、できます。", negation.YES, negation.YES),
        ("残念ですが、使えません。", negation.NO, ""),
        ("だめです。", negation.NO, negation.NO),
        ("かまいません。", negation.YES, ""),
    ],
)
def test_verdicts(answer, verdict, spoken):
    assert (negation.read_verdict(answer), negation.read_verdict(answer, spoken=True)) == (verdict, spoken)


def test_being_able_is_no_ban():
    """「できま」 was read as the beginning of できません."""
    text = "60円で借りられます"
    assert not negation.is_denied(text, 0, 3)
    assert negation.is_denied("60円で借りられません", 0, 3)
