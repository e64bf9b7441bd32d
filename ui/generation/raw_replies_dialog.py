"""The raw replies of a chat model in one run."""

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from core.generation import llm_runs
from core.generation.llm_runs import LlmRequest
from core.language import tr, trn
from core.storage.project import Project
from ui import style
from ui.widgets import basics
from ui.workspace import Workspace

MAX_REPLIES_SHOWN = 100  # replies
MAX_REPLY_CHARACTERS = 20_000  # characters of one reply


class RawRepliesDialog(QDialog):
    """Shows the replies as plain text."""

    def __init__(self, found: list[LlmRequest], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("What the model wrote"))
        self.resize(style.scaled(720), style.scaled(520))
        self.text = QPlainTextEdit(readOnly=True, tabChangesFocus=True)
        self.text.setFont(style.fixed_font())
        self.text.setAccessibleName(self.windowTitle())
        self.text.setPlainText(
            "\n\n".join(map(_format_replies, found[:MAX_REPLIES_SHOWN])) or tr("The model wrote nothing.")
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Close"))
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(style.SPACE)
        layout.addWidget(self.text, 1)
        more = len(found) - MAX_REPLIES_SHOWN
        note = basics.Note()
        note.show_text(trn("{n} more reply is not shown.", "{n} more replies are not shown.", more) if more > 0 else "")
        layout.addWidget(note)
        layout.addWidget(buttons)
        self.finished.connect(lambda _result: self.deleteLater())


def show_replies(workspace: Workspace, llm_run: int, parent: QWidget) -> None:
    """Open the replies of the LLM run with this id."""
    workspace.tasks.start("", _open(workspace.project, llm_run, parent))


async def _open(project: Project, llm_run: int, parent: QWidget) -> None:
    RawRepliesDialog(await project.read(llm_runs.load_replies, llm_run), parent).open()


def _format_replies(request: LlmRequest) -> str:
    replies = "\n".join(reply[:MAX_REPLY_CHARACTERS] for reply in request.replies)
    return f"── {_about(request)} ──\n{replies}"


def _about(request: LlmRequest) -> str:
    if "row" in request.subject:
        return tr("row {id}", id=request.subject["row"])
    return str(request.subject.get("fact") or request.subject.get("question") or tr("reply"))
