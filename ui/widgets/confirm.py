"""The question before something that one would not want by a slip."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr

Role = QMessageBox.ButtonRole


def confirm(
    parent: QWidget,
    title: str,
    question: str,
    text: str,
    act: str,
    on_agreed: Callable[[], object],
    role: Role = Role.AcceptRole,
    leave: str = "",
) -> None:
    """Ask, and call `on_agreed` when the button `act` is pressed; Escape and Enter `leave` all as it is."""
    box = QMessageBox(QMessageBox.Icon.Question, title, "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(question)
    box.setInformativeText(text)
    agree = box.addButton(act, role)
    agree.setAutoDefault(False)
    agree.clicked.connect(lambda _checked: on_agreed())
    box.setDefaultButton(box.addButton(leave or tr("Cancel"), Role.RejectRole))
    box.open()
