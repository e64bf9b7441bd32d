"""How fast the grid paints: a frame of it, against a C++ model with Qt's own delegate and the same texts."""

import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QApplication, QTableView

from core.dataset.examples import Example
from ui import style
from ui.dataset.grid_columns import ALL_COLUMNS, COLUMNS, cell_meanings, cell_text, headings
from ui.dataset.grid_model import GridModel, RowCells
from ui.dataset.grid_view import GridView

ROWS = 1_000_000
FRAMES = 300
ROUNDS = 3
PEER_ROWS = (
    20_000  # a C++ model with a million rows of Python-made items would not fit; a frame's cost does not grow with rows
)
STEP = 3  # rows a notch of the wheel moves
SIZE = 1200, 760
WORDS = "court ball goal team referee throw please how many minutes 返品 手続き 注文 of the rules for a player"


class MadeUpModel(GridModel):
    """A million rows without a project: each is made from its number, as fetching makes it from the project."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.show_ids(array("q", range(1, ROWS + 1)), ascending=True)

    def _fetch(self, row: int) -> dict[int, RowCells]:
        start = row // 200 * 200
        for id in self.ids()[start : start + 200]:
            example = made_up(id)
            self._rows[id] = RowCells(example, cell_text(example), cell_meanings(example))
        return self._rows


def made_up(id: int) -> Example:
    words = WORDS.split()
    text = " ".join(words[(id * step) % len(words)] for step in range(1, 40))
    return Example(
        data="{}", id=id, question=f"{id} {text[:60]}?", answer=f"{text} {id}.", split="train", kind="direct",
        facts=f"f{id % 90:02}", tags="study", problems="role-unknown" if id % 50 == 0 else "", status="approved",
    )  # fmt: skip


def peer() -> QTableView:
    """Qt's own table model and delegate with the same texts in the same columns of the same widths."""
    model = QStandardItemModel(PEER_ROWS, len(COLUMNS))
    model.setHorizontalHeaderLabels(headings())
    for row in range(PEER_ROWS):
        for column, text in enumerate(cell_text(made_up(row + 1))):
            if ALL_COLUMNS[column].shown:
                model.setItem(row, column, QStandardItem(text))
    table = QTableView()
    table.setModel(model)
    table.setWordWrap(False)
    table.setAlternatingRowColors(True)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.horizontalHeader().setSelectionModel(QItemSelectionModel(model, table))
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 12)
    for column, about in enumerate(ALL_COLUMNS):
        table.setColumnWidth(column, about.width)
        table.setColumnHidden(column, not about.shown)
    return table


def frames(table: QTableView, rows: int, step: int) -> float:
    """Milliseconds of a frame: the table moves by `step` rows and is painted whole."""
    bar, viewport = table.verticalScrollBar(), table.viewport()
    spent = []
    for number in range(FRAMES):
        started = time.perf_counter()
        bar.setValue(number * step % (rows - 100))
        viewport.repaint()
        spent.append(time.perf_counter() - started)
    return 1000 * median(spent[10:])


def shown_table(table: QTableView) -> QTableView:
    table.resize(*SIZE)
    table.show()
    QApplication.processEvents()
    return table


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def bench() -> list[tuple[str, str, str]]:
    """Rows of the table: what, the figure, the target."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    style.apply(app, "light")
    ours, theirs = shown_table(GridView(MadeUpModel())), shown_table(peer())
    for column in range(len(ALL_COLUMNS)):
        theirs.setColumnWidth(column, ours.columnWidth(column))
    found = [
        compared("scroll frame at 1 M rows, by the wheel", ours, theirs, STEP, "≤ 0.75 ×"),
        compared("scroll frame at 1 M rows, by the page", ours, theirs, ours.verticalScrollBar().pageStep(), ""),
        ("select all of 1 M rows", f"{1000 * timed(ours.selectAll):.1f} ms", ""),
    ]
    for table in (ours, theirs):
        table.close()
    return found


def compared(what: str, ours: GridView, theirs: QTableView, step: int, wanted: str) -> tuple[str, str, str]:
    # By turns, and the best of each: other work on the machine hits both alike.
    rounds = [(frames(ours, ROWS, step), frames(theirs, PEER_ROWS, step)) for _round in range(ROUNDS)]
    mine, other = (min(column) for column in zip(*rounds, strict=True))
    return what, f"{mine:.1f} ms, C++ model and delegate {other:.1f} ms: {mine / other:.2f} ×", wanted


def main() -> None:
    for row in bench():
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
