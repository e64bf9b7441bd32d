"""What a job stands on: its rows, spec, settings and server, as they were recorded when it was made."""

import json

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from core.language import tr, trn
from core.training import lineage
from core.training.jobs import Job
from ui import style
from ui.training import hyperparameter_fields, job_texts
from ui.widgets import basics
from ui.widgets.formatting import format_local_time

DIGEST = 16  # characters of a content hash that are shown


class JobRecord(QScrollArea):
    """`since_wanted` asks what has changed since the job was made."""

    since_wanted = Signal(Job)

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Job, str] | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.since = QPushButton(tr("What has changed since?"))
        self.since.clicked.connect(lambda: self._shown and self.since_wanted.emit(self._shown[0]))
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
        for name, text in facts(job, server):
            self._form.addRow(basics.label(name, dim=True), _value(text))

    def text(self) -> str:
        """All of it, line by line."""
        return "\n".join(": ".join(fact) for fact in facts(*self._shown)) if self._shown else ""


def facts(job: Job, server: str) -> list[tuple[str, str]]:
    """What is recorded of a job: a name and a text each; what is not known is left out."""
    asked = job.asked
    found = [
        (tr("Rows"), _rows(job)),
        (tr("Validation rows"), tr("sent too") if asked.get("validation") else ""),
        (tr("Content hash"), f"{job.digest[:DIGEST]}…" if job.digest else ""),
        (tr("Base model"), job.model),
        (tr("Method"), job_texts.method_title(job.method)),
        *((hyperparameter_fields.title(one.name), _setting(one)) for one in lineage.list_settings(job)),
        (tr("Suffix"), asked.get("suffix") or ""),
        (
            tr("Notes for the job"),
            ", ".join(f"{key} = {value}" for key, value in (asked.get("metadata") or {}).items()),
        ),
        (tr("Server"), server),
        (tr("Job id"), job.remote_id or ""),
        (tr("Uploaded files"), ", ".join(filter(None, (job.training_file, job.validation_file, *_results(job))))),
        (tr("Fine-tuned model"), job.fine_tuned_model or ""),
        (tr("Tokens trained"), "" if job.trained_tokens is None else f"{job.trained_tokens:,}"),
        (tr("Created"), format_local_time(job.created_at)),
        (tr("Ended"), format_local_time(job.finished_at) if job.finished_at else ""),
        (tr("Created with Juku"), job.app),
    ]
    return [(name, text) for name, text in found if text]


def _rows(job: Job) -> str:
    if job.adopted:
        return ""
    rows = trn("{n} row", "{n} rows", job.row_count)
    which = tr("with the tag “{tag}”", tag=job.rows) if job.rows else tr("all training rows")
    kept = tr("a copy of the rows is saved") if job.version is not None else tr("the copy was deleted")
    return f"{rows}, {which}; {kept}"


def _setting(one: lineage.Setting) -> str:
    """What was asked for, and what the server made of it where that differs."""
    asked = tr("Auto") if one.asked in (None, "auto") else str(one.asked)
    if one.settled in (None, "auto") or str(one.settled) == asked:
        return asked
    return f"{asked} → {one.settled}"


def _results(job: Job) -> list[str]:
    found: list[str] = json.loads(job.result_files)
    return found


def _value(text: str) -> QLabel:
    made = basics.label(text, wrap=True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made
