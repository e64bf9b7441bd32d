"""The guide in the program: its window, the search, links, and the page for the tab."""

import re
from array import array

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog

import core
from core import guide, language
from core.dataset.filters import Filter
from tests.support.pages import whole_program
from tests.support.until import until
from ui.dataset.export_dialog import ExportDialog
from ui.guide.guide_window import GuideWindow
from ui.menus import dialog_help, help_menu
from ui.widgets import basics


@pytest.fixture
def reader(qtbot):
    """The window of the guide, shown at its first page."""
    reader = GuideWindow()
    qtbot.addWidget(reader)
    reader.show_page(guide.FIRST_PAGE)
    reader.show()
    return reader


@pytest.fixture
def japanese():
    before = language.current_language()
    language.set_language("ja")
    yield
    language.set_language(before)


def listed_pages(reader):
    sections = [reader.contents.topLevelItem(place) for place in range(reader.contents.topLevelItemCount())]
    return [section.child(place).text(0) for section in sections for place in range(section.childCount())]


def texts(reader):
    return [reader.hits.item(place).text() for place in range(reader.hits.count())]


def click_link(reader, address):
    reader.browser.anchorClicked.emit(QUrl(address))


def test_the_contents_lead_to_pages_and_back(reader):
    assert reader.browser.toPlainText().startswith("Guide")
    assert len(listed_pages(reader)) == len({*listed_pages(reader)}) == 1 + len([*(guide.FOLDER / "en").glob("*.md")])
    click_link(reader, "exam.md#conditions")
    assert reader.browser.page.name == "exam" and reader.contents.currentItem().text(0) == reader.browser.page.title
    assert reader.browser.page.title in reader.windowTitle()
    reader.back.click()
    assert reader.browser.page.name == "index" and not reader.back.isEnabled()
    reader.forward.click()
    assert reader.browser.page.name == "exam" and not reader.forward.isEnabled()


def test_a_page_is_shown_once_although_its_scroll_bar_makes_the_text_narrower(reader):
    for size in ((900, 760), (1080, 760)):
        reader.resize(*size)
        for name in ("install", "index", "train", "index"):  # shorter and longer ones
            reader.show_page(name)
            text = reader.browser.toPlainText()
            assert text.count(text[:60]) == 1, (size, name)


def test_words_are_found_and_marked(reader):
    reader.field.setText("quarantine bytes")
    assert any("Quarantine" in text for text in texts(reader)) and reader.count.text()
    QTest.keyClick(reader.field, Qt.Key.Key_Return)
    assert reader.browser.page.name != "index" and reader.browser.extraSelections()
    reader.field.setText("xyzzy plugh")
    assert texts(reader) == [] and reader.count.text() == "Nothing found"
    QTest.keyClick(reader.field, Qt.Key.Key_Return)  # nothing to go to
    reader.field.clear()
    assert reader.lists.currentWidget() is reader.contents


def test_links_to_the_web_open_in_the_browser_and_files_nowhere(reader, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    for address in ("https://sqlite.org", "file:///etc/passwd", "../../../../etc/passwd", "javascript:x"):
        click_link(reader, address)
    assert opened == ["https://sqlite.org"] and reader.browser.page.name == "index"


def test_pictures_are_as_wide_as_the_text_and_nothing_else_is_read(reader):
    kind = reader.browser.document().ResourceType.ImageResource.value
    picture = reader.browser.loadResource(kind, QUrl("../pictures/en/exam-light.webp"))
    assert 0 < picture.width() / picture.devicePixelRatio() < reader.browser.viewport().width()
    for address in ("../../../README.md", "file:///etc/hostname", "https://example.org/a.png", "../../icons/add.svg"):
        assert reader.browser.loadResource(kind, QUrl(address)) is None


def test_in_japanese(japanese, qtbot):
    reader = GuideWindow()
    qtbot.addWidget(reader)
    reader.show_page("exam")
    assert reader.browser.toPlainText().startswith("試験で確かめる")
    reader.field.setText("目隠し採点")
    assert any("採点は信頼できるか" in text for text in texts(reader))
    reader.show_page(guide.CHANGES_PAGE)
    assert reader.browser.toPlainText().startswith("このページは英語だけです。")


def test_every_page_is_there_in_both_languages():
    pages = {language: {path.stem for path in (guide.FOLDER / language).glob("*.md")} for language in ("en", "ja")}
    assert pages["en"] == pages["ja"]
    headings = [
        {page: re.findall(r"^#+", (guide.FOLDER / language / f"{page}.md").read_text("utf-8"), re.MULTILINE) for page in
         ("services", "engine-server")} for language in ("en", "ja")
    ]  # fmt: skip
    assert headings[0] == headings[1]


def test_what_is_new_leads_into_the_guide(run, window):
    action = next(one for one in window.findChildren(QAction) if one.text() == "&What’s new")
    action.trigger()
    reader = window.help.guide
    assert core.__version__ in reader.browser.toPlainText()
    click_link(reader, "resources/guide/en/servers.md")
    assert reader.browser.page.name == "servers"


def test_f1_opens_the_page_of_the_tab_and_the_guide_ends_with_its_window(run, window):
    keys = basics.key_sequence(QKeySequence.StandardKey.HelpContents)
    action = next(one for one in window.findChildren(QAction) if one.shortcut() == keys)
    assert keys.toString() == "F1"
    for tab, page in ((window.training_tab, "train"), (window.exam_tab, "exam")):
        window.tabs.setCurrentWidget(tab)
        action.trigger()
        assert window.help.guide.browser.page.name == page and window.help.guide.isVisible()

    async def go():
        window.hide()
        await until(lambda: window.help.guide is None)

    run(go())
    assert {tab.icon for tab in window.tab_list} == {*help_menu.PAGES_OF_TABS}


def test_f1_in_a_dialog_opens_the_page_of_the_dialog(run, window):
    async def go():
        for dialog, page in (
            (ExportDialog(window.workspace, Filter(), array("q"), window), "rows"),
            (QInputDialog(window), "spec"),
        ):
            window.tabs.setCurrentWidget(window.spec_tab)
            dialog.open()
            await until(lambda dialog=dialog: QApplication.activeWindow() is dialog)
            QTest.keyClick(dialog, Qt.Key.Key_F1)
            assert window.help.guide.browser.page.name == page and window.help.guide.isVisible()
            dialog.done(0)
            window.help.guide.hide()

    run(go())


def test_every_dialog_has_a_page():
    assert whole_program.dialog_classes() == {*dialog_help.PAGES_OF_DIALOGS}
    pages = {path.stem for path in (guide.FOLDER / "en").glob("*.md")}
    assert {*dialog_help.PAGES_OF_DIALOGS.values()} <= pages
