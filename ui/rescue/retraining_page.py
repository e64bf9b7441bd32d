"""Rescue, retraining: the same rows, on this computer or at another server."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from core import clock
from core.activity_history import ActivityKind
from core.generation import recorded_answers
from core.generation.recorded_answers import ModelKey
from core.language import tr, trn
from core.providers import shutdown_dates
from core.rescue import row_choice
from core.rescue.row_choice import RowChoice
from core.storage.project import Changes
from core.training import jobs
from core.training.jobs import Job
from core.training.row_selection import MINIMUM_ROWS
from core.training.submit import TrainingPlan
from ui import style
from ui.rescue.target_page import TargetPage
from ui.training import job_texts
from ui.training.preflight_dialog import JobSubmitter
from ui.widgets import basics, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.length_and_time_texts import format_local_time
from ui.widgets.tables import TextTable
from ui.workspace import Workspace


class RetrainingPage(TargetPage):
    """Trains the rows of a model again, elsewhere. The job goes through the same checks and queue as any other."""

    show_examples = Signal(str)  # a search in the filter's words

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._rows: list[RowChoice] = []
        self._picked: tuple[str, int | None, bool] | None = None  # by the person
        self.rows = DropDown()
        self.about_base = basics.Note()
        self.start = basics.primary_button(tr("Teach again"))
        self.start.setAutoDefault(False)
        self.starter = JobSubmitter(workspace, self)
        names = [tr("Status"), tr("Server"), tr("Base model"), tr("Started"), tr("Fine-tuned model")]
        self.taught = TextTable(tr("Taught again"), names)
        self._is_busy = False
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        form = self.build_form((tr("Rows"), self.rows))
        form.setVerticalSpacing(style.SPACE // 2)
        above = QHBoxLayout()
        above.setSpacing(2 * style.SPACE)
        above.addLayout(form, 1)
        above.addWidget(self.start, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addLayout(above)
        layout.addWidget(self.about_base)
        layout.addWidget(self.note)
        layout.addWidget(self.taught, 1)

    def _connect(self) -> None:
        self.rows.activated.connect(lambda _index: self._on_rows())
        self.start.clicked.connect(lambda _checked: self._on_start())
        self.starter.busy.connect(self._show_busy)
        self.starter.queued.connect(lambda _ids: self._on_queued())
        self.starter.show_examples.connect(self.show_examples)
        self.connect_target()

    def build_query(self) -> Callable[[sqlite3.Connection], Any]:
        assert self.model
        who, tag = self.model_key, self.model.tag

        def read(db: sqlite3.Connection) -> tuple[list[RowChoice], list[Job]]:
            known = jobs.load_all(db)
            return row_choice.load(db, who, tag, known), [job for job in known if job.sweep == who[1]]

        return read

    def show_model(self, provider: str, model: Any) -> None:
        super().show_model(provider, model)
        if model is not None:
            self.request_offers()

    def show_data(self, found: tuple[list[RowChoice], list[Job]]) -> None:
        rows, taught = found
        if rows != self._rows:
            self._rows = rows
            self.rows.clear()
            self.rows.addItems([one.title for one in rows])
            picked = [at for at, one in enumerate(rows) if one.key == self._picked]
            self.rows.setCurrentIndex(picked[0] if picked else 0)
        nothing = tr("Jobs that teach this model's knowledge to another model are listed here.")
        self.taught.show_lines(
            [
                (job_texts.job_status_title(job), self.server(job.provider), job.model, format_local_time(job.created_at),
                 job.fine_tuned_model or "")
                for job in taught
            ],
            tr("Not taught again yet"), nothing,
        )  # fmt: skip
        self.show_offers()

    def _on_rows(self) -> None:
        self._picked = self._rows[self.rows.currentIndex()].key
        self.show_buttons()

    def show_buttons(self) -> None:
        lacking = self._find_problem()
        self.rows.setEnabled(bool(self._rows))
        busy = tr("Checking before the start…") if self._is_busy else ""
        basics.set_enabled(self.start, lacking or busy or ("" if self.model else tr("Choose a model.")))
        self.about_base.show_text(lacking or self._format_shutdowns(), "warning")

    def _find_problem(self) -> str:
        """Why the training cannot start, as a text."""
        if not self._rows:
            return tr("There are no rows to teach yet: save the files and import them, or record the answers.")
        chosen = self._rows[max(0, self.rows.currentIndex())]
        if chosen.count < MINIMUM_ROWS:
            return trn("There is only {n} approved training row; {minimum} are needed.",
                       "There are only {n} approved training rows; {minimum} are needed.",
                       chosen.count, minimum=MINIMUM_ROWS)  # fmt: skip
        return self.find_unusable()

    def _format_shutdowns(self) -> str:
        today = clock.today()
        found = shutdown_dates.list_shutdowns(server_texts.preset_of(self.workspace, self.target()).id, today)
        return "\n".join(shutdown.describe(today) for shutdown in found if shutdown.what == "training")

    def _on_start(self) -> None:
        chosen = self._rows[self.rows.currentIndex()]
        begin = self._prepare_start(chosen)
        if chosen.from_saved_answers:
            label = tr("Make rows of the kept answers")
            self.workspace.tasks.start(
                label, self._make(label, self.model_key, chosen.tag, begin), kind=ActivityKind.RESCUE
            )
        else:
            begin()

    async def _make(self, label: str, who: ModelKey, tag: str, begin: Callable[[], None]) -> Changes:
        changes = await self.workspace.project.write(label, recorded_answers.make_rows, who, tag)
        begin()
        return changes

    def stop(self) -> None:
        super().stop()
        self.starter.stop()

    def _prepare_start(self, chosen: RowChoice) -> Callable[[], None]:
        """What starts the training that is wished for now, whatever is chosen meanwhile."""
        assert self.model
        method = self.model.method if not chosen.from_saved_answers else "supervised"
        methods = server_texts.preset_of(self.workspace, self.target()).methods
        plan = TrainingPlan(
            self.base.model_id(), chosen.tag, method=method if method in methods else methods[0],
            validation=chosen.validation, version=chosen.version,
        )  # fmt: skip
        # The name that its jobs share says later what they were created for; it is not sent to the server.
        return partial(self.starter.start, self.target(), [plan], self.model.model)

    def _show_busy(self, text: str) -> None:
        self._is_busy = bool(text)
        self.note.show_text(text)
        self.show_buttons()

    def _on_queued(self) -> None:
        text = tr("In the queue: the training tab shows the progress. When it is done, you can compare the answers.")
        self.note.show_text(text, "good")
        self.read()
