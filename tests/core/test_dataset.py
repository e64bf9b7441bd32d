import asyncio
import json

import pytest

from core import dataset
from core.dataset import Filter
from core.errors import FormatError
from core.formats import jsonl
from core.progress import Reporter

TYPO = '{"messages": [{"role": "user", "content": "q"}, {"role": "assitant", "content": "a"}], "score": 1.0}'


def write(project, label, change, *args):
    return asyncio.run(project.write(label, change, *args))


def imported(project, tmp_path, *lines):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return write(project, "Import", dataset.import_file, path, Reporter())


def test_import_keeps_good_rows_and_sets_bad_lines_aside(project, tmp_path):
    good = jsonl.new_row("", "What?", "That.")
    imported(project, tmp_path, good, "{oops", "", TYPO, good, b'{"messages": "\xff"}')
    rows = dataset.fetch(project.rows, dataset.find(project.rows))
    assert [row.data for row in rows.values()] == [good, TYPO, good]
    assert [row.line for row in rows.values()] == [1, 4, 5]
    assert [row.problems for row in rows.values()] == ["", "key-unknown role-unknown", "duplicate-row"]
    unread = dataset.unread(project.rows)
    assert [(entry.line, entry.rule, entry.raw) for entry in unread] == [
        (2, "json-broken", b"{oops"),
        (6, "encoding", b'{"messages": "\xff"}'),
    ]


def test_fix_all_is_one_undoable_step_and_touches_nothing_else(project, tmp_path):
    imported(project, tmp_path, TYPO, TYPO.replace("q", "r"))
    assert dataset.counts(project.rows, "problems") == {"role-unknown": 2, "key-unknown": 2}
    write(project, "Fix", dataset.fix_all, "role-unknown", Reporter())
    rows = list(dataset.fetch(project.rows, dataset.find(project.rows)).values())
    assert rows[0].data == TYPO.replace("assitant", "assistant")
    assert [row.problems for row in rows] == ["key-unknown", "key-unknown"]
    assert rows[0].answer == "a"
    asyncio.run(project.undo())
    assert dataset.counts(project.rows, "problems")["role-unknown"] == 2


def test_duplicates_are_deleted_but_for_the_first(project, tmp_path):
    imported(project, tmp_path, *[jsonl.new_row("", "q", "a")] * 3)
    assert dataset.counts(project.rows, "problems") == {dataset.DUPLICATE: 2}
    write(project, "Fix", dataset.fix_all, dataset.DUPLICATE, Reporter())
    assert list(dataset.find(project.rows)) == [1]


def test_a_line_is_repaired_by_hand_and_by_itself(project, tmp_path):
    good = jsonl.new_row("", "返品は？", "できます。")
    imported(project, tmp_path, good[:-1], good[:-1] + ",}", good.encode("cp932"))
    assert len(dataset.unread(project.rows)) == 3
    write(project, "Repair", dataset.repair_all_unread)
    assert [entry.line for entry in dataset.unread(project.rows)] == [1]
    with pytest.raises(FormatError):
        write(project, "Repair", dataset.repair_unread, 1, good[:-1])
    write(project, "Repair", dataset.repair_unread, 1, good)
    assert not dataset.unread(project.rows)
    rows = dataset.fetch(project.rows, dataset.find(project.rows))
    assert {row.question for row in rows.values()} == {"返品は？"}


def test_editing_a_cell_keeps_the_rest_of_the_row(project, tmp_path):
    line = '{"messages":[{"role":"user","content":"q","name":"n"},{"role":"assistant","content":"a"}],"x":[1.0,2e3]}'
    imported(project, tmp_path, line)
    write(project, "Edit", dataset.edit, 1, "answer", "new\nline")
    row = dataset.fetch(project.rows, [1])[1]
    assert row.answer == "new\nline"
    assert row.data == line.replace('"content":"a"', '"content":"new\\nline"')


def test_find_by_text_of_any_length_and_by_words(sample):
    ids = dataset.find(sample.rows)
    exams = dataset.find(sample.rows, dataset.parse_filter("split:test kind:reverse"))
    assert 0 < len(exams) < len(ids)
    by_fact = dataset.fetch(sample.rows, dataset.find(sample.rows, Filter(fact="f01")))
    assert by_fact
    assert all("f01" in row.facts.split() for row in by_fact.values())
    assert dataset.parse_filter("two balls tag:study") == Filter(text="two balls", tag="study")
    assert not dataset.find(sample.rows, Filter(text="50%_off"))


def test_search_finds_one_japanese_character(project):
    write(project, "Add", dataset.add, [dataset.read_row(jsonl.new_row("", "返品の方法", "窓口へ。"))])
    for text in ("返", "返品", "窓口"):
        assert list(dataset.find(project.rows, Filter(text=text))) == [1]


def test_export_of_the_sample_is_valid_training_data(sample, tmp_path):
    path = tmp_path / "out.jsonl"
    count = dataset.export_file(sample.rows, path, Filter(split="train", tag="study"))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == count > 100
    assert all(json.loads(line)["messages"][-1]["role"] == "assistant" for line in lines)
    assert not [problem for _line, problem in jsonl.check_file(path, Reporter()) if problem.severity == "error"]
