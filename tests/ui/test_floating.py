"""Messages that float: they cover nothing that is pressed, and move nothing."""

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from core.errors import JukuError
from ui.floating import Floating, free_place, obstacles
from ui.growing_edit import GrowingEdit
from ui.notice import MessageBar, Notice

LONG = "The rows were imported, and some of them have problems that can be mended. " * 2


def test_a_place_is_found_beside_what_is_pressed():
    room, sizes = QSize(1000, 600), [QSize(760, 40), QSize(320, 80)]
    foot = [QRect(0, 550, 1000, 50)]
    assert free_place(room, sizes, foot).bottom() < 550
    below_the_title = [QRect(0, 100, 1000, 500)]
    assert free_place(room, sizes, below_the_title).bottom() < 100
    only_a_corner = [QRect(0, 0, 640, 600)]
    assert free_place(room, sizes, only_a_corner).left() >= 640
    full = [QRect(0, 0, 1000, 600)]
    assert QRect(QPoint(0, 0), room).contains(free_place(room, sizes, full))


def test_the_fields_of_a_conversation_are_typed_into_and_not_covered(qtbot):
    window = page(qtbot)
    field = GrowingEdit()
    window.layout().insertWidget(1, field)
    field.show()
    window.layout().activate()
    notice = Notice(window, LONG)
    assert field.geometry() in obstacles(window, notice)
    field.setFixedHeight(200)
    window.layout().activate()
    notice.place()
    assert not notice.geometry().intersects(field.geometry())


def page(qtbot):
    window = QWidget()
    layout = QVBoxLayout(window)
    window.parts = [QLineEdit(), QPlainTextEdit(), QPushButton("Generate"), QPushButton("Train")]
    for part in window.parts:
        layout.addWidget(part)
    qtbot.addWidget(window)
    window.resize(900, 500)
    with qtbot.waitExposed(window):
        window.show()
    return window


def covers(window, floating):
    return [rect for rect in obstacles(window, floating) if rect.intersects(floating.geometry())]


def test_notices_and_errors_cover_no_button_and_each_other_not_and_move_nothing(qtbot):
    window = page(qtbot)
    places = [part.geometry() for part in window.parts]
    bar = MessageBar(window)
    bar.show_error(JukuError("The server cannot be reached", LONG))
    notice = Notice(window, LONG)
    notice.add_button("Show the problems", lambda: None)
    for size in ((900, 500), (640, 420), (1200, 700)):
        window.resize(*size)
        places = [part.geometry() for part in window.parts] if size != (900, 500) else places
        for one in (bar, notice):
            assert not covers(window, one)
            assert window.rect().contains(one.geometry())
            label = one.findChild(QLabel)
            assert label.height() >= label.heightForWidth(label.width()), "no line is cut"
        assert [part.geometry() for part in window.parts] == places


def test_in_the_window_neither_moves_the_page(run, window):
    tabs = window.tabs.geometry()
    window.messages.show_error(JukuError("It failed", "Nothing is lost."))
    Notice(window, "Done")
    assert window.tabs.geometry() == tabs
    for one in window.findChildren(Floating):
        assert one.isHidden() or not covers(window, one)
