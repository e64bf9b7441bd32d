import asyncio
import json

import pytest

from core.dataset import examples, filters, importing, quarantine
from core.dataset.filters import Filter
from core.dataset.import_reader_process import ImportOptions
from core.dataset.row_edits import SetColumn, SetText
from core.errors import FormatError, JukuError
from core.formats import jsonl
from core.formats.check_file import check_lines
from core.progress import Reporter
from tests.support.projects import new_example, write

TYPO = '{"messages": [{"role": "user", "content": "q"}, {"role": "assitant", "content": "a"}], "score": 1.0}'


def rows(project, choice=Filter()):
    return list(examples.iterate(project.rows, choice))


def imported(project, tmp_path, *lines, **options):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return asyncio.run(importing.import_file(project, path, ImportOptions(**options))).changes


def test_import_keeps_good_rows_and_sets_bad_lines_aside(project, tmp_path):
    good = jsonl.new_row("", "返品は？", "That.")
    imported(project, tmp_path, good, "{oops", "", TYPO, good, b'{"messages": "\xff"}')
    assert [row.data for row in rows(project)] == [good, TYPO, good]
    assert [row.line for row in rows(project)] == [1, 4, 5]
    assert [row.problems for row in rows(project)] == ["", "key-unknown role-unknown", ""]
    assert [(entry.line, entry.rule, entry.raw) for entry in quarantine.load_lines(project.rows)] == [
        (2, "json-broken", b"{oops"),
        (6, "encoding", b'{"messages": "\xff"}'),
    ]


def test_a_file_that_comes_again_brings_only_what_is_new(project, tmp_path):
    good = jsonl.new_row("", "What?", "That.")
    imported(project, tmp_path, good, "{oops", split="test")
    new = jsonl.new_row("", "New?", "Yes.")
    changes = imported(project, tmp_path, good, "{oops", new)
    assert changes.counts == {"example": 1}
    assert [(row.data, row.split) for row in rows(project)] == [(good, "test"), (new, "train")]


def test_rows_that_cannot_be_fixed_are_said_and_stay(project):
    """The button *Fix* did nothing, and said nothing."""
    text = '{"messages": [{"role": "bot", "content": "Who?"}, {"role": "assistant", "content": "I."}]}'
    write(project, examples.add, [examples.read_row(text)])
    before = project.undo_label
    with pytest.raises(JukuError, match="cannot be fixed automatically"):
        write(project, examples.fix_all, "role-unknown", Reporter())
    assert [row.data for row in rows(project)] == [text] and project.undo_label == before


def test_fix_all_is_one_undoable_step_and_touches_nothing_else(project, tmp_path):
    imported(project, tmp_path, TYPO, TYPO.replace("q", "r"))
    assert examples.count_values(project.rows, "problems") == {"role-unknown": 2, "key-unknown": 2}
    write(project, examples.fix_all, "role-unknown", Reporter())
    assert rows(project)[0].data == TYPO.replace("assitant", "assistant")
    assert [row.problems for row in rows(project)] == ["key-unknown", "key-unknown"]
    assert rows(project)[0].answer == "a"
    asyncio.run(project.undo())
    assert examples.count_values(project.rows, "problems")["role-unknown"] == 2


def test_duplicates_are_deleted_but_for_the_first(project, tmp_path):
    imported(project, tmp_path, *[jsonl.new_row("", "q", "a")] * 3)
    write(project, examples.fix_all, examples.DUPLICATE_ROW, Reporter())
    assert list(filters.find(project.rows)) == [1]


def test_a_line_is_repaired_by_hand_and_by_itself(project, tmp_path):
    good = jsonl.new_row("", "返品は？", "できます。")
    imported(project, tmp_path, good[:-1], good[:-1] + ",}", good.encode("cp932"))
    assert quarantine.count(project.rows) == 3
    assert quarantine.count_repairable(project.rows, list(quarantine.find(project.rows, ""))) == 2
    write(project, quarantine.repair_all)
    assert [entry.line for entry in quarantine.load_lines(project.rows)] == [1]
    with pytest.raises(FormatError):
        write(project, quarantine.repair, 1, good[:-1])
    write(project, quarantine.repair, 1, good)
    assert not quarantine.count(project.rows)
    assert {row.question for row in rows(project)} == {"返品は？"}


def test_editing_a_cell_keeps_the_rest_of_the_row(project, tmp_path):
    line = '{"messages":[{"role":"user","content":"q","name":"n"},{"role":"assistant","content":"a"}],"x":[1.0,2e3]}'
    imported(project, tmp_path, line)
    write(project, examples.set_field, 1, "answer", "new\nline")
    row = examples.fetch(project.rows, [1])[1]
    assert row.answer == "new\nline"
    assert row.data == line.replace('"content":"a"', '"content":"new\\nline"')


def test_editing_the_cells_of_a_row_of_two_answers_writes_them_where_they_stand(project, tmp_path):
    said = '{"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [{"role": "assistant", "content": "a"}], '
    line = said + '"non_preferred_output": [{"role": "assistant", "content": "b"}]}'
    imported(project, tmp_path, line)
    assert (rows(project)[0].question, rows(project)[0].answer) == ("q", "a")
    write(project, examples.set_field, 1, "question", "Q")
    write(project, examples.set_field, 1, "answer", "A")
    assert rows(project)[0].data == line.replace('"q"', '"Q"').replace('"a"', '"A"')


def test_lines_of_text_are_those_of_the_rows(project, tmp_path):
    lines = [jsonl.new_row("", f"question {number}", "a") for number in range(300)]
    imported(project, tmp_path, *lines)
    write(project, examples.replace_data, 7, '{"messages":\n[]}')
    write(project, examples.delete, [3, 200])
    whole = b"".join(block for _count, block in examples.iterate_text_blocks(project.rows))
    expected = [*lines[:2], *lines[3:6], '{"messages": []}', *lines[7:199], *lines[200:]]
    assert whole.decode().splitlines() == expected
    assert list(examples.iterate_texts(project.rows, [9, 5])) == [lines[8], lines[4]]


def test_export_of_the_sample_is_valid_training_data(sample, tmp_path):
    path = tmp_path / "out.jsonl"
    count = jsonl.write(path, examples.iterate_texts(sample.rows, Filter(split="train", tag="study")))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == count > 100
    assert all(json.loads(line)["messages"][-1]["role"] == "assistant" for line in lines)
    assert not [problem for _line, problem in check_lines(path, Reporter()) if problem.severity == "error"]


def test_an_edit_of_one_row_is_written_as_it_was_shown(project):
    """`edit` writes what `preview_edit` showed, whatever kind of edit it is."""
    write(project, examples.add, [new_example("q")])
    (before,) = rows(project)
    for edit in (SetColumn("tags", "t"), SetColumn("answer", "A"), SetText("$.messages[0]", "Q")):
        shown = examples.preview_edit(before, edit)
        write(project, examples.edit, 1, edit)
        (after,) = rows(project)
        assert (after.data, after.tags) == (shown.data, shown.tags)
        assert after != before
        before = after
    assert (before.question, before.answer, before.tags) == ("Q", "A", "t")
    with pytest.raises(FormatError):
        write(project, examples.edit, 1, SetText("$.messages[7]", "Q"))
