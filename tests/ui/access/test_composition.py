"""While Japanese is composed, no shortcut fires, no cell is committed, and Enter belongs to the input method alone."""

import asyncio
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from core.dataset import examples
from tests.support.pages import whole_program
from tests.support.pages.keys import press
from tests.support.until import until
from ui.menus.command_palette import CommandPalette
from ui.settings.settings_dialog import SettingsDialog

FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit)


def compose(field: QWidget, text: str) -> None:
    """As an input method shows what is being composed: nothing is entered yet."""
    QApplication.sendEvent(field, QInputMethodEvent(text, []))


def commit(field: QWidget, text: str) -> None:
    """As an input method enters what was composed."""
    event = QInputMethodEvent("", [])
    event.setCommitString(text)
    QApplication.sendEvent(field, event)


async def type_into(field: QWidget) -> None:
    """Give the keyboard to a field of a window that was just opened."""
    field.window().activateWindow()
    await until(lambda: QApplication.activeWindow() is field.window())
    field.setFocus()
    assert field.hasFocus()


def text_of(field: QWidget) -> str:
    return field.text() if isinstance(field, QLineEdit) else field.toPlainText()


def test_a_composition_enters_nothing_in_any_field_of_any_view_and_its_end_does(whole):
    """Every field of every tab and dialog that can be written into."""
    met, wrong = [], []

    async def look(name, root, window):
        before = _count_dialogs(window)
        for field in whole_program.shown_children(root):
            is_text = isinstance(field, FIELDS) and field.isEnabled() and not field.isReadOnly()
            if not is_text or (isinstance(field, QLineEdit) and field.validator() is not None):
                continue
            field.setFocus()
            stood = text_of(field)
            compose(field, "にほんご")
            if text_of(field) != stood:
                wrong.append(f"{name}: {type(field).__name__} took what was only composed")
            if _count_dialogs(window) != before or not root.isVisible():
                wrong.append(f"{name}: {type(field).__name__} did something")
            compose(field, "")
            met.append(field)
            if text_of(field) != stood:
                wrong.append(f"{name}: {type(field).__name__} kept a composition that was given up")

    whole(look, "ja")
    assert wrong == []
    assert len(met) > 50


def _note(fired, text, _checked=False):
    fired.append(text)


def _count_dialogs(window):
    return sum(one.isVisible() for one in QApplication.topLevelWidgets())


@pytest.mark.parametrize("column", ["question", "tags"])
def test_a_cell_is_not_committed_while_it_is_composed(run, window, column):
    async def go():
        tab = window.dataset_tab
        window.tabs.setCurrentWidget(tab)
        await until(lambda: tab.model.rowCount() > 100)
        tab.table.edit_cell(0, column)
        editor = next(one for one in tab.table.findChildren(QWidget) if isinstance(one, FIELDS) and one.hasFocus())
        stored = getattr(examples.fetch(window.workspace.project.rows, [1])[1], column)
        compose(editor, "へんかん")
        press(editor, Qt.Key.Key_Return)
        await asyncio.sleep(0)
        assert tab.table.is_editing()
        assert getattr(examples.fetch(window.workspace.project.rows, [1])[1], column) == stored
        commit(editor, "変換")
        assert "変換" in text_of(editor)

    run(go())


def test_enter_of_a_composition_sends_no_question(run, window):
    async def go():
        field = window.chat_tab.question
        window.tabs.setCurrentWidget(window.chat_tab)
        field.setPlainText("何")
        compose(field, "にん")
        press(field, Qt.Key.Key_Return)
        await asyncio.sleep(0)
        assert not window.chat_tab.is_busy() and field.toPlainText() == "何"
        commit(field, "人")
        assert field.toPlainText().endswith("人") or field.toPlainText().startswith("人")

    run(go())


def test_enter_of_a_composition_runs_no_command(run, window):
    async def go():
        palette = CommandPalette(window)
        palette.open()
        await type_into(palette.field)
        compose(palette.field, "ぎょう")
        press(palette.field, Qt.Key.Key_Return)
        press(palette.field, Qt.Key.Key_Down)
        assert palette.isVisible() and palette.table.currentRow() == 0
        palette.done(0)

    run(go())


def test_enter_of_a_composition_closes_no_dialog(run, window):
    async def go():
        dialog = SettingsDialog(window.workspace, window)
        dialog.open()
        field = dialog.servers.page.name
        dialog.show_server("nowhere")
        await type_into(field)
        compose(field, "さーば")
        press(field, Qt.Key.Key_Return)
        press(field, Qt.Key.Key_Escape)
        assert dialog.isVisible()
        dialog.done(0)

    run(go())


def test_letters_that_are_composed_fire_no_shortcut(run, window):
    """The keys go to the input method; what reaches a field is its event, and no key of a menu."""

    async def go():
        fired = []
        for menu in window.menuBar().actions():
            for action in menu.menu().actions():
                action.triggered.connect(partial(_note, fired, action.text()))
        field = window.dataset_tab.bar.line
        window.tabs.setCurrentWidget(window.dataset_tab)
        field.setFocus()
        for letters in ("n", "に", "にh", "にほ", "にほn", "にほん"):
            compose(field, letters)
        commit(field, "日本")
        await asyncio.sleep(0)
        assert fired == [] and field.text() == "日本"

    run(go())
