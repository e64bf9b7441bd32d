"""Paints and edits the cells of the grid."""

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import (
    QBrush,
    QFontMetrics,
    QInputMethodEvent,
    QKeyEvent,
    QPainter,
    QPalette,
    QPen,
    QStaticText,
    QTextLayout,
    QTransform,
)  # fmt: skip
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QComboBox,
    QPlainTextEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from ui import style
from ui.dataset.grid_columns import ALL_COLUMNS, NUMBER_COLUMNS
from ui.dataset.grid_model import GridModel
from ui.widgets.drop_down import DropDown
from ui.widgets.value_texts import add_values, select_value

Index = QModelIndex | QPersistentModelIndex
Hint = QAbstractItemDelegate.EndEditHint
ENTER_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
TAB_HINTS = {Qt.Key.Key_Tab: Hint.EditNextItem, Qt.Key.Key_Backtab: Hint.EditPreviousItem}
EDITOR_LINES = 4
CELL_INSET = 8  # pixels between a cell's edge and its text
MAX_CACHED_TEXTS = 4000  # laid-out texts
MEASURED_SHARE = 1.15  # of a text as long as the cell is wide, this much is measured at first
# Plain numbers: to combine Python's flags costs more than to paint the cell.
SELECTED_STATE = QStyle.StateFlag.State_Selected.value
FOCUSED_STATE = QStyle.StateFlag.State_HasFocus.value


class CellPainter:
    """Paints cells in one theme and font; text layouts are cached."""

    def __init__(self, table: QTableView) -> None:
        palette = table.palette()
        self._metrics = QFontMetrics(table.font())
        self._average = self._metrics.averageCharWidth()
        self._widest = self._metrics.maxWidth()
        self._font = table.font()
        self._texts: dict[tuple[str, int], tuple[QStaticText, int, int]] = {}
        self._drops: dict[float, int] = {}  # by the height of a line: pixels between its base line and the font's own
        self._pen = QPen(palette.color(QPalette.ColorRole.Text))
        # A tint between two lines: white letters on a full colour look bolder than those of the other rows.
        self._chosen, self._edge = QBrush(style.selection_tint()), QBrush(style.focus_ring_colour())
        self._frame = QPen(style.focus_ring_colour(), 2)
        self._pens = {name: QPen(style.colours(name)[0]) for name in style.MEANINGS}

    def paint(self, painter: QPainter, rect: QRect, text: str, meaning: str, right: bool, state: int) -> None:
        if state & SELECTED_STATE:
            painter.fillRect(rect, self._chosen)
            painter.fillRect(rect.x(), rect.y(), rect.width(), 1, self._edge)
            painter.fillRect(rect.x(), rect.bottom(), rect.width(), 1, self._edge)
        if text:
            width = rect.width() - 2 * CELL_INSET
            laid, used, drop = self._texts.get((text, width)) or self._lay_out(text, width)
            painter.setPen(self._pens[meaning] if meaning else self._pen)
            left = rect.x() + CELL_INSET + (width - used if right else 0)
            painter.drawStaticText(left, rect.y() + (rect.height() - self._metrics.height()) // 2 - drop, laid)
        if state & FOCUSED_STATE:
            painter.setPen(self._frame)
            painter.drawRect(rect.adjusted(1, 1, -1, -1))

    def _lay_out(self, text: str, width: int) -> tuple[QStaticText, int, int]:
        if len(self._texts) > MAX_CACHED_TEXTS:
            self._texts.clear()
        laid = QStaticText(self._elide(text, max(0, width)))
        laid.setTextFormat(Qt.TextFormat.PlainText)
        laid.prepare(QTransform(), self._font)
        self._texts[text, width] = laid, round(laid.size().width()), self._baseline_shift(laid)
        return self._texts[text, width]

    def _baseline_shift(self, laid: QStaticText) -> int:
        """Pixels by which a fallback font lowers the base line: Japanese text was drawn below Latin text in one row."""
        height = laid.size().height()
        if height not in self._drops:
            layout = QTextLayout(laid.text(), self._font)
            layout.beginLayout()
            line = layout.createLine()
            layout.endLayout()
            self._drops[height] = round(line.ascent()) - self._metrics.ascent() if line.isValid() else 0
        return self._drops[height]

    def _elide(self, text: str, width: int) -> str:
        """`text` with an ellipsis where it is longer than `width` pixels."""
        if len(text) * self._widest < width:
            return text
        # To measure the whole text only to throw most of it away would be half of the work.
        guess = text[: int(width * MEASURED_SHARE / self._average) + 2]
        cut = self._metrics.elidedText(guess, Qt.TextElideMode.ElideRight, width)
        if cut == guess and len(guess) < len(text):
            return self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
        return cut


class TextEditor(QPlainTextEdit):
    """A multi-line editor that knows whether an input method is composing."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTabChangesFocus(True)
        self.composing = False

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self.composing = bool(event.preeditString())
        super().inputMethodEvent(event)


class CellDelegate(QStyledItemDelegate):
    """Paints and edits the cells of the grid.

    Enter commits, Shift+Enter or Alt+Enter inserts a line break, Escape cancels.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self._painter: CellPainter | None = None
        # Kept, since each crossing into Qt for the model would cost as much as a cell.
        model = table.model()
        assert isinstance(model, GridModel)
        self._model = model

    def restyle(self) -> None:
        """Forget the painter: colours or the font have changed."""
        self._painter = None

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cells = self._model.cells(index.row())
        if cells is None:
            return
        if self._painter is None:
            self._painter = CellPainter(self._table)
        column = index.column()
        meaning = cells.meanings.get(column, "") if cells.meanings else ""
        state = option.state.value
        self._painter.paint(painter, option.rect, cells.texts[column], meaning, column in NUMBER_COLUMNS, state)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        column = ALL_COLUMNS[index.column()]
        if column.choices:
            box = DropDown(parent)
            add_values(box, column.choices)
            box.activated.connect(lambda _index: self.finish(box))
            return box
        if column.long:
            # A line edit would silently turn line breaks into spaces.
            return TextEditor(parent)
        return super().createEditor(parent, option, index)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        value = index.data(Qt.ItemDataRole.EditRole) or ""
        if isinstance(editor, QPlainTextEdit):
            # Other rows may change while one is typed into: what is typed stays.
            if not editor.document().isModified() and value != editor.toPlainText():
                editor.setPlainText(value)
                editor.selectAll()
        elif isinstance(editor, QComboBox):
            select_value(editor, value)
        elif not editor.property("modified"):
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QPlainTextEdit):
            model.setData(index, editor.toPlainText())
        elif isinstance(editor, QComboBox):
            if editor.currentIndex() >= 0:  # else it has a value that is not offered here, which stays
                model.setData(index, editor.currentData())
        else:
            super().setModelData(editor, model, index)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        place = option.rect
        if isinstance(editor, QPlainTextEdit):
            place.setHeight(max(place.height(), editor.fontMetrics().lineSpacing() * EDITOR_LINES + style.SPACE))
            if parent := editor.parentWidget():
                place.moveBottom(min(place.bottom(), parent.rect().bottom()))
        elif isinstance(editor, QComboBox):
            place.setWidth(max(place.width(), editor.sizeHint().width()))
        editor.setGeometry(place)

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if getattr(editor, "composing", False):
                # The keys belong to the input method: none of them may take over half a word.
                return True
            if isinstance(editor, QPlainTextEdit) and event.key() in ENTER_KEYS:
                return self._on_enter(editor, event)
            if isinstance(editor, QWidget) and (step := TAB_HINTS.get(Qt.Key(event.key()))):
                self.finish(editor, step)
                return True
        return super().eventFilter(editor, event)

    def _on_enter(self, editor: QPlainTextEdit, event: QKeyEvent) -> bool:
        if event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier):
            editor.insertPlainText("\n")
        else:
            self.finish(editor)
        return True

    def finish(self, editor: QWidget, then: Hint = Hint.NoHint) -> None:
        """Take over what was typed, and close the editor."""
        self.commitData.emit(editor)
        self.closeEditor.emit(editor, then)
