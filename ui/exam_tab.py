"""The exam: the held-out questions put to several models, and what each of them knows."""

import asyncio
import sqlite3

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core import dataset, evals
from core.evals import Run
from core.language import tr, trn
from core.project import Changes, Project
from core.providers import Offer, Sampling
from ui import style, widgets
from ui.exam_model import brief_name
from ui.exam_result import ExamResult, Outcome
from ui.reload import Reload
from ui.tab import Tab
from ui.widgets import ModelBox
from ui.workspace import Workspace

MAX_MODELS = 4
TABLES = {"eval_run", "eval_question", "eval_answer", "example", "fact"}
QUESTIONS = "split:test"


class ExamTab(Tab):
    icon = "exam"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._exam: asyncio.Task[None] | None = None
        self._wanted = ""  # a model that was chosen before it was offered
        self._questions = 0
        self._runs: list[Run] = []
        self._shown: Project | None = None  # whose runs these are
        self._reload = Reload(workspace, self._load)
        self.boxes: list[ModelBox] = []
        self._make_models()
        self._make_form()
        self._make_runs()
        self._lay_out()
        self._show_form()

    def title(self) -> str:
        return tr("Exam")

    def _make_models(self) -> None:
        self._models = QHBoxLayout()
        self.more = _tool("+", tr("Compare one more model"), self._on_more)
        self.fewer = _tool("−", tr("Leave the last model out"), self._on_fewer)
        self._models.addWidget(self.more)
        self._models.addWidget(self.fewer)
        self._add_box(tr("&Compare"))
        self._add_box(tr("&with"))

    def _add_box(self, text: str) -> None:
        box = ModelBox()
        box.show_offers(self.workspace.offers)
        box.currentIndexChanged.connect(lambda _index: self._show_form())
        place = 2 * len(self.boxes)
        self._models.insertWidget(place, _name(text, box))
        self._models.insertWidget(place + 1, box, 1)
        self.boxes.append(box)

    def _make_form(self) -> None:
        self.repeats = QSpinBox(minimum=1, maximum=10)
        self.temperature = QDoubleSpinBox(minimum=0.0, maximum=2.0, singleStep=0.1, decimals=1)
        for box in (self.repeats, self.temperature):
            box.valueChanged.connect(lambda _value: self._show_form())
        self.repeats.setToolTip(tr("How often each question is asked"))
        self.temperature.setToolTip(tr("0 takes the likeliest words; above, answers vary"))
        self.count = widgets.label(dim=True)
        self.hint = widgets.label()
        self.start = widgets.primary("")
        self.start.clicked.connect(lambda _checked: self._on_start())

    def _make_runs(self) -> None:
        self.runs = QComboBox()
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.runs.setMinimumContentsLength(40)
        self.runs.activated.connect(lambda _index: self._reload.ask())
        self.result = ExamResult()
        show = QPushButton(tr("Show the questions"))
        show.clicked.connect(lambda _checked: self.show_examples.emit(QUESTIONS))
        self._empty = EmptyExam(show)

    def _lay_out(self) -> None:
        form = QHBoxLayout()
        for text, box in ((tr("&Repeats"), self.repeats), (tr("Te&mperature"), self.temperature)):
            form.addWidget(_name(text, box))
            form.addWidget(box)
            form.addSpacing(style.SPACE)
        form.addWidget(self.count)
        form.addSpacing(style.SPACE)
        form.addWidget(self.hint)
        form.addStretch()
        form.addWidget(self.start)
        shown = QWidget()
        below = QVBoxLayout(shown)
        below.setContentsMargins(0, 0, 0, 0)
        below.addLayout(self._run_row())
        below.addWidget(self.result, 1)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._empty)
        self.pages.addWidget(shown)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.SPACE, style.SPACE, style.SPACE, style.SPACE)
        layout.setSpacing(style.SPACE)
        layout.addLayout(self._models)
        layout.addLayout(form)
        layout.addWidget(self.pages, 1)
        self.setTabOrder(self.boxes[1], self.more)

    def _run_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(_name(tr("Re&sult of"), self.runs))
        row.addWidget(self.runs, 1)
        return row

    def refresh(self, changes: Changes) -> None:
        if changes.tables & TABLES:
            self._reload.ask()

    def show_offers(self) -> None:
        offers = self.workspace.offers
        base, tuned = default_models(offers)
        for box, default in zip(self.boxes, (base, tuned, "", ""), strict=False):
            new = not box.model()
            box.show_offers(offers)
            if new and default:
                box.choose(default)
        if self._wanted:
            self.choose_model(self._wanted)
        self._show_form()

    def choose_model(self, model: str) -> None:
        """Compare `model` with the first; one that is not offered yet is chosen as soon as it is."""
        self._wanted = model
        self.boxes[1].choose(model)
        if self.boxes[1].model() == model:
            self._wanted = ""

    def models(self) -> list[str]:
        return [box.model() for box in self.boxes]

    def _on_more(self) -> None:
        self._add_box(tr("and"))
        taken = set(self.models()[:-1])
        rest = [offer.id for offer in self.workspace.offers if offer.tuned and offer.id not in taken]
        self.boxes[-1].choose(rest[0] if rest else "")
        self._show_form()

    def _on_fewer(self) -> None:
        self.boxes.pop()
        for _part in range(2):
            self._models.takeAt(2 * len(self.boxes)).widget().deleteLater()
        self._show_form()

    def _on_start(self) -> None:
        if self._exam is not None:
            self._exam.cancel()
            return
        sampling = Sampling(temperature=self.temperature.value(), n=self.repeats.value())
        self._exam = self.workspace.tasks.start(tr("Exam"), self._examine(self.models(), sampling))
        self._show_form()

    async def _examine(self, models: list[str], sampling: Sampling) -> None:
        tasks, project = self.workspace.tasks, self.workspace.project
        try:
            provider = await self.workspace.provider()
            await evals.examine(project, provider, models, sampling, tasks.reporter(tr("Exam")), tasks.changed.emit)
        finally:
            self._exam = None
            self._show_form()

    async def _load(self, project: Project) -> None:
        """Read the runs, and of the one that is shown all that was asked and answered."""
        found, self._questions = await project.read(_overview)
        self._show_form()
        self._show_runs(project, found)
        run = next((run for run in found if run.id == self.runs.currentData()), None)
        if run is not None:
            self.result.show_outcome(await project.read(_outcome, run))
        self.pages.setCurrentIndex(0 if run is None else 1)

    def _show_runs(self, project: Project, found: list[Run]) -> None:
        """List the runs; a new one is shown at once, else the choice stays."""
        known = {run.id for run in self._runs} if project is self._shown else set()
        chosen = self.runs.currentData()
        if found != self._runs or project is not self._shown:
            self.runs.clear()
            for run in found:
                self.runs.addItem(_run_words(run), run.id)
            is_new = bool(found) and found[0].id not in known
            self.runs.setCurrentIndex(0 if is_new else max(0, self.runs.findData(chosen)))
        self._runs, self._shown = found, project

    def _show_form(self) -> None:
        models, running = self.models(), self._exam is not None
        same = len(set(models)) < len(models)
        self.start.setText(tr("Stop") if running else tr("Start exam"))
        self.start.setEnabled(running or (all(models) and not same and self._questions > 0))
        for widget in (*self.boxes, self.repeats, self.temperature, self.more, self.fewer):
            widget.setEnabled(not running)
        self.more.setVisible(len(models) < MAX_MODELS)
        self.fewer.setVisible(len(models) > 2)
        self.count.setText(self._count_words())
        self.hint.setText(self._hint(same and all(models)))
        self._empty.show_count(self._questions)

    def _count_words(self) -> str:
        answers = self._questions * len(self.boxes) * self.repeats.value()
        asked = trn("{n} question", "{n} questions", self._questions)
        return tr("{questions}; {answers}", questions=asked, answers=trn("{n} answer", "{n} answers", answers))

    def _hint(self, same: bool) -> str:
        if same:
            return tr("Choose different models to compare.")
        if self.repeats.value() > 1 and self.temperature.value() == 0:
            return tr("At temperature 0 the repeats will be the same.")
        return ""


class EmptyExam(QWidget):
    """What an exam is, and which questions it asks."""

    def __init__(self, show: QPushButton) -> None:
        super().__init__()
        self._text = widgets.label(wrap=True, dim=True)
        self._text.setFixedWidth(560)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = widgets.heading(tr("What has the model learned?"))
        column = QVBoxLayout()
        column.addStretch()
        for part in (title, self._text, show):
            row = QHBoxLayout()
            row.addStretch()
            row.addWidget(part)
            row.addStretch()
            column.addLayout(row)
        column.addStretch()
        self.setLayout(column)

    def show_count(self, questions: int) -> None:
        about = tr(
            "An exam puts the same questions to a base model and to the one you taught, marks the answers by their key "
            "points, and shows fact by fact what was learned and what was lost."
        )
        which = tr("The questions are the rows with the split “test”; they are never trained on.")
        count = trn("There is {n} of them.", "There are {n} of them.", questions)
        self._text.setText(f"{about}\n\n{which}\n{count}")


def default_models(offers: list[Offer]) -> tuple[str, str]:
    """The base to compare with and the model to examine: the newest tuned one and the base it was tuned from."""
    tuned = next((offer.id for offer in offers if offer.tuned), "")
    bases = [offer.id for offer in offers if not offer.tuned and offer.state in ("ready", "available")]
    origin = tuned.split(":")[1] if tuned.startswith("ft:") else ""
    return (origin if origin in bases else next(iter(bases), "")), tuned


def _overview(db: sqlite3.Connection) -> tuple[list[Run], int]:
    return evals.runs(db), dataset.counts(db, "split").get("test", 0)


def _outcome(db: sqlite3.Connection, run: Run) -> Outcome:
    return Outcome(evals.result(db, run), evals.questions(db, run.id), evals.answers(db, run.id))


def _run_words(run: Run) -> str:
    made = QLocale().toString(QDateTime.fromSecsSinceEpoch(int(run.created_at)), QLocale.FormatType.ShortFormat)
    models = " | ".join(brief_name(model) for model in run.models)
    return f"{made}  ·  {models}  ·  {status_words(run.status)}"


def status_words(status: str) -> str:
    words = {
        "running": tr("running"),
        "succeeded": tr("finished"),
        "cancelled": tr("stopped"),
        "failed": tr("failed"),
    }
    return words.get(status, status)


def _name(text: str, box: QWidget) -> QLabel:
    name = QLabel(text)
    name.setBuddy(box)
    return name


def _tool(text: str, name: str, slot: object) -> QToolButton:
    button = QToolButton(text=text, toolTip=name)
    button.setAccessibleName(name)
    button.clicked.connect(lambda _checked: slot())  # type: ignore[operator]
    return button
