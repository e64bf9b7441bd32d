"""A person's mark for an answer: 0 to 100, and a note."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSlider, QVBoxLayout, QWidget

from core.language import tr
from ui import style
from ui.widgets import basics

SLIDER_STEP = 10


class AnswerRating(QWidget):
    """The mark that a person gave an answer, with a note; `edit` opens the form to change it."""

    marked = Signal(object, str)  # 0 to 100 or None, and the note

    def __init__(self) -> None:
        super().__init__()
        self._mark: int | None = None
        self._note = ""
        self.mark_note = basics.Note()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(SLIDER_STEP)
        self.slider.setAccessibleName(tr("Mark from 0 to 100"))
        self.number = basics.integer_field(0, 100, 0)
        self.number.setAccessibleName(tr("Mark from 0 to 100"))
        self.note = QLineEdit()
        self.note.setAccessibleName(tr("Note"))
        self.note.setPlaceholderText(tr("Note"))
        self.keep = QPushButton(tr("Mark"))
        self.clear = QPushButton(tr("No mark"))
        self._lay_out()
        self._connect()
        self.hide()

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.slider, 1)
        first.addWidget(self.number)
        second.addWidget(self.note, 1)
        second.addWidget(self.keep)
        second.addWidget(self.clear)
        self._form = QWidget()
        form = QVBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, style.SPACE // 2)
        form.setSpacing(style.SPACE // 3)
        form.addLayout(first)
        form.addLayout(second)
        self._form.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.mark_note)
        layout.addWidget(self._form)

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self.number.setValue)
        self.number.valueChanged.connect(self.slider.setValue)
        self.keep.clicked.connect(lambda _checked: self._on_rated(self.number.value()))
        self.clear.clicked.connect(lambda _checked: self._on_rated(None))
        self.note.returnPressed.connect(lambda: self._on_rated(self.number.value()))

    def show_mark(self, mark: int | None, note: str) -> None:
        """Show a mark (0 to 100) and its note; hidden when there is neither."""
        self._mark, self._note = mark, note
        parts = ["" if mark is None else tr("{mark} of 100", mark=mark), note]
        self.mark_note.show_text(" – ".join(part for part in parts if part), "note")
        self._form.hide()
        self.setVisible(bool(self.mark_note.text()))

    def edit(self) -> None:
        """Let the person mark; or, when it is done already, leave it."""
        is_open = self._form.isHidden()
        self.number.setValue(self._mark or 0)
        self.note.setText(self._note)
        self.clear.setVisible(self._mark is not None)
        self._form.setVisible(is_open)
        self.setVisible(is_open or bool(self.mark_note.text()))
        if is_open:
            self.number.setFocus()
            self.number.selectAll()

    def _on_rated(self, mark: int | None) -> None:
        self.marked.emit(mark, self.note.text().strip() if mark is not None else "")
