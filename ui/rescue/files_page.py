"""Rescue, the files: a model's training files and results, saved to a folder and imported into the project."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout

from core.dataset.import_reader_process import ImportOptions
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.storage.project import Changes
from core.training import rescue, row_selection
from core.training.rescue import SavedFiles, TunedModel
from ui import style
from ui.dataset import import_and_outcome
from ui.dataset.import_and_outcome import ImportFile, ImportOutcome
from ui.rescue.rescue_page import RescuePage, format_error
from ui.widgets import basics, file_dialogs
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.tables import TextTable
from ui.workspace import Workspace


class FilesPage(RescuePage):
    """Saves the files of a model's training.

    Their names come from a server: none can leave the folder or replace a file.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._saved: dict[tuple[str, str], SavedFiles] = {}
        self._work = LatestTask(workspace, self)
        self.files = TextTable(tr("Files"), [tr("File"), tr("Type"), tr("Saved as")])
        self.save, self.bring = QPushButton(tr("Save the files…")), QPushButton(tr("Import the rows into the project"))
        self.line = ProgressLine(self._work)
        self.tagged = basics.label(wrap=True, dim=True)
        below = QHBoxLayout()
        below.addWidget(self.save)
        below.addWidget(self.bring)
        below.addWidget(self.line, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addWidget(self.files, 1)
        layout.addWidget(self.tagged)
        layout.addWidget(self.note)
        layout.addLayout(below)
        self.save.clicked.connect(lambda _checked: self._on_save())
        self.bring.clicked.connect(lambda _checked: self._on_bring())
        self._work.busy.connect(lambda _busy: self.show_buttons())

    def stop(self) -> None:
        self._work.stop()
        self.reader.stop()

    def build_query(self) -> Callable[[sqlite3.Connection], Any]:
        assert self.model
        tag = self.model.tag
        return lambda db: [row_selection.count_rows(db, tag, split) for split in rescue.SPLIT_OF_PURPOSE.values()]

    def show_data(self, found: list[int]) -> None:
        assert self.model
        roles = {
            "training": tr("Training rows"),
            "validation": tr("Validation rows"),
            "results": tr("Results, as a table"),
        }
        paths = self._paths()
        lines = [[file.id, roles[file.role], paths.get(file.id, "")] for file in rescue.list_files(self.model)]
        nothing = tr(
            "The server lists no job for this model, so its files are unknown. Its answers can be saved anyway."
        )
        self.files.show_lines(lines, tr("No files known"), nothing)
        text = trn("{n} approved training row", "{n} approved training rows", found[0])
        self.tagged.setText(
            tr("In the project: {rows} with the tag {tag}.", rows=text, tag=self.model.tag) if sum(found) else ""
        )
        self.tagged.setVisible(sum(found) > 0)

    def _paths(self) -> dict[str, str]:
        saved = self._saved.get(self.model_key)
        if saved is None:
            return {}
        gone = {file.id: tr("deleted on the server") for file in saved.missing}
        kept = [file for file in rescue.list_files(self.model) if file.id not in gone] if self.model else []
        paths = [path for role, path in saved.paths if role != "job"]
        return gone | {file.id: path.name for file, path in zip(kept, paths, strict=True)}

    def show_buttons(self) -> None:
        busy = self._work.is_busy()
        waiting = tr("Saving the files") if busy else ""
        known = self.model is not None and bool(rescue.list_files(self.model))
        basics.set_enabled(self.save, waiting if known else tr("The server lists no files of this model."))
        saved = self._saved.get(self.model_key) if self.model else None
        there = saved is not None and any(saved.of(role) for role in rescue.SPLIT_OF_PURPOSE)
        reason = tr("The saved files contain no rows.") if saved else tr("Save the files first.")
        basics.set_enabled(self.bring, waiting if there else reason)

    def _on_save(self) -> None:
        title = tr("Folder for the files")
        file_dialogs.folder_dialog(self, self.workspace.settings, file_dialogs.RESCUED, title, self.save_to).open()

    def save_to(self, folder: Path) -> None:
        """Download the files of the model that is chosen now."""
        assert self.model
        provider, model = self.provider, self.model
        self.note.show_text("")
        self._work.start(lambda reporter: self._save(provider, model, folder, reporter), tr("Saving the files"))

    async def _save(self, provider: str, model: TunedModel, folder: Path, reporter: Reporter) -> None:
        try:
            server = await self.workspace.provider(provider)
            saved = await rescue.save_files(server, model, folder, reporter)
        except JukuError as error:
            self.note.show_text(format_error(error), "error")
            return
        self._saved[provider, model.model] = saved
        text = trn("{n} file is in {folder}.", "{n} files are in {folder}.", len(saved.paths), folder=folder)
        if saved.missing:
            text += " " + trn("{n} was deleted on the server.", "{n} were deleted on the server.", len(saved.missing))
        self.note.show_text(text, "warning" if saved.missing else "good")
        self.read()

    def _on_bring(self) -> None:
        assert self.model
        saved, tag = self._saved[self.model_key], self.model.tag
        wanted = [
            ImportFile(path, ImportOptions(split=split, tags=tag), path.name)
            for role, split in rescue.SPLIT_OF_PURPOSE.items()
            for path in saved.of(role)
        ]
        self._work.start(lambda _reporter: self._import_rows(wanted, tag), import_and_outcome.import_label(wanted))

    async def _import_rows(self, wanted: list[ImportFile], tag: str) -> Changes | None:
        """As rows are dragged in; those that were here before get the tag too."""
        outcome = ImportOutcome()
        await import_and_outcome.import_files(self.workspace, wanted, self.window(), outcome)
        if not outcome.known:
            return None

        def tag_all(db: sqlite3.Connection) -> None:
            for one in wanted:
                rescue.tag_existing_rows(db, one.path, tag)

        return await self.workspace.project.write(tr("Tag the rescued rows"), tag_all)
