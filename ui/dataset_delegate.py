"""How cells of the grid are edited: text over several lines, split and kind from a list."""

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core import dataset
from ui.dataset_model import COLUMNS

Index = QModelIndex | QPersistentModelIndex
CHOICES = {"split": dataset.SPLITS, "kind": ("", *dataset.KINDS)}
LINES = 4


class DatasetDelegate(QStyledItemDelegate):
    """Enter takes the text over, Shift+Enter or Alt+Enter breaks the line, Escape takes it back."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        field = COLUMNS[index.column()]
        if field in CHOICES:
            box = QComboBox(parent)
            box.addItems(CHOICES[field])
            box.activated.connect(lambda _index: self._finish(box))
            return box
        if field in ("question", "answer"):
            # A line edit would silently turn line breaks into spaces.
            editor = QPlainTextEdit(parent)
            editor.setTabChangesFocus(True)
            return editor
        return super().createEditor(parent, option, index)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        value = index.data(Qt.ItemDataRole.EditRole)
        if isinstance(editor, QPlainTextEdit):
            editor.setPlainText(value)
            editor.selectAll()
        elif isinstance(editor, QComboBox):
            editor.setCurrentText(value)
        else:
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QPlainTextEdit):
            model.setData(index, editor.toPlainText())
        elif isinstance(editor, QComboBox):
            model.setData(index, editor.currentText())
        else:
            super().setModelData(editor, model, index)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        place = option.rect
        if isinstance(editor, QPlainTextEdit):
            place.setHeight(max(place.height(), editor.fontMetrics().lineSpacing() * LINES + 12))
            place.moveBottom(min(place.bottom(), editor.parentWidget().rect().bottom()))
        editor.setGeometry(place)

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        if isinstance(editor, QPlainTextEdit) and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            breaks = event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier)
            if enter and breaks:
                editor.insertPlainText("\n")
                return True
            if enter:
                self._finish(editor)
                return True
        return super().eventFilter(editor, event)

    def _finish(self, editor: QWidget) -> None:
        self.commitData.emit(editor)
        self.closeEditor.emit(editor)
