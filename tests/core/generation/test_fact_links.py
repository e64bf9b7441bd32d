"""Rows find the facts they teach: how surely, in one undoable step, and never against what a person has decided."""

import asyncio
import json

import pytest

from core.cli import commands
from core.dataset import examples, importing
from core.generation import fact_links, fact_links_from_model, llm_runs
from core.progress import Cancelled, Reporter
from core.review.fact_matching import AUTO_LINK_CONFIDENCE, FactLink
from core.spec import facts
from core.spec.spec import Spec
from tests.support.fake_server import Answer
from tests.support.projects import new_example, write
from tests.support.scripted_models import MODEL, ask
from tools import fact_links as measured

# Slightly below what tools/fact_links.py prints: they only guard what was reached.
PRECISION, RECALL = 0.95, 0.80

TEXT = """# Allotment

A plot measures 50 square metres.
The yearly rent for a plot is 85 euros.
Dogs are welcome on a lead.
Bonfires are forbidden all year round.
"""
ROWS = [
    ("How big is one plot?", "Fifty square metres."),
    ("What rent do I pay a year?", "85 euros."),
    ("May my dog come along?", "Yes, on a lead."),
    ("Name a primary colour.", "Red."),
]


@pytest.fixture
def garden(project):
    write(project, facts.save, Spec("Allotment", "en", "", TEXT))
    write(project, facts.accept_missing)
    write(project, examples.add, [new_example(*one) for one in ROWS])
    return project


def linked(project):
    return [one.facts for one in examples.iterate(project.rows)]


def link_all(project):
    return asyncio.run(fact_links.link_rows(project, Reporter()))


@pytest.mark.parametrize("code", measured.LANGUAGES)
@pytest.mark.parametrize("part", measured.SETS)
def test_precision_and_recall(code, part):
    rows = [one for one in measured.linked() if (one.language, one.set) == (code, part)]
    assert len(rows) >= 25
    assert measured.precision(rows, AUTO_LINK_CONFIDENCE) >= PRECISION
    assert measured.recall(rows, AUTO_LINK_CONFIDENCE) >= RECALL


def test_rows_are_linked_in_one_step_and_undone_in_one(garden):
    found = link_all(garden)
    assert linked(garden) == ["f01", "f02", "f03", ""]
    assert (found.linked, len(found.links)) == (3, 4)
    asyncio.run(garden.undo())
    assert linked(garden) == ["", "", "", ""]
    asyncio.run(garden.redo())
    assert linked(garden) == ["f01", "f02", "f03", ""]


def test_what_a_person_decided_is_never_linked_again(garden):
    write(garden, examples.set_field, 1, "facts", "f04")  # set in the grid
    write(garden, fact_links.decide, [(2, ""), (3, "f01")])  # decided in the list
    link_all(garden)
    assert linked(garden) == ["f04", "", "f01", ""]
    assert fact_links.count_open(garden.rows) == 1
    write(garden, fact_links.link, [FactLink(id, "f02", 0.99) for id in (1, 2, 3)])  # found before the person decided
    assert linked(garden) == ["f04", "", "f01", ""]


def test_a_link_that_was_made_here_and_cleared_by_a_person_stays_cleared(garden):
    link_all(garden)
    write(garden, examples.set_field, 1, "facts", "")
    link_all(garden)
    assert linked(garden)[0] == ""


def test_links_made_here_follow_the_facts(garden):
    link_all(garden)
    write(garden, facts.delete, [fact.id for fact in facts.load(garden.rows) if fact.name == "f02"])
    link_all(garden)
    assert linked(garden) == ["f01", "", "f03", ""]


def test_rows_that_teach_no_fact_are_not_proposed_any(garden):
    new = [
        new_example("What does a key cost?", "The rules do not say."),
        new_example("How big is a plot?", "50 square metres.", kind="general"),
        new_example("How big is a plot, please?", "50 square metres.", status="rejected"),
    ]
    write(garden, examples.add, new)
    links = {one.row: one for one in fact_links.propose(garden.rows, Reporter())}
    assert links[5].facts == ""
    assert not {6, 7} & set(links)


def test_a_row_may_teach_two_facts(garden):
    write(
        garden,
        examples.add,
        [new_example("How big is a plot, and what is the rent?", "50 square metres, for 85 euros.")],
    )
    assert link_all(garden).links[4].facts == "f01 f02"


def test_an_edited_passage_marks_linked_rows(garden):
    link_all(garden)
    write(garden, facts.save, Spec("Allotment", "en", "", TEXT.replace("85 euros", "95 euros")))
    stale = [one.id for one in examples.iterate(garden.rows) if facts.STALE_RULE in one.problems]
    assert stale == [2]


def test_without_facts_nothing_is_linked(project):
    write(project, examples.add, [new_example(*ROWS[0])], label="Add")
    assert link_all(project) is None
    assert project.undo_label == "Add"


def test_only_the_rows_of_an_import_are_linked(garden, tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("question,answer\nHow large is a plot?,50 square metres\nAre bonfires allowed?,No: forbidden\n")
    brought = asyncio.run(importing.import_file(garden, path))
    found = asyncio.run(fact_links.link_rows(garden, Reporter(), brought.ids))
    assert list(brought.ids) == [5, 6]
    assert [one.row for one in found.links] == [5, 6]
    assert linked(garden)[:4] == ["", "", "", ""]
    assert linked(garden)[4] == "f01"


def test_a_cancelled_search_links_nothing(garden):
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(Cancelled):
        list(fact_links.propose(garden.rows, reporter))


def test_the_list_for_review(garden):
    links = list(fact_links.propose(garden.rows, Reporter()))
    write(garden, fact_links.link, links)
    write(garden, fact_links.decide, [(1, "f01")])
    found = fact_links.load_open_links(garden.rows, links)
    assert [(one.row, one.facts, one.proposed) for one in found] == [(3, "f03", "f03"), (2, "f02", "f02"), (4, "", "")]
    assert found[0].confidence >= found[1].confidence > found[2].confidence
    assert found[0].question == ROWS[2][0]


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ('{"facts": ["f02"]}', "f02"),
        ("The answer states f02.", "f02"),
        ('```json\n{"facts": []}\n```', ""),
        ("None of them.", ""),
        ("該当する事実はありません。", ""),
        ('{"facts": ["f99"]}', None),
        ("I am not sure.", None),
        ("<think>f01?</think> f03", "f03"),
        ("f01 f02 f03", None),
    ],
)
def test_what_a_model_chooses(reply, names):
    assert fact_links_from_model.parse_choice(reply, ["f01", "f02", "f03", "f04"]) == names


def test_a_model_decides_on_unsure_rows_and_a_person_has_the_last_word(garden, server):
    links = [FactLink(1, "f01", 0.9), FactLink(2, "", 0.1), FactLink(3, "", 0.1), FactLink(4, "", 0.0)]
    write(garden, fact_links.link, links)
    made = []
    write(
        garden,
        lambda db: made.append(
            llm_runs.begin(db, "links", "fake", MODEL, fact_links_from_model.build_subjects(db, [2, 3, 4]))
        ),
    )

    def answer(asked):
        text = asked["messages"][-1]["content"]
        assert "<facts>\nf01: A plot measures 50 square metres." in text
        return Answer(["f02" if "rent" in text.split("<question>")[1] else '{"facts": []}'])

    server.script = answer
    outcome = asyncio.run(ask(garden, server.provider(), made[0], Reporter()))
    assert outcome.message == "1 row was linked by the model, 2 teach no fact, 0 unclear."
    assert linked(garden) == ["f01", "f02", "", ""]
    link_all(garden)
    assert linked(garden) == ["f01", "f02", "", ""]  # decided by the model, and not asked again
    write(garden, fact_links.decide, [(2, "f01")])
    assert linked(garden)[1] == "f01"


def test_the_command_line_links(garden, capsys):
    path = garden.path
    garden.close()
    assert commands.run(["link", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["linked"] == 3
    assert told["rows"][0]["facts"] == "f01"
    assert commands.run(["link", str(path)]) == 0
    assert capsys.readouterr().out == "3 of 4 rows linked to facts.\n"
