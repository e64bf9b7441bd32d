"""What was exported: the folder, the exam's result beside the original's, command lines, and the way to Ollama."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QTableWidget, QVBoxLayout, QWidget

from core.errors import JukuError
from core.exam.exported_models import ExportedScore
from core.language import tr
from core.progress import Cancelled, Reporter
from core.providers import ExportState, ollama
from core.training import model_export
from ui import style
from ui.widgets import basics
from ui.widgets.latest_task_and_reload import LatestTask, ProgressLine
from ui.widgets.message_bar import Notice
from ui.widgets.tables import TextTable
from ui.workspace import Workspace

COMMAND_LINES = 6  # of text that the field shows at least
LOST_COLUMN = 5


class ExportResults(QWidget):
    """The last page of the dialog that exports a model."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._folder = Path()
        self._export: ExportState | None = None
        self._work = LatestTask(workspace, self)
        self.saved, self.verdict, self.on_ollama = basics.Note(), basics.Note(), basics.Note()
        self.table = TextTable(tr("Exam"), _columns())
        self.table.table.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.table.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.commands = QPlainTextEdit(readOnly=True)
        self.commands.setAccessibleName(tr("Commands"))
        self.commands.setFont(style.fixed_font())
        self.commands.setMinimumHeight(COMMAND_LINES * self.commands.fontMetrics().lineSpacing())
        self.show_folder = QPushButton(tr("Show in folder"), autoDefault=False)
        self.copy = QPushButton(tr("Copy the commands"), autoDefault=False)
        self.send = QPushButton(tr("Send to Ollama"), autoDefault=False)
        self._lay_out()
        self.show_folder.clicked.connect(lambda _checked: self._on_show_folder())
        self.copy.clicked.connect(lambda _checked: self._on_copy())
        self.send.clicked.connect(lambda _checked: self._on_send())
        self._workspace = workspace

    def _lay_out(self) -> None:
        acts = QHBoxLayout()
        for button in (self.show_folder, self.copy, self.send):
            acts.addWidget(button)
        acts.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.saved)
        layout.addWidget(self.table)
        layout.addWidget(self.verdict)
        layout.addWidget(basics.label(tr("To use it elsewhere, in the folder that was written:"), dim=True))
        layout.addWidget(self.commands, 1)
        layout.addLayout(acts)
        layout.addWidget(self.on_ollama)
        layout.addWidget(ProgressLine(self._work, keeps_place=False))

    def stop(self) -> None:
        """Stop what is being sent."""
        self._work.stop()

    def show_export(self, folder: Path, export: ExportState, scores: Sequence[ExportedScore]) -> None:
        """Show what was saved in `folder`; without `scores` no exam was sat."""
        self._folder, self._export = folder, export
        self.saved.show_text(
            tr("Saved in {folder}. README.md tells what it is and how to use it.", folder=folder), "good"
        )
        self.table.setVisible(bool(scores))
        self.table.show_lines([_cells(score) for score in scores], "", "")
        self.table.setFixedHeight(_table_height(self.table, len(scores)))
        for row, score in enumerate(scores):
            if score.lost and score.lost > (score.gained or 0):
                self.table.colour(row, LOST_COLUMN, style.colours("error")[0])
        self.verdict.show_text(*describe_losses(scores))
        self.commands.setPlainText(_format_commands(export))
        self.send.setEnabled(False)
        self._work.start(lambda _reporter: self._find_ollama())

    async def _find_ollama(self) -> None:
        """Offer to send the model where Ollama runs and there is a file for it."""
        assert self._export
        if not model_export.has_gguf(self._export):
            basics.set_enabled(self.send, tr("Ollama needs one of the GGUF formats."), self.on_ollama)
        elif await ollama.find_version(ollama.default_url()) is None:
            basics.set_enabled(self.send, tr("Ollama does not run on this computer."), self.on_ollama)
        else:
            basics.set_enabled(self.send, "", self.on_ollama)

    def _on_show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.commands.toPlainText())
        Notice(self, tr("Copied."))

    def _on_send(self) -> None:
        assert self._export
        export = self._export
        self.send.setEnabled(False)
        self._work.start(lambda reporter: self._send(export, reporter), tr("Sending to Ollama"))

    async def _send(self, export: ExportState, reporter: Reporter) -> None:
        name = export.name.lower()
        try:
            gguf = model_export.find_gguf(self._folder, export)
            await ollama.send_model(ollama.default_url(), name, gguf, export, reporter)
        except JukuError as error:
            self.on_ollama.show_text("\n".join(filter(None, (error.title, error.message))), "error")
        except Cancelled:
            self.on_ollama.show_text(tr("Cancelled."), "note")
        else:
            self.on_ollama.show_text(tr("Ollama has it now: ollama run {name}", name=name), "good")
        finally:
            self.send.setEnabled(True)


def _columns() -> list[str]:
    return [
        tr("File"),
        tr("Right"),
        tr("Share"),
        tr("95 % interval"),
        tr("Facts gained"),
        tr("Facts lost"),
        tr("Same answers"),
    ]


def _cells(score: ExportedScore) -> list[str]:
    changes = ["–" if number is None else str(number) for number in (score.gained, score.lost)]
    return [
        f"GGUF {score.precision}" if score.precision else tr("The model in Juku"),
        tr("{right} of {asked}", right=score.right, asked=score.asked),
        f"{score.share:.0%}",
        f"{max(0.0, score.low):.0%} – {min(1.0, score.high):.0%}",
        *changes,
        "–" if score.same is None else f"{score.same:.0%}",
    ]


def _table_height(table: TextTable, rows: int) -> int:
    inner = table.table
    height = sum(inner.rowHeight(row) for row in range(rows))
    return inner.horizontalHeader().sizeHint().height() + height + 2 * inner.frameWidth() + style.SPACE // 2


def describe_losses(scores: Sequence[ExportedScore]) -> tuple[str, str]:
    """What the exam says of the files, in a sentence ('' without an exam), and its meaning for a note."""
    files = scores[1:]
    if not files:
        return "", ""
    silent = [f"GGUF {score.precision}" for score in files if score.asked < scores[0].asked]
    if silent:
        return tr("Did not answer all questions, see the exam tab: {files}", files=", ".join(silent)), "error"
    if not scores[0].asked:
        return tr("There were no held-out questions: only whether the answers are the same can be said."), "note"
    worse = [f"GGUF {score.precision}" for score in files if score.lost and score.lost > (score.gained or 0)]
    if not worse:
        return tr("No file lost more facts than it gained."), "good"
    return tr("Lost more facts than gained: {files}", files=", ".join(worse)), "warning"


def _format_commands(export: ExportState) -> str:
    titles = {
        "ollama": "Ollama",
        "llama_server": "llama.cpp",
        "llama_server_adapter": tr("llama.cpp, the adapter over its base model"),
        "vllm": "vLLM",
    }
    blocks = [f"# {title}\n{export.commands[name]}" for name, title in titles.items() if name in export.commands]
    if model_export.has_gguf(export):
        blocks.append("# LM Studio\n# " + tr("Copy the folder “juku” into LM Studio's folder of models."))
    return "\n\n".join(blocks)
