"""Two texts side by side with their differences marked; optionally each change can be accepted."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core.language import tr, trn
from core.text import diff
from ui import style
from ui.widgets import basics
from ui.widgets.diff_pane import DiffPane


class SideBySide(QWidget):
    """Shows how one text became another; with `choosing`, `merged_text` is the old text with the accepted changes."""

    chosen_changed = Signal()

    def __init__(self, choosing: bool = False) -> None:
        super().__init__()
        self._choosing = choosing
        self._texts = ("", "")
        self.pane = DiffPane(choosing)
        self.pane.moved.connect(self._on_moved)
        self.pane.toggled.connect(self._on_toggled)
        self.titles = basics.label(dim=True), basics.label(dim=True)
        self.summary, self.place = basics.label(), basics.label(dim=True)
        self.all = QCheckBox(tr("Accept all"))
        self.all.setVisible(choosing)
        self.all.clicked.connect(lambda _checked: self._on_all())
        self.previous = self._build_step_button(tr("Previous change"), "Alt+Up", -1)
        self.next = self._build_step_button(tr("Next change"), "Alt+Down", 1)
        self._lay_out()
        self.show_texts("", "")

    def _build_step_button(self, text: str, keys: str, step: int) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.setToolTip(f"{text} ({QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)})")
        button.clicked.connect(lambda: self._go_to_change(step))
        QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut).activated.connect(
            lambda: self._go_to_change(step)
        )
        return button

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setSpacing(style.SPACE)
        above.addWidget(self.summary)
        above.addWidget(self.all)
        above.addStretch()
        for part in (self.previous, self.place, self.next):
            above.addWidget(part)
        names = QHBoxLayout()
        names.setSpacing(style.SPACE)
        for title in self.titles:
            names.addWidget(title, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE // 2)
        layout.addLayout(above)
        layout.addLayout(names)
        layout.addWidget(self.pane, 1)

    def show_texts(self, old: str, new: str, old_title: str = "", new_title: str = "") -> None:
        """Show `old` on the left and `new` on the right, at the first change; no change is accepted."""
        self._texts = (old, new)
        for title, text in zip(self.titles, (old_title or tr("Before"), new_title or tr("After")), strict=True):
            title.setText(text)
        self.pane.show_rows(diff.pair_lines(old, new))
        if self.pane.changes:
            self.pane.go_to(0)
        self._show_summary()

    def accepted_changes(self) -> set[int]:
        """The indices of the accepted changes, as `diff.find_hunks` counts them."""
        return set(self.pane.accepted)

    def accept(self, changes: set[int]) -> None:
        self.pane.accept(changes)
        self._show_summary()
        self.chosen_changed.emit()

    def merged_text(self) -> str:
        """The old text with the accepted changes made."""
        return diff.apply_hunks(*self._texts, self.pane.accepted)

    def _go_to_change(self, step: int) -> None:
        if self.pane.changes:
            self.pane.go_to((self.pane.current + step) % self.pane.changes)

    def _on_moved(self, _change: int) -> None:
        self._show_summary()

    def _on_toggled(self, change: int) -> None:
        self.accept(self.pane.accepted ^ {change})

    def _on_all(self) -> None:
        everything = set(range(self.pane.changes))
        self.accept(set() if self.pane.accepted == everything else everything)

    def _show_summary(self) -> None:
        count, accepted, current = self.pane.changes, len(self.pane.accepted), self.pane.current
        text = trn("{n} change", "{n} changes", count) if count else tr("No difference")
        if self._choosing and count:
            text += " · " + trn("{n} accepted", "{n} accepted", accepted)
        self.summary.setText(text)
        self.place.setText(tr("{number} of {count}", number=f"{current + 1:,}", count=f"{count:,}") if count else "")
        for part in (self.previous, self.next, self.all):
            part.setEnabled(count > 0)
        self.all.setCheckState(_check_state(accepted, count))


def _check_state(accepted: int, count: int) -> Qt.CheckState:
    if not accepted:
        return Qt.CheckState.Unchecked
    return Qt.CheckState.Checked if accepted == count else Qt.CheckState.PartiallyChecked
