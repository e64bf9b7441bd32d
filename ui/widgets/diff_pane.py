"""Two texts side by side with one scroll bar. Only the visible rows are laid out, so texts may be of any length."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QAbstractSlider, QCheckBox, QMenu

from core.language import tr
from core.lazy_numpy import np
from core.text.diff import LinePair
from ui import style
from ui.widgets import diff_row_painting
from ui.widgets.diff_row_painting import ROW_PADDING, DiffColumns, RowLayout, RowMarks

MAX_CACHED_ROWS = 300  # rows whose layout is remembered
HUNK_BAR_WIDTH = 3  # pixels of the line beside the change that is looked at
SIDE_GAP, CHOOSING_GAP = 1, 34  # pixels between the sides, and where changes can be accepted
LINES_ABOVE_HUNK = 3  # lines that stay in view above a change
_Action = QAbstractSlider.SliderAction
SCROLL_ACTIONS = {
    Qt.Key.Key_Up: _Action.SliderSingleStepSub,
    Qt.Key.Key_Down: _Action.SliderSingleStepAdd,
    Qt.Key.Key_PageUp: _Action.SliderPageStepSub,
    Qt.Key.Key_PageDown: _Action.SliderPageStepAdd,
    Qt.Key.Key_Home: _Action.SliderToMinimum,
    Qt.Key.Key_End: _Action.SliderToMaximum,
}


class DiffPane(QAbstractScrollArea):
    """Shows rows of two texts; `moved` gives the current change, `toggled` a change that is to be accepted or not."""

    moved = Signal(int)
    toggled = Signal(int)

    def __init__(self, choosing: bool = False) -> None:
        super().__init__()
        self._choosing = choosing
        self.rows: list[LinePair] = []
        self._starts: list[int] = []  # each change's first row
        self._ends: list[int] = []
        self._letters = np.zeros(0)
        self._heights = np.zeros(0)
        self.tops = np.zeros(1)  # where each row begins, and the last one ends
        self._laid: dict[int, RowLayout] = {}
        self._marks: dict[int, RowMarks] = {}
        self._measured: set[int] = set()
        self._boxes: list[QCheckBox] = []
        self._settling = False
        self.current = -1
        self.accepted: set[int] = set()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet(style.pane_sheet("DiffPane"))
        self.setAccessibleName(tr("Both texts side by side"))

    def show_rows(self, rows: list[LinePair]) -> None:
        """Show these rows from the top; nothing is accepted."""
        self.rows = rows
        changed = [(place, row.hunk) for place, row in enumerate(rows) if row.hunk is not None]
        self._starts = list({hunk: place for place, hunk in reversed(changed)}.values())[::-1]
        self._ends = [place + 1 for place in {hunk: place for place, hunk in changed}.values()]
        self._letters = np.array([_widest(row) for row in rows], np.float64)
        self.current = -1
        self.accepted = set()
        self._marks.clear()
        self._forget()
        self.verticalScrollBar().setValue(0)
        self._lay_out_visible()

    @property
    def changes(self) -> int:
        """How many changes there are."""
        return len(self._starts)

    def go_to(self, change: int) -> None:
        """Make a change the current one and scroll to it."""
        if not 0 <= change < self.changes:
            return
        self.current = change
        bar = self.verticalScrollBar()
        for _again in range(2):  # rows on the way may turn out higher than they were thought
            top, end = self.tops[self._starts[change]], self.tops[self._ends[change]]
            if top < bar.value() or end > bar.value() + self.viewport().height():
                bar.setValue(round(top - LINES_ABOVE_HUNK * self._line_height()))
        self.viewport().update()
        self.moved.emit(change)

    def accept(self, changes: set[int]) -> None:
        self.accepted = changes
        self._place_boxes()
        self.viewport().update()

    # --- how high everything is

    def _line_height(self) -> float:
        return self.fontMetrics().lineSpacing()

    def _columns(self) -> DiffColumns:
        between = CHOOSING_GAP if self._choosing else SIDE_GAP
        digits = len(str(max((row.old_number or row.new_number or 0 for row in self.rows[-1:]), default=0)))
        gutter = self.fontMetrics().horizontalAdvance("0" * max(2, digits) + "+") + 6 + 2 * HUNK_BAR_WIDTH
        return DiffColumns((self.viewport().width() - between) / 2, gutter, between)

    def _forget(self) -> None:
        """Estimate all row heights again, from the number of letters per line."""
        self._laid.clear()
        self._measured.clear()
        fit = max(1.0, self._columns().text / self.fontMetrics().averageCharWidth())
        self._heights = np.maximum(1.0, np.ceil(self._letters / fit)) * self._line_height() + 2 * ROW_PADDING
        self._compute_tops()

    def _compute_tops(self) -> None:
        self.tops = np.concatenate(([0.0], np.cumsum(self._heights)))
        bar = self.verticalScrollBar()
        height = self.viewport().height()
        bar.setRange(0, max(0, round(float(self.tops[-1]) - height)))
        bar.setPageStep(max(1, height - round(self._line_height())))
        bar.setSingleStep(round(self._line_height()))

    def _visible_rows(self) -> range:
        top = self.verticalScrollBar().value()
        first = int(np.searchsorted(self.tops, top, side="right")) - 1
        last = int(np.searchsorted(self.tops, top + self.viewport().height(), side="left"))
        return range(max(0, min(first, len(self.rows) - 1)), min(last, len(self.rows)))

    def _lay_out_visible(self) -> None:
        """Lay out the visible rows and keep them in place when their heights differ from the estimate."""
        if self._settling or not self.rows:
            return
        self._settling = True
        bar = self.verticalScrollBar()
        for _again in range(8):
            new = [row for row in self._visible_rows() if row not in self._measured]
            if not new:
                break
            is_end = 0 < bar.maximum() == bar.value()
            anchor = self._find_anchor_row(new)
            below = self.tops[anchor] - bar.value()
            for row in new:
                self._heights[row] = self._lay_out_row(row).height
                self._measured.add(row)
            self._compute_tops()
            bar.setValue(bar.maximum() if is_end else round(self.tops[anchor] - below))
        self._settling = False
        self._place_boxes()
        self.viewport().update()

    def _find_anchor_row(self, new: list[int]) -> int:
        """The row whose top stays in place: the first visible one that is laid out, else the first."""
        known = next((row for row in self._visible_rows() if row in self._measured), None)
        return self._visible_rows().start if known is None else known

    def _lay_out_row(self, row: int) -> RowLayout:
        if (laid := self._laid.get(row)) is None:
            pair = self.rows[row]
            if (shown := self._marks.get(row)) is None:
                shown = self._marks[row] = diff_row_painting.find_marks(pair)
            laid = diff_row_painting.lay_out(pair, shown, self._columns(), self.font(), self._line_height())
            if len(self._laid) >= MAX_CACHED_ROWS:
                del self._laid[next(iter(self._laid))]
            self._laid[row] = laid
        return laid

    # --- what Qt calls

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._lay_out_visible()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_place()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._keep_place()

    def _keep_place(self) -> None:
        """Lay out again, with the same row at the top."""
        first = self._visible_rows().start if self.rows else 0
        self._settling = True
        self._forget()
        self.verticalScrollBar().setValue(round(float(self.tops[min(first, len(self.tops) - 1)])))
        self._settling = False
        self._lay_out_visible()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.rows:
            return
        painter = QPainter(self.viewport())
        painter.setFont(self.font())
        columns = self._columns()
        top = self.verticalScrollBar().value()
        for row in self._visible_rows():
            diff_row_painting.paint(
                painter, self.rows[row], self._lay_out_row(row), self.tops[row] - top, columns, self.palette()
            )
        self._paint_between(painter, columns, top)

    def _paint_between(self, painter: QPainter, columns: DiffColumns, top: int) -> None:
        room = QRectF(columns.side, 0, columns.between, self.viewport().height())
        colours = self.palette()
        painter.fillRect(room, colours.color(QPalette.ColorRole.Window if self._choosing else QPalette.ColorRole.Mid))
        if self.current >= 0:
            start, end = self.tops[self._starts[self.current]], self.tops[self._ends[self.current]]
            for place in (0, 1):
                bar = QRectF(columns.left_edge(place), start - top, HUNK_BAR_WIDTH, end - start)
                painter.fillRect(bar, style.accent())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = (
            SCROLL_ACTIONS.get(Qt.Key(event.key())) if not event.modifiers() & Qt.KeyboardModifier.AltModifier else None
        )
        if step:
            self.verticalScrollBar().triggerAction(step)
        elif event.key() == Qt.Key.Key_Space and self._choosing and self.current >= 0:
            self.toggled.emit(self.current)
        elif event.matches(QKeySequence.StandardKey.Copy) and self.current >= 0:
            self._copy(range(self._starts[self.current], self._ends[self.current]), 1)
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if row is not None and (hunk := self.rows[row].hunk) is not None:
            self.current = hunk
            self.viewport().update()
            self.moved.emit(self.current)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row = self._row_at(event.pos().y())
        if row is None:
            return
        change = self.rows[row].hunk
        rows = range(row, row + 1) if change is None else range(self._starts[change], self._ends[change])
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy the old text")).triggered.connect(lambda: self._copy(rows, 0))
        menu.addAction(tr("Copy the new text")).triggered.connect(lambda: self._copy(rows, 1))
        menu.popup(event.globalPos())

    def _row_at(self, y: float) -> int | None:
        at = y + self.verticalScrollBar().value()
        row = int(np.searchsorted(self.tops, at, side="right")) - 1
        return row if 0 <= row < len(self.rows) else None

    def _copy(self, rows: range, side: int) -> None:
        texts = [(self.rows[row].old, self.rows[row].new)[side] for row in rows]
        QGuiApplication.clipboard().setText("\n".join(text for text in texts if text is not None))

    # --- the boxes by which changes are accepted: real ones, one for each change in view

    def _place_boxes(self) -> None:
        if not self._choosing or not self.rows:
            return
        view = self._visible_rows()
        inside = [
            change
            for change in range(self.changes)
            if self._starts[change] < view.stop and self._ends[change] > view.start
        ]
        while len(self._boxes) < len(inside):
            self._boxes.append(self._new_box())
        for box, change in zip(self._boxes, inside, strict=False):
            self._place_box(box, change)
        for box in self._boxes[len(inside) :]:
            box.hide()

    def _new_box(self) -> QCheckBox:
        box = QCheckBox(self.viewport())
        box.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # by the keyboard: the space bar, for the change that is looked at
        box.clicked.connect(lambda _checked: self.toggled.emit(box.property("change")))
        return box

    def _place_box(self, box: QCheckBox, change: int) -> None:
        name = tr("Accept change {number}", number=f"{change + 1:,}")
        box.setProperty("change", change)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setChecked(change in self.accepted)
        columns, size = self._columns(), box.sizeHint()
        top = max(0.0, float(self.tops[self._starts[change]]) - self.verticalScrollBar().value())
        left = columns.side + (columns.between - size.width()) / 2
        box.setGeometry(
            round(left),
            round(top + ROW_PADDING + (self._line_height() - size.height()) / 2),
            size.width(),
            size.height(),
        )
        box.show()


def _widest(row: LinePair) -> float:
    return _letters(row.new) if row.hunk is None else max(_letters(row.old), _letters(row.new))


def _letters(text: str | None) -> float:
    """The width of a text in letters; a Japanese character counts as two."""
    if not text or text.isascii():
        return len(text or "")
    return (len(text.encode("utf-8", "replace")) + len(text)) / 2
