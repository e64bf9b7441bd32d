"""Questions made of a fact without a model: right sentences in both languages, and no gap that tells what it hides."""

import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.paths import RESOURCES
from core.text import near_duplicates, normalise, row_templates

SUBJECTS = {"en": "Hobannu", "ja": "ホバンヌ"}


def facts(language):
    path = RESOURCES / "samples" / f"hobannu-{language}" / "facts.jsonl"
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


ALL = [(language, fact) for language in SUBJECTS for fact in facts(language)]


def made(fact, language):
    return row_templates.make_drafts(fact, SUBJECTS[language], language)


def gapped(fact, language="", subject=""):
    """The sentences with gaps, without the words around them."""
    blank = row_templates.BLANK[language or row_templates.detect_language(fact)]
    found = []
    for draft in row_templates.make_drafts(fact, subject, language):
        start, _, end = fact.partition(draft.key_points)
        del start, end
        found.append(next(one for one in _fillings(fact, draft.key_points, blank) if one in draft.question))
    return found


def _fillings(fact, hidden, blank):
    at = fact.find(hidden)
    while at >= 0:
        yield f"{fact[:at]}{blank}{fact[at + len(hidden) :]}"
        at = fact.find(hidden, at + 1)


@pytest.mark.parametrize(("language", "fact"), ALL)
def test_every_draft_is_honest(language, fact):
    blank = row_templates.BLANK[language]
    for draft in made(fact, language):
        assert draft.answer == fact
        assert SUBJECTS[language] in draft.question
        assert draft.question.count(blank) == 1
        assert any(one in draft.question for one in _fillings(fact, draft.key_points, blank))
        assert normalise.grade(draft.answer, draft.key_points).passed
        assert not normalise.grade(draft.question.replace(SUBJECTS[language], ""), draft.key_points).passed or (
            fact.count(draft.key_points) > 1
        )


@pytest.mark.parametrize(("language", "fact"), ALL)
def test_a_figure_has_two_wordings_that_are_no_near_duplicates(language, fact):
    gaps = made(fact, language)
    assert len({draft.question for draft in gaps}) == len(gaps)
    assert [draft.kind for draft in gaps] == ["direct", "reworded"] * (len(gaps) // 2)
    if any(sign.isdigit() for sign in fact):
        assert len(gaps) >= 2
    for one, other in combinations(gaps, 2):
        assert not near_duplicates.compute_similarity(
            near_duplicates.normalise(one.question), near_duplicates.normalise(other.question)
        )


@pytest.mark.parametrize("language", SUBJECTS)
def test_no_two_facts_are_asked_for_by_the_same_words(language):
    questions = [draft.question for fact in facts(language) for draft in made(fact, language)]
    assert len(set(questions)) == len(questions)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("Each ball measures 18 centimetres across.", ["Each ball measures ___ centimetres across.",
                                                       "Each ball measures ___ across."]),
        ("A ball may be held for at most five seconds.", ["A ball may be held for at most ___ seconds.",
                                                          "A ball may be held for at most ___."]),
        ("A match has two referees.", ["A match has ___ referees."] * 2),
        ("A player who commits a third foul must leave.", ["A player who commits a ___ foul must leave."] * 2),
        ("The race is 1,500 m long.", ["The race is ___ m long.", "The race is ___ long."]),
        ("It weighs twenty-five kilograms.", ["It weighs ___ kilograms.", "It weighs ___."]),
        ("It takes a hundred and five days.", ["It takes a ___ days.", "It takes a ___."]),
        ("No one may use b2 or the other one.", []),
        ("Play restarts after a call of “Regroup” by Anna Lee.",
         ["Play restarts after a call of “___” by Anna Lee."] * 2 + ["Play restarts after a call of “Regroup” by ___."] * 2),
        ("The gap ___ is 3 wide.", []),
        ("ボールの直径は18センチメートルです。", ["ボールの直径は＿＿センチメートルです。", "ボールの直径は＿＿です。"]),
        ("試合は10分ハーフを2回行います。", ["試合は＿＿分ハーフを2回行います。", "試合は＿＿ハーフを2回行います。",
                                       "試合は10分ハーフを＿＿回行います。", "試合は10分ハーフを＿＿行います。"]),
        ("審判は三人で、三角の旗を一緒に持ちます。", ["審判は＿＿人で、三角の旗を一緒に持ちます。", "審判は＿＿で、三角の旗を一緒に持ちます。"]),
        ("反則があると、フリースローが与えられます。", ["反則があると、＿＿が与えられます。"] * 2),
        ("始めの合図は「それっ」です。", ["始めの合図は「＿＿」です。"] * 2),
    ],
)  # fmt: skip
def test_gaps(fact, expected):
    assert gapped(fact) == expected


def test_questions_read_like_this():
    found = row_templates.make_drafts("Each ball measures 18 centimetres across.", "Hobannu")
    assert [draft.question for draft in found] == [
        "Fill in the gap in this sentence about Hobannu: Each ball measures ___ centimetres across.",
        "Each ball measures ___ across. – What belongs in the gap of this sentence about Hobannu?",
    ]
    assert [draft.key_points for draft in found] == ["18", "18 centimetres"]
    found = row_templates.make_drafts("ボールの直径は18センチメートルです。", "ホバンヌ")
    assert [draft.question for draft in found] == [
        "ホバンヌについての次の文の空欄を埋めてください：ボールの直径は＿＿センチメートルです。",
        "ボールの直径は＿＿です。――ホバンヌについてのこの文の空欄には何が入りますか。",
    ]


def test_without_a_subject():
    assert row_templates.make_drafts("There are 3 of them here.", "")[0].question == (
        "Fill in the gap in this sentence: There are ___ of them here."
    )
    assert (
        row_templates.make_drafts("審判は2人です。", "")[0].question
        == "次の文の空欄を埋めてください：審判は＿＿人です。"
    )


@given(st.text(max_size=200), st.text(max_size=10), st.sampled_from(["", "en", "ja"]))
def test_any_fact(fact, subject, language):
    found = row_templates.make_drafts(fact, subject, language)
    assert found == row_templates.make_drafts(fact, subject, language)
    assert all(draft.answer == fact.strip() for draft in found)


def test_a_text_that_is_no_fact_gives_nothing():
    assert row_templates.make_drafts("1 " * 1_000_000, "Hobannu") == []
    assert row_templates.make_drafts(" ", "Hobannu") == []
    assert row_templates.make_drafts("Balls bounce.", "Hobannu", "en") == []
