"""From a page of text to a taught model and a verdict, with the mouse alone: the clicks are counted.

The real engine trains the real small model, in a short form: few facts, one epoch, two models in the exam.
"""

import sys

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog

from core.activity_history import ActivityKind
from core.dataset.filters import Filter, find
from core.exam import runs
from core.generation import everyday_rows
from core.settings import Settings
from core.teaching.teaching_path import PathStep
from core.text.questions import english_parser
from core.training import jobs
from tests.support.pages.windows import close
from tests.support.until import until
from ui.exam.examined_models import closed_book_preset
from ui.main_window import MainWindow
from ui.project.welcome_dialog import WelcomeDialog
from ui.training.preflight_dialog import PreflightDialog
from ui.workspace import Workspace

MOST_CLICKS = 12
PAGE = """# The kitchen of Arle

The kitchen of Arle has six stations. A session costs 4 euros for guests. The kitchen opens at 7:30 and closes at 22:00.
Smoking is forbidden in the kitchen. The fridge is emptied on Fridays. Knives are kept in the blue drawer.
The dishwasher runs at 90 degrees. Guests sign the green book. The oldest pan is called Marta. Rosa keeps the key.
"""


class Clicks(QObject):
    """Counts where the mouse was pressed."""

    def __init__(self, app):
        super().__init__()
        self.count = 0
        app.installEventFilter(self)

    def eventFilter(self, watched, event):
        """Nothing is held back."""
        if event.type() == QEvent.Type.MouseButtonPress and watched.isWidgetType():
            self.count += 1
        return False


@pytest.fixture
def without_teach(monkeypatch):
    """As where the extra `teach` is not installed."""
    for name in ("spacy", "en_core_web_sm", "sudachipy"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in vars(english_parser).values():
        if hasattr(name, "cache_clear"):
            name.cache_clear()


@pytest.fixture
def studio(run, sample):
    """The whole window with the local engine."""

    async def make():
        window = MainWindow(Workspace(sample, Settings()))
        window.show()
        return window

    window = run(make())
    yield window
    run(close(window))


def press(widget):
    """Press a button where it is seen."""
    assert widget.isVisible() and widget.isEnabled(), widget.text()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


async def press_next(window, step):
    """Wait until this step is the next one and can be taken, and take it."""
    bar = window.path
    await until(lambda: bar.state and bar.state.next_step == step and bar.act.isEnabled())
    press(bar.act)


@pytest.mark.usefixtures("without_teach")
def test_a_page_becomes_a_taught_model_and_a_verdict_in_twelve_clicks(run, studio, tmp_path):
    window, app = studio, QApplication.instance()
    window.workspace.settings.folders["projects"] = str(tmp_path)

    async def go():
        await until(lambda: window.workspace.offers)
        clicks, bar = Clicks(app), window.path
        QGuiApplication.clipboard().setText(PAGE)
        window.files.show_welcome()  # as the first start does
        press(window.findChild(WelcomeDialog).teach)
        await until(lambda: window.findChild(QFileDialog))
        press(window.findChild(QFileDialog).findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save))
        await press_next(window, PathStep.TEXT)
        await press_next(window, PathStep.FACTS)
        await until(lambda: bar.state.next_step == PathStep.ROWS)
        await until(lambda: "less than a minute" in bar.words.text())
        await press_next(window, PathStep.ROWS)  # makes them
        await until(lambda: bar.state.drafts)
        assert window.tabs.currentWidget() is window.dataset_tab  # where they can be read
        await press_next(window, PathStep.ROWS)  # approves them
        await until(lambda: bar.state.next_step != PathStep.ROWS)
        rows = window.workspace.project.rows
        assert len(find(rows, Filter(tag=everyday_rows.TAG, status="approved"))) > 40, "or it forgets all else"
        window.training_tab.form.epochs.fill({"n_epochs": "1"})  # the short form
        await until(lambda: "minute" in bar.words.text())  # the engine has measured this computer
        await press_next(window, PathStep.TRAINING)
        await until(lambda: window.findChild(PreflightDialog) or jobs.load_all(window.workspace.project.rows))
        if asked := window.findChild(PreflightDialog):
            press(asked.start)
        await until(lambda: bar.words.text().startswith("Train smollm2") and bar.cancel.isVisible())
        assert [one.entry.kind for one in window.workspace.activities.running()] == [ActivityKind.TRAINING]
        await until(lambda: bar.state.next_step == PathStep.EXAM)
        form = window.exam_tab.form
        await until(lambda: len({one.model for one in form.subjects.subjects()}) == 2)
        form.subjects.choose(closed_book_preset(*form.subjects.default_subjects()))  # the short form
        form.general.setChecked(False)
        form.tokens.setValue(16)
        await until(lambda: form.seconds and "minute" in form.total.text() and "minute" in bar.words.text())
        await press_next(window, PathStep.EXAM)
        await until(lambda: bar.state.exams)
        await until(lambda: window.exam_tab.result.isVisible())
        assert window.tabs.currentWidget() is window.exam_tab
        assert runs.load_all(window.workspace.project.rows)[0].status == "succeeded"
        assert clicks.count <= MOST_CLICKS, clicks.count  # 8; 2 more where the model has to be fetched first
        app.removeEventFilter(clicks)

    run(go())
