"""Saved revisions of the spec: save one, compare two, restore one."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.checks.rule_registry import clip
from core.language import tr
from core.spec import revisions, spec
from core.spec.revisions import Revision
from core.spec.spec import Spec
from core.storage.project import Project
from core.storage.schema import Table
from ui import style
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.diff_accept_view import SideBySide
from ui.widgets.length_and_time_texts import format_length
from ui.widgets.snapshots_dialog import Snapshot, SnapshotsDialog, SnapshotTexts
from ui.workspace import Workspace

MAX_REVISIONS_SHOWN = 300  # characters of a name or system prompt that differs


class RevisionsDialog(SnapshotsDialog):
    """The saved revisions of the spec, with a comparison of two."""

    tables = frozenset({Table.REVISION, Table.SPEC})

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        comparison = QWidget()
        super().__init__(workspace, _build_texts(), comparison, parent)
        self.current_spec = Spec()
        self._states: dict[int, Spec] = {}
        self._shown: tuple[int, int, Spec, Spec] | None = None
        self.sides = SideBySide()
        self.beside = basics.Note()  # what differs beside the text
        self._empty = EmptyState(
            tr("Nothing to compare"), tr("Save a state first; then all later changes are shown here.")
        )
        layout = QVBoxLayout(comparison)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        for part in (self.beside, self._empty):
            layout.addWidget(part, int(part is self._empty))
        layout.addWidget(self.sides, 1)
        self.sides.hide()
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.resize(style.scaled(1240), style.scaled(760))
        self._splitter.setSizes([380, 850])
        self._splitter.setStretchFactor(1, 1)

    async def _load(self, project: Project) -> None:
        found, self.current_spec = await project.read(lambda db: (revisions.list_revisions(db), spec.load(db)))
        taught = spec.get_language(self.current_spec)
        self._states = {one.id: one.spec for one in found}
        self._show_snapshots(
            [_load_snapshots(one, taught) for one in found], format_length(self.current_spec.text, taught)
        )
        self._compare()

    def _compare(self) -> None:
        self._empty.setVisible(not self._states)
        self.sides.setVisible(bool(self._states))
        if not self._states:
            self._shown = None
            self.beside.show_text("")
            return
        left, right = self.old.currentData(), self.new.currentData()
        old, new = self._states[left], self._states.get(right, self.current_spec)
        if self._shown != (left, right, old, new):  # or the place that is read would be lost at every change
            self._shown = left, right, old, new
            self.beside.show_text("\n".join(_differences(old, new)), "note")
            self.sides.show_texts(old.text, new.text, self.old.currentText(), self.new.currentText())

    def _save_snapshot(self, name: str) -> None:
        self._write(tr("Save the state “{name}”", name=name), revisions.save, name)

    def _rename(self, state: Snapshot, name: str) -> None:
        self._write(tr("Rename a state"), revisions.rename, state.id, name)

    def _on_delete(self, state: Snapshot) -> None:
        self._ask(
            tr("Delete the state “{name}”?", name=state.name),
            tr("Only this saved state is deleted; the spec stays as it is."),
            tr("Delete"),
            lambda: self._write(tr("Delete the state “{name}”", name=state.name), revisions.delete, state.id),
        )

    def _on_restore(self, state: Snapshot) -> None:
        self._ask(
            tr("Restore “{name}”?", name=state.name),
            tr("Text, name and system prompt are restored, and the facts follow. Undo brings back the current ones."),
            tr("Restore"),
            lambda: self._write(tr("Restore the spec"), revisions.restore, state.id),
        )


def _load_snapshots(one: Revision, taught: str) -> Snapshot:
    return Snapshot(one.id, one.name, one.created_at, format_length(one.spec.text, taught))


def _differences(old: Spec, new: Spec) -> list[str]:
    """The differences besides the text, one sentence each."""
    names = []
    if old.name != new.name:
        names.append(tr("The name: “{old}” → “{new}”", old=_shorten_line(old.name), new=_shorten_line(new.name)))
    if old.system_prompt != new.system_prompt:
        before, after = _shorten_line(old.system_prompt), _shorten_line(new.system_prompt)
        names.append(tr("The system prompt: “{old}” → “{new}”", old=before, new=after))
    return names


def _shorten_line(text: str) -> str:
    return clip(" ".join(text.split()), MAX_REVISIONS_SHOWN)


def _build_texts() -> SnapshotTexts:
    return SnapshotTexts(
        title=tr("States of the spec"),
        name=tr("Name of the state"),
        states=tr("States"),
        size=tr("Length"),
        restore=tr("Restore this state…"),
        nothing=(
            tr("No states yet"),
            tr(
                "A state is a saved copy of the text, name and system prompt. You can save one here under a "
                "name; Juku saves one automatically when facts are accepted or a job starts. You can compare it "
                "with a later one, or restore it."
            ),
        ),
    )
