"""What has changed since a job was created: its rows, the spec, the program."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTabWidget, QVBoxLayout, QWidget

from core.dataset.versions import VersionDiff
from core.errors import JukuError
from core.language import tr
from core.progress import Reporter
from core.training import lineage
from core.training.jobs import Job
from core.training.lineage import ChangesSince
from ui import style
from ui.dataset.version_diff import DiffView
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.diff_accept_view import SideBySide
from ui.widgets.latest_task_and_reload import LatestTask
from ui.workspace import Workspace

TRAINED_SPLITS = ("train", "validation")


class ChangedSinceDialog(QDialog):
    """What has changed in rows and spec since a job was created. Not modal."""

    def __init__(self, workspace: Workspace, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(
            tr("What has changed since {job}", job=basics.short_model_name(job.fine_tuned_model or job.model))
        )
        self._workspace, self._job = workspace, job
        self._work = LatestTask(workspace, self)
        self.finished.connect(lambda _result: self._work.stop())
        self.summary = basics.Note()
        self.views = {split: DiffView() for split in TRAINED_SPLITS}
        for split, view in self.views.items():
            view.more_wanted.connect(lambda offset, split=split: self._more(split, offset))
            view.show_message(tr("Comparing…"), "")
        self.spec = SideBySide()
        self.pages = QTabWidget(documentMode=True)
        self.pages.tabBar().setDrawBase(False)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.summary)
        layout.addWidget(self.pages, 1)
        layout.addWidget(close)
        self.pages.addTab(self.views["train"], tr("Training rows"))
        self.resize(style.scaled(1000), style.scaled(680))
        self._work.start(self._load)

    def open(self) -> None:
        """Not modal, as `QDialog.open` would be."""
        self.show()

    async def _load(self, reporter: Reporter) -> None:
        try:
            found = await self._workspace.project.read(lineage.changes_since, self._job.id, reporter=reporter)
        except JukuError as error:
            self.summary.show_text("\n".join(filter(None, (error.title, error.message))), "error")
            return
        self._show(found)

    def _show(self, found: ChangesSince) -> None:
        self.summary.show_text("\n".join(format_changes(found)), "good" if found.is_unchanged else "note")
        _fill(self.views["train"], found.rows)
        if found.validation is not None:
            self.pages.addTab(self.views["validation"], tr("Validation rows"))
            _fill(self.views["validation"], found.validation)
        if found.spec is None:
            self.pages.addTab(EmptyState(tr("The spec from that time is no longer kept"), ""), tr("Spec"))
        else:
            then, now = found.spec
            self.spec.show_texts(then.text, now.text, tr("When the job was created"), tr("Now"))
            self.pages.addTab(self.spec, tr("Spec"))

    def _more(self, split: str, offset: int) -> None:
        self._work.start(lambda reporter: self._load_more(split, offset, reporter))

    async def _load_more(self, split: str, offset: int, reporter: Reporter) -> None:
        job = self._job
        diff = await self._workspace.project.read(
            lambda db: lineage.compare_rows(db, job, split, offset), reporter=reporter
        )
        if diff is not None:
            self.views[split].show_diff(diff, more=True)


def format_changes(found: ChangesSince) -> list[str]:
    """What has changed, a sentence each."""
    if found.is_unchanged:
        return [tr("Nothing has changed: training again would teach the same.")]
    parts = []
    if found.rows is None:
        parts.append(tr("The copy of the rows is no longer kept, so their changes are unknown."))
    if found.spec is not None:
        then, now = found.spec
        if then.text != now.text:
            parts.append(tr("The text of the spec has changed."))
        if then.system_prompt != now.system_prompt:
            parts.append(tr("The system prompt has changed."))
    then_app, now_app = found.app
    if then_app and then_app != now_app:
        parts.append(tr("It was created with Juku {old}; this is {new}.", old=then_app, new=now_app))
    if found.rows is not None:
        count = found.rows.added + found.rows.removed + found.rows.changed
        parts.insert(0, tr("Training rows: {added} added, {removed} removed, {changed} changed.", added=found.rows.added,
                          removed=found.rows.removed, changed=found.rows.changed)
                    if count else tr("The training rows are the same."))  # fmt: skip
    return parts


def _fill(view: DiffView, diff: VersionDiff | None) -> None:
    if diff is None:
        view.show_message(tr("The rows from that time are no longer kept"), tr("Their version was deleted."))
    else:
        view.show_diff(diff)
