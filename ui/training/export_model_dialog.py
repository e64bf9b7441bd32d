"""Exports a fine-tuned model: which formats, which folder, whether the files sit the exam again; then the results."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.activity_history import ActivityKind
from core.errors import JukuError
from core.exam import exported_models
from core.exam import questions as exam_questions
from core.exam.exported_models import ExportedScore
from core.language import tr
from core.progress import Cancelled, Reporter
from core.providers import ExportState, Provider
from core.storage.project import Project
from core.training import model_export
from ui import style
from ui.training.export_results import ExportResults
from ui.widgets import basics, file_dialogs, screen_fit
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.workspace import Workspace

CHECKED_AT_FIRST = ("gguf-q8_0",)


class ExportModelDialog(QDialog):
    """First the choices, then what was exported. Not modal: the exam and the chat stay usable beside it."""

    def __init__(self, workspace: Workspace, provider: str, model: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Export model"))
        self.resize(style.scaled(660), style.scaled(0))
        self._workspace, self._provider, self._model = workspace, provider, model
        self._has_questions = True
        self._work = LatestTask(workspace, self)
        self.results = ExportResults(workspace)
        self._make_choices()
        self._lay_out()
        self._connect()
        self._show_ok()
        workspace.tasks.start("", self._count_questions(workspace.project), self)

    def _make_choices(self) -> None:
        self.formats = {format: QCheckBox(model_export.format_title(format)) for format in model_export.FORMATS}
        for format in CHECKED_AT_FIRST:
            self.formats[format].setChecked(True)
        self.exam = QCheckBox(tr("Let each exported GGUF file sit the exam again"))
        self.exam.setChecked(True)
        self.on_exam = basics.label(
            tr("The same questions are put to the model and to each file: you see what the smaller file lost."),
            wrap=True, dim=True,
        )  # fmt: skip
        self.folder = QLineEdit(str(file_dialogs.folder(self._workspace.settings, file_dialogs.MODELS)))
        self.folder.setAccessibleName(tr("Folder"))
        self.browse = QPushButton(tr("Choose…"), autoDefault=False)
        self.note, self.line = basics.Note(), ProgressLine(self._work)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * style.SPACE)
        grid.setColumnStretch(1, 1)
        for row, (format, box) in enumerate(self.formats.items()):
            grid.addWidget(box, row, 0)
            grid.addWidget(basics.label(_describe(format), wrap=True, dim=True), row, 1)
        where = QHBoxLayout()
        name = basics.label(tr("Folder"))
        name.setBuddy(self.folder)
        where.addWidget(name)
        where.addWidget(self.folder, 1)
        where.addWidget(self.browse)
        self.choices = basics.column(grid, self.exam, self.on_exam, where, spacing=style.SPACE)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.choices)
        self.pages.addWidget(self.results)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Close)
        self.ok_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok_button.setText(tr("Export"))
        self.ok_button.setProperty("primary", True)
        buttons.accepted.connect(self._on_export)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(basics.heading(basics.short_model_name(self._model)))
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.note)
        layout.addWidget(self.line)
        layout.addWidget(buttons)

    def _connect(self) -> None:
        for box in self.formats.values():
            box.toggled.connect(lambda _on: self._show_ok())
        self.folder.textChanged.connect(lambda _text: self._show_ok())
        self.browse.clicked.connect(lambda _checked: self._on_browse())
        self._work.busy.connect(lambda _busy: self._show_ok())
        self.line.cancel.clicked.connect(
            lambda _checked: self.note.show_text(tr("Cancelled. Nothing was kept."), "note")
        )
        self.finished.connect(lambda _result: self._stop())

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be."""
        self.show()

    def closeEvent(self, event: object) -> None:
        self._stop()
        super().closeEvent(event)  # type: ignore[arg-type]

    def _stop(self) -> None:
        self._work.stop()
        self.results.stop()

    def chosen(self) -> list[str]:
        """The formats that are ticked."""
        return [format for format, box in self.formats.items() if box.isChecked()]

    async def _count_questions(self, project: Project) -> None:
        self._has_questions = await project.read(_has_questions)
        self._show_ok()

    def _show_ok(self) -> None:
        busy, chosen = self._work.is_busy(), self.chosen()
        has_gguf = any(format in model_export.GGUF_FORMATS for format in chosen)
        self.choices.setEnabled(not busy)
        self.exam.setEnabled(has_gguf and self._has_questions)
        self.exam.setToolTip(
            "" if self._has_questions else basics.plain_tooltip(tr("The project has no exam questions."))
        )
        if busy:
            self.ok_button.setEnabled(False)
        elif not chosen:
            basics.set_enabled(self.ok_button, tr("Choose a format."))
        elif not Path(self.folder.text()).is_dir():
            basics.set_enabled(self.ok_button, tr("This folder does not exist."))
        else:
            basics.set_enabled(self.ok_button)

    def _on_browse(self) -> None:
        file_dialogs.folder_dialog(
            self, self._workspace.settings, file_dialogs.MODELS, tr("Folder for the exported model"),
            lambda path: self.folder.setText(str(path)),
        ).open()  # fmt: skip

    def _on_export(self) -> None:
        parent, formats = Path(self.folder.text()), self.chosen()
        file_dialogs.remember(self._workspace.settings, file_dialogs.MODELS, parent)
        examined = self.exam.isChecked() and self.exam.isEnabled()
        self._work.start(
            lambda reporter: self._export(parent, formats, examined, reporter),
            tr("Exporting a model"),
            ActivityKind.EXPORT,
        )

    async def _export(self, parent: Path, formats: list[str], examined: bool, reporter: Reporter) -> None:
        project = self._workspace.project
        try:
            provider = await self._workspace.provider(self._provider)
            self.note.show_text(tr("The engine writes the files…"), "note")
            export = await model_export.start(project, provider, self._model, formats)
            export = await model_export.wait(provider, export, reporter.part(0, 3))
            folder, scores = await self._examine_and_save(provider, export, parent, examined, reporter)
        except JukuError as error:
            text = "\n".join(filter(None, (error.title, error.message)))
            self.note.show_text(text, "error")
            self._workspace.tasks.tell(text, is_failure=True)
        except Cancelled:
            self.note.show_text(tr("Cancelled. Nothing was kept."), "note")
        else:
            self._show_results(folder, export, scores)
            self._workspace.tasks.tell(tr("Saved in {folder}.", folder=folder))
            if examined and not export.models:
                self.note.show_text(
                    tr(
                        "The exam was not sat again: the package xllamacpp is not installed (pip install 'juku[fast]')."
                    ),
                    "warning",
                )

    async def _examine_and_save(
        self, provider: Provider, export: ExportState, parent: Path, examined: bool, reporter: Reporter
    ) -> tuple[Path, list[ExportedScore]]:
        """The new folder, and the scores; where that fails or is cancelled, the engine keeps nothing either."""
        scores: list[ExportedScore] = []
        try:
            if examined and export.models:
                export, scores = await self._examine(self._workspace.project, provider, export, reporter.part(1, 3))
            self.note.show_text(tr("The files are saved…"), "note")
            return await model_export.save(provider, export, parent, reporter.part(2, 3)), scores
        except BaseException:
            await asyncio.shield(model_export.discard(provider, export))
            raise

    async def _examine(
        self, project: Project, provider: Provider, export: ExportState, reporter: Reporter
    ) -> tuple[ExportState, list[ExportedScore]]:
        """The exam's scores, which the model card tells, too."""
        self.note.show_text(tr("The exam is sat again; it is also shown in the exam tab…"), "note")
        scores = await exported_models.examine(
            project,
            self._workspace.provider,
            exported_models.build_plan(provider.id, export),
            reporter,
            self._workspace.tasks.changed.emit,
        )
        rows = exported_models.build_card_rows(scores, tr("The model in Juku"))
        return await provider.update_export_card(export.id, {"exam": rows}), scores

    def _show_results(self, folder: Path, export: ExportState, scores: list[ExportedScore]) -> None:
        self.note.show_text("")
        self.results.show_export(folder, export, scores)
        self.pages.setCurrentWidget(self.results)
        if self._provider == self._workspace.settings.provider:
            self._workspace.tasks.start("", self._workspace.load_offers())  # the files can be asked, too
        self.ok_button.hide()
        self.line.setSizePolicy(QSizePolicy())  # nothing runs here any more: its place is free
        self.resize(max(self.width(), style.scaled(780)), style.scaled(560 if scores else 400))
        screen_fit.fit(self)


def _has_questions(db: sqlite3.Connection) -> bool:
    return next(exam_questions.load_exam_rows(db, with_general=False), None) is not None


def _describe(format: str) -> str:
    """What a format is good for."""
    return {
        "gguf-q8_0": tr("For Ollama, LM Studio and llama.cpp. A good compromise."),
        "gguf-q4_k_m": tr("Smaller and faster. Small models lose some of what they learned."),
        "gguf-f16": tr("The largest. Loses nothing."),
        "gguf-adapter": tr("A few megabytes, over a base model that you have as GGUF."),
        "merged": tr("For vLLM and transformers."),
        "adapter": tr("A few megabytes, for vLLM and transformers, and to train on."),
    }[format]
