"""Rows whose answers contradict their facts find them by the question, and the doubt says what the text has."""

import asyncio

import pytest

from core.dataset import examples
from core.generation import fact_links
from core.progress import Reporter
from core.review import findings
from core.review.fact_matching import Linker
from core.spec import facts
from core.spec.facts import Fact
from core.spec.spec import Spec
from core.text import statements
from tests.support.projects import new_example, write

FERRY = """# Ostrel ferry
A single ticket costs 9 crowns. A return ticket costs 15 crowns.
The crossing takes 50 minutes.
The kitchen has six stations, two convection ovens and one smoker.
A bicycle costs €3.
"""
BATH = """# 月見湯
入浴料は大人480円です。
水風呂の温度は17度です。大きな浴槽の温度は41度です。
サウナは90度で、8人まで入れます。
タオルは一枚60円で貸します。
"""
LIBRARY = """# Harbour library
A library card costs 12 euros a year.
Books can be borrowed for 21 days. A loan can be extended by 14 days.
The late fee is 0.30 euros per book and day.
A lost card costs 5 euros to replace.
"""
HALL = """# 港会館
土曜日は10時から14時まで開館します。
会議室の使用料は1時間1500円です。
"""
WRONG_ROWS = [  # the page, question, answer, what the answer has, what the text has
    (FERRY, "How much is a single ticket?", "A single ticket costs 8 crowns.", "8 crowns", "9 crowns"),
    (FERRY, "Price of a single ticket?", "8 crowns", "8 crowns", "9 crowns"),
    (FERRY, "How many stations? ", "Eight stations.", "8 stations", "6 stations"),
    (FERRY, "How long does the crossing take?", "40 minutes.", "40 minutes", "50 minutes"),
    (FERRY, "How much do I pay for a bicycle?", "€5.", "€5", "€3"),
    (BATH, "水風呂は何度ですか？", "15度です。", "15度", "17度"),
    (BATH, "水風呂の温度を教えてください。", "15度です", "15度", "17度"),
    (BATH, "サウナは何人まで入れますか？", "10人までです。", "10人", "8人"),
    (BATH, "タオルはいくらで借りられますか？", "100円です。", "100円", "60円"),
    (LIBRARY, "How much does a library card cost per year?", "14 euros.", "14 euros", "12 euros"),
]
# Right rows, sums, and questions about something else: none of them contradicts a fact.
OTHER_ROWS = [
    (FERRY, "How much is a single ticket?", "9 crowns."),
    (FERRY, "How much do 2 single tickets cost?", "18 crowns."),
    (FERRY, "How much do a single and a return ticket cost altogether?", "24 crowns."),
    (FERRY, "How many planets are there?", "Eight planets."),
    (FERRY, "How much is a dog ticket?", "The text does not say."),
    (BATH, "水風呂は何度ですか？", "17度です。"),
    (BATH, "富士山の高さは？", "3776メートルです。"),
    (LIBRARY, "How long can I borrow a book if I extend once?", "35 days"),
    (LIBRARY, "How much does a library card cost per month?", "1 euro."),
    (LIBRARY, "What is the late fee?", "30 cents a day"),  # the same in another unit
    (LIBRARY, "What does a late book cost a week?", "2.10 euros."),
    (LIBRARY, "How much do a card and a replacement cost together?", "17 euros."),
    (HALL, "土曜日は何時間開いていますか。", "4時間です。"),
    (HALL, "会議室を半日使うといくらですか。", "6000円です。"),
]

KILN = """# Kiln
If you cancel less than 48 hours before the firing, you pay half the fee. A full firing costs 36 pounds, a half firing 21 pounds.
Students of the evening class pay nothing for their first firing. Above 600 °C the damper stays half open.
A glaze firing goes up to 1,240 °C. Pots that are thicker than 30 mm are refused.
"""


@pytest.fixture
def fill(project):
    def _fill(page, *rows):
        write(project, facts.save, Spec("Page", "", "", page))
        write(project, facts.accept_missing)
        write(project, examples.add, [new_example(*row) for row in rows])
        return project

    return _fill


def linker(page):
    found = statements.split_statements(page)
    return Linker([Fact(at, f"f{at:02d}", one.text, one.quote) for at, one in enumerate(found, 1)], page)


def doubts(project):
    asyncio.run(findings.refresh(project, Reporter()))
    return [one.message for one in findings.load(project.rows, "ungrounded")]


@pytest.mark.parametrize(("page", "question", "answer", "wrong", "right"), WRONG_ROWS)
@pytest.mark.parametrize("linked", [True, False], ids=["imported", "typed"])
def test_a_wrong_figure_is_doubted_with_the_passage(fill, linked, page, question, answer, wrong, right):
    project = fill(page, (question, answer))
    if linked:
        result = asyncio.run(fact_links.link_rows(project, Reporter()))
        assert (result.linked, result.contradicting) == (1, 1)
        assert "(a guess)" in fact_links.format_result(result)
        assert 0.7 <= fact_links.get_guess(project.rows, 1) < 1
    (message,) = doubts(project)
    assert message.startswith(f"The text says {right}, not {wrong}: “")
    assert ("is a guess" in message) is not linked  # a linked row says so beside its fact


@pytest.mark.parametrize(("page", "question", "answer"), OTHER_ROWS)
def test_other_rows_contradict_nothing(fill, page, question, answer):
    assert not linker(page).link(1, question, answer).contradicts
    assert not doubts(fill(page, (question, answer)))


def test_a_row_that_a_person_gave_no_fact_is_not_guessed(fill):
    project = fill(FERRY, ("How much is a single ticket?", "8 crowns."))
    write(project, fact_links.decide, [(1, "")])
    assert not doubts(project)
    write(project, fact_links.decide, [(1, "f01")])
    assert fact_links.get_guess(project.rows, 1) is None
    assert len(doubts(project)) == 1


def test_a_link_that_is_sure_without_the_figure_contradicts_too():
    page = "# 月見湯\n入浴料は大人480円です。\n水風呂の温度は17度です。\nタオルは一枚60円で貸します。\n小学生未満は無料です。\n"
    link = linker(page).link(1, "水風呂は何度ですか？", "15度です。")
    assert link.contradicts and not link.by_question and link.is_sure
    assert not linker(page).link(1, "水風呂は何度ですか？", "17度です。").contradicts


def test_an_answer_that_repeats_the_fact_needs_less_of_its_question():
    link = linker(KILN).link(1, "What do I pay for a half firing?", "A half firing costs 24 pounds.")
    assert (link.facts, link.contradicts, link.by_question) == ("f02", True, True)
    assert not linker(KILN).link(1, "What do I pay for a half firing?", "A half firing costs 21 pounds.").contradicts
