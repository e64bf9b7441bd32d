"""Makes a row of a question and its corrected answer: for training, or for the exam."""

import sqlite3

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.chat import corrections
from core.chat.corrections import FactGuess
from core.exam.fact_coverage import EXAM
from core.language import tr
from core.spec.facts import Fact
from core.storage.project import Changes
from ui import style
from ui.generation.generation_dialog import kind_texts
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.widgets.latest_task_and_reload import LatestTask
from ui.widgets.text_fields import GrowingTextEdit
from ui.workspace import Workspace

GUESS_DELAY = 300  # milliseconds after the last key before facts are looked for
FACT_ROLE = Qt.ItemDataRole.UserRole


class CorrectionDialog(QDialog):
    """Makes an example of a corrected answer.

    Facts and key points are suggested from what is typed until the person has chosen their own.
    """

    added = Signal(bool)  # whether it went to the exam

    def __init__(
        self, workspace: Workspace, question: str, answer: str, exam: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._exam = workspace, exam
        self._decided = False  # whether the person has chosen the facts
        self._pointed = False  # whether the person has written the key points
        self.setWindowTitle(tr("Add to the exam") if exam else tr("Correct and save as an example"))
        self.resize(style.scaled(640), style.scaled(560))
        self._make_fields(question, answer)
        self._lay_out()
        self._guessing = LatestTask(workspace, self)
        self._pause = QTimer(self, singleShot=True, interval=GUESS_DELAY)
        self._pause.timeout.connect(self._guess_facts)
        self.finished.connect(lambda _result: self._stop())
        for field in (self.question, self.answer):
            field.textChanged.connect(self._on_text)
        self.facts.itemChanged.connect(lambda _item: self._on_fact())
        self.points.textEdited.connect(lambda _text: self._on_points())
        self._show_button()
        self._guess_facts()

    def _stop(self) -> None:
        self._pause.stop()
        self._guessing.stop()

    def _make_fields(self, question: str, answer: str) -> None:
        self.question, self.answer = GrowingTextEdit(1, 4), GrowingTextEdit(3, 10)
        self.question.setPlainText(question)
        self.answer.setPlainText(answer)
        self.facts = QListWidget()
        self.facts.setUniformItemSizes(True)
        self.facts.setStyleSheet(style.ROOMY_LIST_SHEET)
        self.kind = DropDown()
        for kind, (title, words) in kind_texts().items():
            if kind != EXAM and not (self._exam and kind == "statement"):
                self.kind.addItem(title, kind)
                self.kind.setItemData(self.kind.count() - 1, basics.plain_tooltip(words), Qt.ItemDataRole.ToolTipRole)
        self.kind.addItem(tr("General"), "general")
        self.kind.setCurrentIndex(self.kind.findData("reworded" if self._exam else "direct"))
        self.points = QLineEdit()
        self.points.setPlaceholderText(tr("What an answer must contain: separated by “;”"))
        self.approved = QCheckBox(tr("Approved: can be used for training"))
        self.note = basics.Note()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setVerticalSpacing(style.SPACE // 2)
        answer = tr("Reference") if self._exam else tr("Answer")
        rows = [
            (tr("Question"), self.question),
            (answer, self.answer),
            (tr("Facts"), self.facts),
            (tr("Kind"), self.kind),
        ]
        rows += [(tr("Key points"), self.points)] if self._exam else []
        for name, field in rows:
            field.setAccessibleName(name)
            form.addRow(name, field)
        if not self._exam:
            form.addRow("", self.approved)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.ok = basics.primary_button(tr("Add the question") if self._exam else tr("Add the example"))
        buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(form, 1)
        layout.addWidget(self.note)
        layout.addWidget(buttons)

    def selected_facts(self) -> list[Fact]:
        """The facts that are ticked."""
        items = (self.facts.item(row) for row in range(self.facts.count()))
        return [item.data(FACT_ROLE) for item in items if item.checkState() == Qt.CheckState.Checked]

    def _typed_texts(self) -> tuple[str, str]:
        return self.question.toPlainText().strip(), self.answer.toPlainText().strip()

    def _on_text(self) -> None:
        self._show_button()
        self._pause.start()

    def _guess_facts(self) -> None:
        question, answer = self._typed_texts()
        chosen = self.selected_facts() if self._decided else None

        def work(db: sqlite3.Connection) -> tuple[FactGuess, str]:
            found = corrections.guess_facts(db, question, answer)
            taught = [fact for fact in found.facts if fact.name in found.meant] if chosen is None else chosen
            return found, corrections.suggest_key_points(db, question, answer, taught) if answer else ""

        async def guess() -> None:
            found, points = await self._workspace.project.read(work)
            if not self._decided:
                self._show_facts(found)
            if not self._pointed:
                self.points.setText(points)
            self._show_button()

        self._guessing.start(lambda _reporter: guess())

    def _show_facts(self, found: FactGuess) -> None:
        self.facts.blockSignals(True)
        self.facts.clear()
        for fact in found.facts:
            item = QListWidgetItem(f"{fact.name}: {' '.join(fact.text.split())}")
            item.setData(FACT_ROLE, fact)
            item.setToolTip(basics.plain_tooltip(fact.text))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if fact.name in found.meant else Qt.CheckState.Unchecked)
            self.facts.addItem(item)
        self.facts.blockSignals(False)

    def _on_fact(self) -> None:
        self._decided = True
        self._pause.start()

    def _on_points(self) -> None:
        self._pointed = True
        self._show_button()

    def _show_button(self) -> None:
        question, answer = self._typed_texts()
        pointless = self._exam and not self.points.text().strip()
        basics.set_enabled(self.ok, "" if question and answer else tr("Enter a question and an answer."))
        words = tr("Without key points only a judge or a person can mark the answers.") if pointless else ""
        self.note.show_text(words, "note")

    def _on_accepted(self) -> None:
        self.ok.setEnabled(False)
        self._workspace.tasks.start("", self._add())

    async def _add(self) -> Changes:
        question, answer = self._typed_texts()
        status = "approved" if self._exam or self.approved.isChecked() else "draft"
        points = self.points.text().strip() if self._exam else None
        kind, taught = self.kind.currentData(), self.selected_facts()
        label = tr("Add to the exam") if self._exam else tr("Correct and save as an example")
        try:
            changes = await self._workspace.project.write(
                label, corrections.add_row, question, answer, taught, kind, status, points
            )
        finally:
            self._show_button()
        self.added.emit(self._exam)
        self.accept()
        return changes
