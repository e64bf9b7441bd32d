"""Shows a chat request as code (Python, curl, JSON), to copy or to save."""

import asyncio
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.chat import transcripts
from core.language import tr
from core.providers import request_code
from core.providers.request_code import RequestCode
from ui import style
from ui.widgets import basics, file_dialogs
from ui.widgets.message_bar import Notice
from ui.workspace import Workspace

CODE_FILE_NAMES = ("ask.py", "ask.sh", "request.json")


class CodeDialog(QDialog):
    """Shows a request as code, one tab per language."""

    def __init__(self, workspace: Workspace, call: RequestCode, title: str, parent: QWidget | None = None) -> None:
        """`title` says whose request it is."""
        super().__init__(parent)
        self._workspace = workspace
        self.setWindowTitle(tr("Show code"))
        self.resize(style.scaled(820), style.scaled(620))
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.tabBar().setDrawBase(False)
        for name, text in (
            (tr("Python"), request_code.to_python(call)),
            (tr("curl"), request_code.to_curl(call)),
            (tr("JSON"), request_code.to_json(call)),
        ):
            self.tabs.addTab(_build_field(name, text), name)
        self.copy, self.save = basics.primary_button(tr("&Copy")), QPushButton(tr("&Save…"), autoDefault=False)
        self.copy.clicked.connect(lambda _checked: self._on_copy())
        self.save.clicked.connect(lambda _checked: self._on_save())
        self._lay_out(title, call)

    def _lay_out(self, title: str, call: RequestCode) -> None:
        close = QPushButton(tr("Close"), autoDefault=False)
        close.clicked.connect(self.close)
        acts = QHBoxLayout()
        acts.addStretch()
        for button in (self.copy, self.save, close):
            acts.addWidget(button)
        explanation = tr(
            "The request that is sent to the server; Juku also streams the answer, which does not change it. The "
            "API key is read from the environment variable {variable}.",
            variable=call.variable,
        )
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(basics.heading(title))
        layout.addWidget(basics.label(explanation, wrap=True, dim=True))
        layout.addWidget(self.tabs, 1)
        layout.addLayout(acts)

    def text(self) -> str:
        """The code that is shown."""
        field = self.tabs.currentWidget()
        assert isinstance(field, QPlainTextEdit)
        return field.toPlainText()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        Notice(self, tr("Copied."))

    def _on_save(self) -> None:
        name, text = CODE_FILE_NAMES[self.tabs.currentIndex()], self.text()
        file_dialogs.save_dialog(
            self, self._workspace.settings, file_dialogs.REPORTS, tr("Save the code"), name,
            lambda path: self._workspace.tasks.start("", self._write(path, text)),
        ).open()  # fmt: skip

    async def _write(self, path: Path, text: str) -> None:
        await asyncio.to_thread(transcripts.write_file, path, text)
        Notice(self, tr("Written to {path}.", path=path))


def _build_field(name: str, text: str) -> QPlainTextEdit:
    field = QPlainTextEdit(text, readOnly=True)
    field.setAccessibleName(name)
    field.setFont(style.fixed_font())
    field.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    return field
