"""Files of every format are known by their content, and their rows come in with nothing lost."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from core import formats
from core.errors import FormatError
from core.formats import jsonl
from core.progress import Cancelled, Reporter
from tests.support.projects import write_file

CHAT = jsonl.new_row("短く。", "返品は？", "表の\nとおり。")
SHAREGPT = {
    "id": "a1",
    "conversations": [
        {"from": "system", "value": "短く。"},
        {"from": "human", "value": "返品は？"},
        {"from": "gpt", "value": "表の\nとおり。"},
    ],
}
ALPACA = {"instruction": "返品は？", "input": "", "output": "表の\nとおり。", "system": "短く。"}
DPO = {
    "input": {"messages": [{"role": "user", "content": "q"}]},
    "preferred_output": [{"role": "assistant", "content": "a"}],
    "non_preferred_output": [{"role": "assistant", "content": "b"}],
}
OLD = {"prompt": "q", "completion": "a"}
CSV = 'system,question,answer\n短く。,返品は？,"表の\nとおり。"\n'
TSV = CSV.replace(",", "\t")
MARKDOWN = "# 規程\n\nText | with a bar.\n\n|システム|質問|回答|\n|---|:-:|--:|\n|短く。|返品は？|表の<br>とおり。|\n\nThe end.\n"


def spelled(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read(path: Path, **options: Any) -> list[formats.FileRow]:
    return list(formats.read(path, Reporter(), formats.ReadingOptions(**options)))


KINDS = [
    (f"{CHAT}\n{CHAT}\n", "jsonl", False),
    (f"[{CHAT},\n {CHAT}]", "jsonl", True),
    (json.dumps([json.loads(CHAT)] * 3, indent=2, ensure_ascii=False), "jsonl", True),
    ("\n".join([json.dumps(json.loads(CHAT), indent=2, ensure_ascii=False)] * 3), "jsonl", True),
    (spelled(SHAREGPT), "sharegpt", False),
    (spelled([SHAREGPT] * 2), "sharegpt", True),
    (f"{spelled(ALPACA)}\n{spelled(ALPACA)}", "alpaca", False),
    (spelled([ALPACA]), "alpaca", True),
    (spelled(DPO), "dpo", False),
    (spelled(OLD), "completions", False),
    (CSV, "csv", False),
    (CSV.replace(",", ";"), "csv", False),
    (TSV, "tsv", False),
    (MARKDOWN, "markdown", False),
    ('{"messages": [\n' + f"{CHAT}\n" * 3, "jsonl", False),
    ("", "jsonl", False),
]


@pytest.mark.parametrize(("text", "format", "is_array"), KINDS)
@pytest.mark.parametrize("name", ["rows.txt", "rows.json", "rows.jsonl"])
def test_a_file_is_known_by_its_content(tmp_path: Path, text: str, format: str, is_array: bool, name: str) -> None:
    found = formats.detect(write_file(tmp_path, text, name))
    assert (found.format, found.is_array) == (format, is_array)


@pytest.mark.parametrize(
    ("text", "name", "format"),
    [
        (CHAT, "rows.csv", "jsonl"),
        (spelled([ALPACA]), "rows.tsv", "alpaca"),
        ("not json\n{broken\n", "rows.jsonl", "jsonl"),
        ("[id],question,answer\n1,q,a\n", "rows.csv", "csv"),
        ("one,two\nthree,four\n", "rows.txt", "csv"),
    ],
)
def test_a_name_helps_only_where_the_content_does_not_tell(tmp_path: Path, text: str, name: str, format: str) -> None:
    assert formats.detect(write_file(tmp_path, text, name)).format == format


@pytest.mark.parametrize(
    ("text", "name"), [("Just some prose, and more.\nNothing else here", "a.txt"), ("PK\x03\x04...", "table.xlsx")]
)
def test_what_is_no_format_of_rows_is_said_in_words(tmp_path: Path, text: str, name: str) -> None:
    with pytest.raises(FormatError) as raised:
        formats.detect(write_file(tmp_path, text, name))
    assert raised.value.message


@pytest.mark.parametrize("text", [CHAT, spelled(ALPACA), spelled(SHAREGPT), f"[{CHAT}\n]", CSV, TSV, MARKDOWN])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_gives_the_same_row_in_every_encoding(
    tmp_path: Path, text: str, encoding: str, packed: bool
) -> None:
    path = write_file(tmp_path, text, encoding=encoding)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    found = formats.detect(path)
    assert (found.compressed, found.encoding) == (packed, {"utf-16": "utf-16-le"}.get(encoding, encoding))
    (row,) = read(path)
    assert row.text is not None
    assert json.loads(row.text) == json.loads(CHAT)
    assert not row.problems


def test_the_old_encoding_of_the_west_is_known_and_said(tmp_path: Path) -> None:
    path = write_file(tmp_path, "question;answer\nWie groß?;Zwölf Übergrößen – für 5 €\n" * 12, "q.csv", "cp1252")
    rows = read(path)
    assert jsonl.answer(json.loads(rows[0].text or "")) == "Zwölf Übergrößen – für 5 €"
    assert [problem.rule for line, problem in formats.check_file(path, Reporter()) if not line] == ["encoding-cp1252"]


def test_what_has_no_place_in_a_chat_row_is_kept_in_the_notes(tmp_path: Path) -> None:
    rows = read(write_file(tmp_path, spelled([SHAREGPT, ALPACA | {"topic": "返品"}, DPO])), format="sharegpt")
    assert [row.fields for row in rows] == [{"notes": '{"id": "a1"}'}, {}, {}]
    assert json.loads(rows[1].text or "") == ALPACA | {"topic": "返品"}
    (row,) = read(write_file(tmp_path, spelled(ALPACA | {"topic": "返品", "input": "靴"})))
    assert row.fields == {"notes": '{"topic": "返品"}'}
    assert jsonl.question(json.loads(row.text or "")) == "返品は？\n\n靴"


def test_calls_and_results_of_sharegpt_become_calls_and_results(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "2+2?"},
        {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 2}}'},
        {"from": "observation", "value": "4"},
        {"from": "gpt", "value": "Four.", "weight": 1},
    ]
    tools = '[{"name": "add", "parameters": {}}]'
    (row,) = read(write_file(tmp_path, spelled({"conversations": turns, "system": "s", "tools": tools})))
    assert not row.problems
    value = json.loads(row.text or "")
    assert [message["role"] for message in value["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert value["messages"][3]["tool_call_id"] == value["messages"][2]["tool_calls"][0]["id"]
    assert value["tools"][0]["function"]["name"] == "add"
    assert not row.fields


def test_a_speaker_who_is_not_known_is_left_for_the_checks(tmp_path: Path) -> None:
    turns = [{"from": "narrator", "value": "x"}, 7, {"from": ["x"]}]
    (row,) = read(write_file(tmp_path, spelled({"conversations": turns})))
    assert {problem.rule for problem in row.problems} >= {"role-unknown", "message-not-object", "assistant-missing"}


@pytest.mark.parametrize("value", [DPO, OLD, DPO | {"preferred_completion": []}])
def test_rows_of_other_trainings_are_kept_to_the_letter(tmp_path: Path, value: dict[str, Any]) -> None:
    text = spelled(value).replace(": ", " :  ")
    (row,) = read(write_file(tmp_path, text))
    assert row.text == text


def test_damaged_and_bombing_archives_are_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl.gz"
    packed = gzip.compress("".join(f'{{"a": {n}}}\n' for n in range(2000)).encode())
    for data in (packed[:-20], packed + b"junk", packed[:200] + b"\0" * 50 + packed[250:]):
        path.write_bytes(data)
        with pytest.raises(FormatError, match="damaged"):
            read(path)
    monkeypatch.setattr("core.formats.compressed_files.ALWAYS_ALLOWED_BYTES", 1000)
    path.write_bytes(gzip.compress(b"{}\n" * 1_000_000))
    with pytest.raises(FormatError, match="unpacks"):
        read(path)


@pytest.mark.parametrize("text", [f"[{CHAT}" + f",{CHAT}" * 20_000, CSV * 50_000])
def test_reading_other_formats_can_be_cancelled(tmp_path: Path, text: str) -> None:
    reporter = Reporter()
    reading = formats.read(write_file(tmp_path, text), reporter)
    next(reading)
    reporter.cancel()
    with pytest.raises(Cancelled):
        list(reading)


def test_an_encoding_can_be_chosen(tmp_path: Path) -> None:
    path = write_file(tmp_path, CSV, encoding="cp932")
    assert json.loads(read(path, encoding="Shift_JIS")[0].text or "") == json.loads(CHAT)
    with pytest.raises(FormatError):
        read(path, encoding="ebcdic")
    assert {row.problems[0].rule for row in read(path, encoding="utf-8") if row.text is None} == {"encoding"}
