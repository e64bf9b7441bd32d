"""The question writer: one job makes it, its questions become rows only where they belong to their fact."""

import asyncio
import json
import re
from dataclasses import replace

import pytest

from core import paths
from core.errors import JukuError
from core.exam.questions import load_general
from core.generation import question_writer
from core.generation.question_writer import WrittenQuestion
from core.progress import Cancelled, Reporter
from core.text.questions.rows import Page, PageFact
from tests.support.fake_server import Answer, Fault

PAGE = Page(
    "The Lindholm ferry",
    (
        PageFact("f01", "A day ticket costs 14 crowns and is valid until the last boat.", ("Tickets",)),
        PageFact("f02", "Dogs travel free on the upper deck.", ("Rules",)),
        PageFact("f03", "The ferry was built by Signe Aalto in 1911.", ("History",)),
        PageFact("f04", "The last boat leaves the island at 21:40.", ("Timetable",)),
        PageFact("f05", "Children under 6 need no ticket.", ("Tickets",)),
    ),
)
MODEL = "ft:base-model:local:question-writer:ftjob-1"
REPLY = "direct: How much is a day ticket?\nreverse: What costs 14 crowns?\nno question\nsong: La la la?\nshort: ?"


def prepare(server, reporter=None):
    async def work():
        provider = server.provider()
        provider.poll_seconds = 0.01
        try:
            return await question_writer.prepare(provider, "base-model", "en", reporter or Reporter())
        finally:
            await provider.close()

    return asyncio.run(work())


def end_jobs(server, status="succeeded"):
    """Reports when a job is seen: then it has ended."""
    create = server.create

    def created(asked):
        job = create(asked)
        server.step(job["id"], 1, 1, 0.5)
        server.end(job["id"], status)
        return job

    server.create = created


def test_one_job_makes_the_writer_of_a_base_model(server):
    end_jobs(server)
    assert prepare(server) == prepare(server) == MODEL
    assert server.creations == 1
    del server.models[MODEL]  # the person has deleted it: it is trained again
    prepare(server)
    assert server.creations == 2


def test_a_job_that_fails_says_so_and_one_that_is_cancelled_ends_at_the_server(server):
    end_jobs(server, "failed")
    with pytest.raises(JukuError, match="question writer"):
        prepare(server)
    del server.create
    reporter = Reporter(lambda _progress: None)
    reporter.cancel()
    with pytest.raises(Cancelled):
        prepare(server, reporter)
    assert [job["status"] for job in server.jobs.values()] == ["failed", "cancelled"]


def test_a_job_that_can_no_longer_be_cancelled_is_cancelled_here_all_the_same(server):
    server.weather = lambda method, path: Fault(status=409) if method == "POST" and path.endswith("/cancel") else None
    reporter = Reporter(lambda _progress: None)
    reporter.cancel()
    with pytest.raises(Cancelled):
        prepare(server, reporter)


def test_the_writer_is_asked_about_each_fact_and_lines_that_are_no_questions_are_left_out(server):
    async def work():
        provider = server.provider()
        try:
            return await question_writer.write(provider, "base-model", PAGE, Reporter())
        finally:
            await provider.close()

    server.script = lambda asked: Answer([REPLY] * asked["n"])  # all at once: which fact is asked about first is open
    written = asyncio.run(work())
    assert set(written) == {fact.name for fact in PAGE.facts}
    for questions in written.values():
        assert len(questions) == 2 * question_writer.LISTS
        assert {one.question for one in questions} == {"How much is a day ticket?", "What costs 14 crowns?"}


def choose(**written):
    rows = question_writer.choose_rows(
        PAGE, "en", {name: [WrittenQuestion(*one) for one in given] for name, given in written.items()}
    )
    return {row.question: row.answer for row in rows}


def test_questions_become_rows_that_answer_with_the_statement():
    found = choose(
        f01=[
            ("direct", "How much is a day ticket?"),
            ("short", "day ticket price"),
            ("reverse", "What costs 14 crowns?"),
        ],
        f03=[("false_premise", "Why was the ferry built in 1950?"), ("not_stated", "How heavy is the ferry?")],
    )
    assert {*found.values()} - {PAGE.facts[0].text, PAGE.facts[2].text} < {*question_writer.UNSTATED_ANSWERS["en"]}
    assert len(found) == 5 and found["Why was the ferry built in 1950?"] == PAGE.facts[2].text


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("direct", "Is a day ticket valid for 30 boats?"),  # a figure that the statement lacks
        ("reworded", "Who is your favourite singer?"),  # nothing of the page
        ("reworded", "Which dogs travel free on the upper deck in 1911, built by Signe?"),  # other facts fit better
        ("direct", "A day ticket costs 14 crowns."),  # no question
        ("reworded", "Costs a day ticket 14 crowns, valid until the last boat?"),  # it holds its answer
    ],
)
def test_a_question_that_does_not_belong_to_its_fact_is_left_out(kind, question):
    assert choose(f01=[(kind, question), ("direct", "How much is a day ticket?")]) == {
        "How much is a day ticket?": PAGE.facts[0].text
    }


@pytest.mark.parametrize(
    ("question", "is_open"),
    [
        ("When does the last boat leave the island?", [False, False]),  # another fact says it
        ("What colour is the upper deck painted?", [True, False]),  # a passage that is no fact says it
        ("Who is the cook?", [True, True]),
    ],
)
def test_an_open_question_is_checked_against_the_whole_text(question, is_open):
    other = replace(PAGE, elsewhere=(PageFact("", "The upper deck is painted green.", ("Rules",)),))
    written = {"f02": [WrittenQuestion("not_stated", question)]}
    assert [bool(question_writer.choose_rows(page, "en", written)) for page in (PAGE, other)] == is_open


def test_a_question_of_two_facts_is_nobodys_and_repeats_are_one():
    twice = [("direct", "How much is a ticket?"), ("reworded", "How much is a ticket ?")]
    assert len(choose(f01=twice)) == 1
    assert choose(f01=twice[:1], f05=twice[:1]) == {}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_right_questions_are_kept(language):
    """Of the shipped examples 0.6 % (English) and 1.0 % (Japanese) are taken for no question, or for one with its answer."""
    asked = [
        (WrittenQuestion(kind, text), example["statement"])
        for example in question_writer.load_examples(language)
        for kind, text in example["questions"]
        if kind in question_writer.KINDS
    ]
    dropped = [one for one, statement in asked if not question_writer.asks_openly(one, statement)]
    assert len(asked) > 2000 and len(dropped) < 0.015 * len(asked)


@pytest.mark.parametrize(
    ("kind", "text", "asks"),
    [
        ("direct", "鍵はどこにありますか。", True),
        ("reworded", "鍵の場所を教えて。", True),
        ("situation", "鍵をなくしたんですが", True),
        ("direct", "鍵は受付にあります。", False),
        ("short", "鍵 場所", True),
        ("direct", "鍵 場所", False),
    ],
)
def test_a_question_ends_as_one(kind, text, asks):
    assert question_writer.asks_openly(WrittenQuestion(kind, text), "鍵は受付にあります。") is asks


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_shipped_examples_are_whole_and_teach_no_exam_question(language):
    examples = question_writer.load_examples(language)
    kinds = {*question_writer.KINDS, "combined"}
    assert len(examples) > 250 and {kind for one in examples for kind, _text in one["questions"]} == kinds
    lines = question_writer.build_training_file(language).decode().splitlines()
    assert len(lines) == question_writer.ORDERS * len(examples)
    assert all(len(json.loads(line)["messages"]) == 2 for line in lines)
    everyday = (paths.RESOURCES / "everyday_prompts" / f"{language}.txt").read_text("utf-8").splitlines()
    asked = {re.sub(r"\W", "", row.question) for row in load_general(language)}
    assert len(everyday) == len({*everyday}) > 100 and not {re.sub(r"\W", "", one) for one in everyday} & asked
