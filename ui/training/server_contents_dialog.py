"""What a server stores: jobs created elsewhere to adopt, files that no job uses, models to delete."""

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError, ProviderError
from core.language import tr, trn
from core.progress import Reporter
from core.providers import FileInfo, JobState, ModelInfo
from core.providers.http_client import MISSING_ROUTE_STATUSES
from core.storage.project import Changes
from core.training import submit, unused_files
from core.training.unused_files import ServerContents
from ui import style
from ui.training.job_table import format_days_left
from ui.widgets import basics, length_and_time_texts, server_texts
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.length_and_time_texts import format_local_time
from ui.widgets.tables import CheckableTable
from ui.workspace import Workspace

MAX_NAMED = 10  # things that a question names one by one


class ServerContentsDialog(QDialog):
    """The models, files and jobs on a server. Not modal. Nothing is deleted before a question has named it."""

    def __init__(self, workspace: Workspace, provider: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Jobs, files and models"))
        self._workspace = workspace
        self._work, self._deleting = LatestTask(workspace, self), LatestTask(workspace, self)
        self.server = DropDown()
        self.server.setAccessibleName(tr("Server"))
        for id, title in server_texts.server_titles(workspace).items():
            self.server.addItem(title, id)
        self.server.setCurrentIndex(max(0, self.server.findData(provider or workspace.settings.provider)))
        self.again = QPushButton(tr("Refresh"))
        self.note, self.line = basics.Note(), ProgressLine(self._work, self._deleting)
        self._make_tables()
        self._lay_out()
        self._connect()
        self.load()

    def _make_tables(self) -> None:
        self.jobs: CheckableTable[JobState] = CheckableTable(
            tr("Jobs created elsewhere"),
            [tr("Job"), tr("Status"), tr("Model"), tr("Created"), tr("Fine-tuned model")],
            _job_cells,
        )
        self.files: CheckableTable[FileInfo] = CheckableTable(
            tr("Files"), [tr("File"), tr("Purpose"), tr("Size"), tr("Age"), tr("Used by")], self._file_cells
        )
        self.models: CheckableTable[ModelInfo] = CheckableTable(
            tr("Models"), [tr("Model"), tr("Created"), tr("Time left")], self._model_cells
        )
        self._unused: set[str] = set()
        self._used: set[str] = set()
        self.adopt, self.delete_files = QPushButton(), QPushButton()
        self.pick_unused, self.delete_models = QPushButton(tr("Select all unused")), QPushButton()

    def _lay_out(self) -> None:
        self.pages = QTabWidget(documentMode=True)
        self.pages.tabBar().setDrawBase(False)
        for table, title, buttons in (
            (self.jobs, tr("Jobs created elsewhere"), (self.adopt,)),
            (self.files, tr("Files"), (self.pick_unused, self.delete_files)),
            (self.models, tr("Models"), (self.delete_models,)),
        ):
            below = QHBoxLayout()
            for button in buttons:
                below.addWidget(button)
            below.addStretch()
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, style.SPACE // 2, 0, 0)
            column.addWidget(table, 1)
            column.addLayout(below)
            self.pages.addTab(page, title)
        above = QHBoxLayout()
        above.addWidget(self.server)
        above.addWidget(self.again)
        above.addWidget(self.line, 1)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addLayout(above)
        layout.addWidget(self.note)
        layout.addWidget(self.pages, 1)
        layout.addWidget(close)
        self.resize(style.scaled(860), style.scaled(560))

    def _connect(self) -> None:
        self.server.activated.connect(lambda _index: self.load())
        self.again.clicked.connect(lambda _checked: self.load())
        self.adopt.clicked.connect(lambda _checked: self._on_adopt())
        self.pick_unused.clicked.connect(lambda _checked: self.files.check_items(lambda file: file.id in self._unused))
        self.delete_files.clicked.connect(lambda _checked: self._on_delete_files())
        self.delete_models.clicked.connect(lambda _checked: self._on_delete_models())
        for table in (self.jobs, self.files, self.models):
            table.checked_changed.connect(self._show_buttons)
        self.finished.connect(lambda _result: self._stop())

    def _stop(self) -> None:
        self._work.stop()
        self._deleting.stop()

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be: the jobs stay usable beside it."""
        self.show()

    def provider(self) -> str:
        """The id of the chosen server."""
        return str(self.server.currentData())

    def load(self) -> None:
        """Ask the server what it holds."""
        self.note.show_text("")
        for table in (self.jobs, self.files, self.models):
            table.show_items([], tr("Asking the server…"), "")
        self._show_buttons()
        self._work.start(lambda _reporter: self._load(self.provider()))

    async def _load(self, id: str) -> None:
        project = self._workspace.project
        try:
            provider = await self._workspace.provider(id)
            contents = await unused_files.load_contents(project, provider)
            try:
                states: list[JobState] | None = await submit.list_adoptable(project, provider)
            except ProviderError as error:
                if error.status not in MISSING_ROUTE_STATUSES:
                    raise
                states = None
        except JukuError as error:
            self._fail(error)
            return
        self._show(contents, states)

    def _fail(self, error: JukuError) -> None:
        self.note.show_text("\n".join(filter(None, (error.title, error.message))), "error")
        for table in (self.jobs, self.files, self.models):
            table.show_items([], tr("Nothing could be read"), "")
        self._show_buttons()

    def _show(self, contents: ServerContents, states: list[JobState] | None) -> None:
        self._unused, self._used = contents.unused, contents.used
        no_list = tr("This list is not available here"), ""
        self.jobs.show_items(states or [], *(no_list if states is None else (
            tr("No other jobs"), tr("All jobs there are in the project already. A job created elsewhere can be "
                                    "adopted here: Juku then follows it and shows its curve, checkpoints and "
                                    "model."))))  # fmt: skip
        self.files.show_items(contents.files or [], *(no_list if contents.files is None else (
            tr("No files"), tr("Files that were sent for training, and result files, are listed here."))))  # fmt: skip
        self.models.show_items(
            contents.models, tr("No models of your own"), tr("Models that were trained here are listed.")
        )
        if not contents.complete and contents.files:
            self.note.show_text(tr("Not all jobs could be read, so no file is shown as unused."), "warning")
        self._show_buttons()

    def _show_buttons(self) -> None:
        jobs, files, models = (len(table.checked_items()) for table in (self.jobs, self.files, self.models))
        self.adopt.setText(trn("Adopt {n} job", "Adopt {n} jobs", jobs) if jobs else tr("Adopt"))
        self.delete_files.setText(trn("Delete {n} file…", "Delete {n} files…", files) if files else tr("Delete…"))
        self.delete_models.setText(trn("Delete {n} model…", "Delete {n} models…", models) if models else tr("Delete…"))
        for button, count in ((self.adopt, jobs), (self.delete_files, files), (self.delete_models, models)):
            button.setEnabled(count > 0)
        self.pick_unused.setEnabled(bool(self._unused) and bool(self.files.items()))

    def _on_adopt(self) -> None:
        self._work.start(lambda _reporter: self._adopt(self.provider(), self.jobs.checked_items()))

    async def _adopt(self, provider: str, states: Sequence[JobState]) -> Changes | None:
        try:
            changes = await submit.adopt(self._workspace.project, provider, states)
        except JukuError as error:
            self.note.show_text("\n".join(filter(None, (error.title, error.message))), "error")
            return None
        self._workspace.queue.wake(provider)
        left = [state for state in self.jobs.items() if state not in states]
        self.jobs.show_items(left, tr("All adopted"), tr("They are in the list of jobs and are being followed."))
        self.note.show_text(trn("{n} job adopted; its events are being loaded.", "{n} jobs adopted; their events are "
                                                                            "being loaded.",
                          len(states)), "good")  # fmt: skip
        self._show_buttons()
        return changes

    def _on_delete_files(self) -> None:
        found = self.files.checked_items()
        names = [f"{file.name} ({file.id})" for file in found]
        used = sum(file.id not in self._unused for file in found)
        warning = (
            trn("{n} of them may still be used by a job.", "{n} of them may still be used by jobs.", used)
            if used
            else ""
        )
        title = trn("Delete {n} file?", "Delete {n} files?", len(found))
        self._ask(title, names, warning, lambda: self._delete([file.id for file in found], models=False))

    def _on_delete_models(self) -> None:
        found = self.models.checked_items()
        title = trn("Delete {n} model?", "Delete {n} models?", len(found))
        warning = tr("It will no longer answer anyone who uses it. It can only be trained again.")
        self._ask(
            title, [model.id for model in found], warning, lambda: self._delete([m.id for m in found], models=True)
        )

    def _ask(self, title: str, names: Sequence[str], warning: str, act: Callable[[], object]) -> None:
        ask_to_delete(self, title, names, warning, act)

    def _delete(self, ids: Sequence[str], models: bool) -> None:
        provider = self.provider()
        self._deleting.start(lambda reporter: self._delete_each(provider, ids, models, reporter), tr("Deleting"))

    async def _delete_each(self, id: str, ids: Sequence[str], models: bool, reporter: Reporter) -> None:
        done = 0
        try:
            provider = await self._workspace.provider(id)
            for done, one in enumerate(ids):
                reporter.update(done, len(ids))
                await (provider.delete_model(one) if models else provider.delete_file(one))
        except JukuError as error:
            self._fail(error)
            return
        finally:
            if models and id == self._workspace.settings.provider:
                self._workspace.tasks.start("", self._workspace.load_offers())
        self.load()

    def _file_cells(self, file: FileInfo) -> tuple[str, ...]:
        if file.id in self._used:
            used = tr("a job")
        elif file.id in self._unused:
            used = tr("no job")
        else:
            young = file.purpose in unused_files.PURPOSES and _age(file.created_at) < unused_files.MIN_AGE_SECONDS
            used = tr("no job yet (under an hour old)") if young else ""
        return (
            f"{file.name} ({file.id})",
            file.purpose,
            basics.format_bytes(file.bytes),
            length_and_time_texts.format_age(_age(file.created_at)),
            used,
        )

    def _model_cells(self, model: ModelInfo) -> tuple[str, ...]:
        created = format_local_time(model.created_at) if model.created_at else ""
        left = server_texts.count_days_left(self._workspace, self.provider(), model.id, model.shutdown_date)
        return (model.id, created, "" if left is None else format_days_left(left))


def ask_to_delete(parent: QWidget, title: str, names: Sequence[str], warning: str, act: Callable[[], object]) -> None:
    """Name what would be deleted, and call `act` when the person agrees."""
    box = QMessageBox(QMessageBox.Icon.Warning, tr("Delete permanently"), title, parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    more = len(names) - MAX_NAMED
    listed = [*names[:MAX_NAMED], *([trn("and {n} more", "and {n} more", more)] if more > 0 else [])]
    box.setInformativeText("\n".join([*listed, "", *filter(None, (warning, tr("This cannot be undone.")))]))
    delete = box.addButton(tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    delete.clicked.connect(act)
    box.open()


def _job_cells(state: JobState) -> tuple[str, ...]:
    return (state.id, state.status, state.model, format_local_time(state.created_at), state.fine_tuned_model or "")


def _age(created_at: float) -> float:
    return max(0.0, time.time() - created_at)
