"""Opens the dialogs of the dataset tab. Each is imported when it is first opened, so the tab itself starts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QWidget

from core.dataset import examples
from core.dataset.filters import Choice, Filter
from core.language import tr
from ui.dataset.grid_view import GridView
from ui.workspace import Workspace


class DatasetDialogs(QObject):
    """Opens the dialogs about the rows of `table`."""

    row_chosen = Signal(int)  # the row's id
    questions_wanted = Signal()  # the rows that are kept for the exam are to be shown

    def __init__(self, workspace: Workspace, table: GridView, filter: Callable[[], Filter], owner: QWidget) -> None:
        super().__init__(owner)
        self._workspace, self._table, self._filter, self._owner = workspace, table, filter, owner

    def open_replace(self) -> None:
        """Open search and replace for the selected rows, or for all that are shown."""
        from ui.dataset.replace_dialog import ReplaceDialog

        self._open(ReplaceDialog(self._workspace, self._choose_rows(), self._owner))

    def open_judge(self) -> None:
        """Let a chat model judge the selected rows, else the drafts."""
        ids = self._table.selected_ids()
        self._open_judge(ids if len(ids) > 1 else None)

    def open_judge_for_drafts(self) -> None:
        """Let a chat model judge all drafts."""
        self._open_judge(None)

    def _open_judge(self, ids: Sequence[int] | None) -> None:
        from ui.generation.llm_run_dialog import show_run_outcome
        from ui.generation.model_task_dialogs import JudgeDialog

        dialog = JudgeDialog(self._workspace, ids, self._owner)
        show_run_outcome(dialog, self._owner.window())
        self._open(dialog)

    def open_approval(self) -> None:
        """Open the drafts by kind and form, to approve or delete many at once."""
        from ui.dataset.approval_dialog import ApprovalDialog

        ApprovalDialog(self._workspace, self._owner).open()

    def open_versions(self) -> None:
        """Open the saved versions of the dataset."""
        from ui.dataset.versions_dialog import VersionsDialog

        self._open(VersionsDialog(self._workspace, self._owner))

    def open_link_facts(self) -> None:
        """Open the review of links between rows and facts."""
        from ui.dataset.fact_link_dialog import FactLinkDialog

        FactLinkDialog(self._workspace, self._owner).open()

    def open_hold_out(self) -> None:
        """Open the dialog that moves rows into the test split."""
        from ui.dataset.hold_out_dialog import HoldOutDialog

        dialog = HoldOutDialog(self._workspace, self._owner)
        dialog.questions_wanted.connect(self.questions_wanted)
        dialog.open()

    def open_token_counts(self) -> None:
        """Open the token counts of the rows that are shown."""
        from ui.dataset.token_counts_dialog import TokenCountsDialog

        self._open(TokenCountsDialog(self._workspace, self._filter(), self._owner))

    def open_quarantine(self) -> None:
        """Open the list of lines that could not be read."""
        from ui.dataset.quarantine_dialog import QuarantineDialog

        self._open(QuarantineDialog(self._workspace, self._owner))

    def import_rows(self, found: list[Path] | str, on_ended: Callable[[], object] = lambda: None) -> None:
        """Import files, or text that was pasted; `on_ended` is called when that is done or cancelled."""
        from ui.dataset import import_dialog

        import_dialog.import_rows(self._workspace, found, self._owner, on_ended)

    def open_export(self) -> None:
        """Open the export of the selected or shown rows to a file."""
        from ui.dataset.export_dialog import ExportDialog

        self._open(ExportDialog(self._workspace, self._filter(), self._table.selected_ids(), self._owner))

    def open_json(self, id: int) -> None:
        """Show the row `id` as JSON text to edit."""
        from ui.widgets.json_dialog import JsonDialog

        if found := examples.fetch(self._workspace.project.rows, [id]):
            dialog = JsonDialog(tr("The row as JSON"), found[id].data, parent=self._owner)
            dialog.saved.connect(lambda data: self._save_json(id, data))
            self._open(dialog)

    def _save_json(self, id: int, data: str) -> None:
        write = self._workspace.project.write(tr("Edit a row"), examples.replace_data, id, data)
        self._workspace.tasks.start("", write)

    def _choose_rows(self) -> Choice:
        """The selected rows where there are several, else all that are shown."""
        return self._table.selected_ids() if self._table.count_selected() > 1 else self._filter()

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if hasattr(dialog, "row_chosen"):
            dialog.row_chosen.connect(self.row_chosen)
        dialog.open()
