"""Rows of a page without a model: planned before they are added, other ones the second time, for what facts lack."""

import asyncio
from collections import Counter

import pytest

from core.dataset import examples, filters, sample_projects
from core.dataset.filters import Filter
from core.exam import fact_coverage, held_out_kinds, point_making
from core.exam.fact_coverage import EXAM
from core.exam.held_out_kinds import PAGE_KINDS
from core.generation import page_rows
from core.generation.page_rows import RowChoice
from core.progress import Cancelled, Reporter
from core.review import findings
from core.spec import facts, spec
from core.spec.spec import Spec
from core.text import normalise
from core.text.questions.rows import KEYWORDS, QuestionRow
from tests.support.projects import write

TEXT = """# Pool

## Times
The pool opens at six in the morning.
The pool closes at nine in the evening.

## Prices
A ticket costs 4 euros.
A child under six pays nothing.
"""


@pytest.fixture
def pool(project):
    write(project, facts.save, Spec("Pool", "en", "Be brief.", TEXT))
    write(project, facts.accept_missing)
    return project


def plan(project, **choice):
    return page_rows.plan_rows(page_rows.load_material(project.rows), RowChoice(**choice), Reporter())


def add(project, **choice):
    added = []
    write(project, lambda db: added.append(page_rows.add_rows(db, RowChoice(**choice), Reporter())))
    return added[0]


def drafts(project):
    return list(examples.iterate(project.rows, Filter(status="draft")))


def questions(project):
    return {row.question for row in examples.iterate(project.rows)}


@pytest.mark.parametrize("name", ["hobannu-en", "hobannu-ja"])
def test_what_is_planned_is_added_and_holds_every_check(project, name):
    write(project, sample_projects.fill, name)
    write(project, examples.delete, list(filters.find(project.rows)))
    planned = plan(project)
    added = add(project)
    rows = drafts(project)
    assert (added.rows, added.held, added.repeated) == (len(planned.rows), planned.counts[EXAM], 0)
    assert Counter(EXAM if row.split == "test" else row.kind for row in rows) == planned.counts
    assert {row.question for row in rows} == {row.question for row, _held in planned.rows}
    assert {row.source for row in rows} == {page_rows.SOURCE}
    assert all(row.tags for row in rows), "a person finds the rows of one form by it"
    per_fact = Counter(row.facts.split()[0] for row in rows)
    assert len(per_fact) == planned.facts == len(facts.load(project.rows))
    assert max(per_fact.values()) <= page_rows.ROWS_PER_FACT
    asked = [row for row in rows if row.split == "test"]
    exam = [row for row in asked if row.kind not in PAGE_KINDS]
    assert len({row.facts for row in exam}) == len(exam) >= 20
    assert all(normalise.grade(row.answer, row.key_points).passed for row in exam)
    of_page = [row for row in asked if row.kind in PAGE_KINDS]
    trained = Counter(row.kind for row in rows if row.split == "train")
    for kind, count in Counter(row.kind for row in of_page).items():
        assert count <= held_out_kinds.count_wanted(len(per_fact)) and 2 * count <= trained[kind]
    assert {row.kind for row in of_page} == {*PAGE_KINDS} & trained.keys()
    assert max(Counter((row.kind, row.facts.split()[0]) for row in of_page).values()) == 1, "spread over the facts"
    for row in of_page:
        assert held_out_kinds.can_be_marked(row.question, row.answer, row.key_points, row.kind), row.question
    if planned.is_parsed:  # without the analysers some facts have no other question
        assert sum(row.tags in page_rows.CLOSED_FORMS for row in exam) <= 3, "“Is it so?” tells its answer"
    asyncio.run(findings.refresh(project, Reporter()))
    assert not {"split-leakage", "near-duplicate", "duplicate-row"} & set(findings.count_by_rule(project.rows))
    asyncio.run(project.undo())
    assert not drafts(project), "one step"


def test_facts_that_have_what_the_plan_wants_get_none_until_more_is_asked_for(pool):
    first = add(pool)
    assert first.rows > 40
    assert plan(pool).rows == []
    assert add(pool).rows == 0
    before = questions(pool)
    more = add(pool, more=True, names=frozenset({"f03"}))
    new = questions(pool) - before
    assert more.rows == len(new) >= 5, "other questions than before"
    assert {row.facts.split()[0] for row in drafts(pool) if row.question in new} == {"f03"}
    write(pool, facts.ignore, [fact.id for fact in facts.load(pool.rows) if fact.name == "f03"], True)
    assert plan(pool, more=True, names=frozenset({"f03"})).rows == []


def test_each_round_gives_other_rows_and_at_last_none(pool):
    counts = [add(pool, more=True, per_fact=100).rows for _round in range(8)]
    assert counts[0] > counts[1] > 0
    assert counts[-1] == 0
    asked = Counter(row.question for row in drafts(pool))
    assert max(asked.values()) == 1


def test_the_plan_is_covered_as_far_as_rows_can_be_made(pool):
    add(pool)
    for entry in fact_coverage.load(pool.rows):
        assert not {"direct", "reworded", "statement", "not_stated", EXAM} & entry.lacking.keys(), entry
    extra = {kind for entry in fact_coverage.load(pool.rows) for kind in entry.trained}
    assert set(fact_coverage.EXTRA_KINDS) <= extra


def test_the_exam_asks_some_questions_of_the_other_kinds_and_no_more_of_them_later(pool):
    first = add(pool)
    asked = [row for row in drafts(pool) if row.split == "test"]
    assert Counter(row.kind for row in asked if row.kind in PAGE_KINDS) == {"not_stated": 1, "false_premise": 1}
    assert first.held == len(asked) == len(facts.load(pool.rows)) + 2
    for seed in (2, 9):
        add(pool, more=True, seed=seed)
        asked = Counter(row.kind for row in drafts(pool) if row.split == "test" and row.kind in PAGE_KINDS)
        assert set(asked.values()) == {1}, "at most a new one of the kind that had none"
    assert all(entry.held == 1 for entry in fact_coverage.load(pool.rows)), "a fact's own question stays its own"


def test_few_rows_of_a_fact_begin_with_what_it_lacks(pool):
    material = page_rows.load_material(pool.rows)
    few = plan(pool, per_fact=9, hold=False)
    per_fact = Counter(row.facts[0] for row, _held in few.rows)
    assert set(per_fact.values()) == {9}
    for name in per_fact:
        kinds = Counter(row.kind for row, _held in few.rows if row.facts[0] == name)
        assert kinds["statement"] and kinds["not_stated"] and kinds["direct"] + kinds["reworded"] > 2, kinds
    assert few.counts[EXAM] == 0
    only = plan(pool, kinds=("statement",), names=frozenset({"f01"}))
    assert set(only.counts) == {"statement"}
    assert plan(pool, kinds=()).rows == []
    known = next(iter(material.entries.values()))
    assert RowChoice(per_fact=50).limit(known) == 50


def test_a_fact_that_the_base_model_knows_gets_what_it_lacks_alone(pool):
    write(pool, lambda db: db.execute("UPDATE fact SET known = '5/5' WHERE name = 'f01'") and None)
    per_fact = Counter(row.facts[0] for row, _held in plan(pool).rows)
    assert per_fact["f01"] == sum(fact_coverage.KNOWN_FACT_PLAN.values()) + fact_coverage.HELD_OUT_WORDINGS
    assert per_fact["f02"] > 10


def test_a_cancelled_step_leaves_nothing(pool):
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises((Cancelled, asyncio.CancelledError)):
        write(pool, page_rows.add_rows, RowChoice(), reporter)
    with pytest.raises(Cancelled):
        page_rows.plan_rows(page_rows.load_material(pool.rows), RowChoice(), reporter)
    assert not drafts(pool)


def test_headings_are_read_from_the_text(pool):
    page = page_rows.load_page(pool.rows)
    assert page.subject == "Pool"
    assert [fact.headings[-1] for fact in page.facts] == ["Times", "Times", "Prices", "Prices"]
    assert spec.get_language(spec.load(pool.rows)) == "en"


def test_what_the_spec_says_beside_the_facts_stands_elsewhere_on_the_page(pool):
    """Ignored, deleted, not accepted yet, or in fewer words than the passage."""
    assert page_rows.load_page(pool.rows).elsewhere == ()
    ids = {fact.name: fact.id for fact in facts.load(pool.rows)}
    write(pool, facts.ignore, [ids["f01"]])
    write(pool, facts.delete, [ids["f02"]])
    write(pool, facts.edit, ids["f03"], "A ticket costs money.")
    write(pool, facts.save, Spec("Pool", "en", "Be brief.", f"{TEXT}Dogs wait outside.\n"))
    write(pool, facts.add, "The water is warm.", "")
    write(pool, facts.ignore, [facts.load(pool.rows)[-1].id])
    page = page_rows.load_page(pool.rows)
    assert [fact.name for fact in page.facts] == ["f03", "f04"]
    assert [(one.name, one.text, *one.headings[-1:]) for one in page.elsewhere] == [
        ("", "The pool opens at six in the morning.", "Times"),
        ("", "The pool closes at nine in the evening.", "Times"),
        ("f03", "A ticket costs 4 euros.", "Prices"),
        ("", "Dogs wait outside.", "Prices"),
        ("", "The water is warm."),
    ]
    asked = [row.question for row in page_rows.draw_rows(page, "en", 1) if row.kind == "not_stated"]
    assert asked and not [one for one in asked if "dog" in one or "close" in one or "warm" in one]


def test_no_question_is_asked_twice_with_another_answer(pool):
    """“The text does not say” was said again in other words, as an answer to the same question."""
    for _round in range(3):
        add(pool, more=True, kinds=("not_stated",))
    asked = Counter(row.question for row in drafts(pool))
    assert len(asked) > 8
    assert max(asked.values()) == 1


KITCHEN = "# Kitchen\n\nThe kitchen has six stations, two ovens and one smoker.\nA session costs 4 euros for members.\n"


def test_no_exam_question_gives_its_answer_away(project):
    write(project, facts.save, Spec("Kitchen", "en", "", KITCHEN))
    write(project, facts.accept_missing)
    for seed in range(1, 5):
        held = [row for row, is_held in plan(project, seed=seed).rows if is_held]
        assert len([row for row in held if row.kind not in PAGE_KINDS]) == 2
        openly = [row for row in held if row.kind not in ("not_stated", "false_premise")]
        assert not [row.question for row in openly if point_making.gives_answer_away(row.question, row.answer)]


def made(question, kind="reworded", form="what", answer="The pool opens at six in the morning."):
    return QuestionRow(question, answer, kind, ("f01",), form)


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ([made("I have a question about pool opens.", form=KEYWORDS), made("Pool?", form=KEYWORDS)], []),
        ([made("Pool?", form=KEYWORDS), made("Does the pool open at six in the morning?", "direct", "yes_no")], [1]),
        ([made("Does the pool open at six in the morning?", "direct", "yes_no"), made("When does it open?")], [1]),
        ([made("What is the pool that opens at six in the morning?", "reverse"), made("Pool?", form=KEYWORDS)], []),
    ],
)
def test_what_nobody_would_ask_is_never_kept_for_the_exam(pool, rows, asked):
    known = {fact.name: fact for fact in facts.load(pool.rows)}
    proposals = page_rows.build_proposals(rows, known, hold=True)
    assert [place for place, one in enumerate(proposals) if one.hold] == asked


def test_a_fact_without_an_exam_question_is_told(pool, monkeypatch):
    rows = tuple(made(question, form=KEYWORDS) for question in ("Pool?", "What about pool, morning?"))
    monkeypatch.setattr(page_rows, "draw_rows", lambda *_args: rows)
    found = plan(pool)
    assert (found.facts, found.without, found.unasked, found.counts[EXAM]) == (1, 3, 4, 0)
    text = " ".join(page_rows.format_gaps(found))
    assert "3 facts get none" in text and "4 facts get no exam question" in text


def test_a_training_row_recites_its_passage_and_an_exam_row_answers_what_is_asked(project):
    text = "# Pool\n\n## Cards\n\n- The Gold Card costs 150 crowns. Parking is free with the Gold Card.\n\n## Rules\n\nDogs stay outside.\n"
    write(project, facts.save, Spec("Pool", "en", "", text))
    write(project, facts.accept_missing)
    add(project, hold=True, more=True)
    whole = "Cards: The Gold Card costs 150 crowns. Parking is free with the Gold Card."
    rows = [row for row in drafts(project) if row.facts.startswith("f01") and row.kind in ("direct", "reworded")]
    trained = {(row.answer, row.facts) for row in rows if row.split == "train"}
    assert trained == {(whole, "f01 f02")}
    asked = [row for row in drafts(project) if row.split == "test" and row.kind not in PAGE_KINDS]
    (exam,) = (row for row in asked if row.facts.split()[0] == "f01")
    assert (exam.answer, exam.facts) == ("The Gold Card costs 150 crowns.", "f01")
    assert "parking" not in exam.key_points.lower()
    doubts = [row.question for row in drafts(project) if "ungrounded" in findings.load_for_row(project.rows, row.id)]
    assert doubts == [], "a heading says where a fact stands"


def test_the_rows_of_a_fact_have_all_forms_that_there_are(project):
    """Rare forms (an exception, a value beyond a span) are not lost among dozens of masked sentences and keywords."""
    text = (
        "# Mill\n\n## Times\n\nThe mill is open from 3 March to 30 October.\n\nThe boat costs €3 an hour.\n\n"
        "Dogs are allowed in the garden, but not in the barn.\n\nThe café serves soup, bread, tea and apple cake.\n"
    )
    write(project, facts.save, Spec("Mill", "en", "", text))
    write(project, facts.accept_missing)
    material = page_rows.load_material(project.rows)
    every = page_rows.draw_rows(material.page, "en", 1)
    drawn = [row for row, _held in page_rows.find_new_rows(material, every, False, Reporter())]
    chosen = plan(project, per_fact=21, hold=False, more=True).rows
    for name in material.entries:
        offered, kept = (
            {row.form for row in rows if row.facts[0] == name} for rows in (drawn, [row for row, _ in chosen])
        )
        assert kept == offered, (name, offered - kept)
    assert {"span", "times", "units", "exception", "exception_case", "whole_list", "membership"} <= {
        r.form for r, _ in chosen
    }


def test_a_spec_without_a_name_is_named_by_its_title(pool):
    """Rows name their subject also where the person has left the field empty."""
    text = "# The tool library\n\n## Opening\n\nWe open at 9:00.\n\n## Fees\n\nA drill costs £3 a day.\n"
    asyncio.run(pool.write("", lambda db: spec.store(db, spec.Spec("", "en", "", text))))
    assert page_rows.load_page(pool.rows).subject == "The tool library"
    asyncio.run(pool.write("", lambda db: spec.store(db, spec.Spec("Shed", "en", "", text))))
    assert page_rows.load_page(pool.rows).subject == "Shed"
