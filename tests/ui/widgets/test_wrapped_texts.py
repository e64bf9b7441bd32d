"""A text that comes while a dialog is open is never cut, and takes nothing from what is there."""

import asyncio

import pytest
from PySide6.QtWidgets import QDialog, QLabel, QListWidget, QVBoxLayout

from tests.support.until import until
from ui.widgets import basics

LONG = "The server does not answer: nothing listens there. Check host and port, and whether the server runs. " * 3


@pytest.mark.parametrize("make", [basics.Note, lambda: basics.label(wrap=True)])
def test_a_text_that_comes_later_is_whole(run, qtbot, make):
    async def go():
        dialog = QDialog()
        qtbot.addWidget(dialog)
        layout = QVBoxLayout(dialog)
        models, text, below = QListWidget(), make(), QLabel("below")
        models.setMinimumHeight(120)
        for widget in (models, text, below):
            layout.addWidget(widget)
        dialog.resize(360, 200)
        dialog.show()
        await until(dialog.isVisible)
        for words in (LONG, LONG * 2):
            text.setText(words)
            text.show()
            await until(lambda: text.height() >= text.heightForWidth(text.width()))
            await asyncio.sleep(0)
            assert models.height() >= 120
            assert below.y() >= text.y() + text.height()
        text.setText("Short.")  # the room of a longer text before it is given back
        await until(lambda: text.height() <= 2 * text.fontMetrics().height())

    run(go())
