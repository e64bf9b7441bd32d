"""Cells as they are painted: one line for all scripts, one weight for all rows."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QTableView

from ui import style
from ui.dataset.cell_delegate import SELECTED_STATE, CellPainter


@pytest.fixture(autouse=True)
def light(qapp):
    """Dark letters on the white ground of these pictures, whatever theme a test before has left."""
    style.apply(qapp, "light")


def painted(text: str, state: int) -> QImage:
    table = QTableView()
    image = QImage(200, 30, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setFont(table.font())
    CellPainter(table).paint(painter, image.rect(), text, "", False, state)
    painter.end()
    return image


def rows_of(text: str, state: int) -> list[int]:
    """The lines of pixels in which a cell's text has ink."""
    image = painted(text, state)
    ground = image.pixelColor(190, 5).lightness()
    return [
        y for y in range(4, 26) if any(abs(image.pixelColor(x, y).lightness() - ground) > 60 for x in range(8, 180))
    ]


def ink(text: str, state: int) -> float:
    """How much of a cell's ground is covered by its text, by the strength of the text's colour against the ground's."""
    image = painted(text, state)
    parts = [image.pixelColor(x, y).lightness() for x in range(8, 180) for y in range(4, 26)]
    ground = image.pixelColor(190, 5).lightness()
    return sum(abs(part - ground) for part in parts) / max(abs(part - ground) for part in parts)


@pytest.mark.parametrize("text", ["HHH", "返品の期限は30日です"])
def test_chosen_text_is_no_bolder(qapp, text):
    assert ink(text, SELECTED_STATE) == pytest.approx(ink(text, 0), rel=0.08)


@pytest.mark.parametrize("state", [0, SELECTED_STATE], ids=["plain", "chosen"])
def test_japanese_and_latin_cells_stand_on_one_line(qapp, state):
    latin, japanese, mixed = rows_of("HHH", state), rows_of("返品", state), rows_of("HHH返品", state)
    # A sign reaches a pixel or two below the line that letters stand on; the middles agree.
    assert abs((latin[0] + latin[-1]) / 2 - (japanese[0] + japanese[-1]) / 2) <= 1
    assert japanese[-1] - latin[-1] <= 2
    assert set(latin) <= set(mixed)
