"""The coverage of facts: what each fact has and lacks, how many rows are stale, and what the newest exam measured."""

from collections import Counter
from dataclasses import replace

import pytest

from core.dataset import bulk_edits, examples, filters, sample_projects
from core.dataset.examples import Filter
from core.exam import fact_coverage
from core.exam.fact_coverage import EXAM, STUDY_PLAN, FactCoverage
from core.exam.statistics import PassRate
from core.generation import page_rows
from core.generation.page_rows import RowChoice
from core.progress import Reporter
from core.spec import facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec
from tests.support.projects import new_example, write

FACT = Fact(1, "f01", "A.", "A.")
FULL = Counter(STUDY_PLAN)


def row(taught, kind="direct", split="train", **fields):
    return new_example("Why?", "So.", facts=taught, kind=kind, split=split, **fields)


@pytest.fixture
def game(project):
    write(project, spec.store, Spec("Game", text="A is red. B is blue. C is green.\n"))
    write(project, facts.accept_missing)
    return project


def entries(project):
    return {entry.fact.name: entry for entry in fact_coverage.load(project.rows)}


def test_rows_are_counted_by_kind_split_and_state(game):
    write(
        game,
        examples.add,
        [
            row("f01"), row("f01", "reworded", status="draft"), row("f01 f02", "reworded"), row("f01", status="rejected"),
            row("f01", split="validation"), row("f01", "reworded", "test"), row("f01", "memorised", "test"),
            row("f01", "applied", "test", status="rejected"), row("f01", "not_stated", "test"), row("f02 f01", "combined", "test"), row("f99"), row(""), replace(row("f02 f02"), problems="fact-stale x"),
        ],
    )  # fmt: skip
    found = entries(game)
    assert list(found) == ["f01", "f02", "f03"]
    first, second, third = found.values()
    assert (first.trained, first.held, first.drafts, first.stale, first.rows) == (
        {"direct": 1, "reworded": 2},
        1,
        1,
        0,
        3,
    )
    assert (second.trained, second.held, second.stale) == ({"direct": 1, "reworded": 1}, 0, 1)
    assert (third.rows, third.recall, third.state) == (0, None, "bare")
    assert first.lacking == {"reworded": 2, "reverse": 1, "applied": 1, "statement": 1, "not_stated": 1}
    assert third.lacking == STUDY_PLAN | {EXAM: 1}
    assert first.approved == {"direct": 1, "reworded": 1}


def test_only_approved_rows_cover_a_fact(game):
    kinds = [kind for kind, count in STUDY_PLAN.items() for _time in range(count)]
    write(game, examples.add, [row("f01", kind, status="draft") for kind in kinds])
    write(game, examples.add, [row("f01", "reworded", "test", status="draft")])
    entry = entries(game)["f01"]
    assert (entry.state, entry.lacking) == ("bare", {})  # drafts need not be made again
    assert entry.uncovered == STUDY_PLAN | {EXAM: 1}
    write(game, lambda db: db.execute("UPDATE example SET status = 'approved' WHERE split = 'train'") and None)
    assert (entries(game)["f01"].state, entries(game)["f01"].uncovered) == ("unproved", {EXAM: 1})
    write(game, lambda db: db.execute("UPDATE example SET status = 'approved'") and None)
    assert entries(game)["f01"].state == "covered"


def test_a_row_that_becomes_stale_is_counted(game):
    write(game, examples.add, [row("f01"), row("f01", split="test")])
    write(game, facts.save, Spec("Game", text="A is pink. B is blue. C is green.\n"))
    assert (entries(game)["f01"].stale, entries(game)["f01"].state) == (2, "stale")
    write(game, facts.save, Spec("Game", text="A is red. B is blue. C is green.\n"))
    assert entries(game)["f01"].stale == 0


@pytest.mark.parametrize(
    ("entry", "state", "lacking"),
    [
        (FactCoverage(Fact(1, "f01", "A.", "A.", ignored=True), FULL, 0, 0, 3), "ignored", {}),
        (FactCoverage(FACT, FULL, 1, 0, 1), "stale", {}),
        (FactCoverage(FACT), "bare", STUDY_PLAN | {EXAM: 1}),
        (FactCoverage(FACT, FULL), "unproved", {EXAM: 1}),
        (FactCoverage(FACT, FULL - Counter(reverse=1), 1), "thin", {"reverse": 1}),
        (FactCoverage(FACT, FULL, 2), "covered", {}),
        (FactCoverage(Fact(1, "f01", "A.", "A.", known="4/5"), Counter(direct=1, reworded=1, statement=1), 1), "covered", {}),
        (FactCoverage(Fact(1, "f01", "A.", "A.", known="3/5"), Counter(STUDY_PLAN) - Counter(direct=1), 1), "thin", {"direct": 1}),
    ],
)  # fmt: skip
def test_the_state_of_a_fact_and_what_it_lacks(entry, state, lacking):
    assert (entry.state, entry.lacking) == (state, lacking)


@pytest.mark.parametrize(
    ("known", "word"),
    [("", ""), ("5/5", "known"), ("4/5", "known"), ("3/5", "sometimes"), ("1/5", "unknown"), ("0/1", "unknown"), ("0/0", ""),
     ("x/5", ""), ("2", ""), ("-1/2", "")],
)  # fmt: skip
def test_what_right_answers_mean(known, word):
    assert fact_coverage.knowledge(known) == word


def run(project, models, *answers):
    """An exam: answers are fact names, model, and whether it was right."""

    def record(db):
        sql = (
            "INSERT INTO eval_run (created_at, repeats, settings, status) VALUES (0, 1, '{}', 'succeeded') RETURNING id"
        )
        (id,) = db.execute(sql).fetchone()
        sql = "INSERT INTO eval_subject (run, position, provider, model, condition) VALUES (?, ?, '', ?, 'closed') RETURNING id"
        subjects = {model: db.execute(sql, (id, at, model)).fetchone()[0] for at, model in enumerate(models)}
        for taught, model, passed in answers:
            sql = "INSERT INTO eval_question (run, question, reference, key_points, kind, facts) VALUES (?, '', '', '', '', ?)"
            question = db.execute(sql, (id, taught)).lastrowid
            db.execute(
                "INSERT INTO eval_answer (run, question, subject, sample, text, score, passed, reported, fingerprint, seconds, "
                "sent, received, passages) VALUES (?, ?, ?, 0, '', 0, ?, '', '', 0, 0, 0, '[]')",
                (id, question, subjects[model], passed),
            )

    write(project, record)


def test_recall_is_the_last_models_in_the_newest_exam_with_answers(game):
    run(game, ["base", "old"], ("f01", "old", True))
    run(
        game, ["base", "new"], ("f01", "base", True), ("f01", "new", False), ("f01 f02", "new", True), ("", "new", True)
    )
    run(game, ["base", "none"], ("f01", "base", True))
    run(game, [])
    recall = {name: entry.recall for name, entry in entries(game).items()}
    assert recall == {"f01": PassRate.of([0, 1], [1, 1]), "f02": PassRate.of([1], [1]), "f03": None}
    write(game, lambda db: db.execute("UPDATE eval_question SET kind = 'not_stated' WHERE facts = 'f01 f02'") and None)
    recall = {name: entry.recall for name, entry in entries(game).items()}
    assert recall == {"f01": PassRate.of([0], [1]), "f02": None, "f03": None}


@pytest.mark.parametrize("name", ["hobannu-en", "hobannu-ja"])
def test_the_coverage_of_the_sample(project, name):
    write(project, sample_projects.fill, name)
    found = fact_coverage.load(project.rows)
    assert len(found) == 22
    places = facts.find_places(spec.load(project.rows).text, [entry.fact for entry in found])
    assert [entry.fact.id for entry in found] == sorted(places, key=places.__getitem__)
    for entry in found:
        rows = filters.find(project.rows, Filter(fact=entry.fact.name))
        held = filters.find(project.rows, Filter(fact=entry.fact.name, split="test"))
        assert entry.rows == len(rows) - len(held) > 0
        assert 0 < entry.held <= len(held)
        assert (entry.drafts, entry.stale, entry.recall) == (0, 0, None)


def test_rows_without_a_kind_count_as_direct_then_as_reworded(game):
    write(game, lambda db: db.execute("DELETE FROM example").rowcount)
    write(game, examples.add, [row("f01", kind="") for _ in range(3)])
    first = entries(game)["f01"]
    assert first.trained["direct"] == STUDY_PLAN["direct"]
    assert first.trained["reworded"] == 3 - STUDY_PLAN["direct"]
    assert first.rows == 3
    assert "direct" not in first.lacking


def test_drafts_without_a_kind_cover_nothing(game):
    write(game, examples.add, [row("f01", kind="", status="draft") for _ in range(3)])
    first = entries(game)["f01"]
    assert (first.approved, first.state) == ({}, "bare")
    write(game, examples.add, [row("f01", kind="")])
    first = entries(game)["f01"]
    assert (first.approved, first.rows, first.drafts) == ({"direct": 1}, 4, 3)


@pytest.mark.parametrize(
    ("kinds", "counted"),
    [
        ({"direct": 6}, {"direct": 1, "reworded": 5}),  # Japanese rows of a page are direct, all of them
        ({"reworded": 7}, {"direct": 1, "reworded": 6}),
        ({"direct": 1, "reworded": 2}, {"direct": 1, "reworded": 2}),
        ({"reworded": 3}, {"reworded": 3}),
        ({"": 2, "reworded": 5}, {"direct": 1, "reworded": 6}),
    ],
)
def test_wordings_beyond_the_plan_count_where_others_lack(game, kinds, counted):
    write(game, examples.add, [row("f01", kind) for kind, count in kinds.items() for _ in range(count)])
    entry = entries(game)["f01"]
    assert +entry.trained == counted
    assert entry.rows == sum(kinds.values())


def test_kinds_that_not_every_fact_has_are_counted_and_never_lack(game):
    write(game, examples.add, [row("f01 f02", "combined"), row("f01", "false_premise")])
    first = entries(game)["f01"]
    assert (first.trained["combined"], first.trained["false_premise"]) == (1, 1)
    assert first.lacking == STUDY_PLAN | {EXAM: 1}


def recite(db, names, recited, split="train"):
    """A row that asks for the first of its facts and recites the others."""
    (id,) = examples.add(db, [row(names, split=split)])
    db.execute("UPDATE example SET recited = ? WHERE id = ?", (recited, id))


def test_a_recited_passage_counts_for_the_fact_that_is_asked_for(game):
    def fill(db):
        recite(db, "f01 f02", "f02")
        recite(db, "f01 f02", "")  # asks for both
        recite(db, "f03", "f03")  # a person linked it to this fact alone
        bulk_edits.duplicate(db, [1], Reporter())

    write(game, fill)
    found = entries(game)
    assert [(one.rows, one.also_stated, one.state) for one in found.values()] == [
        (3, 0, "unproved"),
        (1, 2, "unproved"),
        (1, 0, "unproved"),
    ]
    write(game, lambda db: db.execute("DELETE FROM example WHERE id = 2") and None)
    assert (entries(game)["f02"].state, entries(game)["f02"].lacking["direct"]) == ("bare", 1)  # its own row is gone
    write(game, lambda db: facts.merge(db, [entries(game)[name].fact.id for name in ("f01", "f02")]))
    (merged, _third) = entries(game).values()
    assert (merged.rows, merged.also_stated) == (2, 0)


def test_rows_of_a_page_know_which_facts_their_question_asks_for(project):
    text = (
        "# Huts\n\n- The lake hut has a stove. It costs 12 crowns a night. Its door is green.\n- Dogs sleep outside.\n"
    )
    write(project, lambda db: facts.save(db, Spec("Huts", "en", text=text)))
    write(project, facts.accept_missing)
    write(project, page_rows.add_rows, RowChoice(), Reporter())
    stored = list(project.rows.execute("SELECT facts, recited, split FROM example"))
    assert {len(recited.split()) for _names, recited, _split in stored} > {0}, "some recite other facts"
    assert all(set(recited.split()) < set(names.split()) for names, recited, _split in stored)
    assert not any(recited for _names, recited, split in stored if split == "test")
    own = {
        name: [one for one in stored if one[0].split()[0] == name and one[2] == "train"] for name in entries(project)
    }
    assert all(entry.rows >= len(own[name]) for name, entry in entries(project).items())
    write(project, lambda db: db.execute("DELETE FROM example WHERE facts LIKE 'f02%'") and None)
    second = entries(project)["f02"]
    assert second.also_stated and second.rows < 4 and second.lacking
