"""A job's rows, spec, settings and server as recorded when it was created, and its checkpoints."""

import json
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.language import tr, trn
from core.providers import JobCheckpoint
from core.training import lineage
from core.training.jobs import Job
from ui import style
from ui.training import hyperparameter_fields, job_texts
from ui.widgets import basics, context_menus, tables
from ui.widgets.basics import EmptyState
from ui.widgets.length_and_time_texts import format_local_time

DIGEST_LENGTH = 16  # characters of a content hash that are shown
# The metrics that most servers report, by their names there.
CHECKPOINT_METRICS = (
    "train_loss",
    "valid_loss",
    "full_valid_loss",
    "train_mean_token_accuracy",
    "full_valid_mean_token_accuracy",
)


class JobDetails(QScrollArea):
    """The details of one job; `since_wanted` asks what has changed since it was created."""

    since_wanted = Signal(Job)

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Job, str] | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.since = QPushButton(tr("What has changed since?"))
        self.since.clicked.connect(lambda _checked: self._on_since())
        self.note = basics.label(
            tr("This job was created elsewhere, so its training rows are not known here."), dim=True
        )
        self.note.setWordWrap(True)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(2 * style.SPACE)
        self._form.setVerticalSpacing(style.SPACE // 2)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        above = QHBoxLayout()
        above.addWidget(self.since)
        above.addWidget(self.note, 1)
        above.addStretch()
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, style.SPACE, style.SPACE, style.SPACE)
        layout.setSpacing(style.SPACE)
        layout.addLayout(above)
        layout.addLayout(self._form)
        layout.addStretch()
        self.setWidget(page)

    def show_job(self, job: Job, server: str) -> None:
        """`server` is the provider's title."""
        if self._shown == (job, server):
            return
        self._shown = (job, server)
        self.note.setVisible(bool(job.adopted))
        self.since.setVisible(not job.adopted)
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, text in job_facts(job, server):
            self._form.addRow(basics.label(name, dim=True), _make_value(text))

    def _on_since(self) -> None:
        if self._shown:
            self.since_wanted.emit(self._shown[0])

    def text(self) -> str:
        """All of it, line by line."""
        return "\n".join(": ".join(fact) for fact in job_facts(*self._shown)) if self._shown else ""


def job_facts(job: Job, server: str) -> list[tuple[str, str]]:
    """What is recorded of a job: a name and a text each; what is not known is left out."""
    asked = job.request
    found = [
        (tr("Rows"), _format_rows(job)),
        (tr("Validation rows"), tr("sent too") if asked.get("validation") else ""),
        (tr("Content hash"), f"{job.digest[:DIGEST_LENGTH]}…" if job.digest else ""),
        (tr("Base model"), job.model),
        (tr("Method"), job_texts.method_title(job.method)),
        *(
            (hyperparameter_fields.parameter_title(one.name), _format_setting(one))
            for one in lineage.list_settings(job)
        ),
        (tr("Suffix"), asked.get("suffix") or ""),
        (
            tr("Notes for the job"),
            ", ".join(f"{key} = {value}" for key, value in (asked.get("metadata") or {}).items()),
        ),
        (tr("Server"), server),
        (tr("Job id"), job.remote_id or ""),
        (tr("Uploaded files"), ", ".join(filter(None, (job.training_file, job.validation_file, *_result_files(job))))),
        (tr("Fine-tuned model"), job.fine_tuned_model or ""),
        (tr("Tokens trained"), "" if job.trained_tokens is None else _format_trained_tokens(job.trained_tokens)),
        (tr("Created"), format_local_time(job.created_at)),
        (tr("Ended"), format_local_time(job.finished_at) if job.finished_at else ""),
        (tr("Created with Juku"), job.app),
    ]
    return [(name, text) for name, text in found if text]


def _format_trained_tokens(tokens: int) -> str:
    """The tokens as the server counted them: more than the texts of the rows have, which are counted before a training."""
    return tr("{tokens} (in all epochs, with the template of the model)", tokens=f"{tokens:,}")


def _format_rows(job: Job) -> str:
    if job.adopted:
        return ""
    rows = trn("{n} row", "{n} rows", job.row_count)
    which = tr("with the tag “{tag}”", tag=job.rows) if job.rows else tr("all training rows")
    kept = tr("a copy of the rows is saved") if job.version is not None else tr("the copy was deleted")
    return tr("{rows}, {which}; {kept}", rows=rows, which=which, kept=kept)


def _format_setting(one: lineage.JobSetting) -> str:
    """What was asked for, and what the server made of it where that differs."""
    asked = tr("Auto") if one.requested in (None, "auto") else str(one.requested)
    if one.effective in (None, "auto") or str(one.effective) == asked:
        return asked
    return f"{asked} → {one.effective}"


def _result_files(job: Job) -> list[str]:
    found: list[str] = json.loads(job.result_files)
    return found


def _make_value(text: str) -> QLabel:
    label = basics.label(text, wrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class CheckpointTable(QWidget):
    """The checkpoints of a job; `model_wanted` gives a tab's name ("chat", "exam") and the model, `export_wanted` the model."""

    model_wanted = Signal(str, str)
    export_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._checkpoints: list[JobCheckpoint] = []
        self.table = tables.build(tr("Checkpoints"), [])
        self.table.horizontalHeader().setStretchLastSection(True)
        self.ask, self.examine, self.export = (
            QPushButton(tr("Ask this checkpoint")),
            QPushButton(tr("Start an exam with this checkpoint")),
            QPushButton(tr("Export this checkpoint…")),
        )
        context_menus.offer(self.table, self.ask, self.examine, self.export)
        self.ask.clicked.connect(lambda: self._emit_model_wanted("chat"))
        self.examine.clicked.connect(lambda: self._emit_model_wanted("exam"))
        self.export.clicked.connect(lambda: self._emit_export_wanted())
        self.table.itemDoubleClicked.connect(lambda _item: self._emit_model_wanted("chat"))
        self._lay_out()

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.addWidget(self.ask)
        below.addWidget(self.examine)
        below.addWidget(self.export)
        below.addStretch()
        self._pages = QStackedWidget()
        self._pages.addWidget(EmptyState(tr("No checkpoints"), tr("A server that saves the model during training, "
                                                               "usually after each epoch, lists it here. Each "
                                                               "can be asked questions and tested in an exam.")))  # fmt: skip
        self._pages.addWidget(basics.column(self.table, below))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.addWidget(self._pages)

    def show_checkpoints(self, checkpoints: Sequence[JobCheckpoint], can_export: bool) -> None:
        """Show them, the newest first; the selection stays where it was. `can_export`: whether they can leave Juku."""
        reason = "" if can_export else tr("Only models that were trained on this computer can be exported here.")
        basics.set_enabled(self.export, reason)
        if list(checkpoints) == self._checkpoints:
            return
        before = self.checkpoint()
        self._checkpoints = list(checkpoints)
        self._pages.setCurrentIndex(1 if checkpoints else 0)
        names = [name for name in CHECKPOINT_METRICS if any(name in one.metrics for one in checkpoints)]
        self.table.setColumnCount(len(names) + 3)
        self.table.setHorizontalHeaderLabels(
            [tr("Step"), *(_metric_titles()[name] for name in names), tr("Saved"), tr("Model")]
        )
        self.table.setRowCount(len(checkpoints))
        for row, one in enumerate(checkpoints):
            cells = [
                f"{one.step:,}",
                *(_format_metric(one.metrics.get(name)) for name in names),
                format_local_time(one.created_at),
                one.model,
            ]
            for column, text in enumerate(cells):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.resizeColumnsToContents()
        if checkpoints:
            kept = (row for row, one in enumerate(checkpoints) if before and one.id == before.id)
            basics.select_row(self.table, next(kept, 0))

    def checkpoint(self) -> JobCheckpoint | None:
        """The selected one."""
        row = self.table.currentRow()
        return self._checkpoints[row] if 0 <= row < len(self._checkpoints) else None

    def _emit_model_wanted(self, tab: str) -> None:
        if found := self.checkpoint():
            self.model_wanted.emit(tab, found.model)

    def _emit_export_wanted(self) -> None:
        if found := self.checkpoint():
            self.export_wanted.emit(found.model)


def _metric_titles() -> dict[str, str]:
    return {
        "train_loss": tr("Training loss"),
        "valid_loss": tr("Validation loss"),
        "full_valid_loss": tr("Loss on all validation rows"),
        "train_mean_token_accuracy": tr("Training accuracy"),
        "full_valid_mean_token_accuracy": tr("Accuracy on all validation rows"),
    }


def _format_metric(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else "–"
