"""One row of the grid in full: its texts, what it is for, and what is wrong with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core import checks, dataset
from core.dataset import Example
from core.language import tr, trn
from ui import style, widgets


class FieldEdit(QPlainTextEdit):
    """Several lines of text, handed over when the field is left."""

    committed = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self._shown = ""

    def show_text(self, text: str) -> None:
        """Show the stored text; typing that has not been handed over yet is not overwritten by the same text."""
        if text != self._shown or not self.hasFocus():
            self._shown = text
            if text != self.toPlainText():
                self.setPlainText(text)

    def take(self) -> str | None:
        """What was typed since it was last handed over, once; None when there is nothing new."""
        if self.toPlainText() == self._shown:
            return None
        self._shown = self.toPlainText()
        return self._shown

    def commit(self) -> None:
        if (typed := self.take()) is not None:
            self.committed.emit(typed)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.commit()


class DatasetDetail(QWidget):
    edited = Signal(int, str, str)  # id, field, value
    edit_json = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._example = Example("")
        self.question = FieldEdit(tr("Question"))
        self.answer = FieldEdit(tr("Answer"))
        self.key_points = FieldEdit(tr("Key points"))
        self.key_points.setMaximumHeight(56)
        self.key_points.setToolTip(
            tr("What an answer must contain: points parted by “;”, alternatives by “|”, “!” forbids.")
        )
        self.split = self._box(tr("Split"), dataset.SPLITS)
        self.kind = self._box(tr("Kind"), ("", *dataset.KINDS))
        self.facts = self._line(tr("Facts"))
        self.tags = self._line(tr("Tags"))
        self._problems = widgets.label(wrap=True)
        self._problems.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._note = widgets.label(wrap=True, dim=True)
        self._json = QPushButton(tr("Edit as JSON…"))
        self._json.clicked.connect(lambda: self.edit_json.emit(self._example.id))
        self._lay_out()
        for field in dataset.FIELDS:
            self._connect(field)
        self.show_example(None)

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(style.SPACE // 3)
        for text, editor, stretch in ((tr("Question"), self.question, 2), (tr("Answer"), self.answer, 3)):
            texts.addWidget(widgets.label(text, dim=True))
            texts.addWidget(editor, stretch)
        form = QFormLayout()
        form.setVerticalSpacing(style.SPACE // 2)
        form.addRow(tr("Split"), self.split)
        form.addRow(tr("Kind"), self.kind)
        form.addRow(tr("Facts"), self.facts)
        form.addRow(tr("Tags"), self.tags)
        self._key_points_label = widgets.label(tr("Key points"))
        form.addRow(self._key_points_label, self.key_points)
        side = QVBoxLayout()
        side.addLayout(form)
        side.addWidget(self._problems)
        side.addWidget(self._note)
        side.addStretch()
        side.addWidget(self._json, 0, Qt.AlignmentFlag.AlignRight)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE * 2)
        layout.addLayout(texts, 3)
        layout.addLayout(side, 2)

    def show_example(self, example: Example | None) -> None:
        self.setEnabled(example is not None)
        if example is None or example.id != self._example.id:
            self.commit()
        self._example = example or Example("")
        for field in dataset.FIELDS:
            self._show(field, getattr(self._example, field))
        for part in (self._key_points_label, self.key_points):
            part.setVisible(self._example.split == "test")
        self._show_problems()

    def problems(self) -> list[str]:
        """The rules that the shown row breaks."""
        return self._example.problems.split()

    def commit(self) -> None:
        """Hand over what is typed and not yet written."""
        for editor in (self.question, self.answer, self.key_points):
            editor.commit()

    def pending(self) -> list[tuple[int, str, str]]:
        """What is typed and not yet written, as (id, field, value); it is handed over by this."""
        taken = [(field, getattr(self, field).take()) for field in ("question", "answer", "key_points")]
        return [(self._example.id, field, value) for field, value in taken if value is not None]

    def _show(self, field: str, value: str) -> None:
        widget = getattr(self, field)
        if isinstance(widget, FieldEdit):
            widget.show_text(value)
        elif isinstance(widget, QComboBox):
            widget.setCurrentText(value)
        elif value != widget.text():
            widget.setText(value)

    def _show_problems(self) -> None:
        example = self._example
        found = checks.check_line(example.data.encode()).problems if example.data else []
        lines = [f"{dataset_mark(problem)} {problem.path}  {problem.message}" for problem in found]
        if dataset.DUPLICATE in example.problems.split():
            lines.append(f"⚠ {checks.RULES[dataset.DUPLICATE].title()}")
        worst = "error" if any(problem.severity == "error" for problem in found) else "warning"
        colour = style.colours(worst)[0].name()
        self._problems.setStyleSheet(f"color: {colour}" if lines else "")
        self._problems.setText("\n".join(lines))
        turns = example.data.count('"role"')
        more = trn("{n} message: the others are in its JSON.", "{n} messages: the others are in its JSON.", turns)
        place = tr("From {source}, line {line}.", source=example.source, line=example.line) if example.line else ""
        self._note.setText("\n".join(part for part in (more if turns > 3 else "", place) if part))

    def _connect(self, field: str) -> None:
        widget = getattr(self, field)
        if isinstance(widget, FieldEdit):
            widget.committed.connect(lambda value: self.edited.emit(self._example.id, field, value))
        elif isinstance(widget, QComboBox):
            widget.textActivated.connect(lambda value: self._emit(field, value))
        else:
            widget.editingFinished.connect(lambda: self._emit(field, widget.text()))

    def _emit(self, field: str, value: str) -> None:
        if self._example.id and value != getattr(self._example, field):
            self.edited.emit(self._example.id, field, value)

    def _box(self, name: str, values: tuple[str, ...]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.addItems(values)
        return box

    def _line(self, name: str) -> QLineEdit:
        line = QLineEdit()
        line.setAccessibleName(name)
        return line


def dataset_mark(problem: checks.Problem) -> str:
    return "✖" if problem.severity == "error" else "⚠"
