"""A field as high as its text: it comes to rest at every width."""

import pytest

from ui.widgets.text_fields import GrowingTextEdit

TEXT = "Please rewrite this booking so that the settings sound more polite, and keep every number as it is. " * 6


@pytest.mark.parametrize("most", [3, 4, 5])
def test_a_text_of_about_as_many_lines_as_are_shown_comes_to_rest(qtbot, most):
    """Its scroll bar once came and went for ever, and the window stood still with it."""
    edit = GrowingTextEdit(least=1, most=most)
    qtbot.addWidget(edit)
    edit.setPlainText(TEXT)
    edit.show()
    fits = []
    edit.document().documentLayout().documentSizeChanged.connect(lambda _size: fits.append(1))
    for width in range(400, 2400, 7):
        edit.resize(width, edit.height())
        edit.grab()
        assert edit.verticalScrollBar().isVisible() == (lines(edit) > most)
    assert len(fits) < 2000


def lines(edit):
    block, count = edit.document().firstBlock(), 0
    while block.isValid():
        count += block.layout().lineCount()
        block = block.next()
    return count
