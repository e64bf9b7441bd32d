"""What closes at a server is said over the training page, ever more strongly, and moves nothing there."""

import datetime

import pytest
from PySide6.QtWidgets import QToolButton, QWidget

from core.errors import JukuError
from core.providers import Offer
from tests.ui.test_floating import covers
from tests.ui.waiting import until
from ui import style
from ui.closing_banner import ClosingBanner

END = datetime.date(2027, 1, 6)  # of new jobs at OpenAI (resources/shutdowns.toml)
AZURE = datetime.date(2027, 10, 1)
TUNED = Offer("ft:gpt-4o-mini:acme:study:1", "Study", tuned=True)


@pytest.fixture
def page(qtbot):
    page = QWidget()
    page.resize(900, 600)
    qtbot.addWidget(page)
    page.show()
    return page


@pytest.mark.parametrize(
    ("days", "meaning"),
    [(100, "note"), (30, "warning"), (8, "warning"), (7, "error"), (1, "error"), (0, "error")],
)
def test_the_nearer_the_end_the_stronger_it_is_said(page, days, meaning):
    banner = ClosingBanner(page)
    banner.show_server("azure", [TUNED], AZURE - datetime.timedelta(days))
    assert banner.isVisible()
    assert style.colours(meaning)[1].name() in banner.styleSheet(), banner.text()


def test_when_nothing_can_be_trained_any_more_it_is_red(page):
    banner = ClosingBanner(page)
    banner.show_server("openai", [TUNED], END + datetime.timedelta(1))
    assert style.colours("error")[1].name() in banner.styleSheet(), banner.text()


def test_one_day_before_it_looks_otherwise_than_weeks_before(page):
    banner, looks = ClosingBanner(page), []
    for days in (90, 21, 1):
        offer = Offer("x", "X", shutdown_date=END)
        banner.show_server("custom", [offer], END - datetime.timedelta(min(days, 60)))
        looks.append(banner.styleSheet())
    assert len(set(looks)) == 3


def test_what_was_closed_is_said_again_when_it_says_something_else(page):
    banner = ClosingBanner(page)
    banner.show_server("openai", [TUNED], END)
    assert banner.rescue.isVisible()
    banner.findChild(QToolButton).click()
    banner.show_server("openai", [TUNED], END)
    assert banner.isHidden()
    banner.show_server("openai", [TUNED], END + datetime.timedelta(1))
    assert banner.isVisible()
    banner.show_server("ollama", [], END)
    assert banner.isHidden()


def test_it_moves_nothing_on_the_training_page_and_covers_no_button(run, window):
    async def go():
        tab = window.training_tab
        window.tabs.setCurrentWidget(tab)
        await until(lambda: tab.form.isVisible())
        places = {part: part.geometry() for part in (tab.form, tab.form.start, tab.body, tab.at_server)}
        tab.banner.show_server("openai", [TUNED], END)
        tab.trouble.show_error(JukuError("“Team” cannot be reached", "Nothing is listening there."))
        await until(lambda: not covers(tab, tab.banner) and not covers(tab, tab.trouble))
        assert {part: part.geometry() for part in places} == places
        assert tab.banner.isVisible() and tab.trouble.isVisible()
        window.tabs.setCurrentWidget(window.spec_tab)
        assert not tab.banner.isVisible()
        window.tabs.setCurrentWidget(tab)
        await until(lambda: tab.banner.isVisible() and not covers(tab, tab.banner))

    run(go())
