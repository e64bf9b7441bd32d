"""A document is read aside, shown as it will be, and appended or put in place of the text."""

import asyncio

import pytest

from core.documents import Document
from core.errors import JukuError
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui.spec.document_import_dialog import MAX_NOTES_SHOWN, DocumentImportDialog, read_document, reading

TEXT = "# ホバンヌ\n\n試合は\u00a060分である。\n"


def test_a_document_is_read_in_another_process(run, workspace, tmp_path):
    path = tmp_path / "規則.txt"
    path.write_bytes(TEXT.encode("cp932", "replace"))
    found = run(read_document(workspace, path))
    assert (found.title, found.notes) == ("ホバンヌ", ["The text was read as Shift_JIS (CP932)."])


def test_what_cannot_be_read_is_said(run, workspace, tmp_path):
    path = tmp_path / "a.docx"
    path.write_bytes(b"\x89PNG")
    with pytest.raises(JukuError, match="PNG"):
        run(read_document(workspace, path))


def test_reading_can_be_cancelled(run, workspace, tmp_path):
    path = tmp_path / "a.md"
    path.write_text("a")
    found = []

    async def go():
        async def read():
            found.append(await read_document(workspace, path))

        task = workspace.tasks.start(reading(path), read())
        assert workspace.tasks.label == "Import document a.md"
        await asyncio.sleep(0)
        workspace.tasks.cancel()
        await until(task.done)

    run(go())
    assert not found


@pytest.fixture
def show(run, qtbot):
    def show(document, has_text):
        dialog = DocumentImportDialog(document, has_text)
        dialog.finished.disconnect()  # the test reads it afterwards
        qtbot.addWidget(dialog)
        dialog.open()
        taken = []
        dialog.accepted_text.connect(lambda mode, document: taken.append((mode, document)))
        return dialog, taken

    return show


def test_an_edited_text_is_appended_by_default(show):
    dialog, taken = show(Document(TEXT, "ホバンヌ", ["3 images were left out."]), has_text=True)
    assert dialog.append.isChecked()
    assert dialog.note.text() == "3 images were left out."
    dialog.editor.appendPlainText("More.")
    dialog.take.click()
    assert taken == [("append", Document(f"{TEXT}\nMore.", "ホバンヌ", ["3 images were left out."]))]


def test_the_text_is_replaced_where_there_is_none_or_it_is_chosen(show):
    dialog, taken = show(Document(TEXT, "t", []), has_text=False)
    assert not dialog.append.isVisible()
    dialog.take.click()
    dialog, also = show(Document(TEXT, "t", []), has_text=True)
    dialog.replace.setChecked(True)
    dialog.take.click()
    assert [mode for mode, _document in taken + also] == ["replace"] * 2


def test_nothing_is_taken_when_it_is_cancelled_or_empty(show, qtbot):
    dialog, taken = show(Document(TEXT, "<b>t</b>", [str(number) for number in range(50)]), has_text=True)
    assert dialog.note.text().count("\n") == MAX_NOTES_SHOWN
    dialog.editor.setPlainText(" ")
    qtbot.waitUntil(lambda: not dialog.take.isEnabled(), timeout=int(PATIENCE * 1000))
    dialog.reject()
    assert taken == []
