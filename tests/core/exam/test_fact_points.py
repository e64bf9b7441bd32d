"""Wherever key points are made in a project, the other facts tell which words say nothing."""

import pytest

from core.chat import corrections
from core.dataset import examples
from core.dataset.filters import Filter
from core.exam import hold_out
from core.generation import draft_rows, knowledge_probe, recorded_answers, row_remaking
from core.generation.draft_rows import DraftProposal
from core.progress import Reporter
from core.replies import Pair
from core.spec import facts
from core.spec.spec import Spec
from core.teaching import probes
from core.text.questions.rows import QuestionRow
from tests.support.projects import new_example, write

TEXT = "\n\n".join(
    [*(f"A pane is {word}." for word in ("thin", "clear", "framed", "dry")), "Dulks make the rim of the pane."]
)
QUESTION, ANSWER = "What are dulks for?", "They make the rim of the pane."


@pytest.fixture
def panes(project):
    write(project, facts.save, Spec("Panes", "en", "", TEXT))
    write(project, facts.accept_missing)
    return project


def add(project, **fields):
    row = new_example(QUESTION, ANSWER, kind="direct", facts="f05", status="approved", **fields)
    write(project, examples.add, [row])


def of_drafts(project):
    pairs = [Pair(QUESTION, ANSWER, "reworded"), Pair("Tell me what dulks do.", ANSWER, "statement")]
    write(project, draft_rows.add_drafts, [DraftProposal("f05", pairs)], "")
    return [row.key_points for row in examples.iterate(project.rows, Filter(split="test"))]


def of_remade(project):
    add(project, split="test", key_points="old")
    write(project, facts.save, Spec("Panes", "en", "", TEXT.replace("the rim", "the edge")))
    ids = row_remaking.find_stale_rows(project.rows)
    write(project, row_remaking.remake_without_model, ids, Reporter())
    return [row.key_points.replace("edge", "rim") for row in examples.iterate(project.rows)]


def of_the_base_models_questions(project):
    add(project)
    return [subject["points"] for subject in knowledge_probe.build_subjects(project.rows, ["f05"])]


def of_recorded(project):
    add(project)
    asked = recorded_answers.load_questions(project.rows, all_rows=True)
    return [subject["key_points"] for subject in recorded_answers.build_subjects(("local", "m"), asked)]


def of_probes(project):
    add(project, split="validation")
    return [probe.key_points for probe in probes.load(project.rows)]


def of_new_probes(project):
    write(project, probes.add_rows, [QuestionRow(QUESTION, ANSWER, "direct", ("f05",), "what")])
    return [row.key_points for row in examples.iterate(project.rows)]


def of_held_out(project):
    add(project)
    write(project, hold_out.hold_out_rows, [1], 1)
    return [row.key_points for row in examples.iterate(project.rows)]


def of_corrections(project):
    return [corrections.suggest_key_points(project.rows, QUESTION, ANSWER, facts.load_by_names(project.rows, "f05"))]


@pytest.mark.parametrize(
    "make",
    [
        of_drafts,
        of_remade,
        of_the_base_models_questions,
        of_recorded,
        of_probes,
        of_new_probes,
        of_held_out,
        of_corrections,
    ],
)
def test_the_words_of_many_facts_are_no_key_points(panes, make):
    assert make(panes) == ["rim"]


@pytest.mark.parametrize("make", [of_the_base_models_questions, of_recorded, of_probes, of_held_out])
def test_a_heading_that_an_answer_recites_is_no_key_point(project, make, monkeypatch):
    write(project, facts.save, Spec("Panes", "en", "", f"# Panes\n\n## Wood, since 1998\n\n{TEXT}"))
    write(project, facts.accept_missing)
    monkeypatch.setitem(globals(), "ANSWER", f"Wood, since 1998: {ANSWER}")
    assert make(project) == ["rim"]
