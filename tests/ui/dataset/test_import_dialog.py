import gzip
import json
import zipfile

import openpyxl
from PySide6.QtWidgets import QFileDialog, QPushButton

from core.dataset import examples, quarantine
from core.dataset.filters import Filter, find
from core.formats import jsonl
from core.progress import Reporter
from tests.support.pages.controls import choose
from tests.support.pages.dialogs import notice
from tests.support.projects import write_file
from tests.support.until import until
from ui import style
from ui.dataset.import_dialog import ImportDialog, import_rows
from ui.dataset.quarantine_dialog import QuarantineDialog
from ui.widgets.message_bar import Notice

ROWS = [jsonl.new_row("", f"question {n}", f"answer {n}") for n in range(3)]
CSV = "Frage;Antwort;Bemerkung\nWo?;Hier.;n1\nWann?;Jetzt.;n2\n"


def last(workspace, count):
    ids = find(workspace.project.rows, Filter())[-count:]
    return [examples.fetch(workspace.project.rows, [id])[id] for id in ids]


def test_jsonl_is_brought_at_once_and_what_waits_is_said(run, workspace, owner, tmp_path):
    path = write_file(tmp_path, "\n".join([*ROWS, ROWS[0], "{broken"]), "rows.jsonl")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: notice(owner))
        assert "rows imported." in notice(owner).text.text()
        assert "1 line could not be read." in notice(owner).text.text()
        assert workspace.project.undo_label == "Import rows.jsonl"
        assert quarantine.count(workspace.project.rows) == 1
        next(button for button in notice(owner).findChildren(QPushButton)).click()
        await until(lambda: owner.findChildren(QuarantineDialog))
        owner.findChildren(QuarantineDialog)[0].close()
        # The same file again: everything is known.
        import_rows(workspace, [path], owner)
        await until(lambda: notice(owner) and "0 rows imported." in notice(owner).text.text())
        assert "already exist" in notice(owner).text.text()
        await workspace.project.undo()
        assert quarantine.count(workspace.project.rows) == 0

    run(go())


def test_what_is_wrong_with_the_imported_rows_is_said_and_fixed(run, workspace, owner, tmp_path):
    wrong = [row.replace('"assistant"', '"assitant"') for row in ROWS[:2]]
    path = write_file(tmp_path, "\n".join([*wrong, ROWS[2]]), "rows.jsonl")
    wanted = []
    workspace.rows_wanted.connect(wanted.append)

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: notice(owner))
        text = notice(owner).text.text()
        assert text.startswith("3 rows imported. 2 with errors: ") and "Unknown role" in text
        buttons = {button.text(): button for button in notice(owner).findChildren(QPushButton)}
        buttons["Show"].click()
        assert wanted and wanted[0].startswith("rule:")
        import_rows(workspace, [path], owner)  # all of them are there already: nothing new is wrong
        await until(lambda: notice(owner) and "already exist" in notice(owner).text.text())
        assert "error" not in notice(owner).text.text()

    run(go())


def test_the_imported_rows_are_fixed_and_no_others(run, workspace, owner, tmp_path):
    wrong = [row.replace('"assistant"', '"assitant"') for row in ROWS]
    before = write_file(tmp_path, wrong[0], "before.jsonl")
    path = write_file(tmp_path, "\n".join(wrong[1:]), "rows.jsonl")

    async def go():
        for one in (before, path):
            import_rows(workspace, [one], owner)
            name = one.name
            await until(lambda name=name: workspace.project.undo_label == f"Import {name}" and notice(owner))
            await until(lambda: not workspace.tasks.running())
        await until(lambda: "2 with errors" in notice(owner).text.text())
        first = last(workspace, 2)[0].id
        await workspace.project.write("Fix", examples.fix_since, ["role-unknown"], first, Reporter())
        assert ["role-unknown" in row.problems for row in last(workspace, 3)] == [True, False, False]

    run(go())


def test_a_table_asks_what_its_columns_mean(run, workspace, owner, tmp_path):
    path = write_file(tmp_path, CSV, "table.csv")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        await until(lambda: dialog.preview.rowCount() == 2)
        assert [box.currentData() for box in dialog.column_boxes] == ["question", "answer", ""]
        choose_meaning(dialog, 2, "notes")
        await until(lambda: dialog.preview.columnCount() == 4)
        assert dialog.preview.item(1, 3).text() == "n2"
        dialog.split_box.setCurrentIndex(dialog.split_box.findData("validation"))
        dialog.tags_field.setText(" new  table ")
        dialog.accept()
        await until(lambda: notice(owner))
        rows = last(workspace, 2)
        assert [(row.question, row.answer, row.notes) for row in rows] == [
            ("Wo?", "Hier.", "n1"),
            ("Wann?", "Jetzt.", "n2"),
        ]
        assert {(row.split, row.tags, row.source) for row in rows} == {("validation", "new table", "table.csv")}

    run(go())


def test_a_sheet_with_a_title_and_headings_of_its_own_is_proposed_as_it_is_meant(run, workspace, owner, tmp_path):
    book = openpyxl.Workbook()
    for row in (
        ["The counter"],
        ["No.", "What they ask", "What we say"],
        [1, "When?", "At 7."],
        [2, "Who?", "Odalys."],
    ):
        book.active.append(row)
    book.active.merge_cells("A1:C1")
    book.save(tmp_path / "counter.xlsx")

    async def go():
        import_rows(workspace, [tmp_path / "counter.xlsx"], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        await until(lambda: dialog.preview.rowCount() == 2)
        assert [box.currentData() for box in dialog.column_boxes] == ["", "question", "answer"]
        assert "“The counter”" in dialog.note.text() and "a guess" in dialog.note.text()
        dialog.heading_box.click()
        await until(lambda: dialog.preview.rowCount() == 3)
        assert [box.currentData() for box in dialog.column_boxes] == ["", "question", "answer"]
        dialog.heading_box.click()
        await until(lambda: dialog.preview.rowCount() == 2)
        dialog.accept()
        await until(lambda: notice(owner))
        assert [(row.question, row.answer) for row in last(workspace, 2)] == [("When?", "At 7."), ("Who?", "Odalys.")]

    run(go())


def test_the_button_says_how_many_files_are_imported(run, workspace, owner, tmp_path):
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        archive.writestr("a.jsonl", '{"instruction": "a?", "output": "b"}\n')
        archive.writestr("b.jsonl", '{"instruction": "c?", "output": "d"}\n')

    async def go():
        import_rows(workspace, [tmp_path / "rows.zip"], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        assert dialog.ok_button.text() == "Import all 2 files"
        dialog.reject()

    run(go())


def choose_meaning(dialog, column, field):
    box = dialog.column_boxes[column]
    choose(box, field)


def test_the_preview_follows_the_head_and_the_encoding(run, workspace, owner, tmp_path):
    path = write_file(tmp_path, "question,answer\n質問ですか,はいそうです\n", "t.csv", "cp932")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        await until(lambda: dialog.preview.rowCount() == 1)
        assert dialog.encoding_box.currentText() == "Shift_JIS (CP932)"
        assert dialog.preview.item(0, 1).text() == "質問ですか"
        choose(dialog.encoding_box, "cp1252")
        await until(lambda: dialog.preview.rowCount() == 1 and dialog.preview.item(0, 1).text() != "質問ですか")
        dialog.heading_box.click()
        await until(lambda: dialog.preview.rowCount() == 2)
        assert dialog.preview.item(0, 1).text() == "question"
        dialog.reject()

    run(go())


def test_without_a_question_nothing_is_brought(run, workspace, owner, tmp_path):
    path = write_file(tmp_path, "foo,bar\n1,2\n3,4\n", "t.csv")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        for column, _box in enumerate(dialog.column_boxes):
            choose_meaning(dialog, column, "")
        assert not dialog.ok_button.isEnabled()
        assert "column with the questions" in dialog.note.text()
        choose_meaning(dialog, 0, "question")
        choose_meaning(dialog, 1, "question")
        assert [box.currentData() for box in dialog.column_boxes] == ["", "question"]
        assert dialog.ok_button.isEnabled()
        dialog.reject()

    run(go())


def test_each_file_that_cannot_be_read_is_named_and_the_others_come(run, workspace, owner, tmp_path):
    good = write_file(tmp_path, ROWS[0], "good.jsonl")
    zipped = tmp_path / "more.jsonl.gz"
    zipped.write_bytes(gzip.compress(ROWS[1].encode()))
    sheet = tmp_path / "sheet.xlsx"
    sheet.write_bytes(b"PK\x03\x04rest")

    async def go():
        import_rows(workspace, [sheet, good, tmp_path / "gone.jsonl", zipped], owner)
        await until(lambda: notice(owner))
        text = notice(owner).text.text()
        assert text.startswith("2 rows imported.")
        assert "sheet.xlsx cannot be read. It is a file of another kind (zip)." in text
        assert "gone.jsonl" in text

    run(go())


def test_pasted_text_is_recognised(run, workspace, owner):
    async def go():
        import_rows(workspace, "\n".join(ROWS), owner)
        await until(lambda: notice(owner))
        assert last(workspace, 1)[0].source == "Pasted text"
        import_rows(workspace, "| question | answer |\n|---|---|\n| a | b |\n| c | d |\n", owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        await until(lambda: dialog.preview.rowCount() == 2)
        assert dialog.form_box.currentText() == "Markdown table"
        assert dialog.encoding_box.isHidden() and dialog.encoding_label.isHidden()
        dialog.accept()
        await until(lambda: last(workspace, 1)[0].question == "c")
        import_rows(workspace, "no rows at all", owner)
        await until(lambda: notice(owner) and "“" in notice(owner).text.text())

    run(go())


def test_a_cancelled_import_leaves_nothing(run, workspace, owner, tmp_path):
    path = write_file(tmp_path, "\n".join(jsonl.new_row("", f"q{n}", "a" * 500) for n in range(60_000)), "many.jsonl")
    before = len(find(workspace.project.rows, Filter()))

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: workspace.tasks.label == "Import many.jsonl")
        workspace.tasks.cancel()
        await until(lambda: not workspace.tasks.label)
        assert len(find(workspace.project.rows, Filter())) == before
        assert not notice(owner)

    run(go())


def test_a_notice_is_as_high_as_its_button(run, owner, qapp):
    async def go():
        shown = Notice(owner, "Said.", lasting=True)
        button = shown.add_button("Look…", lambda: None)
        await until(lambda: button.height() >= button.sizeHint().height())
        assert shown.geometry().bottom() < owner.height()
        owner.resize(500, 400)
        await until(lambda: shown.geometry().right() < 500)
        Notice(owner, "Said next.")
        assert shown.isHidden(), "one at a time"

    style.apply(qapp, "light")
    run(go())


def test_a_doubt_about_columns_or_keys_is_shown_until_they_are_chosen(run, workspace, owner, tmp_path):
    table = write_file(tmp_path, "colour,shade\nred,dark\n", "t.csv")
    rows = write_file(tmp_path, '{"colour": "red", "shade": "dark"}\n', "t.jsonl")

    async def go():
        for path, doubt in ((table, "columns are a guess"), (rows, "form that Juku does not know")):
            import_rows(workspace, [path], owner)
            await until(lambda: owner.findChildren(ImportDialog))
            (dialog,) = owner.findChildren(ImportDialog)
            assert doubt in dialog.note.text() or "column with the questions" in dialog.note.text()
            choose_meaning(dialog, 0, "question")
            choose_meaning(dialog, 1, "answer")
            await until(lambda dialog=dialog: dialog.preview.rowCount() > 0)
            assert dialog.note.text() == ""
            if path is table:
                dialog.reject()
                await until(lambda: not owner.findChildren(ImportDialog))
            else:
                dialog.accept()
        await until(lambda: notice(owner))
        (row,) = last(workspace, 1)
        assert (row.question, row.answer) == ("red", "dark")

    run(go())


def test_a_converted_form_and_what_was_left_out_are_told(run, workspace, owner, tmp_path):
    row = '{"instruction": "Why?", "context": "", "response": "So.", "category": "open"}\n'
    path = write_file(tmp_path, row, "dolly.jsonl")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        assert dialog.note.text() == "Converted from the form “question and answer by name”."
        dialog.accept()
        await until(lambda: notice(owner))
        assert "Converted from the form “question and answer by name”." in notice(owner).text.text()
        assert last(workspace, 1)[0].notes == '{"category": "open"}'

    run(go())


def test_another_form_and_another_sheet_can_be_chosen(run, workspace, owner, tmp_path):
    row = '{"instruction": "Why?", "input": "", "output": "So.", "prompt": "P", "response": "R"}\n'
    path = write_file(tmp_path, row, "both.jsonl")
    book = openpyxl.Workbook()
    book.active.append(["question", "answer"])
    book.active.append(["q", "a"])
    book.create_sheet("Second").append(["question", "answer"])
    book["Second"].append(["r", "b"])
    book.save(tmp_path / "t.xlsx")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        await until(lambda: dialog.preview.rowCount() == 1)
        assert (dialog.form_box.currentData(), dialog.preview.item(0, 1).text()) == ("alpaca", "Why?")
        choose(dialog.form_box, "pairs")
        await until(lambda: dialog.preview.rowCount() == 1 and dialog.preview.item(0, 1).text() != "Why?")
        assert dialog.preview.item(0, 1).text() == "P"
        dialog.accept()
        await until(lambda: notice(owner) and not owner.findChildren(ImportDialog))
        assert last(workspace, 1)[0].answer == "R"
        import_rows(workspace, [tmp_path / "t.xlsx"], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        (dialog,) = owner.findChildren(ImportDialog)
        assert not dialog.form_box.isEnabled()
        choose(dialog.sheet_box, "Second")
        await until(lambda: dialog.preview.rowCount() == 1 and dialog.preview.item(0, 1).text() == "r")
        dialog.accept()
        await until(lambda: last(workspace, 1)[0].answer == "b")

    run(go())


def test_the_files_of_an_archive_come_and_what_is_left_out_is_told(run, workspace, owner, tmp_path):
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        for name, text in (("a.jsonl", ROWS[0]), ("b.jsonl", ROWS[1]), ("README.md", "# Read me")):
            archive.writestr(name, text)

    async def go():
        import_rows(workspace, [tmp_path / "rows.zip"], owner)
        await until(lambda: notice(owner))
        text = notice(owner).text.text()
        assert text.startswith("2 rows imported.")
        assert "rows.zip: files without rows left out: README.md" in text
        assert [row.source for row in last(workspace, 2)] == ["rows.zip/a.jsonl", "rows.zip/b.jsonl"]

    run(go())


def test_the_two_files_of_a_batch_come_together(run, workspace, owner, tmp_path):
    asked = {"custom_id": "1", "body": {"messages": [{"role": "user", "content": "q"}]}}
    said = {"custom_id": "1", "response": {"body": {"choices": [{"message": {"role": "assistant", "content": "a"}}]}}}
    requests = write_file(tmp_path, json.dumps(asked), "requests.jsonl")
    answers = write_file(tmp_path, json.dumps(said), "answers.jsonl")

    async def go():
        for dropped in ([requests, answers], [answers]):
            import_rows(workspace, dropped, owner)
            await until(lambda: owner.findChildren(ImportDialog))
            (dialog,) = owner.findChildren(ImportDialog)
            assert "answers.jsonl" in dialog.format_label.text()
            if len(dropped) == 1:
                assert not dialog.ok_button.isEnabled()
                dialog.other_button.click()
                (chooser,) = dialog.findChildren(QFileDialog)
                chooser.filesSelected.emit([str(requests)])
                chooser.reject()
            await until(lambda dialog=dialog: dialog.preview.rowCount() == 1 and dialog.ok_button.isEnabled())
            assert [dialog.preview.item(0, column).text() for column in (1, 2)] == ["q", "a"]
            if len(dropped) == 1:
                dialog.reject()
            else:
                dialog.accept()
            await until(lambda: not owner.findChildren(ImportDialog))
        assert (last(workspace, 1)[0].question, last(workspace, 1)[0].answer) == ("q", "a")

    run(go())


def test_a_table_of_very_many_columns_shows_the_first_and_those_that_mean_something(run, workspace, owner, tmp_path):
    heads = [f"c{number}" for number in range(3000)] + ["answer"]
    cells = ["x"] * 3000 + ["a"]
    path = write_file(tmp_path, f"question,{','.join(heads)}\nq,{','.join(cells)}\n", "rows.csv")

    async def go():
        import_rows(workspace, [path], owner)
        await until(lambda: owner.findChildren(ImportDialog))
        dialog = owner.findChildren(ImportDialog)[0]
        shown = [box.currentData() for box in dialog.column_boxes]
        assert (len(shown), shown[0], shown[-1]) == (101, "question", "answer")
        assert "2,901 more columns are not shown" in dialog.note.text()
        choose_meaning(dialog, 1, "notes")
        assert dialog.column_boxes[-1].currentData() == "answer"
        dialog.ok_button.click()
        await until(lambda: notice(owner))
        assert last(workspace, 1)[0].notes == "x"
        assert len(notice(owner).text.text()) < 2000  # the columns left out are not all named

    run(go())
