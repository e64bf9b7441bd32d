"""The menus that belong to no tab, and the command palette."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QMenu

from core import diagnosis, language, settings
from core.dataset import examples
from core.diagnosis import Finding
from tests.support.pages.windows import close, open_window
from tests.support.until import until
from ui import style
from ui.menus import command_list
from ui.menus.command_list import WindowCommand
from ui.menus.command_palette import CommandPalette, ShortcutsDialog, rank
from ui.widgets.message_bar import Notice


def find_menu(window, title):
    return next(action.menu() for action in window.menuBar().actions() if action.text() == title)


def find_entry(window, title, text):
    return next(action for action in find_menu(window, title).actions() if action.text().startswith(text))


def choose(window, title, text):
    """Open a menu as a click does, and choose an entry."""
    menu = find_menu(window, title)
    menu.aboutToShow.emit()
    action = find_entry(window, title, text)
    menu.aboutToHide.emit()
    action.trigger()


def list_enabled(window, title):
    menu = find_menu(window, title)
    menu.aboutToShow.emit()
    found = {action.text() for action in menu.actions() if action.isEnabled() and not action.isSeparator()}
    menu.aboutToHide.emit()
    return found


def test_the_edit_menu_acts_on_the_text_field_with_the_keyboard(run, window):
    async def go():
        window.tabs.setCurrentWidget(window.dataset_tab)
        field = window.dataset_tab.findChild(QLineEdit)
        field.setText("gate of amber")
        field.setFocus()
        await until(lambda: QApplication.focusWidget() is field)
        assert not {"Cu&t", "&Copy"} & list_enabled(window, "&Edit")
        choose(window, "&Edit", "Select &all")
        assert {"Cu&t", "&Copy"} <= list_enabled(window, "&Edit")
        choose(window, "&Edit", "Cu&t")
        assert field.text() == "" and QGuiApplication.clipboard().text() == "gate of amber"
        choose(window, "&Edit", "&Paste")
        assert field.text() == "gate of amber"
        field.setReadOnly(True)
        assert not {"Cu&t", "&Paste"} & list_enabled(window, "&Edit")

    run(go())


def test_a_key_is_never_copied_out_of_its_field(run, window):
    async def go():
        field = QLineEdit("sk-secret", window, echoMode=QLineEdit.EchoMode.Password)
        field.show()
        field.setFocus()
        field.selectAll()
        await until(lambda: QApplication.focusWidget() is field)
        assert not {"Cu&t", "&Copy"} & list_enabled(window, "&Edit")

    run(go())


def test_the_edit_menu_acts_on_the_rows_of_the_grid(run, window):
    """Waits until the rows are on the clipboard, and until the search field has the keyboard."""

    async def go():
        project = window.workspace.project
        window.tabs.setCurrentWidget(window.dataset_tab)
        table = window.dataset_tab.table
        await until(lambda: table.model().rowCount() > 0)
        table.setFocus()
        await until(lambda: QApplication.focusWidget() is table)
        choose(window, "&Edit", "Select &all")
        choose(window, "&Edit", "&Copy")
        question = examples.fetch(project.rows, [1])[1].question
        await until(lambda: question in QGuiApplication.clipboard().text())
        choose(window, "&Edit", "&Find")
        await until(lambda: isinstance(QApplication.focusWidget(), QLineEdit))

    run(go())


def test_the_keys_of_a_tab_lead_to_nothing_that_a_letter_changes(run, window):
    async def go():
        for tab in window.tab_list:
            (entry,) = [one for one in find_menu(window, "&View").actions() if one.text() == tab.title()]
            entry.trigger()
            main = tab.main_widget()
            wanted = main if main.isEnabled() else window.tabs.tabBar()  # nothing can be asked or trained here
            await until(lambda wanted=wanted: QApplication.focusWidget() in (wanted, wanted.focusProxy()))
            assert window.tabs.currentWidget() is tab and not isinstance(main, QComboBox)

    run(go())


def test_find_opens_the_bar_of_the_spec_wherever_the_keyboard_is(run, window):
    async def go():
        window.tabs.setCurrentWidget(window.spec_tab)
        window.tabs.tabBar().setFocus()
        choose(window, "&Edit", "&Find")
        await until(window.spec_tab.find_bar.isVisible)
        window.tabs.setCurrentWidget(window.training_tab)
        window.tabs.tabBar().setFocus()
        assert "Find and &replace…" not in list_enabled(window, "&Edit")

    run(go())


def test_every_command_is_found_by_its_letters_and_runs(run, window):
    async def go():
        palette = CommandPalette(window)
        palette.open()
        QTest.keyClicks(palette.field, "export ro")
        assert palette.shown[0].name == "Export rows…" and "E" in palette.shown[0].keys
        palette.field.setText("exam")
        QTest.keyClick(palette.field, Qt.Key.Key_Down)
        assert palette.table.currentRow() == 1
        palette.field.setText("zzzzzz")
        assert not palette.shown and palette.nothing.isVisible()
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        assert palette.isVisible()
        palette.field.setText(window.chat_tab.title())
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        await until(lambda: window.tabs.currentWidget() is window.chat_tab)

    run(go())


@pytest.mark.parametrize(
    ("typed", "found"),
    [("exprot rows", ["Export rows…"]), ("expo", ["Export rows…"]), ("settigns", ["Settings…"]), ("abuot", ["About Juku"]),
     ("zoo", []), ("train a dragon", []), ("qwert", [])],
)  # fmt: skip
def test_a_mistyped_word_is_found_and_nothing_that_only_resembles_it(run, window, typed, found):
    async def go():
        assert [one.name for one in rank(command_list.list_commands(window), typed)][: len(found) or 9] == found

    run(go())


def test_english_words_are_found_in_a_japanese_window(run, sample):
    async def go():
        window = open_window(sample)
        found = rank(command_list.list_commands(window), "export rows")
        assert "› Export rows…" in found[0].english and "書き出" in found[0].name
        assert rank(command_list.list_commands(window), "書き出し")
        await close(window)

    language.set_language("ja")
    try:
        run(go())
    finally:
        language.set_language("en")


def test_commands_have_a_name_a_place_and_their_keys(run, window):
    async def go():
        found = command_list.list_commands(window)
        paths = {one.path: one for one in found}
        assert len(paths) == len(found) > 60
        assert paths["Edit › Find…"].keys == "Ctrl+F" and "Examples › Approve" in paths
        assert not [one for one in found if "&" in one.name or not one.place]
        shown = ShortcutsDialog(window)
        keys = [shown.table.item(row, 2).text() for row in range(shown.table.rowCount())]
        assert all(keys) and {"Ctrl+Shift+P", "Alt+A", "F11"} <= {*keys}

    run(go())


def test_no_two_menu_entries_have_the_same_keys(run, window):
    async def go():
        menus = [action.menu() for action in window.menuBar().actions()]
        keys = [key.toString() for menu in menus for action in all_actions(menu) for key in action.shortcuts()]
        assert len(keys) == len(set(keys))

    run(go())


def all_actions(menu):
    for action in menu.actions():
        yield from all_actions(action.menu()) if isinstance(action.menu(), QMenu) else [action]


@pytest.mark.parametrize(
    ("text", "best"), [("", "Open…"), ("rows", "Export rows…"), ("file exp", "Export rows…"), ("aproove", "Approve")]
)
def test_what_is_typed_is_found_in_names_and_places(text, best):
    commands = [
        WindowCommand("Undo", "Edit", "", print, is_enabled=False),
        WindowCommand("Open…", "File", "Ctrl+O", print),
        WindowCommand("Export rows…", "File", "", print),
        WindowCommand("Approve", "Examples", "Alt+A", print),
    ]
    assert rank(commands, text)[0].name == best
    assert rank(commands, "undo")[0].name == "Undo"  # shown, so that it is known to exist


def test_a_text_size_is_kept_and_the_window_is_told(run, window, qapp):
    """Whoever holds the window builds it anew (tests/ui/access/test_live_look.py)."""
    before, told = qapp.font(), []
    window.workspace.look_changed.connect(lambda: told.append(window.workspace.settings.text_size))

    async def go():
        choose(window, "&View", "&Larger text")
        assert told == [110] and settings.load().text_size == 110
        for _ in style.TEXT_SIZES:
            choose(window, "&View", "&Larger text")
        assert window.workspace.settings.text_size == style.TEXT_SIZES[-1]
        assert not find_entry(window, "&View", "&Larger text").isEnabled()
        choose(window, "&View", "&Normal text")
        assert settings.load().text_size == style.NORMAL_TEXT_SIZE

    run(go())
    style.set_text_size(qapp, 150)
    assert qapp.font().pointSizeF() == pytest.approx(before.pointSizeF() * 1.5)


def test_the_diagnosis_is_copied_and_says_what_is_missing(run, window, monkeypatch):
    """Waits until it is on the clipboard, and until a message names what is missing."""
    monkeypatch.setattr(
        diagnosis, "collect_findings", lambda: iter([Finding("Juku", "1"), Finding("torch", "–", ok=False)])
    )

    async def go():
        choose(window, "&Help", "Copy &diagnosis")
        await until(lambda: QGuiApplication.clipboard().text() == "Juku: 1\ntorch: –\n")
        await until(lambda: [one for one in window.findChildren(Notice) if "torch" in one.text.text()])

    run(go())


def test_the_keys_of_larger_text_need_no_shift(run, window):
    async def go():
        assert QKeySequence("Ctrl+=") in find_entry(window, "&View", "&Larger text").shortcuts()

    run(go())


@pytest.mark.parametrize("title", ["&File", "&Edit", "&View", "&Help"])
def test_a_menu_is_wider_than_qt_makes_it_which_cuts_long_entries(window, title):
    menu = find_menu(window, title)
    least = menu.sizeHint().width()
    menu.aboutToShow.emit()
    assert menu.minimumWidth() > least + 4 * menu.fontMetrics().averageCharWidth()
    menu.aboutToHide.emit()
