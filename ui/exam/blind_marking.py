"""Blind marking: a person marks answers in shuffled order without knowing whose they are, by keys or a slider."""

import sqlite3

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.exam import answers, judges
from core.exam.answers import BlindAnswer
from core.exam.calibration import MIN_MARKS
from core.exam.judges import PERSON
from core.language import tr
from core.storage.project import Changes
from ui import style
from ui.widgets import basics
from ui.widgets.basics import EmptyState
from ui.widgets.latest_task_and_reload import LatestTask
from ui.workspace import Workspace

FULL_MARK = 100
MARK_STEP = 10  # points of a key: 0 to 9 give 0 to 90, "+" gives all
START_MARK = 50  # of the slider, before anything is marked


class BlindMarking(QWidget):
    """A person marks answers without being told which model gave them, or under which condition."""

    left = Signal()  # the page is not seen any more: what was marked may be counted

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._run = 0
        self._loaded = 0  # the run whose answers these are
        self._ids: list[int] = []
        self._done: set[int] = set()
        self._at = 0
        self.sheet: BlindAnswer | None = None
        self._marked: list[BlindAnswer] = []  # what was marked here, as it was before
        self._reading = LatestTask(workspace, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.progress = basics.label(dim=True)
        self.question, self.reference = basics.label(wrap=True), basics.label(wrap=True)
        self.points, self.mark = basics.label(wrap=True, dim=True), basics.label()
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName(tr("The answer to mark"))
        self.text.setTabChangesFocus(True)
        self.note = QLineEdit(placeholderText=tr("A note (optional)"))
        self.note.setAccessibleName(tr("Note"))
        self._make_buttons()
        self._lay_out()

    def _make_buttons(self) -> None:
        self.keys: list[QPushButton] = []
        for score in range(0, FULL_MARK + 1, MARK_STEP):
            button = QPushButton(f"{score}", autoDefault=False)
            button.setToolTip(tr("Key {key}", key="+" if score == FULL_MARK else f"{score // MARK_STEP}"))
            button.setStyleSheet(style.NARROW_BUTTON_SHEET)
            button.clicked.connect(lambda _checked, score=score: self._give_mark(score))
            self.keys.append(button)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, FULL_MARK)
        self.slider.setAccessibleName(tr("Points"))
        self.save = QPushButton(tr("Give {score}", score=START_MARK), autoDefault=False)
        self.slider.valueChanged.connect(lambda value: self.save.setText(tr("Give {score}", score=value)))
        self.slider.setValue(START_MARK)
        self.previous, self.next = QPushButton(tr("&Previous")), QPushButton(tr("Ne&xt"))
        self.undo = QPushButton(tr("&Undo the last mark"))
        self.previous.setToolTip(tr("Key {key}", key="←"))
        self.next.setToolTip(tr("Key {key}", key="→"))
        self.undo.setToolTip(tr("Key {key}", key="⌫"))
        self.save.clicked.connect(lambda _checked: self._give_mark(self.slider.value()))
        self.note.returnPressed.connect(lambda: self._give_mark(self.slider.value()))
        self.previous.clicked.connect(lambda _checked: self._move(-1))
        self.next.clicked.connect(lambda _checked: self._move(1))
        self.undo.clicked.connect(lambda _checked: self._undo_mark())

    def _lay_out(self) -> None:
        keys, slide, steps = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row, parts in ((keys, self.keys), (slide, [self.slider, self.save])):
            row.setSpacing(style.SPACE // 2)
            for part in parts:
                row.addWidget(part, int(part is not self.save))
        for part in (self.previous, self.next, self.undo):
            steps.addWidget(part)
        steps.addStretch()
        steps.addWidget(self.mark)
        font = self.question.font()
        font.setBold(True)
        self.question.setFont(font)
        help = tr(
            "Keys 0 to 9 give 0 to 90 points, “+” gives 100. The arrow keys move back and forth, Backspace "
            "deletes a mark. From {points} points an answer counts as right. From {least} marks the overview tells how far the "
            "grader agrees with you.", points=round(FULL_MARK * judges.PASS_SHARE), least=MIN_MARKS,
        )  # fmt: skip
        sheet = basics.column(self.progress, self.question, self.reference, self.points, self.text, keys, slide,
                               self.note, steps, basics.label(help, wrap=True, dim=True), spacing=style.SPACE // 2)  # fmt: skip
        self._nothing = EmptyState(tr("Nothing to mark yet"), tr("Answers appear here once an exam has some."))
        self._pages = QStackedWidget()
        self._pages.addWidget(self._nothing)
        self._pages.addWidget(sheet)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE, 0, 0)
        layout.addWidget(self._pages)

    def show_run(self, run: int) -> None:
        """Mark the answers of this run; they are read when the page is seen."""
        if run != self._run:
            self._run = run
            self._loaded = 0
            self.sheet, self._marked = None, []
        if self.isVisible() and (self._loaded != self._run or not self._ids):
            self._begin()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._run:
            self._begin()
        self.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.left.emit()

    def _begin(self) -> None:
        self._reading.start(lambda _reporter: self._load(self._run))

    async def _load(self, run: int) -> None:
        """All answers of the run in their order, at the first that has no mark."""
        ids, unmarked = await self._workspace.project.read(_load_answers, run)
        self._ids, self._done, self._loaded = ids, set(ids) - unmarked, run
        self._at = next((at for at, id in enumerate(ids) if id in unmarked), 0)
        await self._show()

    def _show_soon(self) -> None:
        self.sheet = None  # a key that is pressed meanwhile is not meant for the old one
        self._reading.start(lambda _reporter: self._show())

    async def _show(self) -> None:
        self._pages.setCurrentIndex(1 if self._ids else 0)
        if not self._ids:
            return
        sheet = await self._workspace.project.read(answers.load_blind_answer, self._ids[self._at])
        self.sheet = sheet
        self.question.setText(sheet.question)
        self.reference.setText(tr("Reference: {answer}", answer=sheet.reference) if sheet.reference else "")
        self.points.setText(tr("Key points: {points}", points=sheet.wanted) if sheet.wanted else "")
        self.text.setPlainText(sheet.text or tr("(an empty answer)"))
        self.note.setText(sheet.note)
        self.slider.setValue(START_MARK if sheet.score is None else sheet.score)
        self.mark.setText("" if sheet.score is None else tr("Your mark: {score}", score=sheet.score))
        self.progress.setText(
            tr("Answer {number} of {count} · {done} marked", number=f"{self._at + 1:,}", count=f"{len(self._ids):,}",
               done=f"{len(self._done):,}")
        )  # fmt: skip
        self.undo.setEnabled(bool(self._marked))

    def _give_mark(self, score: int) -> None:
        """Mark the answer that is shown, and show the next one without a mark."""
        sheet = self.sheet
        if sheet is not None:
            self.sheet = None
            self._marked.append(sheet)
            self._done.add(sheet.answer)
            self._go_to_next()
            note = self.note.text().strip()
            self._workspace.tasks.start("", self._write(sheet.answer, score, note))
        self.setFocus()

    def _go_to_next(self) -> None:
        count = len(self._ids)
        ahead = ((self._at + step) % count for step in range(1, count + 1))
        self._at = next((at for at in ahead if self._ids[at] not in self._done), (self._at + 1) % count)

    async def _write(self, answer: int, score: int | None, note: str) -> Changes:
        project = self._workspace.project
        if score is None:
            changes = await project.write("", judges.delete_person_mark, answer)
        else:
            changes = await project.write("", judges.store_person_mark, answer, score, note)
        self._show_soon()
        return changes

    def _move(self, step: int) -> None:
        if self._ids:
            self._at = (self._at + step) % len(self._ids)
            self._show_soon()

    def _undo_mark(self) -> None:
        """Undo the last mark that was made here, and show its answer."""
        if not self._marked:
            return
        sheet = self._marked.pop()
        self.sheet = None
        if sheet.score is None:
            self._done.discard(sheet.answer)
        self._at = self._ids.index(sheet.answer)
        self._workspace.tasks.start("", self._write(sheet.answer, sheet.score, sheet.note))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.text()
        if key.isdecimal() and key.isascii():
            self._give_mark(MARK_STEP * int(key))
        elif key == "+":
            self._give_mark(FULL_MARK)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move(1 if event.key() == Qt.Key.Key_Right else -1)
        elif event.key() == Qt.Key.Key_Backspace:
            self._undo_mark()
        else:
            super().keyPressEvent(event)


def _load_answers(db: sqlite3.Connection, run: int) -> tuple[list[int], set[int]]:
    return answers.shuffle_ids(db, run), set(judges.load_unmarked(db, run, PERSON))
