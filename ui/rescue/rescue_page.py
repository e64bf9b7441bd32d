"""What the rescue's pages share: their base class, the table of a server's models, and texts."""

import datetime
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QSplitter, QWidget

from core import clock
from core.errors import JukuError
from core.generation.recorded_answers import ModelKey, RecordingEstimate
from core.language import tr
from core.progress import Reporter
from core.providers import LOCAL, prices, shutdown_dates
from core.storage.project import Changes
from core.training.rescue import TunedModel
from ui import style
from ui.training.job_table import format_days_left
from ui.widgets import basics, server_texts
from ui.widgets.cost_texts import format_request_estimate
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.length_and_time_texts import format_local_time
from ui.widgets.tables import TextTable
from ui.workspace import Workspace


class ModelTable(TextTable):
    """The fine-tuned models of a server, the nearest end first."""

    def __init__(self) -> None:
        columns = [tr("Model"), tr("Time left"), tr("Until"), tr("Saved answers"), tr("Base model"), tr("Created")]
        super().__init__(tr("Models"), columns)
        self._models: list[TunedModel] = []

    def show_models(self, models: Sequence[TunedModel], kept: dict[str, int], title: str = "", text: str = "") -> None:
        """`kept`: how many answers of each are recorded. The selection is kept; `chosen` is not emitted."""
        before = self.model()
        self._models = list(models)
        today = clock.today()
        self.show_lines([_format_cells(one, kept, today) for one in models], title, text)
        for row, one in enumerate(models):
            if one.closing and shutdown_dates.days_left(one.closing, today) <= shutdown_dates.WARNING_DAYS:
                over = shutdown_dates.days_left(one.closing, today) < 0
                self.colour(row, 1, style.colours("error" if over else "warning")[0])
        if models:
            names = [one.model for one in models]
            self.table.blockSignals(True)
            self.choose(names.index(before.model) if before and before.model in names else 0)
            self.table.blockSignals(False)

    def show_answer_counts(self, kept: dict[str, int]) -> None:
        """Show how many answers of each model are saved."""
        for row, one in enumerate(self._models):
            if item := self.table.item(row, 3):
                item.setText(_format_count(kept.get(one.model, 0)))

    def model(self) -> TunedModel | None:
        """The chosen one."""
        line = self.line()
        return self._models[line] if 0 <= line < len(self._models) else None


def _format_cells(one: TunedModel, kept: dict[str, int], today: datetime.date) -> list[str]:
    left = "" if one.closing is None else format_days_left(shutdown_dates.days_left(one.closing, today))
    if not one.listed:
        left = tr("no longer offered")
    until = "" if one.closing is None else str(one.closing.day)
    created = format_local_time(one.made) if one.made else ""
    return [one.model, left, until, _format_count(kept.get(one.model, 0)), one.base, created]


def _format_count(number: int) -> str:
    return f"{number:,}" if number else ""


def split_with_text(table: QWidget, whole: QWidget, share: int) -> QSplitter:
    """A table, `share` times as wide as the text of its line beside it."""
    parts = QSplitter(childrenCollapsible=False)
    parts.addWidget(table)
    parts.addWidget(whole)
    parts.setStretchFactor(0, share)
    parts.setStretchFactor(1, 1)
    return parts


class RescuePage(QWidget):
    """One step of a rescue. A page overrides `build_query`, which reads the project, and `show_data`."""

    asked = Signal(object, object, bool)  # who is to be asked, what finds the questions in the project, as a batch?

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.provider, self.is_asking = "", False
        self.model: TunedModel | None = None
        self.note = basics.Note()
        self.reader = LatestTask(workspace, self)

    @property
    def model_key(self) -> ModelKey:
        """The server and the name of the chosen model. There must be one."""
        assert self.model
        return self.provider, self.model.model

    def show_model(self, provider: str, model: TunedModel | None) -> None:
        """Turn to another model; None where none is chosen."""
        self.provider, self.model = provider, model
        self.note.show_text("")
        self.setEnabled(model is not None)
        self.read()

    def show_asking(self, asking: bool) -> None:
        """Whether a model is being asked now: one after the other."""
        self.is_asking = asking
        self.show_buttons()

    def build_query(self) -> Callable[[sqlite3.Connection], Any]:
        """A function that reads the project. It runs in another thread, so it must not read widgets."""
        raise NotImplementedError

    def show_data(self, found: Any) -> None:
        """Show what the query returned."""
        raise NotImplementedError

    def show_buttons(self) -> None:
        """Enable the buttons, or disable them with a reason."""

    def read(self) -> None:
        """Read again what the page shows."""
        if self.model is None:
            self.reader.stop()
            return
        query = self.build_query()
        self.reader.start(lambda reporter: self._read(query, reporter))

    async def _read(self, query: Callable[[sqlite3.Connection], Any], reporter: Reporter) -> Changes | None:
        try:
            found = await self.workspace.project.read(query, reporter=reporter)
        except JukuError as error:
            self.note.show_text(format_error(error), "error")
            return None
        self.show_data(found)
        self.show_buttons()
        return None

    def stop(self) -> None:
        """Stop what runs: the dialog is closed."""
        self.reader.stop()

    def server(self, provider: str = "") -> str:
        """The title of a server; by default that of the page's."""
        return server_texts.server_title(self.workspace, provider or self.provider)


def format_error(error: JukuError) -> str:
    """Title and message of an error, one below the other."""
    return "\n".join(filter(None, (error.title, error.message)))


class BatchBox(QCheckBox):
    """Asks for the batch's half price; hidden where the server has no batches, or nothing to make cheaper."""

    def __init__(self) -> None:
        super().__init__(tr("As a &batch: half the price, answered within a day"))
        tooltip = tr(
            "The questions are sent in one file. You can close Juku in the meantime; it collects the answers later."
        )
        basics.explain(self, tooltip)
        self.hide()

    def show_server(self, workspace: Workspace, provider: str) -> None:
        """Show the box if the server accepts batches; '' hides it."""
        self.setVisible(
            bool(provider) and provider != LOCAL and server_texts.has_capability(workspace, provider, "batch")
        )

    def is_wanted(self) -> bool:
        """Whether the questions are to be sent as a batch."""
        return not self.isHidden() and self.isChecked()


def format_recording_cost(estimate: RecordingEstimate, provider: str, batch: bool = False) -> str:
    """The requests, tokens and cost of asking, in one line."""
    if not estimate.requests:
        return ""
    share = prices.BATCH_SHARE if batch else 1
    dollars = None if estimate.dollars is None else estimate.dollars * share
    return format_request_estimate(estimate.requests, estimate.sent, estimate.received, dollars, provider)


def format_mark(score: float | None, passed: bool | None) -> str:
    """A mark as a symbol or a percentage; an answer that could not be marked has not passed."""
    return "✓" if passed else f"{score:.0%}" if score else "✗"
