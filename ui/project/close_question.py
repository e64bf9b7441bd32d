"""Asks before a window closes while something runs in it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr


def ask(parent: QWidget, running: Sequence[str], on_close: Callable[[], object], on_stay: Callable[[], object]) -> None:
    """Say what runs and what becomes of it; Escape and Enter keep the window open."""
    box = QMessageBox(QMessageBox.Icon.Question, tr("Something is running"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(tr("If you close the window:"))
    box.setInformativeText("\n".join(f"• {one}" for one in running))
    stay = box.addButton(tr("Keep open"), QMessageBox.ButtonRole.RejectRole)
    close = box.addButton(tr("Close"), QMessageBox.ButtonRole.AcceptRole)
    box.setDefaultButton(stay)
    close.clicked.connect(lambda _checked: on_close())
    box.finished.connect(lambda _result: None if box.clickedButton() is close else on_stay())
    box.open()
