"""What stands on the screen can be read in both themes, also after a change of theme: measured in painted pixels."""

from collections import Counter

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QProgressBar,
    QPushButton,
    QTabBar,
    QTableWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from core.errors import JukuError
from ui import style
from ui.widgets import basics
from ui.widgets.message_bar import MessageBar, Notice

TEXT, EDGE = 4.5, 3.0  # WCAG 2.2 AA: of texts, of the edges of controls
THEMES = ("light", "dark")


@pytest.fixture(params=[("light",), ("dark",), ("light", "dark"), ("dark", "light")], ids="-then-".join)
def theme(request, qapp):
    """The application in a theme, also in one that was changed to while the widgets were there."""
    style.apply(qapp, request.param[0])
    return lambda: style.apply(qapp, request.param[-1])


def luminance(colour: QColor) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def ratio(one: QColor, other: QColor) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def pixels(image: QImage) -> list[QColor]:
    return [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]


def contrast(image: QImage) -> float:
    """Between the commonest colour and the one that differs most from it."""
    counts = Counter(colour.rgb() for colour in pixels(image))
    ground = QColor(counts.most_common(1)[0][0])
    return max(ratio(QColor(found), ground) for found in counts)


def shown(qtbot, *parts: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    for part in parts:
        layout.addWidget(part)
    qtbot.addWidget(page)
    page.resize(420, 60 * len(parts) + 60)
    with qtbot.waitExposed(page):
        page.show()
    qtbot.page = page  # who made it may not keep it
    return page


def inside(widget: QWidget, margin: int = 3) -> QImage:
    """The widget without its edge, on what it stands on."""
    place = widget.rect().adjusted(margin, margin, -margin, -margin)
    return widget.window().grab(place.translated(widget.mapTo(widget.window(), QPoint(0, 0)))).toImage()


def test_a_tool_tip_can_be_read(qtbot, theme):
    owner = QLabel("owner")
    shown(qtbot, owner)
    theme()
    QToolTip.showText(owner.mapToGlobal(QPoint(5, 5)), basics.plain_tooltip("What this is for 説明"), owner)
    qtbot.waitUntil(QToolTip.isVisible)
    label = next(found for found in QApplication.topLevelWidgets() if found.inherits("QTipLabel"))
    assert contrast(inside(label)) >= TEXT
    QToolTip.hideText()


def test_each_entry_of_an_open_drop_down_can_be_read_and_the_current_one_is_marked(qtbot, theme):
    box = QComboBox()
    box.addItems(["first entry", "second entry", "third entry"])
    box.setCurrentIndex(1)
    shown(qtbot, box)
    theme()
    box.showPopup()
    view = box.view()
    qtbot.waitUntil(view.isVisible)
    grounds = []
    for row in range(box.count()):
        image = view.viewport().grab(view.visualRect(view.model().index(row, 0))).toImage()
        assert contrast(image) >= TEXT, f"entry {row}"
        grounds.append(image.pixelColor(image.width() - 3, image.height() // 2))
    assert grounds[0] == grounds[2]
    assert ratio(grounds[1], grounds[0]) >= EDGE
    box.hidePopup()


def test_each_entry_of_a_menu_can_be_read(qtbot, theme):
    menu = QMenu()
    qtbot.addWidget(menu)
    for text in ("First", "Second"):
        menu.addAction(text)
    theme()
    menu.popup(QPoint(50, 50))
    menu.setActiveAction(menu.actions()[0])
    qtbot.waitUntil(menu.isVisible)
    images = [menu.grab(menu.actionGeometry(action)).toImage() for action in menu.actions()]
    assert all(contrast(image) >= TEXT for image in images)
    places = [image.pixelColor(image.width() - 8, image.height() // 2) for image in images]
    assert ratio(*places) >= EDGE
    menu.close()


@pytest.mark.parametrize("meaning", style.MEANINGS)
def test_chips_bars_and_notices_can_be_read(qtbot, theme, meaning):
    chip, note = basics.Chip(meaning), basics.Note()
    chip.setText("3 covered")
    page = shown(qtbot, chip, note)
    bar = MessageBar(page)
    note.show_text("It is so", meaning)
    bar.show_text("It is so", meaning)
    notice = Notice(page, "It is done", meaning, lasting=True)
    theme()
    for part in (chip, bar.findChild(QLabel), notice.text):
        assert contrast(inside(part)) >= TEXT, part
        assert style.colours(meaning)[1] in pixels(inside(part))
    assert contrast(inside(note, 0)) >= TEXT


def test_an_error_keeps_its_colours_when_the_theme_changes(qtbot, theme):
    bar = MessageBar(shown(qtbot, QLabel("page")))
    bar.show_error(JukuError("It failed", "Nothing is lost."))
    theme()
    assert style.colours("error")[1] in pixels(bar.grab().toImage())


def ring(widget: QWidget) -> list[QColor]:
    """The colours along the left edge of a widget that stands at half of its height."""
    image = widget.grab().toImage()
    return [image.pixelColor(x, image.height() // 2) for x in range(2)]


@pytest.mark.parametrize("make", [QLineEdit, QComboBox, lambda: basics.integer_field(0, 9, 1), lambda: QPushButton("Do it"),
                                  lambda: basics.primary_button("Do it")])  # fmt: skip
def test_the_focus_has_a_ring(qtbot, theme, make):
    part, other = make(), QLineEdit()
    page = shown(qtbot, other, part)
    theme()
    page.activateWindow()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)
    without = ring(part)
    part.setFocus()
    qtbot.waitUntil(part.hasFocus)
    image = part.grab().toImage()
    inner = image.pixelColor(4, image.height() // 2)
    assert ratio(ring(part)[1], inner) >= EDGE, "against what is inside"
    assert ring(part)[1] != without[1]
    ground = page.palette().window().color()
    assert ratio(ring(part)[0], ground) >= EDGE, "against what is around"


def test_checked_and_focused_buttons_look_different(qtbot, theme):
    plain, checked, focused = QPushButton("One"), QPushButton("One"), QPushButton("One")
    for button in (plain, checked, focused):
        button.setCheckable(True)
    checked.setChecked(True)
    page = shown(qtbot, plain, checked, focused)
    theme()
    page.activateWindow()
    focused.setFocus()
    qtbot.waitUntil(focused.hasFocus)
    pictures = [button.grab().toImage() for button in (plain, checked, focused)]
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]
    grounds = [picture.pixelColor(8, 8) for picture in pictures]
    assert grounds[0] == grounds[2] != grounds[1], "what is checked has another ground, what has the focus a ring"
    assert contrast(inside(checked)) >= TEXT
    assert all(picture.size() == pictures[0].size() for picture in pictures)


def test_a_ticked_box_differs_from_one_with_the_focus(qtbot, theme):
    ticked, focused = QCheckBox(""), QCheckBox("")
    ticked.setChecked(True)
    page = shown(qtbot, ticked, focused)
    theme()
    page.activateWindow()
    focused.setFocus()
    qtbot.waitUntil(focused.hasFocus)
    pictures = [box.grab().toImage() for box in (ticked, focused)]
    grounds = [picture.pixelColor(8, picture.height() // 2 + 4) for picture in pictures]
    assert ratio(*grounds) >= EDGE


def test_the_edges_of_fields_can_be_seen(qtbot, theme):
    fields = [QLineEdit(), QComboBox(), basics.integer_field(0, 9, 1)]
    page = shown(qtbot, QPushButton("focus"), *fields)
    theme()
    for field in fields:
        assert ratio(ring(field)[0], page.palette().window().color()) >= EDGE
        assert ratio(ring(field)[0], field.palette().base().color()) >= EDGE


def test_texts_of_little_weight_can_be_read(qtbot, theme):
    field = QLineEdit()
    field.setPlaceholderText("Search")
    dim = basics.label("dim", dim=True)
    off = QPushButton("Cannot")
    off.setEnabled(False)
    shown(qtbot, QPushButton("focus"), field, dim, off)
    theme()
    assert contrast(inside(field)) >= TEXT
    assert contrast(inside(dim)) >= TEXT
    assert contrast(inside(off)) >= EDGE  # what is disabled is free of it; it is to be made out all the same


def test_lists_tables_and_their_heads_can_be_read(qtbot, theme):
    entries = QListWidget()
    entries.addItems(["chosen", "other"])
    entries.setCurrentRow(0)
    table = QTableWidget(1, 1)
    table.setHorizontalHeaderLabels(["Question"])
    page = shown(qtbot, entries, table, QLineEdit())
    page.resize(420, 400)
    theme()
    for focused in (entries, page.findChildren(QLineEdit)[-1]):
        focused.setFocus()
        image = entries.viewport().grab(entries.visualItemRect(entries.item(0))).toImage()
        assert contrast(image) >= TEXT
        assert ratio(image.pixelColor(image.width() - 3, 5), entries.palette().base().color()) >= EDGE
    assert contrast(table.horizontalHeader().viewport().grab().toImage().copy(0, 2, 90, 20)) >= TEXT


def test_the_bar_of_progress_and_the_chosen_tab_can_be_seen(qtbot, theme):
    bar = QProgressBar(textVisible=False)
    bar.setValue(50)
    tabs = QTabBar()
    tabs.addTab("Spec")
    tabs.addTab("Rows")
    page = shown(qtbot, bar, tabs)
    theme()
    image = bar.grab().toImage()
    row = image.height() // 2
    assert ratio(image.pixelColor(image.width() // 4, row), image.pixelColor(image.width() * 3 // 4, row)) >= EDGE
    first = tabs.grab(tabs.tabRect(0)).toImage()
    assert ratio(first.pixelColor(first.width() // 2, first.height() - 2), page.palette().window().color()) >= EDGE
    for place in range(2):
        assert contrast(tabs.grab(tabs.tabRect(place).adjusted(4, 4, -4, -6)).toImage()) >= TEXT


def test_links_and_marks_can_be_read_on_their_grounds():
    for palette, dark in ((style.LIGHT, 0), (style.DARK, 1)):
        for ground in ("Window", "Base", "AlternateBase", "Button"):
            for text in ("Text", "PlaceholderText", "Link"):
                assert ratio(QColor(palette[text]), QColor(palette[ground])) >= TEXT, (text, ground)
            assert ratio(QColor(palette["Accent"]), QColor(palette[ground])) >= EDGE
            assert ratio(QColor(style.FOCUS_RINGS[dark]), QColor(palette[ground])) >= EDGE
        assert ratio(QColor(palette["Text"]), QColor(style.SELECTION_TINTS[dark])) >= TEXT
        assert ratio(QColor(style.FOCUS_RINGS[dark]), QColor(style.SELECTION_TINTS[dark])) >= EDGE
        for meaning, pair in style.MEANINGS.items():
            front, back = (QColor(colour) for colour in pair[dark])
            assert ratio(front, back) >= TEXT, meaning
            assert ratio(front, QColor(palette["Base"])) >= TEXT, meaning
            assert ratio(front, QColor(style.SELECTION_TINTS[dark])) >= TEXT, meaning
        assert ratio(QColor(palette["HighlightedText"]), QColor(palette["Highlight"])) >= TEXT
        for series in style.SERIES:
            assert ratio(QColor(series), QColor(palette["Base"])) >= EDGE


def test_the_keyboard_can_open_a_drop_down(qtbot, theme):
    """The list that is styled is the one that opens by key."""
    box = QComboBox()
    box.addItems(["a", "b"])
    shown(qtbot, box)
    theme()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_F4)
    qtbot.waitUntil(box.view().isVisible)
    assert box.view().isVisible()
    box.hidePopup()
