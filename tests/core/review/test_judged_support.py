"""A judge's "supported" clears the doubt about a row, until what the judge has read changes."""

import asyncio

import pytest

from core.dataset import examples
from core.generation import draft_rows, row_judging
from core.generation.llm_runs import LlmRequest
from core.progress import Reporter
from core.review import dataset_check, findings
from core.spec import facts, spec
from core.spec.spec import Spec
from tests.support.projects import new_example, write

TEXT = "A team has three players. The court has a blue floor.\n"
FACT = "A team has three players."
STATE = Spec("Game", "en", "", TEXT)
SUPPORTED, CONTRADICTS = '{"verdict": "supported"}', '{"verdict": "contradicts"}'


@pytest.fixture
def game(project):
    """Row 1 is doubted, row 2 quotes what is not in the spec, row 3 does not say that it is not stated."""
    write(project, spec.store, STATE)
    write(project, facts.accept_missing)
    rows = [
        new_example("How many play?", "A trio plays.", facts="f01", kind="direct", quote=FACT),
        new_example("Who plays?", FACT, facts="f01", kind="direct", quote="A team has stars."),
        new_example("How heavy is a ball?", "Its weight is open.", facts="f01", kind="not_stated"),
    ]
    write(project, examples.add, rows)
    write(project, note_all)
    assert noted(project) == doubted(project) == {1, 2, 3}
    return project


def note_all(db):
    taught = facts.load_by_names(db, "f01")
    return [draft_rows.note_doubts(db, row, taught, STATE) for row in examples.fetch(db, [1, 2, 3]).values()]


def doubted(project):
    """The rows that are doubted when all are checked anew."""
    found = set()
    dataset_check.check_dataset(
        project.rows, lambda rule, _cluster, id, _message: found.add(id) if rule == "ungrounded" else None, Reporter()
    )
    return found


def noted(project):
    return {one.example for one in findings.load(project.rows, "ungrounded")}


def judge(project, id, reply=SUPPORTED, meanwhile=lambda: None):
    """What the person is told."""
    said = []
    (subject,) = row_judging.build_subjects(project.rows, [id])
    meanwhile()
    request = LlmRequest(1, subject, replies=[reply])
    write(project, lambda db: said.append(row_judging.TASK.apply(db, [request])))
    return said[0]


def test_what_is_supported_is_no_longer_doubted(game):
    assert judge(game, 1).endswith("0 unclear. 1 row is no longer doubted.")
    assert noted(game) == {2, 3}
    assert doubted(game) == {2, 3}  # also when all rows are checked again
    write(game, note_all)
    assert noted(game) == {2, 3}
    asyncio.run(game.undo())
    assert doubted(game) == {1, 2, 3}
    asyncio.run(game.redo())
    assert doubted(game) == {2, 3}


def test_no_judge_is_shown_the_quotation(game):
    assert judge(game, 2).endswith("0 unclear.")
    assert noted(game) == {1, 2, 3}
    assert doubted(game) == {1, 2, 3}


@pytest.mark.parametrize("reply", [CONTRADICTS, '{"verdict": "not_in_text"}'])
def test_a_later_verdict_against_it_brings_the_doubt_back(game, reply):
    judge(game, 1)
    judge(game, 1, reply)
    assert doubted(game) == {1, 2, 3}


def test_an_unclear_answer_changes_nothing(game):
    judge(game, 1, "Well, it depends.")
    assert doubted(game) == {1, 2, 3}
    judge(game, 1)
    judge(game, 1, "Well, it depends.")
    assert doubted(game) == {2, 3}


@pytest.mark.parametrize(
    ("id", "edit", "is_back"),
    [
        (1, lambda db: examples.set_field(db, 1, "question", "How many are there?"), True),
        (1, lambda db: examples.set_field(db, 1, "answer", "A quartet plays."), True),
        (1, lambda db: db.execute("UPDATE fact SET text = 'A team has four players.' WHERE name = 'f01'"), True),
        (1, lambda db: db.execute("UPDATE fact SET quote = 'three players' WHERE name = 'f01'"), True),
        (1, lambda db: examples.set_field(db, 1, "facts", "f02"), True),
        (1, lambda db: examples.set_field(db, 1, "notes", "Looked at."), False),
        (1, lambda db: examples.set_field(db, 1, "tags", "mine"), False),
        (1, lambda db: db.execute("UPDATE fact SET text = 'A floor is blue.' WHERE name = 'f02'"), False),
        (1, lambda db: spec.store(db, Spec("Game", "en", "", f"{TEXT}\nMore.\n")), False),
        (3, lambda db: spec.store(db, Spec("Game", "en", "", f"{TEXT}\nA ball weighs 400 g.\n")), True),
    ],
)
def test_the_doubt_is_back_when_what_the_judge_has_read_changes(game, id, edit, is_back):
    judge(game, id)
    assert id not in doubted(game)
    write(game, edit)
    assert (id in doubted(game)) is is_back


def test_a_row_that_changes_before_its_verdict_is_another_one(game):
    judge(game, 1, meanwhile=lambda: write(game, examples.set_field, 1, "answer", "A quartet plays."))
    assert noted(game) == {1, 2, 3}
    assert doubted(game) == {1, 2, 3}


def test_the_name_of_the_spec_is_known(project):
    write(project, spec.store, Spec("Hobannu", "en", "", TEXT))
    write(project, facts.accept_missing)
    row = new_example("How many play?", "A Hobannu team has three players.", facts="f01", kind="direct")
    write(project, examples.add, [row])
    assert not doubted(project)
    write(project, spec.store, Spec("Other", "en", "", TEXT))
    assert doubted(project) == {1}
