"""Rows kept for the exam: a wording of each fact, nothing that is trained on as well, the same again with the same seed."""

import asyncio
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cli import commands
from core.dataset import examples
from core.exam import hold_out, questions
from core.exam.hold_out import HoldOutMaterial, WordingGroup, choose_rows
from core.progress import Reporter
from core.spec import facts, spec
from core.text.questions.rows import SOURCE
from tests.support.projects import new_example, write

WORDINGS = [
    ("How wide is the pond?", "Four metres.", "f01"),
    ("Tell me the width of the pond.", "It is four metres wide.", "f01"),
    ("Tell me the width of that pond.", "4 metres.", "f01"),  # nearly the one before: they stay together
    ("When does the gate open?", "At seven.", "f02"),
    ("At what time can I come in?", "At seven in the morning.", "f02"),
    ("May I swim?", "No, swimming is forbidden.", "f03"),  # the only wording: it is trained on
    ("Who feeds the ducks?", "The warden does.", ""),
    ("What colour is the bench?", "It is green.", ""),
    ("Where is the kiosk?", "Behind the mill.", ""),
]


@pytest.fixture
def pond(project):
    write(project, spec.store, spec.Spec("Pond", "en", "", "The pond is four metres wide. The gate opens at seven. No swimming."))  # fmt: skip
    write(project, facts.accept_missing)
    rows = [new_example(asked, said, facts=names) for asked, said, names in WORDINGS]
    write(project, examples.add, rows)
    return project


def held(project):
    return [row for row in examples.iterate(project.rows) if row.split == "test"]


def test_wordings_that_are_nearly_the_same_stay_on_one_side(pond):
    found = hold_out.find_material(pond.rows, Reporter())
    assert (2, 3) in [one.ids for one in found.wordings]
    for seed in range(20):
        ids = set(choose_rows(found, 4, seed).ids)
        assert len(ids & {2, 3}) in (0, 2)


def test_each_fact_keeps_a_wording_to_be_trained_on(pond):
    found = hold_out.find_material(pond.rows, Reporter())
    for seed in range(20):
        choice = choose_rows(found, 9, seed)
        assert 6 not in choice.ids
        assert set(choice.by_fact) == {"f01", "f02"}
        left = {name for id, (*_said, name) in enumerate(WORDINGS, 1) if id not in choice.ids and name}
        assert left == {"f01", "f02", "f03"}


def test_why_fewer_are_kept_than_asked_for_is_said(pond):
    found = hold_out.find_material(pond.rows, Reporter())
    choice = choose_rows(found, 9, 1)
    assert len(choice.ids) < 9
    assert "one wording of each fact stays in training" in hold_out.format_shortfall(found, 9, choice, 1)
    for wanted in range(1, len(choice.ids) + 1):
        assert hold_out.format_shortfall(found, wanted, choose_rows(found, wanted, 1), 1) == ""


def test_the_seed_decides(pond):
    found = hold_out.find_material(pond.rows, Reporter())
    assert choose_rows(found, 3, 7) == choose_rows(found, 3, 7)
    assert len({tuple(choose_rows(found, 3, seed).ids) for seed in range(10)}) > 1


def test_drafts_and_what_is_kept_already_are_left_alone(pond):
    write(pond, examples.set_field, 2, "status", "draft")  # its near twin would leak where the draft is approved
    write(pond, examples.set_field, 4, "split", "test")
    found = hold_out.find_material(pond.rows, Reporter())
    assert not {2, 3, 4} & {id for one in found.wordings for id in one.ids}
    assert found.examined == {"f02": 1}


def test_rows_are_kept_in_one_step_with_key_points(pond):
    write(pond, hold_out.hold_out_rows, [1, 4], 5)
    assert [(row.id, row.key_points, row.tags) for row in held(pond)] == [
        (1, "Four metres", "held-5"),
        (4, "seven", "held-5"),
    ]
    assert {row.question for row in questions.load_exam_rows(pond.rows, False)} == {WORDINGS[0][0], WORDINGS[3][0]}
    asyncio.run(pond.undo())
    assert not held(pond)


def test_leaks_are_looked_for_afterwards(pond):
    write(pond, hold_out.hold_out_rows, [2], 1)  # by hand: its twin is trained on
    assert asyncio.run(hold_out.count_leaks(pond, [2], Reporter())) == 1
    assert asyncio.run(hold_out.count_leaks(pond, [1], Reporter())) == 0


def test_some_of_each_kind_are_kept_beside_a_wording_of_each_fact():
    ids = iter(range(1, 1000))
    kinds = ("reworded", "reworded", "direct", "not_stated", "not_stated", "false_premise", "general")
    made = [WordingGroup((next(ids),), (f"f{fact:02}",), kind) for fact in range(10) for kind in kinds]
    kind_of = {one.ids[0]: one.kind for one in made}
    for seed in range(5):
        choice = choose_rows(HoldOutMaterial(made), 20, seed)
        assert len(choice.ids) == 20 and len(choice.by_fact) == 10
        counts = Counter(kind_of[id] for id in choice.ids)
        assert (counts["not_stated"], counts["false_premise"]) == (2, 2)
    few = choose_rows(HoldOutMaterial(made), 9, 1)
    assert {kind_of[id] for id in few.ids} == {"reworded"}, "a wording of each fact comes first"
    there = HoldOutMaterial(made, examined_kinds=Counter(not_stated=2, false_premise=2))
    assert not {"not_stated", "false_premise"} & {kind_of[id] for id in choose_rows(there, 12, 1).ids}


names = st.lists(st.sampled_from(["f01", "f02", "f03", "f04"]), max_size=2, unique=True)


@settings(deadline=None)
@given(st.lists(st.tuples(names, st.integers(1, 3)), max_size=20), st.integers(0, 40), st.integers(0, 9))
def test_never_more_than_wanted_and_never_a_whole_fact(made, rows, seed):
    numbers = iter(range(1, 1000))
    wordings = [WordingGroup(tuple(next(numbers) for _ in range(size)), tuple(of)) for of, size in made]
    choice = choose_rows(HoldOutMaterial(wordings, Counter()), rows, seed)
    assert len(choice.ids) <= rows
    chosen = set(choice.ids)
    for one in wordings:
        assert len(chosen & set(one.ids)) in (0, len(one.ids))
    for name in {name for one in wordings for name in one.facts}:
        assert any(name in one.facts and not chosen & set(one.ids) for one in wordings)


def test_the_command_line_keeps_rows(pond, capsys):
    path = pond.path
    pond.close()
    assert commands.run(["hold-out", str(path), "--rows", "1"]) == 0
    assert "1 row is kept for the exam (seed 1)." in capsys.readouterr().out
    assert commands.run(["hold-out", str(path), "--share", "0.4", "--seed", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert 0 < len(told["rows"]) <= 4
    assert told["leaks"] == 0
    assert told["seed"] == 3


def test_without_rows_the_command_line_says_so(project, capsys):
    path = project.path
    project.close()
    assert commands.run(["hold-out", str(path)]) == 1
    assert "0 rows are kept for the exam" in capsys.readouterr().out


def test_keywords_that_the_rules_made_are_no_exam_question(pond):
    rows = [
        new_example("Tell me about pond, metres.", "Four.", facts="f01", source="offline", tags="keywords"),
        new_example("Pond size, roughly?", "Four metres.", facts="f01", tags="keywords"),  # a person's own
    ]
    write(pond, examples.add, rows)
    found = {id for one in hold_out.find_material(pond.rows, Reporter()).wordings for id in one.ids}
    assert len(WORDINGS) + 1 not in found and len(WORDINGS) + 2 in found


CLUB = """# Club

## Opened in 1998

Tandems cost 18 euros a day. They are kept in the red shed.

## Fishing: rules!

Carp must be put back.
"""
HEADED = "Opened in 1998: Tandems cost 18 euros a day. They are kept in the red shed."
NAMED = "Opened in 1998: Tandems cost 18 euros a day. Tandems are kept in the red shed."


@pytest.mark.parametrize(
    ("question", "answer", "names", "kind", "kept", "points"),
    [
        ("How much are tandems?", HEADED, "f01 f02", "direct", ("Tandems cost 18 euros a day.", "f01"), "18 euros"),
        ("Where are tandems?", NAMED, "f02 f01", "direct", ("Tandems are kept in the red shed.", "f02"), "red|shed"),
        ("What must be put back?", "Fishing: rules! Carp must be put back.", "f03", "reverse",
         ("Carp must be put back.", "f03"), "carp"),
        ("Are they in the red shed?", HEADED, "f01 f02", "direct", (HEADED.partition(": ")[2], "f01 f02"), "18 euros|tandems"),
        ("Price and place?", HEADED, "f01 f02", "combined", (HEADED, "f01 f02"), "18 euros"),
    ],
)  # fmt: skip
def test_a_row_that_recites_its_passage_is_asked_for_its_own_fact_alone(
    project, question, answer, names, kind, kept, points
):
    write(project, facts.save, spec.Spec("Club", "en", "", CLUB))
    write(project, facts.accept_missing)
    row = new_example(question, answer, facts=names, kind=kind, status="approved", source=SOURCE)
    write(project, examples.add, [row])
    found = hold_out.find_material(project.rows, Reporter())
    assert [" ".join(one.facts) for one in found.wordings] == [kept[1]], "the others are not asked"
    write(project, hold_out.hold_out_rows, [1], 1)
    (now,) = held(project)
    assert ((now.answer, now.facts), now.key_points) == (kept, points)
