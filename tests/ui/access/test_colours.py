"""Every colour of a text, a sign and a line can be told from its ground in both themes (WCAG 2.2 AA), whatever the desktop's accent."""

import re
from itertools import product

import numpy as np
import pytest
from PySide6.QtCore import QMargins, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPalette
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLabel, QListView, QToolButton, QWidget

from core.exam.statistics import PassRate
from tests.support.accessible_tree import describe
from tests.support.pages import whole_program
from tests.support.until import until
from ui import style
from ui.charts.curve_legend import colour_of
from ui.exam.heat_map_model import rate_colour
from ui.widgets import basics
from ui.widgets.diff_row_painting import background_colours

TEXT, EDGE = style.TEXT_CONTRAST, style.EDGE_CONTRAST
THEMES = ("light", "dark")
MAX_ROWS = 6  # of a table whose cells are measured
RING = 3  # pixels around a text in which the ring of the keyboard may be
ACCENTS = ("#e95420", "#3584e4", "#ffff00", "#000000", "#ffffff", "#9141ac", "#e62d42", "#2190a4", "#6f8396")
GROUNDS = ("Base", "Window", "AlternateBase", "Button")


@pytest.fixture(params=THEMES)
def theme(request, qapp, dressed):
    style.apply(qapp, request.param)
    return request.param


def colour(role: str) -> QColor:
    from PySide6.QtWidgets import QApplication

    return QApplication.palette().color(QPalette.ColorRole[role])


def pairs() -> list[tuple[str, QColor, QColor, float]]:
    """Each pair that style.py and its users define: what it is, the front, the ground, and the least contrast."""
    texts = ("WindowText", "Text", "ButtonText", "PlaceholderText", "Link")
    found = [(f"{text} on {ground}", colour(text), colour(ground), TEXT) for text, ground in product(texts, GROUNDS)]
    found += [
        (f"{text} on the tint", colour(text), style.selection_tint(), TEXT)
        for text in ("Text", "Link", "PlaceholderText")
    ]
    found += [
        ("chosen text", colour("HighlightedText"), colour("Highlight"), TEXT),
        ("tool tip", colour("ToolTipText"), colour("ToolTipBase"), TEXT),
        ("what is chosen", colour("Highlight"), colour("Base"), EDGE),
        ("the edge of a field", colour("Dark"), colour("Base"), EDGE),
        ("the edge of a field", colour("Dark"), colour("Window"), EDGE),
        ("a tick's box", colour("Accent"), colour("Base"), EDGE),
        ("a tick", QColor("white"), colour("Accent"), EDGE),
        ("a bar", style.accent(), colour("Base"), EDGE),
    ]
    found += [
        (f"the ring of the focus on {ground}", style.focus_ring_colour(), colour(ground), EDGE) for ground in GROUNDS
    ]
    for meaning in style.MEANINGS:
        front, back = style.colours(meaning)
        found.append((f"{meaning} on its own", front, back, TEXT))
        found += [(f"{meaning} on {ground}", front, colour(ground), TEXT) for ground in GROUNDS[:3]]
        found += [
            (f"{meaning} on {kind}", front, ground, TEXT) for kind, ground in (("the tint", style.selection_tint()),)
        ]
        found += [(f"text on {meaning}", colour("Text"), back, TEXT)]
    found += [
        (f"the text of a changed word, {meaning}", colour("Text"), background_colours(meaning)[1], TEXT)
        for meaning in ("good", "error")
    ]
    found += [
        (f"the curve of job {slot + 1}", colour_of(slot), colour("Base"), EDGE) for slot in range(3 * len(style.SERIES))
    ]
    found += [("a bar of a histogram", QColor(style.SERIES[0]), colour("Base"), EDGE)]
    found += [
        (f"a rate of {share} %", colour("Text"), rate_colour(PassRate(share, 100, 100, share)), TEXT)
        for share in range(0, 101, 10)
    ]
    return found


def faults() -> list[str]:
    measured = ((name, style.contrast_ratio(front, back), least) for name, front, back, least in pairs())
    return [f"{name}: {ratio:.2f} < {least}" for name, ratio, least in measured if ratio < least]


def test_each_pair_that_is_defined_can_be_read(theme):
    assert faults() == []
    assert len(pairs()) > 80


@pytest.mark.parametrize("accent", ACCENTS)
def test_with_any_accent_of_the_desktop_each_pair_can_be_read(theme, qapp, accent):
    qapp.setProperty(style.SYSTEM_ACCENT, accent)
    try:
        style.refresh(qapp)
        assert faults() == []
    finally:
        qapp.setProperty(style.SYSTEM_ACCENT, "")


def test_what_is_painted_can_be_read_in_every_view(whole, theme, qapp):
    """Measured in the pixels of each text: also what a style sheet or a disabled state makes of it."""
    found, met = [], [0]

    async def look(name, root, _window):
        picture = read_pixels(root.window())
        for widget in whole_program.shown_children(root):
            if isinstance(widget, QLabel | QAbstractButton) and widget.text() and is_whole(widget):
                met[0] += 1
                ratio = painted_contrast(widget, picture)
                if ratio < TEXT:
                    found.append(f"{name}: {ratio:.2f} {describe(widget)}")

    whole(look)
    assert not found, "\n".join(found)
    assert met[0] > 500


def test_cells_can_be_read_wherever_the_keyboard_is(whole, theme):
    """The first warning before a training stood on the teal of the cell that has the keyboard."""
    found, met = [], [0]

    async def look(name, root, _window):
        root.window().activateWindow()
        await until(lambda: QApplication.activeWindow() is root.window())
        for view in (one for one in whole_program.shown_children(root) if isinstance(one, QAbstractItemView)):
            basics.select_row(view, 0)
            for ends_selection in (False, True):
                if ends_selection:
                    view.clearSelection()
                view.setFocus()
                picture = read_pixels(view.window())
                for place in shown_cells(view):
                    met[0] += 1
                    ratio = contrast_in(view.viewport(), place, picture)
                    if ratio < TEXT:
                        found.append(f"{name}: {ratio:.2f} {type(view).__name__}")

    whole(look)
    assert not found, "\n".join(sorted({*found}))
    assert met[0] > 500


def shown_cells(view: QAbstractItemView) -> list[QRect]:
    """The places of the first texts of a table or list that are seen whole."""
    model, found = view.model(), list[QRect]()
    columns = 1 if isinstance(view, QListView) else model.columnCount()
    for row, column in product(range(min(MAX_ROWS, model.rowCount())), range(columns)):
        index = model.index(row, column)
        place = view.visualRect(index)
        letters = re.findall(
            r"\w", str(index.data() or "")
        )  # a single digit or dash is too thin to have its whole colour
        if len(letters) > 1 and view.indexWidget(index) is None and view.viewport().visibleRegion().contains(place):
            icon = view.iconSize().width() + RING if index.data(Qt.ItemDataRole.DecorationRole) is not None else 0
            found.append(place.adjusted(RING + icon, RING, -RING, -RING))
    return found


def is_whole(widget: QWidget) -> bool:
    """Whether nothing of it is scrolled out of sight."""
    return widget.visibleRegion().boundingRect() == widget.rect()


def read_pixels(window: QWidget) -> np.ndarray:
    """The colours of a window, by row and column."""
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    values = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    return values[:, : image.width()] & 0xFFFFFF


def painted_contrast(widget: QWidget, picture: np.ndarray) -> float:
    """Between the commonest colour and the one that differs most from it, inside a widget's edge."""
    margin = 3 if isinstance(widget, QAbstractButton) and not isinstance(widget, QToolButton) else 0
    return contrast_in(widget, widget.rect().marginsRemoved(QMargins(*[margin] * 4)), picture)


def contrast_in(widget: QWidget, place: QRect, picture: np.ndarray) -> float:
    """Between the commonest colour of a place of `widget` and the one that differs most from it."""
    corner, height, width = widget.mapTo(widget.window(), place.topLeft()), place.height(), place.width()
    values = picture[corner.y() : corner.y() + height, corner.x() : corner.x() + width]
    colours, counts = np.unique(values, return_counts=True)
    ground = QColor(int(colours[counts.argmax()]))
    return max(style.contrast_ratio(QColor(int(one)), ground) for one in colours)
