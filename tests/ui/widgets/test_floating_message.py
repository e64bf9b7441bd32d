"""Messages that float: they cover nothing that is pressed, and move nothing."""

from PySide6.QtCore import QRect, QSize
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from core.errors import JukuError
from tests.support.until import until
from ui.widgets.floating_message import FloatingMessage, bottom_place, find_free_place, find_obstacles
from ui.widgets.message_bar import MessageBar, Notice
from ui.widgets.text_fields import GrowingTextEdit

LONG = "The rows were imported, and some of them have problems that can be mended. " * 2


def test_a_place_is_found_beside_what_is_pressed():
    room, sizes = QRect(0, 0, 1000, 600), [QSize(760, 40), QSize(320, 80)]
    assert find_free_place(room, sizes, [QRect(0, 550, 1000, 50)]).bottom() < 550
    below_the_title = [QRect(0, 100, 1000, 500)]
    assert find_free_place(room, sizes, below_the_title).bottom() < 100
    only_a_corner = [QRect(0, 0, 640, 600)]
    assert find_free_place(room, sizes, only_a_corner).left() >= 640
    assert find_free_place(room, sizes, [room]) is None
    assert room.contains(bottom_place(room, sizes[0]))
    scrolled = QRect(0, 300, 1000, 300)
    assert scrolled.contains(find_free_place(scrolled, sizes, [])) and scrolled.contains(
        bottom_place(scrolled, sizes[0])
    )


def test_the_fields_of_a_conversation_are_typed_into_and_not_covered(qtbot):
    window = page(qtbot)
    field = GrowingTextEdit()
    window.layout().insertWidget(1, field)
    field.show()
    window.layout().activate()
    notice = Notice(window, LONG)
    assert field.geometry() in find_obstacles(window, notice)
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
    return [rect for rect in find_obstacles(window, floating) if rect.intersects(floating.geometry())]


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
    for one in window.findChildren(FloatingMessage):
        assert one.isHidden() or not covers(window, one)


def test_the_field_of_a_chat_is_not_covered_also_after_a_change_of_tabs(run, window):
    """A message that was free over one tab lay on the question field of another."""

    async def go():
        window.resize(1066, 667)
        window.messages.show_error(JukuError("It failed", LONG))
        for tab in (*window.tab_list, *window.tab_list):
            window.tabs.setCurrentWidget(tab)
            await until(lambda: not window.messages.isHidden() and not covers(window, window.messages))
        window.tabs.setCurrentWidget(window.chat_tab)
        field = window.chat_tab.findChild(GrowingTextEdit)
        at = field.mapTo(window, field.rect().topLeft())
        await until(lambda: not window.messages.geometry().intersects(QRect(at, field.size())))

    run(go())
