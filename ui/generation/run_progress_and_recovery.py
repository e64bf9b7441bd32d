"""Widgets of the LLM run dialogs: progress, an unfinished run, the chosen facts, with a model or without."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from core.generation import llm_runs
from core.generation.llm_run_tasks import TASKS
from core.generation.run_recovery import InterruptedRun
from core.language import tr, trn
from core.progress import Progress
from ui import style
from ui.widgets import basics
from ui.widgets.chat_model_row import ChatModelRow
from ui.widgets.latest_task_and_reload import format_pause

MAX_FACTS_NAMED = 5  # facts that are named one by one


def load_last_model(db: sqlite3.Connection, provider: str, task: str) -> str:
    """The model of `provider` that was asked last for a task of the same role."""
    role = TASKS[task].role
    asked = (one for one in llm_runs.load_all(db) if one.provider == provider and TASKS[one.task].role == role)
    return next((one.model for one in asked), "")


class UnfinishedBar(basics.ColouredFrame):
    """Offers to continue an interrupted run. What has been answered is not asked again."""

    continued = Signal()
    taken = Signal()  # make what can be made of what has arrived
    given_up = Signal()

    def __init__(self) -> None:
        super().__init__("unfinished", "note")
        self.text = basics.label(wrap=True)
        self.go_on = QPushButton(tr("&Continue"))
        self.take = QPushButton(tr("Use the answers &received"))
        self.give_up = QPushButton(tr("&Stop asking"))
        buttons = QHBoxLayout()
        buttons.setSpacing(style.SPACE // 2)
        for button, signal in ((self.go_on, self.continued), (self.take, self.taken), (self.give_up, self.given_up)):
            button.setAutoDefault(False)
            button.clicked.connect(lambda _checked, signal=signal: signal.emit())
            buttons.addWidget(button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.hide()

    def show_llm_run(self, found: InterruptedRun | None) -> None:
        """Offer to continue an interrupted run, to use its answers or to drop it; None hides the bar."""
        self.setVisible(found is not None)
        if found is None:
            return
        self.text.setText(_format_run(found))
        self.go_on.setVisible(found.missing > 0)
        self.go_on.setText(
            tr("&Wait")
            if found.at_server
            else tr("Run again")
            if found.llm_run.failed and not found.llm_run.waiting
            else tr("&Continue")
        )
        self.take.setVisible(found.llm_run.answered > 0)


def _format_run(found: InterruptedRun) -> str:
    date = QLocale().toString(
        QDateTime.fromSecsSinceEpoch(int(found.llm_run.created_at)), QLocale.FormatType.ShortFormat
    )
    arrived = found.total - found.missing
    model = basics.short_model_name(found.llm_run.model)
    if found.at_server:
        return trn(
            "{n} request of {date} to {model} is on the server as a batch; it is answered within a day.",
            "{n} requests of {date} to {model} are on the server as a batch; they are answered within a day.",
            found.at_server,
            date=date,
            model=model,
        )
    if found.llm_run.failed and not found.llm_run.answered:
        text = trn(
            "In the run of {date} with {model}, {n} question was not answered.",
            "In the run of {date} with {model}, {n} questions were not answered.",
            found.missing,
            date=date,
            model=model,
        )
        return f"{text}\n{found.reason}".strip()
    return tr(
        "The run of {date} with {model} was interrupted: {arrived} of {total} answers have arrived.",
        date=date,
        model=model,
        arrived=f"{arrived:,}",
        total=f"{found.total:,}",
    )


class RunProgressLine(QWidget):
    """The progress of a run with a button that stops it; a batch cannot be paused, which is shown."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._bar = QProgressBar(textVisible=False, maximum=0)
        self._bar.setFixedHeight(style.BAR_HEIGHT)
        self._bar.setAccessibleName(tr("Progress"))
        self.count = basics.label()
        self.pause = QPushButton(tr("Pause"), autoDefault=False)
        self.cancel = QPushButton(tr("Cancel"), autoDefault=False)
        self.cancel.clicked.connect(lambda _checked: self.cancelled.emit())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._bar, 1)
        for part in (self.count, self.pause, self.cancel):
            layout.addWidget(part)
        self.hide()

    def show_progress(self, progress: Progress | None, is_batch: bool = False) -> None:
        """Show the progress; None hides the line."""
        self.setVisible(progress is not None)
        if progress is None:
            return
        self.pause.setVisible(is_batch)
        basics.set_enabled(self.pause, format_batch() if is_batch else "")
        self.cancel.setText(tr("Stop waiting") if is_batch else tr("Cancel"))
        self._bar.setMaximum(progress.total or 0)
        self._bar.setValue(progress.done)
        text = tr("{done} of {total}", done=f"{progress.done:,}", total=f"{progress.total:,}") if progress.total else ""
        self.count.setText(format_pause(progress) or text)


def format_batch() -> str:
    """What can be done while a batch is in progress."""
    return tr("A batch cannot be paused: the server works on it until it is done. You can stop waiting and collect the "
              "answers later.")  # fmt: skip


def format_running(is_batch: bool) -> str:
    """What can be done while a run is in progress."""
    goes_on = tr("You can close this window: the work continues, and the status bar shows the progress.")
    return f"{goes_on}\n{format_batch()}" if is_batch else goes_on


class FactScope(QWidget):
    """The choice between the chosen facts and all; hidden when none were chosen."""

    changed = Signal()

    def __init__(self, chosen: Collection[str] | None) -> None:
        super().__init__()
        self._chosen = set(chosen) if chosen else None
        self.these, self.all = QRadioButton(format_chosen_facts(self._chosen or ())), QRadioButton(tr("&All facts"))
        self.these.setChecked(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.these, self.all):
            layout.addWidget(button)
        self.these.toggled.connect(lambda _on: self.changed.emit())
        if self._chosen is None:
            self.hide()

    def names(self) -> set[str] | None:
        """The names of the facts to work on; None is all."""
        return self._chosen if self.these.isChecked() else None


def format_chosen_facts(names: Collection[str]) -> str:
    """How many facts are chosen, and their names."""
    shown = sorted(names)[:MAX_FACTS_NAMED]
    listed = ", ".join(shown) + (", …" if len(names) > MAX_FACTS_NAMED else "")
    return trn("{n} chosen fact: {names}", "{n} chosen facts: {names}", len(names), names=listed)


class RowWriterChoice(QWidget):
    """The choice whether a chat model writes rows. `changed`: by the person, or because another model was chosen."""

    changed = Signal()

    def __init__(
        self, model: ChatModelRow, without: str, below: QWidget | None = None, with_model: QWidget | None = None
    ) -> None:
        """`without` describes rows made without a model, and `below` has what can be chosen for them; `with_model` has
        what can be chosen for those of a model."""
        super().__init__()
        self._model, self._decided = model, False  # whether the person has chosen
        self.online = QRadioButton(tr("With a chat &model"))
        self.offline = QRadioButton(tr("Without a model, from the &text"))
        self._group = QButtonGroup(self)
        for way in (self.online, self.offline):
            self._group.addButton(way)
            way.setMinimumHeight(model.box.sizeHint().height())  # aligned with the box
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * style.SPACE)
        grid.setVerticalSpacing(style.SPACE)
        grid.addWidget(self.online, 0, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(model, 0, 1)
        if with_model is not None:
            grid.addWidget(with_model, 1, 1)
        grid.addWidget(self.offline, 2, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(style.SPACE // 2)
        column.addWidget(basics.label(without, wrap=True, dim=True))
        if below is not None:
            column.addWidget(below)
        grid.addLayout(column, 2, 1)
        grid.setColumnStretch(1, 1)
        self._group.buttonClicked.connect(lambda _button: self._on_clicked())
        model.changed.connect(self.suit_model)
        self.suit_model()

    def suit_model(self) -> None:
        """Select the way without a model when it is weak, unless the person has chosen."""
        if not self._decided:
            (self.offline if self._model.is_weak() else self.online).setChecked(True)
        self._show()

    def _on_clicked(self) -> None:
        self._decided = True
        self._show()

    def _show(self) -> None:
        self._model.setEnabled(self.online.isChecked())
        self.changed.emit()
