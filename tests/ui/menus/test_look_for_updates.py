"""Help › Check for updates…: there only where an address is known, and asked only when it is chosen."""

from core.installation import updates
from core.installation.updates import Release
from tests.support.pages.windows import close, open_window
from tests.support.until import until
from ui.widgets.message_bar import Notice

ENTRY = "Check for &updates…"


def find_entry(window):
    menu = next(action.menu() for action in window.menuBar().actions() if action.text() == "&Help")
    return next((action for action in menu.actions() if action.text() == ENTRY), None)


def test_without_an_address_there_is_no_entry(window):
    assert find_entry(window) is None


def test_it_is_asked_when_it_is_chosen_and_the_answer_is_no_markup(run, sample, qtbot, monkeypatch):
    asked, answers = [], [Release("9.1", "2027-01-31", "<b>much</b> better", "https://h/9.1"), None]
    monkeypatch.setattr(updates, "find_newer", lambda address: asked.append(address) or answers.pop(0))

    async def go():
        window = open_window(sample, updates_address="https://h/releases")
        assert not asked
        find_entry(window).trigger()
        await until(lambda: window.findChildren(Notice))
        text = window.findChildren(Notice)[-1].text.text()
        assert "Version 9.1 can be had." in text and "<b>much</b>" in text and "https://h/9.1" in text
        find_entry(window).trigger()
        await until(lambda: "newest" in window.findChildren(Notice)[-1].text.text())
        assert asked == ["https://h/releases"] * 2
        await close(window)

    run(go())
