"""One request for the short facts under a heading: what it asks, whose rows its reply gives, and what is asked again alone."""

import asyncio
import json
from functools import partial

import pytest

from core.dataset import examples
from core.exam import fact_coverage
from core.generation import heading_groups, llm_runs, row_generation
from core.generation.llm_run_tasks import TASKS
from core.generation.llm_runs import LlmRequest
from core.generation.row_generation import RowRequest
from core.progress import Reporter
from core.spec import facts, spec
from core.spec.spec import Spec
from core.text import tokenizer
from tests.support import scripted_models
from tests.support.fake_server import Answer
from tests.support.projects import write
from tests.support.scripted_models import MODEL

LONG = "The ticket, " + "which everybody has to carry in a pocket, " * 8 + "costs 4 euros."
TEXT = f"""# Pool

## Times

- The pool opens at six.
- The pool closes at nine.
- The sauna opens at noon.

## Prices

- {LONG}
- A locker costs 1 euro.
"""


@pytest.fixture
def pool(project):
    write(project, spec.store, Spec("Pool", "en", "Be brief.", TEXT))
    write(project, facts.accept_missing)
    return project


def build(project, kinds=("direct",)):
    requests = row_generation.build_requests(fact_coverage.load(project.rows), kinds)
    return requests, heading_groups.group_by_heading(project.rows, requests)


def names(asked):
    return [asked.fact.name] if isinstance(asked, RowRequest) else [one.fact.name for one in asked]


def test_short_facts_under_a_heading_share_a_request(pool, monkeypatch):
    requests, asked = build(pool)
    assert [names(one) for one in asked] == [["f01", "f02", "f03"], ["f04"], ["f05"]]
    assert sorted(name for one in asked for name in names(one)) == [one.fact.name for one in requests]
    monkeypatch.setattr(heading_groups, "MAX_FACTS", 2)
    assert [names(one) for one in build(pool)[1]] == [["f01", "f02"], ["f03"], ["f04"], ["f05"]]
    monkeypatch.setattr(heading_groups, "MAX_EXAMPLES", 3)  # two examples of each fact
    assert all(len(names(one)) == 1 for one in build(pool)[1])


def test_the_estimate_counts_the_requests_that_are_sent(pool):
    requests, asked = build(pool)
    alone, together = (row_generation.estimate(pool.rows, some) for some in (requests, asked))
    assert (alone.requests, together.requests) == (5, 3)
    assert together.examples == alone.examples == 10
    assert together.received == alone.received
    subjects = [*row_generation.build_subjects(asked)]
    assert sum(map(row_generation.count_examples, subjects)) == 10
    sent = [row_generation.TASK.messages(pool.rows, LlmRequest(1, one))[0]["content"] for one in subjects]
    assert together.sent == round(sum(map(tokenizer.estimate_tokens, sent))) < 0.7 * alone.sent


def test_a_request_about_several_facts_begins_like_one_about_one(pool):
    (several, one, _last) = row_generation.build_subjects(build(pool)[1])
    long, short = (row_generation.TASK.messages(pool.rows, LlmRequest(1, two))[0]["content"] for two in (several, one))
    shared = short.index("<questions_of_neighbouring_facts>")
    assert long[:shared] == short[:shared], "a server that has read the rules and the text reads the rest on"
    assert "[f02]\nThe pool closes at nine." in long and "[f02]\n- direct: 1\n- exam: 1" in long
    assert long.rstrip().endswith("}") and "f01, f02, f03" in long
    schemas = [TASKS["examples"].schema_of(LlmRequest(1, two)) for two in (several, one)]
    assert "fact" in json.dumps(schemas[0]) and schemas[1] is None


def pair(question, fact=None, **more):
    return {"question": question, "answer": "The pool opens at six.", "kind": "direct", "quote": "", "key_points": ""} | (
        {"fact": fact} if fact else {}
    ) | more  # fmt: skip


FIRST, SECOND = pair("When does it open?", "f01"), pair("When does it close?", "f02", answer="The pool closes at nine.")


@pytest.mark.parametrize(
    ("reply", "rows", "missing"),
    [
        (json.dumps({"examples": [FIRST, SECOND, pair("And the sauna?", "[f03]")]}), ["f01", "f02", "f03"], []),
        (json.dumps({"examples": [FIRST, SECOND]}), ["f01", "f02"], ["f03"]),
        (json.dumps({"f01": [pair("When?")], "f03": [pair("And the sauna?")]}), ["f01", "f03"], ["f02"]),
        (json.dumps({"facts": [{"fact": "f02", "examples": [pair("Until when?")]}]}), ["f02"], ["f01", "f03"]),
        (json.dumps([pair("Until when?", quote="The pool closes at nine.")]), ["f02"], ["f01", "f03"]),
        (json.dumps([pair("Whose?"), pair("Whose is it?", "f77")]), [], ["f01", "f02", "f03"]),
        (json.dumps({"examples": [FIRST, SECOND]})[:-80], ["f01"], ["f01", "f02", "f03"]),
        ("I cannot do that.", [], ["f01", "f02", "f03"]),
    ],
)  # fmt: skip
def test_rows_go_to_the_facts_that_they_are_for_and_what_lacks_is_asked_alone(pool, reply, rows, missing):
    subject = next(row_generation.build_subjects(build(pool)[1]))
    request = LlmRequest(1, subject, replies=[reply], model=MODEL)
    again = row_generation.TASK.find_missing(pool.rows, [request])
    assert [one["fact"] for one in again] == missing
    assert all("exam" in one["counts"] for one in again)
    asked_already = [LlmRequest(2, one) for one in again]
    assert row_generation.TASK.find_missing(pool.rows, [request, *asked_already]) == []
    write(pool, row_generation.TASK.apply, [request])
    assert [row.facts for row in examples.iterate(pool.rows)] == rows


def test_a_cut_reply_is_asked_for_the_rest_of_its_last_fact_alone(pool):
    subject = next(row_generation.build_subjects(build(pool)[1]))
    request = LlmRequest(1, subject, replies=[json.dumps({"examples": [FIRST, SECOND]})[:-80]], model=MODEL)
    first, second, _third = row_generation.TASK.find_missing(pool.rows, [request])
    assert first == {"fact": "f01", "counts": {"exam": 1}}, "its direct one came"
    assert second["counts"] == {"direct": 1, "exam": 1}


def test_a_run_asks_again_for_what_a_reply_lacks_and_lands_in_one_step(pool, server):
    def answer(asked):
        content = asked["messages"][-1]["content"]
        if "f01, f02, f03" in content:
            return Answer([json.dumps({"examples": [FIRST]})])
        said = content.split("<fact>\n")[1].split("\n</fact>")[0]
        return Answer([json.dumps({"examples": [pair(f"What about this: {said[:20]}?", answer=said)]})])

    server.script = answer
    subjects = [*row_generation.build_subjects(build(pool)[1])]
    made: list[int] = []
    begun = partial(llm_runs.begin, task="examples", provider="fake", model=MODEL, subjects=subjects)
    asyncio.run(pool.write("", lambda db: made.append(begun(db))))
    seen: list[tuple[int, int]] = []
    reporter = Reporter(lambda progress: seen.append((progress.done, progress.total)))
    outcome = asyncio.run(scripted_models.ask(pool, server.provider(), made[0], reporter))
    assert (outcome.answered, outcome.failed, len(server.asked)) == (5, 0, 5)
    assert sorted(row.facts for row in examples.iterate(pool.rows)) == ["f01", "f02", "f03", "f04", "f05"]
    asked_with = ["fact" in json.dumps(one["response_format"]) for one in server.asked]
    assert asked_with.count(True) == 1
    assert all(done <= total for done, total in seen)
    asyncio.run(pool.undo())
    assert not [*examples.iterate(pool.rows)]
    assert asyncio.run(pool.read(llm_runs.load, made[0])).status == "succeeded"


def test_a_server_that_refuses_a_schema_is_asked_without_it_for_several_facts_too(pool, server):
    server.no_schema = True
    server.script = lambda _asked: Answer([json.dumps({"examples": [FIRST, SECOND, pair("And the sauna?", "f03")]})])
    subjects = [*row_generation.build_subjects(build(pool)[1][:1])]
    made: list[int] = []
    begun = partial(llm_runs.begin, task="examples", provider="fake", model=MODEL, subjects=subjects)
    asyncio.run(pool.write("", lambda db: made.append(begun(db))))
    outcome = asyncio.run(scripted_models.ask(pool, server.provider(), made[0], Reporter()))
    assert (outcome.answered, outcome.failed, len(server.asked)) == (1, 0, 2)
    assert len([*examples.iterate(pool.rows)]) == 3
