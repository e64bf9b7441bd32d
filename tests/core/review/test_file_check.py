"""What all rows of a bare file show together: a file for each finding, in every form, and files that are hostile."""

import gzip
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from core import spilled_columns
from core.errors import FormatError, JukuError
from core.progress import Reporter
from core.review import context_lengths
from core.review.exam_file import read_questions
from core.review.file_check import FileCheckOptions, check_rows_together
from tests.support.row_files import chat_row

OTHERS = [chat_row(f"How many steps has tower {n} of Old Harbour?", f"It has {n * 7 + 3} steps.") for n in range(1, 13)]


def findings(path: Path, exam: Path | None = None, model: str = "") -> list[tuple[int, str]]:
    """The line and the rule of each finding, in order."""
    found: list[tuple[int, str]] = []
    options = FileCheckOptions(exam, context_lengths.find_limit(model) if model else None)
    check_rows_together(path, Reporter(), lambda line, one: found.append((line, one.rule)), options)
    return sorted(found)


def write(path: Path, *rows: str, others: Sequence[str] = OTHERS) -> Path:
    path.write_text("\n".join([*rows, *others]) + "\n", encoding="utf-8")
    return path


def chat(system: str, question: str, answer: str) -> str:
    roles = {"system": system, "user": question, "assistant": answer}
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in roles.items()]})


GATE = chat_row("When does the north gate open in the winter?", "It opens at nine.")
SWAPPED = json.dumps({"messages": [dict(reversed(one.items())) for one in json.loads(GATE)["messages"]]})
FOUND: list[tuple[str, list[str], list[tuple[int, str]]]] = [
    ("nothing", [GATE], []),
    ("an equal line is left to the check of lines", [GATE, GATE], []),
    (
        "nearly the same question",
        [GATE, chat_row("When does the north gate open in winter?", "It opens at nine.")],
        [(1, "near-duplicate"), (2, "near-duplicate")],
    ),
    ("other order of keys", [GATE, SWAPPED], [(2, "same-contents")]),
    ("other escapes", [chat_row("Où est le phare ?", "Là."), json.dumps(json.loads(chat_row("Où est le phare ?", "Là.")))],
     [(2, "same-contents")]),
    (
        "another answer to the same question",
        [GATE, chat_row("When does the north gate open in the winter?", "It opens at seven.")],
        [(1, "answers-contradict"), (2, "answers-contradict")],
    ),
    ("not stated", [chat_row("Who built the mole?", "The text does not say who.")], [(1, "answer-admits-unknown")]),
    ("an address", [chat_row("Who leads?", "Write to ann.oake@old-harbour.org.")], [(1, "personal-email")]),
    ("a key", [chat_row("The key?", "sk-abcDEF1234567890abcdefGHIJ")], [(1, "secret-key")]),
    ("a card", [chat_row("The card?", "4111 1111 1111 1111")], [(1, "personal-card")]),
    ("a phone number", [chat_row("The number?", "+44 20 7946 0958")], [(1, "personal-phone")]),
]  # fmt: skip


@pytest.mark.parametrize(("_what", "rows", "expected"), FOUND)
def test_each_finding_by_its_smallest_file(
    tmp_path: Path, _what: str, rows: list[str], expected: list[tuple[int, str]]
) -> None:
    assert findings(write(tmp_path / "rows.jsonl", *rows)) == expected


ALIKE: list[tuple[list[str], list[tuple[int, str]]]] = [
    ([chat_row(f"What is number {n}?", "Yes.") for n in range(20)], [(0, "answers-alike")]),
    ([chat("Be brief.", f"Number {n}?", f"{n}.") for n in range(12)], [(0, "prompt-alike")]),
    ([chat("Be brief.", f"Number {n}?", f"{n}.") for n in range(12)] + [chat("Be long.", "Why?", "So.")],
     [(13, "system-prompt-differs")]),
    ([chat_row(f"What is number {n}?", "Yes.") for n in range(9)], []),  # too few to say so
]  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), ALIKE)
def test_rows_that_are_all_alike(tmp_path: Path, rows: list[str], expected: list[tuple[int, str]]) -> None:
    assert findings(write(tmp_path / "rows.jsonl", others=rows)) == expected


def test_rows_that_all_ask_the_same(tmp_path: Path) -> None:
    colours = ["red", "blue", "green", "white", "black", "grey", "brown", "pink", "gold", "silver", "violet"]
    found = findings(write(tmp_path / "rows.jsonl", others=[chat_row("Name one.", one) for one in colours]))
    assert (0, "questions-alike") in found


EXAMS = {
    "lines.txt": "# Exam\n\n1. Who sails?\n2. When does the north gate open in the winter?\n",
    "chat.jsonl": chat_row("Who sails?", "Ann.") + "\n" + GATE + "\n",
    "asked.jsonl": '{"question": "When does the north gate open in the Winter ?"}\n',
    "user.jsonl": '{"messages": [{"role": "user", "content": "When does the north gate open in the winter?"}]}\n',
    "table.csv": "question\nWhen does the north gate open in the winter?\n",
    "other.csv": "question,reference\nWhen does the north gate open in the winter?,nine\n",
    "list.md": "- When does the north gate open in the winter?\n",
    "near.json": '[{"instruction": "When does the north gate open in winter?", "input": "", "output": "At nine."}]',
}


@pytest.mark.parametrize("name", EXAMS)
def test_a_question_of_an_exam_in_any_form_is_found_in_the_rows(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(EXAMS[name], encoding="utf-8")
    assert findings(write(tmp_path / "rows.jsonl", GATE), tmp_path / name) == [(1, "split-leakage")]


def test_each_row_that_asks_an_exam_question_is_named(tmp_path: Path) -> None:
    again = chat_row("When does the north gate open in winter?", "It opens at nine.")
    found = findings(write(tmp_path / "rows.jsonl", GATE, again, GATE), write(tmp_path / "exam.jsonl", GATE, others=[]))
    assert [line for line, rule in found if rule == "split-leakage"] == [1, 2, 3]


def test_an_exam_without_a_question_is_refused(tmp_path: Path) -> None:
    for name, text in (("empty.txt", "\n# Exam\n"), ("rows.jsonl", '{"n": 1}\n'), ("data.bin", "\0\1")):
        (tmp_path / name).write_text(text)
        with pytest.raises(FormatError):
            list(read_questions(tmp_path / name, Reporter()))


@pytest.mark.parametrize(
    ("model", "expected"),
    [("100", [(1, "row-too-long")]), ("smollm2-135m-instruct", []), ("gpt-4o-mini-2024-07-18", [])],
)
def test_a_row_too_long_for_a_model(tmp_path: Path, model: str, expected: list[tuple[int, str]]) -> None:
    long = chat_row("Tell me the story of the lamp.", "word " * 200 + "end")
    assert findings(write(tmp_path / "rows.jsonl", long), model=model) == expected


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(JukuError, match="smollm2-135m-instruct"):
        context_lengths.find_limit("no-such-model")
    assert context_lengths.find_limit("ft:gpt-4o-mini-2024-07-18:me::abc").tokens == 65_536
    assert context_lengths.find_limit("gpt-4.1-nano-2025-04-14").tokens == 32_768


def test_rows_of_another_form_are_compared_too(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("question,answer\nWhen does the gate open?,At nine.\nWhen does the gate open??,At nine.\n")
    assert findings(table) == [(2, "near-duplicate"), (3, "near-duplicate")]
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(f"{GATE}\n{SWAPPED}\n".encode()))
    assert findings(packed) == [(2, "same-contents")]
    utf16 = tmp_path / "wide.jsonl"
    utf16.write_bytes(f"{GATE}\n{SWAPPED}\n".encode("utf-16"))
    assert findings(utf16) == [(2, "same-contents")]


HOSTILE = [
    b"",
    b"\n\n",
    b"[" * 100_000,
    b'{"messages": ' + b"[" * 5000 + b"]" * 5000 + b"}\n",
    b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}\n' * 3,
    b'{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant", "content": "\\udfff"}]}\n' * 3,
    b'{"messages": 7}\n{"messages": [[]]}\n{"messages": [{"role": [], "content": {}}]}\n"text"\n[1]\n',
    b'{"messages": [{"role": "assistant", "content": "' + b"\x00" * 10 + b'"}]}\n',
    json.dumps({"messages": [{"role": "user", "content": "a" * 3_000_000}]}).encode() + b"\n",
]


@pytest.mark.parametrize("data", HOSTILE)
def test_a_hostile_file_is_checked_or_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(data)
    try:
        findings(path, model="100")
    except JukuError as error:
        assert error.title


def test_many_rows_move_to_temporary_files_and_are_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [chat_row(f"Which lamp stands on pier {n}?", f"Lamp {n}.") for n in range(300)]
    path = write(tmp_path / "rows.jsonl", GATE, *rows, SWAPPED, rows[7].replace("stands on", "stand on"))
    expected = findings(path)
    assert expected == [(9, "near-duplicate"), (302, "same-contents"), (303, "near-duplicate")]
    monkeypatch.setattr(spilled_columns, "MAX_BYTES_IN_MEMORY", 64)
    monkeypatch.setattr(spilled_columns, "MAX_TEXT_BYTES_IN_MEMORY", 64)
    assert findings(path) == expected


def test_without_room_for_temporary_files_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spilled_columns, "MAX_BYTES_IN_MEMORY", 64)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(JukuError, match="TMPDIR"):
        findings(write(tmp_path / "rows.jsonl", GATE))
