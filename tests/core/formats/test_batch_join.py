"""The two files of a batch: joined by their ids, in any order; one alone is asked for the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from core import formats
from core.errors import FormatError
from core.formats.reading_options import ReadingOptions
from core.progress import Reporter
from tests.core.formats.test_files_as_people_bring_them import texts_of


def request(number: int) -> dict[str, Any]:
    body = {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": f"q{number}"}]}
    return {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def answer(number: int) -> dict[str, Any]:
    body = {
        "id": "x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": f"a{number}", "refusal": None}}],
    }
    return {
        "id": f"b{number}",
        "custom_id": f"r{number}",
        "response": {"status_code": 200, "body": body},
        "error": None,
    }


FAILED = {"custom_id": "r2", "response": None, "error": {"code": "batch_expired", "message": "late"}}
ASKED = {"model": "m", "system": "s", "messages": [{"role": "user", "content": "q"}]}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]}


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    return write(tmp_path / "requests.jsonl", [request(number) for number in range(4)])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def read(path: Path, requests: Path | None = None) -> list[formats.FileRow]:
    return list(formats.read(path, Reporter(), ReadingOptions(requests=requests)))


@pytest.mark.parametrize("is_reversed", [False, True])
def test_answers_are_joined_with_their_requests(tmp_path: Path, requests: Path, is_reversed: bool) -> None:
    answers = write(tmp_path / "answers.jsonl", [answer(1), FAILED, answer(0), answer(9)])
    found = read(*([requests, answers] if is_reversed else [answers, requests]))
    rows = sorted(texts_of(row) for row in found if row.text)
    assert rows == [["s", "q0", "a0"], ["s", "q1", "a1"]]
    reasons = sorted(row.problems[0].message for row in found if row.text is None)
    assert [reason[:10] for reason in reasons] == ["It has a q", "It has a r", "It has an "], reasons  # r3, r2, r9
    said = formats.describe_reading(formats.detect(answers, ReadingOptions(requests=requests)))
    assert any("requests.jsonl" in note for note in said)


def test_the_two_files_of_anthropic_are_joined(tmp_path: Path) -> None:
    requests = write(tmp_path / "a.jsonl", [{"custom_id": "1", "params": ASKED}])
    answers = write(
        tmp_path / "b.jsonl",
        [{"custom_id": "1", "result": {"type": "succeeded", "message": SAID}}, {"custom_id": "2", "result": {"type": "errored"}}],
    )  # fmt: skip
    first, failed = read(answers, requests)
    assert texts_of(first) == ["s", "q", "a"]
    assert failed.text is None


def test_one_of_the_files_is_asked_for_the_other(tmp_path: Path, requests: Path) -> None:
    answers = write(tmp_path / "answers.jsonl", [answer(1), answer(0)])
    with pytest.raises(FormatError, match="answers of a batch without its requests"):
        read(answers)
    with pytest.raises(FormatError, match="requests of a batch without its answers"):
        read(requests)
    with pytest.raises(FormatError, match="is no file of a batch"):
        read(answers, write(tmp_path / "t.jsonl", [{"messages": []}]))
