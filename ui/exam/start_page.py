"""The exam tab before there is a result: what an exam is, and the progress of one."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMessageBox, QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.language import tr, trn
from ui import style
from ui.exam import exam_texts
from ui.generation.run_progress_and_recovery import format_batch
from ui.widgets import basics

MIN_ANSWERS_FOR_PACE = 3  # answers, before a time is estimated from them


class ExamProgressLine(QWidget):
    """How far an exam is and about how long it still takes, by its pace, with a button that stops it."""

    def __init__(self) -> None:
        super().__init__()
        self._started_at = 0.0
        self._before: int | None = None  # answers there were at the beginning
        self._converts = False
        self.seconds_left: float | None = None  # None: not known yet
        self.text, self.stop, self.note = basics.label(), QPushButton(tr("Stop")), basics.Note()
        self.pause = QPushButton(tr("Pause"))
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(style.BAR_HEIGHT)
        self.bar.setAccessibleName(tr("Progress"))
        row = QHBoxLayout()
        row.setSpacing(style.SPACE)
        row.addWidget(self.text)
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        row.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(row)
        layout.addWidget(self.note)
        self.show_batch(False)
        self.hide()

    def take_over(self, other: "ExamProgressLine") -> None:
        """Go on counting where the line of another window is."""
        self._started_at, self._before, self._converts = other._started_at, other._before, other._converts

    def show_batch(self, is_batch: bool) -> None:
        """Disable the pause button for a batch, with the reason."""
        self.pause.setVisible(is_batch)
        basics.set_enabled(self.pause, format_batch() if is_batch else "", self.note)
        self.stop.setText(tr("Stop waiting") if is_batch else tr("Stop"))

    def begin(self, now: float, converts: bool = False) -> None:
        """Called when an exam starts or continues; with `converts` a model has to be made ready for the first answer."""
        self._started_at, self._before, self._converts, self.seconds_left = now, None, converts, None
        self.text.setText("")
        self.bar.setRange(0, 0)

    def show_counts(self, done: int, wanted: int, now: float) -> None:
        """So many of the answers that are wanted are there."""
        if self.isHidden() or not wanted:
            return
        if self._before is None:
            self._before, self._started_at = done, now
        answered, spent = done - self._before, now - self._started_at
        self.seconds_left = spent / answered * (wanted - done) if answered >= MIN_ANSWERS_FOR_PACE else None
        self.text.setText(self._format_progress(done, wanted, self.seconds_left, answered == 0))
        self.bar.setRange(0, wanted if done < wanted else 0)
        self.bar.setValue(done)

    def _format_progress(self, done: int, wanted: int, left: float | None, waits: bool) -> str:
        if waits and self._converts:
            return tr("Preparing the model for its first use…")
        return (
            exam_texts.format_exam_progress(done, wanted, left) if done < wanted else tr("The judge marks the answers…")
        )


class ExamStartPage(QWidget):
    """What an exam is, and which questions it asks."""

    keep_wanted = Signal()  # rows are to be kept for the exam

    def __init__(self) -> None:
        super().__init__()
        self.keep = QPushButton(tr("Keep some rows for the exam…"))
        self.keep.clicked.connect(lambda _checked: self.keep_wanted.emit())
        self.show_questions = QPushButton(tr("Show the questions"))
        self.text = basics.label(wrap=True, dim=True)
        self.text.setFixedWidth(style.scaled(style.TEXT_WIDTH))
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.addStretch()
        for part in (basics.heading(tr("What has the model learned?")), self.text, self.show_questions, self.keep):
            row = QHBoxLayout()
            row.addStretch()
            row.addWidget(part)
            row.addStretch()
            column.addLayout(row)
        column.addStretch()
        self.show_count(0)

    def show_count(self, own: int, general: int = 0) -> None:
        """`own` questions are the project's, `general` ones everyday knowledge."""
        explanation = tr(
            "An exam asks a base model, with and without the text in the prompt, and your trained model the same "
            "questions. It marks the answers and shows for each fact what was learned and what was forgotten."
        )
        which = tr("The questions are the rows with the split “test”; they are never used for training.")
        count = trn("There is {n} of them.", "There are {n} of them.", own) if own else tr("There are none yet.")
        if general:
            count += " " + trn("{n} general question is also asked.", "{n} general questions are also asked.", general)
        self.text.setText(f"{explanation}\n\n{which}\n{count}")


def ask_about_prompt(
    parent: QWidget, why: str, on_use: Callable[[], object] | None, on_start: Callable[[], object]
) -> None:
    """Ask what to do where models would be asked under another system prompt than they were trained with.

    `on_use` takes the rows' prompt; None where a person has chosen the project's already.
    """
    box = QMessageBox(QMessageBox.Icon.Warning, tr("Before the exam"), "", parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setText(tr("The exam would use another system prompt than the training did."))
    box.setInformativeText(why)
    use = box.addButton(tr("Use the rows’ prompt"), QMessageBox.ButtonRole.AcceptRole) if on_use else None
    if use and on_use:
        use.clicked.connect(lambda _checked: on_use())
    start = box.addButton(tr("Start exam anyway"), QMessageBox.ButtonRole.DestructiveRole)
    start.clicked.connect(lambda _checked: on_start())
    cancel = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(use or cancel)
    box.open()
