"""What stands in one line or one column is aligned: texts of empty pages, cells under their headings, fields in a row."""

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QStyle,
    QStyleOptionFrame,
    QStyleOptionViewItem,
    QTableWidgetItem,
    QWidget,
)

from tests.support.projects import store_job
from tests.support.until import until
from ui import style
from ui.widgets import basics, tables
from ui.widgets.basics import EmptyState
from ui.widgets.drop_down import DropDown
from ui.widgets.text_fields import CommittedTextEdit

HEADING_PADDING = 8  # pixels, of the style sheet
TOLERANCE = 1  # pixel, of rounding


@pytest.fixture
def shown(qtbot, qapp):
    """A widget as it is shown, in the look of the program."""
    style.apply(qapp, "light")

    def show(widget, width=1600, height=500):
        qtbot.addWidget(widget)
        widget.resize(width, height)
        widget.show()
        return widget

    return show


def middle(widget):
    return widget.mapTo(widget.window(), widget.rect().center()).x()


@pytest.mark.parametrize("words", ["Short.", "Words that need more than one line. " * 9])
def test_an_empty_page_has_all_in_its_middle(shown, words):
    """The text stood at the left of a wide page, far from its title."""
    button, more = QPushButton("Do it"), basics.choice_button("Go on", "What it does.", lambda: None)
    page = shown(EmptyState("Nothing yet", words, [button], [more]))
    assert {round(middle(part) / 2) for part in (page.title, page.text, button, more)} <= {399, 400}
    assert page.text.width() <= style.scaled(style.TEXT_WIDTH)


def test_cells_begin_under_their_headings(shown):
    table = shown(tables.build("Table", ["Heading"]))
    table.setRowCount(1)
    table.setItem(0, 0, QTableWidgetItem("Cell"))
    option = QStyleOptionViewItem()
    table.initViewItemOption(option)
    option.features, option.text = QStyleOptionViewItem.ViewItemFeature.HasDisplay, "Cell"
    option.rect = table.visualRect(table.model().index(0, 0))
    place = table.style().subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, table)
    margin = table.style().pixelMetric(QStyle.PixelMetric.PM_FocusFrameHMargin, option, table) + 1
    assert place.left() + margin == pytest.approx(HEADING_PADDING, abs=TOLERANCE)


@pytest.mark.parametrize("size", [100, 150])
def test_what_stands_in_a_row_is_equally_high(shown, qapp, size):
    style.set_text_size(qapp, size)
    parts = [
        DropDown(),
        QLineEdit(),
        QPushButton("Do it"),
        basics.integer_field(1, 9, 1),
        basics.decimal_field(0, 1, 0.1, 0),
    ]
    page = QWidget()
    row = QHBoxLayout(page)
    for part in parts:
        row.addWidget(part)
    shown(page)
    assert len({(part.y(), part.height()) for part in parts}) == 1


def test_the_fields_of_a_training_stand_on_one_line(window, qapp):
    """The list of base models was two pixels higher, and so the others stood off by one."""
    style.apply(qapp, "light")
    window.tabs.setCurrentWidget(window.training_tab)
    form = window.training_tab.form
    parts = (form.base, form.own_models, form.method, form.rows, *form.epochs.fields.values(), form.start, form.several)
    QApplication.processEvents()
    shown = [part for part in parts if part.isVisible()]
    assert len(shown) > 4 and len({(part.mapTo(form, QPoint()).y(), part.height()) for part in shown}) == 1


@pytest.mark.parametrize("size", [80, 150])
def test_code_is_as_large_as_the_texts(qapp, size):
    plain = style.fixed_font().pointSizeF()
    style.set_text_size(qapp, size)
    assert style.fixed_font().pointSizeF() == pytest.approx(plain * size / 100)


def test_texts_begin_alike_in_fields_of_one_line_and_of_several(shown):
    line, several, number = QLineEdit("Text"), CommittedTextEdit("Several lines"), basics.integer_field(1, 9, 1)
    page = shown(basics.column(line, several, number))
    several.setPlainText("Text")
    option = QStyleOptionFrame()
    line.initStyleOption(option)
    inside = line.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, line)
    begin = line.mapTo(page, inside.topLeft()).x() + 2  # Qt's own margin in a field
    first = several.cursorRect().left()
    assert several.viewport().mapTo(page, QPoint(first, 0)).x() == pytest.approx(begin, abs=TOLERANCE)
    digits = number.lineEdit()
    first = digits.textMargins().left() + 2
    assert digits.mapTo(page, QPoint(first, 0)).x() == pytest.approx(begin, abs=TOLERANCE)


def test_a_field_of_several_lines_has_the_edge_of_a_field(shown):
    """WCAG: an edge that tells a field from its ground has 3 : 1; a text that is only read needs none."""
    written, read = QPlainTextEdit(), QPlainTextEdit(readOnly=True)
    page = shown(basics.column(written, read), 400, 400)
    page.setFocus()
    edges = [part.grab().toImage().pixelColor(part.width() // 2, 0).name() for part in (written, read)]
    assert edges == [style.LIGHT["Dark"], style.LIGHT["Mid"]]


def test_a_text_that_may_be_wrapped_scrolls_no_window_that_has_room(run, window):
    """With a warning about the base model, the curve of a window of 940 pixels was half out of sight."""

    async def go():
        window.resize(1590, 940)
        window.tabs.setCurrentWidget(window.training_tab)
        write = window.workspace.project.write("Job", store_job, "nowhere", "ft:m:juku:study:1")
        window.workspace.tasks.start("", write)
        await until(lambda: window.training_tab.pane.isVisible())
        window.training_tab.new.setChecked(True)
        warning = window.training_tab.form.on_base

        def is_warned() -> bool:
            warning.show_text("This model is made for other languages. " * 2, "warning")
            QApplication.processEvents()
            return warning.isVisible()  # until the models are listed, which says its own of the base model

        await until(is_warned)
        assert window.centralWidget().verticalScrollBar().maximum() == 0

    run(go())
