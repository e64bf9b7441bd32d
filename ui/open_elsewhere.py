"""The question where a project is open in another account or on another computer: look at it, or take it over."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr
from core.project_lock import ProjectLockedError


def ask(
    parent: QWidget, error: ProjectLockedError, on_look: Callable[[], object], on_take_over: Callable[[], object]
) -> None:
    """Say who has it since when; taking over is offered only where nothing was heard of them for long."""
    box = QMessageBox(QMessageBox.Icon.Warning, tr("Open elsewhere"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(error.title)
    box.setInformativeText(error.message)
    look = box.addButton(tr("&Look at it (read only)"), QMessageBox.ButtonRole.AcceptRole)
    look.clicked.connect(lambda _checked: on_look())
    if error.is_offered:
        take = box.addButton(tr("&Take it over"), QMessageBox.ButtonRole.DestructiveRole)
        take.setAutoDefault(False)
        take.clicked.connect(lambda _checked: on_take_over())
    box.setDefaultButton(box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole))
    box.open()
