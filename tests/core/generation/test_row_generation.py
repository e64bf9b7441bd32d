"""What is still to be made for the facts, what it will cost, and rows made without a model."""

import json
from collections import Counter

import pytest

from core import replies
from core.dataset import examples, filters, sample_projects
from core.exam import fact_coverage
from core.exam.fact_coverage import EXAM, FactCoverage
from core.generation import row_generation
from core.generation.llm_runs import LlmRequest
from core.generation.row_generation import RowRequest
from core.replies import Pair
from core.spec import facts, spec
from core.spec.facts import Fact
from core.spec.spec import Spec
from core.text import tokenizer
from tests.support.projects import write

FACT = Fact(1, "f01", "A team has three players.", "A team has three players.")


def emptied(project, name):
    """The sample without its rows."""
    write(project, sample_projects.fill, name)
    write(project, examples.delete, list(filters.find(project.rows)))


def test_wishes_are_what_lacks():
    entries = [
        FactCoverage(FACT, Counter(direct=1, reworded=2, statement=1)),
        FactCoverage(Fact(2, "f02", "B.", "B.", ignored=True)),
        FactCoverage(Fact(3, "f03", "C.", "C.", known="5/5"), Counter(direct=3), held=1),
    ]
    assert row_generation.build_requests(entries) == [
        RowRequest(FACT, {"reworded": 2, "reverse": 1, "applied": 1, "not_stated": 1, "exam": 1}),
        RowRequest(entries[2].fact, {"reworded": 1, "statement": 1}),
    ]
    assert row_generation.build_requests(entries, ["statement", "direct"]) == [
        RowRequest(FACT, {"exam": 1}),
        RowRequest(entries[2].fact, {"statement": 1}),
    ]


def test_one_in_five_facts_without_an_exam_question_is_asked_for_one_more_of_what_the_text_does_not_say():
    entries = [FactCoverage(Fact(number, f"f{number}", "A.", "A.")) for number in range(1, 12)]
    counts = [one.counts["not_stated"] for one in row_generation.build_requests(entries)]
    assert counts == [2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1]
    held = [FactCoverage(entry.fact, held=1) for entry in entries]
    assert {one.counts["not_stated"] for one in row_generation.build_requests(held)} == {1}
    assert not any("not_stated" in one.counts for one in row_generation.build_requests(entries, ["direct"]))


@pytest.mark.parametrize("name", ["hobannu-en", "hobannu-ja"])
def test_the_estimate_is_of_what_is_sent(sample, project, name):
    if name.endswith("ja"):
        emptied(project, name)
    requests = row_generation.build_requests(fact_coverage.load(project.rows), ["direct", "reverse"])
    subjects = list(row_generation.build_subjects(requests))
    estimate = row_generation.estimate(project.rows, requests)
    assert (estimate.requests, estimate.examples) == (
        len(requests),
        sum(sum(request.counts.values()) for request in requests),
    )
    texts = [row_generation.TASK.messages(project.rows, LlmRequest(1, subject))[0]["content"] for subject in subjects]
    count = sum(len(text) for text in texts)
    assert (
        count / tokenizer.LATIN_CHARACTERS_PER_TOKEN <= estimate.sent <= count / tokenizer.JAPANESE_CHARACTERS_PER_TOKEN
    )
    assert estimate.received == estimate.examples * row_generation.EXAMPLE_TOKENS


def test_a_request_names_the_fact_its_quote_and_what_is_asked_already(sample):
    subject = {"fact": "f01", "counts": {"reworded": 2, "reverse": 0}}
    (message,) = row_generation.TASK.messages(sample.rows, LlmRequest(1, subject))
    assert message["role"] == "user"
    fact = facts.load_by_names(sample.rows, "f01")[0]
    state = spec.load(sample.rows)
    asked = examples.fetch(sample.rows, list(filters.find(sample.rows, filters.Filter(fact="f01")))).values()
    for part in (fact.text, fact.quote, state.system_prompt, "- reworded: 2", next(iter(asked)).question):
        assert part in message["content"]
    assert "- reverse: 0" not in message["content"]
    # What stays the same for all facts comes first, so that a server reads it once: the rules, and the whole text.
    other = row_generation.TASK.messages(sample.rows, LlmRequest(1, {**subject, "fact": "f09"}))[0]["content"]
    assert message["content"].index(state.text.strip()) < message["content"].index("<questions_of_neighbouring_facts>")
    shared = message["content"].index("</text>")
    assert message["content"][:shared] == other[:shared]
    neighbour = examples.fetch(sample.rows, list(filters.find(sample.rows, filters.Filter(fact="f02"))))
    assert any(f"- {row.question}" in message["content"] for row in neighbour.values())
    # One that was deleted meanwhile fails nothing.
    write(sample, facts.delete, [1])
    assert row_generation.TASK.messages(sample.rows, LlmRequest(1, subject))


def test_pairs_without_a_kind_get_those_that_were_asked_for():
    kinds = ["", "reverse", "", "odd", "", "statement", "combined"]
    pairs = [Pair(str(number), "A", kind) for number, kind in enumerate(kinds)]
    found = row_generation._assign_kinds(pairs, {"direct": 1, "reverse": 2, "reworded": 1})
    assert [pair.kind for pair in found] == [
        "direct",
        "reverse",
        "reverse",
        "reworded",
        "reworded",
        "statement",
        "combined",
    ]


def test_an_exam_wording_is_asked_for_until_there_is_one():
    entry = FactCoverage(FACT, Counter(fact_coverage.STUDY_PLAN))
    assert entry.lacking == {EXAM: 1}
    assert row_generation.build_requests([entry]) == [RowRequest(FACT, {"exam": 1})]


@pytest.mark.parametrize("fields", [{"kind": "exam"}, {}, {"kind": "reworded"}])
def test_the_exam_wording_is_the_one_with_key_points(fields):
    written = [
        {"question": "A?", "answer": "Yes.", "kind": "reworded", "key_points": ""},
        {"question": "B?", "answer": "It costs 3 euros.", "key_points": ["3 euros"], **fields},
        {"question": "C?", "answer": "No."},
    ]
    pairs = replies.parse_pairs(json.dumps({"examples": written})).pairs
    found = row_generation._assign_kinds(pairs, {"reworded": 1, "exam": 1, "direct": 1})
    assert [pair.kind for pair in found] == ["reworded", "reworded", "direct"]
    assert [pair.key_points for pair in found] == ["", "3 euros", ""]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("three players|a team of three", "three players|a team of three"),
        ("four players", "three"),  # its own answer would be wrong
        ("team", "three"),  # the question has it
        ("!four", "three"),  # nothing must be said
        ("", "three"),
        ("three | " * 100, "three"),
    ],
)
def test_the_writers_key_points_are_used_where_they_mark_its_own_answer_as_right(project, given, stored):
    write(project, spec.store, Spec("Game", "en", "", FACT.text))
    write(project, facts.accept_missing)
    exam = {"question": "How many play on a team?", "answer": FACT.text, "kind": "exam", "key_points": given}
    written = [
        {"question": "How many players does a team have?", "answer": FACT.text, "kind": "direct", "key_points": ""},
        {"question": "I need a team. How many of us?", "answer": FACT.text, "kind": "reworded", "key_points": ""},
        exam,
    ]
    request = LlmRequest(1, {"fact": "f01", "counts": {"direct": 1, "reworded": 1, "exam": 1}},
                         replies=[json.dumps({"examples": written})], model="m")  # fmt: skip
    write(project, row_generation.TASK.apply, [request])
    (held,) = examples.iterate(project.rows, filters.Filter(split="test"))
    assert (held.kind, held.key_points) == ("reworded", stored)
    assert held.question == exam["question"] or not given.strip(), "the wording that was written for the exam"
