"""The prompts in the settings: changed, marked, refused where the program could not fill them, reset."""

import pytest
from PySide6.QtWidgets import QApplication, QPushButton

from core import language, prompts
from core.errors import JukuError
from tests.support.patience import PATIENCE
from tests.support.until import until
from ui import style
from ui.settings import prompts_page
from ui.settings.prompts_page import PromptsPage
from ui.settings.settings_dialog import SettingsDialog

OWN = "Judge {answer} to {question} by {fact}."


@pytest.fixture
def page(qtbot, monkeypatch):
    monkeypatch.setattr(prompts_page, "SAVE_DELAY", 0)
    page = PromptsPage()
    qtbot.addWidget(page)
    page.show()
    return page


def choose(page, name, code="en"):
    page._show_prompt(name, code)


def titles(page):
    return [page.list.item(row).text() for row in range(page.list.count())]


@pytest.mark.parametrize("code", prompts.PROMPT_LANGUAGES)
@pytest.mark.parametrize("name", prompts.PROMPT_NAMES)
def test_every_prompt_is_shown_with_its_placeholders(page, name, code):
    choose(page, name, code)
    assert page.editor.toPlainText() == prompts.load_default(name, code)
    assert set(page.placeholders.marks) == {*prompts.REQUIRED_PLACEHOLDERS[name], *prompts.OPTIONAL_PLACEHOLDERS[name]}
    assert all(mark.text().startswith("✓") for mark in page.placeholders.marks.values())
    assert not page.reset.isEnabled()
    assert titles(page) == [prompts.title(one) for one in prompts.PROMPT_NAMES]


def test_the_screens_language_comes_first(qtbot):
    language.set_language("ja")
    page = PromptsPage()
    qtbot.addWidget(page)
    assert page.language.currentData() == "ja"


def test_what_is_typed_is_saved_marked_and_reset(page, qtbot):
    choose(page, "judge", "ja")
    page.editor.setPlainText(OWN)
    qtbot.waitUntil(lambda: prompts.load("judge", "ja") == OWN, timeout=int(PATIENCE * 1000))
    assert "saved" in page.note.text()
    assert [title.endswith("changed") for title in titles(page)] == [name == "judge" for name in prompts.PROMPT_NAMES]
    assert prompts.load("judge", "en") == prompts.load_default("judge", "en")
    page.reset.click()
    assert not prompts.is_customized("judge", "ja")
    assert not page.reset.isEnabled()
    assert titles(page) == [prompts.title(one) for one in prompts.PROMPT_NAMES]
    page.editor.undo()
    page.save_typed()
    assert prompts.load("judge", "ja") == OWN


def test_switching_saves_at_once(page):
    choose(page, "judge")
    page.editor.setPlainText(OWN)
    choose(page, "spec")
    assert prompts.load("judge", "en") == OWN
    choose(page, "judge", "ja")
    assert page.editor.toPlainText() == prompts.load_default("judge", "ja")


def test_a_missing_placeholder_is_said_and_not_saved_but_kept(page):
    choose(page, "judge")
    page.editor.setPlainText("Judge {answer} by {fact}.")
    page.save_typed()
    assert page.note.text() == "Not saved: {question} is missing."
    assert "missing" in page.placeholders.marks["question"].text()
    assert page.placeholders.marks["answer"].text().startswith("✓")
    assert not prompts.is_customized("judge", "en")
    choose(page, "examples")
    choose(page, "judge")
    assert page.editor.toPlainText() == "Judge {answer} by {fact}."
    assert not page.may_close()
    assert page.may_close()  # the second time it is discarded
    page._insert("question")
    assert page.may_close()
    assert prompts.load("judge", "en").startswith("{question}")


def test_an_optional_placeholder_may_be_left_out(page):
    choose(page, "examples")
    page.editor.setPlainText("{fact} {quote} {wanted}")
    page.save_typed()
    assert prompts.load("examples", "en") == "{fact} {quote} {wanted}"
    assert "not used" in page.placeholders.marks["existing"].text()


def test_a_disk_that_refuses_is_told_and_nothing_is_lost(page, monkeypatch):
    def refuse(*_arguments):
        raise JukuError("The prompt cannot be saved", "The disk is full.")

    monkeypatch.setattr(prompts, "save", refuse)
    failed = []
    page.failed.connect(failed.append)
    choose(page, "judge")
    page.editor.setPlainText(OWN)
    page.save_typed()
    assert [error.title for error in failed] == ["The prompt cannot be saved"]
    choose(page, "spec")
    choose(page, "judge")
    assert page.editor.toPlainText() == OWN


def test_closing_the_settings_saves_and_warns_first(run, workspace, qtbot):
    async def go():
        dialog = SettingsDialog(workspace)
        dialog.open()
        choose(dialog.prompts, "judge")
        dialog.prompts.editor.setPlainText("{fact}")
        dialog.reject()
        assert dialog.isVisible()
        assert dialog.tabs.currentWidget() is dialog.prompts
        assert "Close again" in dialog.prompts.note.text()
        dialog.prompts.editor.setPlainText(OWN)
        dialog.reject()
        assert not dialog.isVisible()
        await until(lambda: not workspace.tasks.running())

    run(go())
    assert prompts.load("judge", "en") == OWN


def test_what_is_said_of_a_placeholder_pushes_no_button(page, qapp):
    """“missing” is longer than a tick: in two lines it made its row higher, and the buttons below it moved."""
    style.apply(qapp, "light")
    page.resize(900, 620)
    choose(page, prompts.PROMPT_NAMES[0])

    def places():
        QApplication.processEvents()
        return [
            button.mapTo(page, button.rect().topLeft())
            for button in page.placeholders.findChildren(QPushButton)
            if button.isVisible()
        ]

    before = places()
    page.editor.setPlainText("Nothing of it.")
    assert len(before) > 3 and "missing" in page.placeholders.marks["fact"].text()
    assert places() == before
