"""Named versions of the dataset: save one, compare two, restore one."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.dataset import versions
from core.errors import JukuError
from core.language import tr, trn
from core.progress import Reporter
from core.storage.project import Changes, Project
from core.storage.schema import Table
from ui import style
from ui.dataset.version_diff import DiffView
from ui.widgets.snapshots_dialog import Snapshot, SnapshotsDialog, SnapshotTexts
from ui.workspace import Workspace


class VersionsDialog(SnapshotsDialog):
    """The saved versions of the dataset. `row_chosen` gives the id of a row clicked in a comparison."""

    row_chosen = Signal(int)
    tables = frozenset({Table.VERSION, Table.EXAMPLE})

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        diff = DiffView()
        super().__init__(workspace, _build_texts(), diff, parent)
        self.diff = diff
        self._compared: tuple[int, int | None] = (0, None)  # what the comparison belongs to
        self._rows: dict[int, int] = {}  # how many rows a version has
        self.resize(style.scaled(1080), style.scaled(720))
        self._splitter.setSizes([400, 660])
        self.diff.more_wanted.connect(self._compare)
        self.diff.row_chosen.connect(self.row_chosen)

    async def _load(self, project: Project) -> None:
        found = await project.read(versions.list_versions)
        self._rows = {one.id: one.rows for one in found}
        self._show_snapshots([Snapshot(one.id, one.name, one.created_at, f"{one.rows:,}") for one in found])
        self._compare()

    def _compare(self, offset: int = 0) -> None:
        if not self.snapshots:
            self._compared = (0, None)
            self.diff.show_message(
                tr("Nothing to compare"), tr("Save a version first; then all later changes are shown here.")
            )
            return
        old, new = self.old.currentData(), self.new.currentData() or None
        if not offset and (old, new) != self._compared:
            self.diff.show_message(tr("Comparing…"), "")
        self._compared = (old, new)
        self._work.start(lambda reporter: self._diff(old, new, offset, reporter))

    async def _diff(self, old: int, new: int | None, offset: int, reporter: Reporter) -> None:
        try:
            diff = await self._workspace.project.read(versions.diff, old, new, offset, reporter=reporter)
        except JukuError as error:
            self._show_error(error)
            return
        self.diff.show_diff(diff, more=offset > 0)

    def _save_snapshot(self, name: str) -> None:
        self._write(tr("Save the version “{name}”", name=name), versions.save, name)

    def _rename(self, state: Snapshot, name: str) -> None:
        self._write(tr("Rename a version"), versions.rename, state.id, name)

    def _on_delete(self, state: Snapshot) -> None:
        label = tr("Delete the version “{name}”", name=state.name)
        self._ask(
            tr("Delete the version “{name}”?", name=state.name),
            tr("Only this saved state is deleted; the rows of the dataset stay as they are."),
            tr("Delete"),
            lambda: self._write(label, versions.delete, state.id),
        )

    def _on_restore(self, state: Snapshot) -> None:
        label = tr("Restore “{name}”", name=state.name)
        self._ask(
            tr("Restore “{name}”?", name=state.name),
            trn(
                "The dataset is restored to {n} row. Undo brings back the current one.",
                "The dataset is restored to {n} rows. Undo brings back the current ones.",
                self._rows[state.id],
            ),
            tr("Restore"),
            lambda: self._restoring.start(lambda reporter: self._restore(label, state.id, reporter), label),
        )

    async def _restore(self, label: str, id: int, reporter: Reporter) -> Changes | None:
        project = self._workspace.project
        try:
            return await project.write(label, versions.restore, id, reporter, reporter=reporter)
        except JukuError as error:
            self._show_error(error)
            return None


def _build_texts() -> SnapshotTexts:
    return SnapshotTexts(
        title=tr("Versions of the dataset"),
        name=tr("Name of the version"),
        states=tr("Versions"),
        size=tr("Rows"),
        restore=tr("Restore this version…"),
        nothing=(
            tr("No versions yet"),
            tr(
                "A version is a saved copy of all rows under a name. You can compare it with a later state, or "
                "restore it."
            ),
        ),
    )
