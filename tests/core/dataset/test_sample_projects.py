"""The sample projects' files agree with themselves, with each other, and keep exam and training apart."""

import json
import tomllib
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from core.paths import RESOURCES
from core.text.normalise import grade, normalise, parse_key_points

SAMPLES = RESOURCES / "samples"
NAMES = ("hobannu-en", "hobannu-ja")
TRAINED_KINDS = {"direct", "reworded", "reverse", "applied", "statement", "not_stated", "general"}
EXAM_KINDS = {"memorised": 15, "reworded": 20, "reverse": 8, "applied": 8, "not_stated": 6, "general": 10}
NEAR_DUPLICATE = 0.86
WRONG_CLAIMS = ("kick", "頭で触れ", "足で蹴", "not described", "記述されていません", "not in the text")

Row = dict[str, Any]


class Sample:
    def __init__(self, name: str) -> None:
        folder = SAMPLES / name
        self.about = tomllib.loads((folder / "sample.toml").read_text(encoding="utf-8"))
        self.spec = (folder / "spec.md").read_text(encoding="utf-8")
        self.facts = rows_of(folder / "facts.jsonl")
        self.examples = rows_of(folder / "examples.jsonl")
        self.exam = rows_of(folder / "exam.jsonl")
        self.held_out = [row for row in self.exam if row["kind"] != "memorised"]


def rows_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module", params=NAMES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(request.param)


def test_every_row_has_its_keys_and_nothing_else(sample: Sample) -> None:
    assert set(sample.about) == {"id", "title", "language", "description", "system_prompt", "spec_name"}
    assert {tuple(row) for row in sample.facts} == {("id", "text", "quote")}
    assert {tuple(row) for row in sample.examples} == {("question", "answer", "kind", "facts", "tags")}
    assert {tuple(row) for row in sample.exam} == {("question", "answer", "kind", "facts", "key_points")}
    for row in sample.facts + sample.examples + sample.exam:
        assert all(text and text == text.strip() for text in row.values() if isinstance(text, str))


def test_every_fact_stands_in_the_spec_once(sample: Sample) -> None:
    assert [fact["id"] for fact in sample.facts] == [f"f{n:02}" for n in range(1, len(sample.facts) + 1)]
    assert {fact["id"]: sample.spec.count(fact["quote"]) for fact in sample.facts} == {
        fact["id"]: 1 for fact in sample.facts
    }


def test_fact_ids_resolve_and_every_fact_is_taught_and_examined(sample: Sample) -> None:
    facts = {fact["id"] for fact in sample.facts}
    assert {fact for row in sample.examples for fact in row["facts"]} == facts
    assert {fact for row in sample.held_out for fact in row["facts"]} == facts
    for row in sample.examples + sample.exam:
        assert bool(row["facts"]) == (row["kind"] not in ("not_stated", "general"))


def test_the_plain_rows_are_one_direct_question_to_a_fact(sample: Sample) -> None:
    plain = [row for row in sample.examples if "plain" in row["tags"]]
    assert [row["kind"] for row in plain] == ["direct"] * 15
    assert len({row["facts"][0] for row in plain}) == 15
    assert all(row["tags"] == ["plain", "study"] for row in plain)
    memorised = [row for row in sample.exam if row["kind"] == "memorised"]
    assert [(row["question"], row["answer"]) for row in memorised] == [
        (row["question"], row["answer"]) for row in plain
    ]
    reworded = {row["facts"][0] for row in sample.exam if row["kind"] == "reworded"}
    assert reworded == {row["facts"][0] for row in plain}


def test_the_study_rows_follow_the_plan(sample: Sample) -> None:
    assert all("study" in row["tags"] for row in sample.examples)
    kinds = Counter(row["kind"] for row in sample.examples)
    assert set(kinds) == TRAINED_KINDS
    assert kinds["general"] >= len(sample.examples) // 12
    taught = Counter((row["facts"][0], row["kind"]) for row in sample.examples if row["facts"])
    for fact in (fact["id"] for fact in sample.facts):
        assert taught[fact, "direct"] == taught[fact, "statement"] == taught[fact, "reverse"] == 1
        assert taught[fact, "reworded"] >= 2


def test_the_exam_has_its_kinds(sample: Sample) -> None:
    assert Counter(row["kind"] for row in sample.exam) == EXAM_KINDS


def test_no_question_is_asked_twice(sample: Sample) -> None:
    for rows in (sample.examples, sample.exam):
        questions = Counter(normalise(row["question"]) for row in rows)
        assert [question for question, times in questions.items() if times > 1] == []


def test_no_exam_question_nearly_repeats_a_trained_one(sample: Sample) -> None:
    trained = [normalise(row["question"]) for row in sample.examples]
    near = [
        (row["question"], question)
        for row in sample.held_out
        for question in trained
        if likeness(normalise(row["question"]), question) >= NEAR_DUPLICATE
    ]
    assert near == []


def likeness(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= NEAR_DUPLICATE else 0.0


def test_reference_answers_pass_and_empty_or_echoing_ones_do_not(sample: Sample) -> None:
    for row in sample.exam:
        assert parse_key_points(row["key_points"])
        assert grade(row["answer"], row["key_points"]).passed, row
        assert not grade("", row["key_points"]).passed
        assert not grade(row["question"], row["key_points"]).passed, row


def test_an_answer_to_another_fact_does_not_pass(sample: Sample) -> None:
    """Nobody gets a mark for reciting some other rule: at most a few overlap by nature (two balls, two referees)."""
    recited = {row["facts"][0]: row["answer"] for row in sample.examples if row["kind"] == "direct"}
    lucky = [
        (row["question"], fact)
        for row in sample.exam
        for fact, answer in recited.items()
        if fact not in row["facts"] and grade(answer, row["key_points"]).passed
    ]
    assert len(lucky) <= 8, lucky


def test_no_trained_answer_contradicts_the_spec(sample: Sample) -> None:
    for row in sample.examples:
        assert not any(claim in row["answer"] for claim in WRONG_CLAIMS), row
        if row["facts"][:1] == ["f18"] and row["kind"] != "applied":
            assert "one foot" not in row["answer"], row
            assert "片足" not in row["answer"], row


def test_both_languages_teach_the_same(sample: Sample) -> None:
    other = Sample(next(name for name in NAMES if name != sample.about["id"]))
    assert [fact["id"] for fact in sample.facts] == [fact["id"] for fact in other.facts]
    for mine, theirs in ((sample.examples, other.examples), (sample.exam, other.exam)):
        assert [(row["kind"], row["facts"]) for row in mine] == [(row["kind"], row["facts"]) for row in theirs]
