"""Rows from two invented English pages: each form, and what holds for every row."""

import re
from dataclasses import replace

import pytest

from core.text.questions import english, english_parser
from core.text.questions.english import make_plain_rows, make_rows
from core.text.questions.english_whole import ask_whole
from core.text.questions.rows import Page, PageFact, QuestionRow
from core.text.statements import split_statements

FERRY = """# The Tarn Ferry: for passengers

The Tarn Ferry crosses the lake every hour from April to October. Mira Holt is the captain.

## The crossing

It lasts 25 minutes. Passengers may stand on the upper deck. Dogs are not allowed in the cabin.

## Fares

| Passenger | One way | Return |
|---|---|---|
| Adult (16 and over) | €9 | €15 |
| Child (4 to 15) | €4 | €7 |

- Children under 4 need no ticket.
- Bicycle: €3 a trip.
- You can change a ticket until 17:30 on the day before.
- Groups have to book at least five days ahead.
- If the wind is too strong, go to the waiting room and call the captain.
"""
DICTIONARY = """# Hill bakers' words

**Crumbel.** A round loaf with a hole in it. It weighs about two kilos.

**To drape.** To lay the dough over a pole for three hours.

**Warm lad.** An apprentice who looks after the fire.
"""
needs_parser = pytest.mark.skipif(not english_parser.is_installed(), reason="needs the extra teach")


def make_page(markdown: str) -> Page:
    """The page of a text, each of its statements as a fact."""
    found = split_statements(markdown)
    facts = [PageFact(f"F{at}", one.text, tuple(one.heading.split(" › "))) for at, one in enumerate(found)]
    return Page(found[0].heading.split(" › ")[0], facts)


def ask_all(markdown: str) -> dict[str, str]:
    """All questions that can be asked of a page, before some are chosen, with the answer to each."""
    page = make_page(markdown)
    maker = english._Maker(page, 1, english_parser)
    return {ask.direct: told.answer for told, asks in zip(maker.told, maker.asks, strict=True) for ask in asks}


@needs_parser
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long does the crossing last?", "The crossing lasts 25 minutes."),
        ("How long is the crossing?", "The crossing lasts 25 minutes."),
        ("Who may stand on the upper deck?", "Passengers may stand on the upper deck."),
        ("Where may passengers stand?", "Passengers may stand on the upper deck."),
        ("I am a passenger. May I stand on the upper deck?", "Passengers may stand on the upper deck."),
        ("Are dogs allowed in the cabin?", "Dogs are not allowed in the cabin."),
        ("Do children under 4 need a ticket?", "Children under 4 need no ticket."),
        ("How much is the bicycle a trip?", "Bicycle: €3 a trip."),
        ("Until when can I change a ticket?", "You can change a ticket until 17:30 on the day before."),
        ("How much is an adult passenger (Return)?", "Passenger: Adult (16 and over); One way: €9; Return: €15"),
        (
            "The wind is too strong. What now?",
            "If the wind is too strong, go to the waiting room and call the captain.",
        ),
    ],
)
def test_questions_of_sentences_rows_and_labels(question: str, answer: str) -> None:
    assert ask_all(FERRY)[question] == answer


@needs_parser
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is a crumbel?", "A crumbel is a round loaf with a hole in it."),
        ("What do you call a round loaf with a hole in it?", "A crumbel is a round loaf with a hole in it."),
        ("How heavy is a crumbel?", "A crumbel weighs about two kilos."),
        ("What do I do when I drape?", "To drape is to lay the dough over a pole for three hours."),
    ],
)
def test_questions_of_definitions(question: str, answer: str) -> None:
    assert ask_all(DICTIONARY)[question] == answer


@pytest.mark.parametrize("make", [pytest.param(make_rows, marks=needs_parser), make_plain_rows])
@pytest.mark.parametrize("markdown", [FERRY, DICTIONARY])
def test_what_holds_for_every_row(make, markdown: str) -> None:
    page = make_page(markdown)
    rows: list[QuestionRow] = make(page, 3)
    texts = {told.answer for told in english._Maker(page, 3, english_plain(make)).told}
    assert rows == make(page, 3), "the same rows for the same seed"
    assert len({row.question.casefold() for row in rows}) == len(rows), "no question twice"
    for row in rows:
        assert row.answer.startswith(tuple(texts)) or row.kind == "not_stated", row
        assert set(row.facts) <= {fact.name for fact in page.facts} and row.facts, row


def english_plain(make):
    """The reader that a maker of rows uses."""
    return english_parser if make is make_rows else english.english_plain_parser


@pytest.mark.parametrize("make", [pytest.param(make_rows, marks=needs_parser), make_plain_rows])
def test_kinds_and_numbers_of_rows(make) -> None:
    page = make_page(FERRY)
    rows: list[QuestionRow] = make(page, 1)
    kinds = {row.kind for row in rows}
    assert {"reworded", "reverse", "applied", "combined", "statement", "not_stated", "false_premise"} <= kinds
    assert 12 <= len(rows) / len(page.facts) <= 32


def test_sums_recite_and_conclude() -> None:
    answers = {
        row.answer for seed in range(4) for row in make_plain_rows(make_page(FERRY), seed) if row.form == "times"
    }
    assert any(answer.startswith("Bicycle: €3 a trip. ") or " × €9 = " in answer for answer in answers)


def test_what_the_page_says_is_never_asked_as_open() -> None:
    for seed in range(4):
        open_questions = [row.question for row in make_plain_rows(make_page(FERRY), seed) if row.kind == "not_stated"]
        assert not [one for one in open_questions if "dog" in one.casefold() or "bicycle" in one.casefold()]
        assert open_questions


def test_what_another_passage_says_is_never_asked_as_open() -> None:
    """Passages that are no facts (ignored, deleted, not accepted yet) answer questions, too."""
    page = make_page(FERRY)
    own = replace(
        page, elsewhere=[PageFact("", "You may park at the pier. It is green, and the toilets are inside.", ("Ferry",))]
    )
    asked = [
        " ".join(row.question for seed in range(4) for row in make_plain_rows(one, seed) if row.kind == "not_stated")
        for one in (page, own)
    ]
    for word in ("park", "toilet"):
        assert word in asked[0] and word not in asked[1]


def test_a_sentence_with_two_predicates_or_amounts_is_asked_by_its_first() -> None:
    page = make_page(
        "# The kitchen\n\nThe kitchen opens at 7:30 and closes at 22:00. "
        "A session costs 4 euros for members and 9 euros for guests.\n"
    )
    asked = {row.question for seed in range(4) for row in make_plain_rows(page, seed) if row.kind != "statement"}
    assert any("when does the kitchen open" in one.casefold() for one in asked)
    asking = [one for one in asked if re.match("(?i)when|how much", one)]
    assert asking and not [one for one in asking if re.search("7:30|closes| 9 euros", one)]
    assert not [one for one in asked if re.search(r"\w A session", one)], "an article within a sentence is small"


@pytest.mark.parametrize(
    ("sentence", "questions"),
    [
        ("After a foul, the other team gets a throw.", ["What happens after a foul?"]),
        ("If the wind is strong, the ferry stays.", ["What happens if the wind is strong?"]),
        ("A guest who is late must call the desk.", ["What must a guest who is late do?"]),
        ("A guest who is ill cannot swim.", ["What can a guest who is ill not do?"]),
        ("Children under seven travel free.", []),
        ("After a goal, play restarts.", []),  # another statement says more of it
        ("When it rains, they close.", []),
    ],
)
def test_a_statement_that_is_not_understood_is_asked_for_as_a_whole(sentence, questions):
    asked = [ask.direct for ask in ask_whole(sentence, ["After a goal, the whistle blows."])]
    assert asked == [*questions, f"Is this right: “{sentence.rstrip('.')}”?"]
    assert not [*ask_whole(f"Wait. {sentence}", [])]


def test_a_statement_with_an_unknown_verb_has_a_question_that_a_person_would_ask():
    page = make_page("# Ferry\n\nChildren under seven travel free.\n\nAfter a storm, nobody sails.\n")
    forms = {name: {row.form for row in make_plain_rows(page, 1) if row.facts[0] == name} for name in ("F0", "F1")}
    assert "yes_no" in forms["F0"] and "what_happens" in forms["F1"]


@pytest.mark.parametrize("make", [pytest.param(make_rows, marks=needs_parser), make_plain_rows])
def test_a_list_that_trails_off_has_questions_too(make) -> None:
    rows = make(Page("Inn", [PageFact("f1", "Drinks: tea, coffee, ...", ("Inn", "Bar"))]), 1)
    assert {row.answer for row in rows if row.kind == "reworded"} == {"Drinks: tea, coffee, ..."}
