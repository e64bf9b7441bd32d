"""The lines of imported files that could not be read: where they stood, why, and how to repair them."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core import dataset
from core.dataset import Unread
from core.language import tr, trn
from ui import style, widgets
from ui.json_dialog import JsonDialog
from ui.workspace import Workspace

PREVIEW = 200


class UnreadDialog(QDialog):
    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._entries: list[Unread] = []
        self.setWindowTitle(tr("Lines that could not be read"))
        self.resize(900, 480)
        self._about = widgets.label(wrap=True)
        self._table = QTableWidget(0, 4)
        self._table.setHorizontalHeaderLabels([tr("File"), tr("Line"), tr("Reason"), tr("Text")])
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self._table.horizontalHeader().setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self._table.doubleClicked.connect(self._on_repair)
        self._repair = QPushButton(tr("Repair…"))
        self._repair_all = QPushButton()
        self._delete = QPushButton(tr("Delete"))
        close = QPushButton(tr("Close"))
        self._repair.clicked.connect(self._on_repair)
        self._repair_all.clicked.connect(self._on_repair_all)
        self._delete.clicked.connect(self._on_delete)
        close.clicked.connect(self.close)
        buttons = QHBoxLayout()
        for button in (self._repair, self._repair_all, self._delete):
            buttons.addWidget(button)
        buttons.addStretch()
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self._about)
        layout.addWidget(self._table, 1)
        layout.addLayout(buttons)
        self._table.itemSelectionChanged.connect(self._show_buttons)
        workspace.tasks.changed.connect(self.refresh)
        self.refresh()
        self._table.selectRow(0)

    def refresh(self) -> None:
        self._entries = dataset.unread(self._workspace.project.rows)
        self._table.setRowCount(len(self._entries))
        for row, entry in enumerate(self._entries):
            preview = entry.raw[:PREVIEW].decode("utf-8", "backslashreplace")
            for column, text in enumerate((entry.source, f"{entry.line:,}", entry.message, preview)):
                item = QTableWidgetItem(text)
                if column == 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self._table.setItem(row, column, item)
        self._about.setText(
            trn(
                "{n} line was kept aside with its bytes; all other lines of its file were imported.",
                "{n} lines were kept aside with their bytes; all other lines of their files were imported.",
                len(self._entries),
            )
            if self._entries
            else tr("Every line of the imported files is in the project.")
        )
        self._show_buttons()

    def _show_buttons(self) -> None:
        mendable = sum(dataset.repaired(entry) is not None for entry in self._entries)
        self._repair_all.setText(
            trn(
                "Repair the {n} line that can be mended safely",
                "Repair the {n} lines that can be mended safely",
                mendable,
            )
        )
        self._repair_all.setEnabled(mendable > 0)
        selected = self._selected()
        self._repair.setEnabled(len(selected) == 1 and len(selected[0].raw) == selected[0].length)
        self._delete.setEnabled(bool(selected))

    def _selected(self) -> list[Unread]:
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return [self._entries[row] for row in rows if row < len(self._entries)]

    def _on_repair(self) -> None:
        if not self._repair.isEnabled():
            return
        entry = self._selected()[0]
        text = dataset.repaired(entry) or entry.raw.decode("utf-8", "backslashreplace")
        reason = tr("{file}, line {line}: {reason}", file=entry.source, line=entry.line, reason=entry.message)
        dialog = JsonDialog(tr("Repair a line"), text, reason, self)
        dialog.saved.connect(lambda data: self._write(tr("Repair a line"), dataset.repair_unread, entry.id, data))
        dialog.open()

    def _on_repair_all(self) -> None:
        self._write(tr("Repair lines"), dataset.repair_all_unread)

    def _on_delete(self) -> None:
        self._write(tr("Delete unread lines"), dataset.delete_unread, [entry.id for entry in self._selected()])

    def _write(self, label: str, change: object, *args: object) -> None:
        self._workspace.tasks.start(label, self._workspace.project.write(label, change, *args))  # type: ignore[arg-type]
