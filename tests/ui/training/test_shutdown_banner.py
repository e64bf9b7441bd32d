"""What closes at a server is said on the training page, ever more strongly, and moves nothing there."""

import datetime

import pytest
from PySide6.QtWidgets import QMessageBox

from core.errors import JukuError
from core.providers import ModelOffer
from tests.support.pages.dialogs import answer
from tests.support.until import until
from tests.ui.widgets.test_floating_message import covers
from ui import style
from ui.training.shutdown_banner import ShutdownBanner

END = datetime.date(2027, 1, 6)  # of new jobs at OpenAI (resources/shutdowns.toml)
AZURE = datetime.date(2027, 10, 1)
TUNED = ModelOffer("ft:gpt-4o-mini:acme:study:1", "Study", tuned=True)


@pytest.fixture
def banner(qtbot):
    banner = ShutdownBanner()
    qtbot.addWidget(banner)
    return banner


@pytest.mark.parametrize(
    ("days", "meaning"),
    [(100, "note"), (30, "warning"), (8, "warning"), (7, "error"), (1, "error"), (0, "error")],
)
def test_the_nearer_the_end_the_stronger_it_is_said(banner, days, meaning):
    banner.show_server("azure", [TUNED], AZURE - datetime.timedelta(days))
    assert not banner.isHidden()
    assert style.colours(meaning)[1].name() in banner.styleSheet(), banner.words


def test_when_nothing_can_be_trained_any_more_it_is_red(banner):
    banner.show_server("openai", [TUNED], END + datetime.timedelta(1))
    assert style.colours("error")[1].name() in banner.styleSheet(), banner.words


def test_one_day_before_it_looks_otherwise_than_weeks_before(banner):
    looks = []
    for days in (90, 21, 1):
        offer = ModelOffer("x", "X", shutdown_date=END)
        banner.show_server("custom", [offer], END - datetime.timedelta(min(days, 60)))
        looks.append(banner.styleSheet())
    assert len(set(looks)) == 3


def test_its_details_say_all_and_lead_to_the_rescue(qtbot, banner):
    banner.show_server("openai", [TUNED], END)
    assert "today is the last day" in banner.line.text() and "\n" not in banner.line.text()
    banner.more.click()
    (box,) = banner.findChildren(QMessageBox)
    assert box.text() == banner.words and "gpt-4.1" in box.text() and "on this computer" in box.informativeText()
    with qtbot.waitSignal(banner.rescue_wanted):
        answer(banner, "Rescue models…")
    banner.show_server("ollama", [], END)
    assert banner.isHidden()


@pytest.mark.parametrize("size", [(1024, 640), (1240, 820)])
def test_it_moves_nothing_on_the_training_page(run, window, qapp, size):
    async def go():
        style.apply(qapp, "light")
        window.resize(*size)
        tab = window.training_tab
        window.tabs.setCurrentWidget(tab)
        await until(lambda: tab.form.isVisible())
        places = {part: part.geometry() for part in (tab.form, tab.form.start, tab.body, tab.at_server)}
        tab.banner.show_server("openai", [TUNED], END)
        tab.trouble.show_error(JukuError("“Team” cannot be reached", "Nothing is listening there."))
        await until(lambda: tab.banner.isVisible() and tab.banner.width() > 200 and not covers(tab, tab.trouble))
        assert {part: part.geometry() for part in places} == places
        assert tab.banner.line.height() >= tab.banner.line.fontMetrics().height()

    run(go())
