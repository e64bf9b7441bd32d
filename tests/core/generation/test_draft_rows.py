"""Made rows land as drafts: repeats dropped and counted, doubts noted, one wording of each fact kept for the exam."""

import asyncio
import json
from collections import Counter

import pytest

from core.dataset import examples, filters, sample_projects
from core.dataset.examples import Filter
from core.exam import point_making
from core.generation import draft_rows
from core.generation.draft_rows import DraftProposal
from core.paths import RESOURCES
from core.progress import Reporter
from core.replies import Pair
from core.review import findings
from core.spec import facts, spec
from core.spec.spec import Spec
from core.text import normalise
from tests.support.projects import new_example, write

TEXT = "A team has three players. A goal is worth one point.\n"
ANSWER = "A team has three players."


def land(project, *made):
    landed = []
    write(project, lambda db: landed.append(draft_rows.add_drafts(db, made, "test")))
    return landed[0]


def team(*questions, kind="reworded", answer=ANSWER, **more):
    return DraftProposal("f01", [Pair(question, answer, kind) for question in questions], **more)


def rows(project):
    return list(examples.iterate(project.rows))


@pytest.fixture
def game(project):
    write(project, spec.store, Spec("Game", "en", "Answer briefly.", TEXT))
    write(project, facts.accept_missing)
    return project


def test_a_row_is_a_draft_with_its_fact_quote_and_source(game):
    landed = land(game, team("How many play?", kind="direct"))
    (row,) = rows(game)
    assert json.loads(row.data)["messages"][0] == {"role": "system", "content": "Answer briefly."}
    assert (row.question, row.answer, row.kind, row.status) == ("How many play?", ANSWER, "direct", "draft")
    assert (row.facts, row.quote, row.source, row.split) == ("f01", ANSWER, "test", "train")
    assert (landed.ids, landed.rows, str(landed)) == ([1], 1, "1 row was added as a draft.")
    asyncio.run(game.undo())
    assert not rows(game)


def test_a_model_may_name_a_shorter_quote(game):
    land(game, DraftProposal("f01", [Pair("How many play?", "Three players.", "direct", "three players")]))
    assert rows(game)[0].quote == "three players"


def test_a_fact_that_is_gone_gets_no_rows(game):
    assert land(game, DraftProposal("f77", [Pair("Why?", "So.")])).rows == 0


def test_repeats_are_dropped_and_counted(game):
    there = new_example("How many players does a team have?", ANSWER)
    rejected = new_example("What is a team made of?", ANSWER, status="rejected")
    write(game, examples.add, [there, rejected])
    landed = land(
        game,
        team("how many players does a team have", "What is a team made of ?", "Who makes up a team?", "Who makes up a team"),
        team("Who makes up one team?"),
    )  # fmt: skip
    assert [row.question for row in rows(game)[2:]] == ["Who makes up a team?"]
    assert (landed.rows, landed.repeated) == (1, 4)
    assert "4 duplicates were left out." in str(landed)


def test_questions_of_one_pattern_about_different_facts_are_no_repeats(game):
    land(game, team("State the rule about teams in the game of Hobannu."))
    goal = Pair("State the rule about goals in the game of Hobannu.", "A goal is worth one point.", "statement")
    assert land(game, DraftProposal("f02", [goal])).rows == 1


@pytest.mark.parametrize(
    ("answer", "kind", "rules"),
    [
        (ANSWER, "direct", set()),
        ("A team has five players.", "direct", {"ungrounded"}),
        ("The text does not say how many players a team has.", "direct", {"answer-admits-unknown"}),
        ("The rules do not say it.", "not_stated", set()),
    ],
)
def test_doubts_are_noted_at_once(game, answer, kind, rules):
    landed = land(game, team("How many players are there?", answer=answer, kind=kind))
    assert {one.rule for one in findings.load(game.rows)} == rules
    assert landed.doubtful == bool(rules)
    assert all(one.message for one in findings.load(game.rows))
    # What was noted of rows that were undone is not said of others with their ids.
    asyncio.run(game.undo())
    land(game, team("How many players make a team?"))
    assert not findings.load(game.rows)


def test_a_quote_that_is_not_in_the_spec_is_doubted(game):
    land(game, DraftProposal("f01", [Pair("How many?", ANSWER, "direct", "A team has 3 stars.")]))
    assert [one.rule for one in findings.load(game.rows)] == ["ungrounded"]


def held(project):
    return [row for row in rows(project) if row.split == "test"]


def test_one_wording_is_kept_for_the_exam_with_key_points(game):
    landed = land(
        game,
        DraftProposal("f01", [Pair("How many play?", ANSWER, "direct"), Pair("What is the size of a team?", ANSWER, "reworded"),
                         Pair("Say it.", ANSWER, "statement"), Pair("How large are teams?", ANSWER, "reworded")]),
    )  # fmt: skip
    (row,) = held(game)
    assert (row.question, row.key_points, landed.held) == ("What is the size of a team?", "three", 1)
    assert normalise.grade(ANSWER, row.key_points).passed
    assert "1 is kept for the exam." in str(landed)
    assert land(game, team("How big is one team, please?", "Who stands on the court?")).held == 0


def test_what_is_made_for_the_exam_alone_is_kept_for_it(game):
    land(game, team("How many play?", kind="direct"))
    assert land(game, team("What is the size of a team?")).held == 1


@pytest.mark.parametrize(
    "made",
    [
        team("How many play?"),  # all there is
        team("Say it.", "State the rule.", kind="statement"),
        team("How many play?", "What is the size of a team?", hold=False),
    ],
)
def test_none_is_kept_for_the_exam_where_nothing_would_be_trained_or_asked(game, made):
    assert land(game, made).held == 0


def test_a_wording_that_is_trained_already_is_not_kept_for_the_exam(game):
    """Its answer differs too much to be a repeat."""
    land(game, team("How many players does a team have?", answer="Three.", kind="direct"))
    landed = land(game, team("How many players does a team have!?", "Who plays?", answer=ANSWER))
    assert [row.question for row in held(game)] == ["Who plays?"]
    assert landed.rows == 2


def test_a_wording_like_one_that_is_kept_for_the_exam_is_dropped(game):
    long = (
        "As everybody knows who has seen it, of those who run about on the court there are three in each of the teams."
    )
    land(game, team("How many players does a team have?", "Who plays?"))
    assert [row.question for row in held(game)] == ["How many players does a team have?"]
    landed = land(game, DraftProposal("f01", [Pair("How many players does one team have?", long, "direct")]))
    assert (landed.rows, landed.repeated) == (0, 1)


def test_a_wording_like_a_validation_row_is_dropped_and_it_trains_nothing(game):
    """Such rows were added, and the loss that early stopping watches fell with them."""
    kept = new_example(
        "How many players does a team have?", "There are three players in a team.", split="validation", facts="f01"
    )
    write(game, examples.add, [kept])
    assert land(game, team("How many players does each team have?", kind="direct")).rows == 0
    # With one more wording alone nothing is kept for the exam: the fact is not trained in another one.
    assert land(game, team("Who is on the field for one side?")).held == 0


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_generated_set_does_not_leak(project, language):
    """All wordings of the sample, as if a model had made them: one of each fact is held out, and no trained one is like it."""
    folder = RESOURCES / "samples" / f"hobannu-{language}"
    write(project, sample_projects.fill, folder.name)
    write(project, examples.delete, list(filters.find(project.rows)))
    made = {fact.name: [] for fact in facts.load(project.rows)}
    for name in ("exam.jsonl", "examples.jsonl"):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if len(one["facts"]) == 1 and one["kind"] in ("direct", "reworded", "reverse", "applied", "statement"):
                made[one["facts"][0]].append(Pair(one["question"], one["answer"], one["kind"]))
    landed = land(project, *(DraftProposal(name, pairs) for name, pairs in made.items()))
    assert landed.rows + landed.repeated == sum(map(len, made.values()))
    assert Counter(row.facts for row in held(project)) == dict.fromkeys(made, 1)
    assert all(normalise.grade(row.answer, row.key_points).passed for row in held(project))
    asyncio.run(findings.refresh(project, Reporter()))
    told = findings.count_by_rule(project.rows)
    assert "split-leakage" not in told
    assert "near-duplicate" not in told
    assert len(filters.find(project.rows, Filter(split="train"))) == landed.rows - landed.held


@pytest.mark.parametrize(
    ("answer", "fact", "question", "expected"),
    [
        (
            "The court is 20 metres long and 10 metres wide.",
            "It is 20 metres long and 10 metres wide.",
            "",
            "20 metres ; 10 metres",
        ),
        (
            "コートは縦20メートル、横10メートルです。",
            "縦が20メートル、横が10メートルです。",
            "",
            "20メートル ; 10メートル",
        ),
        ("One of the 3 players is ill.", "A team has 3 players.", "How many are they?", "3"),
        (
            "A 20 metre court is 10 metres wide.",
            "The court is 20 by 10 metres.",
            "How wide is a 20 metre court?",
            "10 metres",
        ),
        (
            "ボールに触れてよいのは手だけです。",
            "ボールに触れてよいのは手だけです。",
            "ボールには何で触れますか。",
            "手",
        ),
        ("", "", "", ""),
    ],
)
def test_key_points(answer, fact, question, expected):
    assert point_making.suggest_points(answer, fact, question) == expected


def test_an_answer_that_says_nothing_is_not_stated_contradicts_one(game):
    """From another fact, a model had answered what this row says is not in the text: neither was doubted."""
    write(game, examples.add, [new_example("How many play?", ANSWER)])
    landed = land(
        game,
        team("How many play?", kind="not_stated", answer="The rules do not say that.", hold=False),
        team("What is a goal worth?", kind="not_stated", answer="The rules do not say that.", hold=False),
        team("What is a goal worth?", answer="A goal is worth one point.", hold=False),
    )
    against = {id: message for id, message in game.rows.execute(
        "SELECT example, message FROM finding WHERE rule = 'answers-contradict'")}  # fmt: skip
    assert against == {2: "1 not-stated", 3: "4 not-stated", 4: "3 not-stated"} and landed.doubtful == 3


def test_a_kind_is_asked_in_the_exam_where_most_of_it_is_trained(game):
    def ask(*questions, **more):
        return team(*questions, kind="not_stated", answer="The text does not say that.", **more)

    land(game, ask("Who founded the team?"))
    assert not [row for row in rows(game) if row.split == "test"], "the only one of its fact"
    land(game, ask("Which colour does a team wear?", "Where can I buy tickets?", "Is there a coach?", hold=False))
    assert land(game, ask("Are there children's teams?", "What does a referee earn?")).held == 1
    assert land(game, ask("May a player wear glasses?", "How long has the game existed?")).held == 0, "one of two facts"


@pytest.mark.parametrize(("asked", "held"), [("Who founded the team?", 0), ("Who pays the team?", 1)])
def test_a_question_near_a_trained_one_is_not_asked_in_the_exam(game, asked, held):
    for question in ("Who founded the team?", "What is its price?", "What does it weigh?"):
        row = new_example(question, "The text does not say that.", facts="f01", kind="not_stated")
        write(game, examples.add, [row])
    landed = land(game, team(asked, kind="not_stated", answer="That is written nowhere."))
    assert (landed.rows, landed.held) == (1, held)
