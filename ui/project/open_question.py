"""What is asked when a file that is no project is opened: into this project, or into one of its own."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.language import tr

Role = QMessageBox.ButtonRole


def ask(
    parent: QWidget, file: Path, project: str, on_import: Callable[[], object], on_new: Callable[[], object]
) -> None:
    """Call `on_import` or `on_new`, as the person decides; Escape leaves all as it is."""
    box = QMessageBox(QMessageBox.Icon.Question, tr("Open a project"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(tr("Import into “{project}”?", project=project))
    box.setInformativeText(tr("“{name}” is not a Juku project. Its rows can be imported into this project or into a new one.",
                              name=file.name))  # fmt: skip
    here = box.addButton(tr("Import here"), Role.AcceptRole)
    new = box.addButton(tr("New project…"), Role.ActionRole)
    box.addButton(tr("Cancel"), Role.RejectRole)
    here.clicked.connect(lambda _checked: on_import())
    new.clicked.connect(lambda _checked: on_new())
    box.setDefaultButton(here)
    box.open()
