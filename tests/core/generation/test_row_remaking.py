"""Rows whose fact has changed are made anew: the change put in, or the fact itself; as drafts, in one undoable step."""

import asyncio
import json

import pytest

from core.dataset import examples
from core.generation import llm_runs, page_rows, row_remaking
from core.generation.page_rows import RowChoice
from core.progress import Reporter
from core.review import findings
from core.spec import facts
from core.spec.spec import Spec
from tests.support.fake_server import Answer, FakeServer
from tests.support.projects import new_example, write
from tests.support.scripted_models import MODEL, ask

TEXT = "The pool opens at six.\nA ticket costs 4 euros.\n"
NEW = TEXT.replace("six", "seven").replace("4 euros", "5 euros")


@pytest.fixture
def pool(project):
    write(project, facts.save, Spec("Pool", "en", "Be brief.", TEXT))
    write(project, facts.accept_missing)
    rows = [
        new_example("When does the pool open?", "It opens at six.", facts="f01", kind="direct"),
        new_example(
            "I bring 3 friends. What do four tickets cost?",
            "16 euros, since each costs 4 euros.",
            facts="f02",
            kind="applied",
        ),
        new_example(
            "What is a ticket?", "4 euros.", facts="f02", split="test", key_points="4", quote="A ticket costs 4 euros."
        ),
        new_example("Is there a café?", "Yes.", kind="general"),
    ]
    write(project, examples.add, rows)
    write(project, facts.save, Spec("Pool", "en", "Be brief.", NEW))
    return project


def answers(project):
    return [(one.answer, one.status) for one in examples.iterate(project.rows)]


def test_stale_rows_by_fact(pool):
    assert row_remaking.find_stale_rows(pool.rows) == [1, 2, 3]
    assert row_remaking.find_stale_rows(pool.rows, {"f02"}) == [2, 3]


def test_the_change_is_put_in_else_the_fact_answers(pool):
    told = []
    write(
        pool,
        lambda db: told.append(row_remaking.remake_without_model(db, row_remaking.find_stale_rows(db), Reporter())),
    )
    assert told == ["3 rows were remade as drafts."]
    assert answers(pool) == [
        ("It opens at seven.", "draft"),
        ("A ticket costs 5 euros.", "draft"),  # 16 euros would be wrong now
        ("5 euros.", "draft"),
        ("Yes.", "approved"),
    ]
    third = examples.fetch(pool.rows, [3])[3]
    assert (third.split, third.key_points, third.quote) == ("test", "5 euros", "A ticket costs 5 euros.")
    assert not row_remaking.find_stale_rows(pool.rows)
    asyncio.run(pool.undo())
    assert answers(pool)[0] == ("It opens at six.", "approved")
    assert row_remaking.find_stale_rows(pool.rows) == [1, 2, 3]


def test_what_a_row_said_before_stands_in_its_notes(pool):
    """It was to be seen in the dialog only, and gone with it."""
    write(pool, examples.set_field, 1, "notes", "Ask Ann.")
    write(pool, row_remaking.remake_without_model, [1, 2], Reporter())
    notes = [one.notes for one in examples.iterate(pool.rows)]
    assert notes[:2] == [
        "Ask Ann.\nEarlier answer: It opens at six.",
        "Earlier answer: 16 euros, since each costs 4 euros.",
    ]
    assert notes[2:] == ["", ""]
    asyncio.run(pool.undo())
    assert examples.fetch(pool.rows, [1])[1].notes == "Ask Ann."


def test_an_answer_that_says_yes_or_no_is_replaced_by_the_fact(pool):
    write(pool, examples.add, [new_example("Does it open at seven?", "No, it opens at six.", facts="f01")])
    write(pool, lambda db: db.execute("UPDATE example SET problems = 'fact-stale' WHERE id = 5"))
    write(pool, row_remaking.remake_without_model, [5], Reporter())
    assert answers(pool)[4] == ("The pool opens at seven.", "draft")


def test_japanese_figures_are_put_in(project):
    write(project, facts.save, Spec("プール", "ja", "", "プールは午前6時に開きます。\n"))
    write(project, facts.accept_missing)
    write(project, examples.add, [new_example("何時に開きますか。", "午前6時です。", facts="f01")])
    write(project, facts.save, Spec("プール", "ja", "", "プールは午前7時に開きます。\n"))
    write(project, row_remaking.remake_without_model, [1], Reporter())
    assert answers(project) == [("午前7時です。", "draft")]


@pytest.mark.parametrize(
    ("text", "changed", "after"),
    [
        ("It is 4 m, not 14 or 4.5.", [("4", "5")], "It is 5 m, not 14 or 4.5."),
        ("at six, sixteen", [("six", "seven")], "at seven, sixteen"),
        ("a+b (x)", [("(x)", r"\1")], r"a+b \1"),
        ("2 weeks, or 3", [("2", "3"), ("3", "4")], "3 weeks, or 4"),  # what was put in is not changed again
        ("2 weeks, and 1", [("2", "3"), ("2", "5"), ("1", "4")], "2 weeks, and 4"),  # nobody knows which 2 is meant
        ("in 2 weeks", [("2", "9"), ("2 weeks", "a month")], "in a month"),
        ("nothing", [], "nothing"),
        ("6時に開き、6時間と16時は別です。", [("6時", "7時")], "7時に開き、6時間と16時は別です。"),
        ("火曜日と毎火曜日、カメとカメラ", [("火曜日", "水曜日"), ("カメ", "亀")], "水曜日と毎火曜日、亀とカメラ"),
    ],
)
def test_only_whole_figures_and_words_are_changed(text, changed, after):
    assert row_remaking.substitute(text, changed) == after


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("It opens at six on Mondays.", "It opens at seven.", [("six on Mondays", "seven")]),
        ("プールは午前6時に開きます。", "プールは午前7時に開きます。", [("6時", "7時")]),
        (
            "日本語の本は10日まで借りられます。",
            "日本語の本は10週まで借りられます。",
            [("10日", "10週")],
        ),  # not 日 alone, which is in 日本語
        ("休みは火曜日です。", "休みは水曜日です。", [("火曜日", "水曜日")]),
    ],
)
def test_what_became_what(before, after, found):
    assert row_remaking.find_changes(before, after) == found


def remade_by(project, reply):
    made = []
    write(
        project, lambda db: made.append(llm_runs.begin(db, "remake", "fake", MODEL, row_remaking.build_subjects([1])))
    )
    seen = []

    def answer(asked):
        seen.append(asked["messages"][-1]["content"])
        return Answer([reply])

    with FakeServer() as server:
        server.script = answer
        return asyncio.run(ask(project, server.provider(), made[0], Reporter())), seen[0]


def test_a_model_makes_a_row_anew(pool):
    reply = json.dumps({"question": "From when on is the pool open?", "answer": "At seven, it opens."})
    outcome, asked = remade_by(pool, reply)
    assert "<before>\nThe pool opens at six.\n" in asked
    assert "<fact>\nThe pool opens at seven.\n" in asked
    assert answers(pool)[0] == ("At seven, it opens.", "draft")
    assert examples.fetch(pool.rows, [1])[1].notes == (
        "Earlier question: When does the pool open?\nEarlier answer: It opens at six."
    )
    assert outcome.message == "1 row was remade as a draft."
    assert not outcome.is_empty


def test_what_does_not_follow_is_doubted(pool):
    remade_by(pool, json.dumps({"question": "When does the pool open?", "answer": "It opens at nine."}))
    assert "ungrounded" in findings.load_for_row(pool.rows, 1)


def test_a_reply_without_a_row_changes_nothing(pool):
    outcome, _asked = remade_by(pool, "I cannot do that.")
    assert answers(pool)[0] == ("It opens at six.", "approved")
    assert outcome.is_empty


def test_a_row_made_without_a_model_is_made_anew_from_the_page(project):
    """Its question holds the old figure as often as its answer: the change put into both gives nonsense."""
    text = "The pool opens at six in the morning. A ticket costs 4 euros. A locker costs 2 euros."
    write(project, facts.save, Spec("Pool", "en", "", text))
    write(project, facts.accept_missing)
    write(project, page_rows.add_rows, RowChoice(hold=False), Reporter())
    before = {row.id: row for row in examples.iterate(project.rows) if "f02" in row.facts.split()}
    write(project, facts.save, Spec("Pool", "en", "", text.replace("4 euros", "5 euros")))
    stale = row_remaking.find_stale_rows(project.rows)
    assert set(stale) == before.keys()
    write(project, row_remaking.remake_without_model, stale, Reporter())
    after = examples.fetch(project.rows, stale)
    assert {id: (row.kind, row.tags, row.facts) for id, row in after.items()} == {
        id: (row.kind, row.tags, row.facts) for id, row in before.items()
    }
    assert not any("4 euros" in row.answer for row in after.values())
    wrong = [row for row in after.values() if row.kind == "false_premise"]
    assert wrong, "what it is for"
    taken_for_wrong = [row.question for row in wrong if "ticket" in row.question and "5 euros" in row.question]
    assert not taken_for_wrong, "a question that takes the truth for wrong"
    assert len({row.question for row in after.values()}) == len(after)
