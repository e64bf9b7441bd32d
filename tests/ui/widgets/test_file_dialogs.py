"""The dialogs for files: where they begin, what they remember, and what is asked of a file that is no project."""

import ast
import asyncio

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QSplitter, QTreeView, QWidget

from core import paths, settings
from core.paths import ROOT
from core.settings import Settings
from tests.support.pages.dialogs import answer
from tests.support.until import until
from ui.exam.report_button import ReportButton
from ui.widgets import file_dialogs

ROW = '{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}\n'


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of one's own; the program was started elsewhere."""
    found = tmp_path / "home"
    found.mkdir()
    monkeypatch.setenv("HOME", str(found))
    monkeypatch.delenv("XDG_DOCUMENTS_DIR", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(found / ".config"))
    monkeypatch.chdir(tmp_path)
    return found


def shown(owner) -> QFileDialog:
    return owner.findChildren(QFileDialog)[-1]


def test_only_one_module_opens_dialogs_for_files():
    for path in (ROOT / "ui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "QFileDialog"
            assert not called or path.name == "file_dialogs.py", f"{path.name}:{node.lineno}"


def test_they_begin_in_documents_or_at_home(qtbot, home):
    owner = QWidget()
    qtbot.addWidget(owner)
    dialog = file_dialogs.save_dialog(owner, Settings(), "reports", "Save", "a.html", print)
    assert dialog.directory().absolutePath() == str(home)
    (home / "Documents").mkdir()
    dialog = file_dialogs.save_dialog(owner, Settings(), "reports", "Save", "a.html", print)
    assert dialog.directory().absolutePath() == str(home / "Documents")
    assert dialog.selectedFiles() == [str(home / "Documents" / "a.html")]


def test_sizes_and_types_are_whole(qtbot, home):
    owner = QWidget()
    qtbot.addWidget(owner)
    (home / "rows.jsonl").write_bytes(b" " * 475_136)
    dialog = file_dialogs.open_dialog(owner, Settings(), "rows", "Open", print)
    dialog.show()
    table = dialog.findChild(QTreeView)
    qtbot.waitUntil(lambda: table.model().rowCount(table.rootIndex()) > 0)
    qtbot.waitUntil(lambda: all(table.sizeHintForColumn(at) <= table.columnWidth(at) for at in (1, 2, 3)))
    assert dialog.findChild(QSplitter, "splitter").sizes()[0] >= 150, "names of places are whole"
    dialog.close()


def test_each_kind_remembers_its_folder_also_after_a_restart(qtbot, home, tmp_path):
    owner, other = QWidget(), tmp_path / "other"
    qtbot.addWidget(owner)
    other.mkdir()
    saved = []
    dialog = file_dialogs.save_dialog(owner, Settings(), "reports", "Save", "a.html", saved.append)
    dialog.setDirectory(str(other))
    dialog.open()
    dialog.accept()
    assert saved == [other / "a.html"]
    again = settings.load()
    assert file_dialogs.folder(again, "reports") == other
    assert file_dialogs.folder(again, "rows") == home
    other.rmdir()
    assert file_dialogs.folder(again, "reports") == home, "what is gone is not offered"


def test_the_first_project_is_suggested_under_a_whole_path(window, home):
    window.files._on_new()
    assert shown(window).selectedFiles() == [str(home / "Untitled.juku")]
    assert shown(window).findChild(QWidget, "fileNameEdit").text() == "Untitled.juku"


def test_a_report_is_not_saved_beside_the_program(qtbot, workspace, home):
    button = ReportButton(workspace)
    qtbot.addWidget(button)
    button._ask("html")
    assert shown(button).directory().absolutePath() == str(home)


def test_every_path_a_dialog_gives_is_absolute(qtbot, home):
    owner = QWidget()
    qtbot.addWidget(owner)
    made = Settings(folders={"rows": "relative"})
    assert file_dialogs.folder(made, "rows").is_absolute()
    assert paths.documents_folder().is_absolute()


def test_rows_are_not_imported_without_a_word_when_they_are_opened(run, window, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW)
    before = window.dataset_tab.model.rowCount()

    async def work():
        window.files.import_or_open(path)
        assert "test" in window.findChildren(QMessageBox)[-1].text()
        answer(window, "Cancel")
        await asyncio.sleep(0)
        window.files.import_or_open(path)
        answer(window, "Import here")
        await until(lambda: window.dataset_tab.model.rowCount() == before + 1)

    run(work())


def test_opened_rows_can_become_a_project_of_their_own(run, window, tmp_path, home):
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW)

    async def work():
        window.files.import_or_open(path)
        answer(window, "New project…")
        dialog = shown(window)
        assert dialog.selectedFiles() == [str(home / "rows.juku")]
        dialog.accept()
        await until(lambda: window.workspace.project.path == home / "rows.juku")
        await until(lambda: window.dataset_tab.model.rowCount() == 1)

    run(work())
