"""Find and replace in a text field; opened by Ctrl+F and Ctrl+H, closed by Esc."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QPlainTextEdit, QPushButton, QWidget

from core.language import tr, trn
from ui import style
from ui.widgets import basics

Flag = QTextDocument.FindFlag


class FindBar(QWidget):
    """Searches the text of `edit`; hidden until it is opened."""

    def __init__(self, edit: QPlainTextEdit) -> None:
        super().__init__()
        self._edit = edit
        self.pattern, self.replacement = QLineEdit(), QLineEdit()
        self.pattern.setPlaceholderText(tr("Find"))
        self.replacement.setPlaceholderText(tr("Replace by"))
        for field in (self.pattern, self.replacement):
            field.setAccessibleName(field.placeholderText())
            field.installEventFilter(self)
        self.case = QCheckBox(tr("Match case"))
        self.count = basics.label(dim=True)
        self.before, self.next = QPushButton(tr("Previous")), QPushButton(tr("Next"))
        self.replace, self.replace_all = QPushButton(tr("Replace")), QPushButton(tr("Replace all"))
        self._lay_out()
        self._connect()
        self.hide()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(style.SPACE // 2)
        grid.setVerticalSpacing(style.SPACE // 2)
        rows: tuple[tuple[QWidget, ...], ...] = (
            (self.pattern, self.before, self.next, self.case),
            (self.replacement, self.replace, self.replace_all, self.count),
        )
        for row, parts in enumerate(rows):
            for column, part in enumerate(parts):
                grid.addWidget(part, row, column)
        grid.setColumnStretch(0, 1)

    def _connect(self) -> None:
        self.pattern.textChanged.connect(lambda _text: self._on_wanted())
        self.case.toggled.connect(lambda _on: self._on_wanted())
        self.next.clicked.connect(lambda _checked: self.go())
        self.before.clicked.connect(lambda _checked: self.go(back=True))
        self.replace.clicked.connect(lambda _checked: self._on_replace())
        self.replace_all.clicked.connect(lambda _checked: self._on_replace_all())
        for keys in (QKeySequence.StandardKey.Find, QKeySequence.StandardKey.Replace):
            shortcut = QShortcut(basics.key_sequence(keys), self._edit)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(self.open)

    def open(self) -> None:
        """Show the bar; the selected text is the pattern."""
        chosen = self._edit.textCursor().selectedText()
        if chosen and "\u2029" not in chosen:
            self.pattern.setText(chosen)
        self.show()
        self.pattern.setFocus()
        self.pattern.selectAll()
        self._on_wanted()

    def close_bar(self) -> None:
        """Hide the bar and return to the text."""
        self.hide()
        self._edit.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.close_bar()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if watched is self.replacement:
                    self._on_replace()
                else:
                    self.go(back=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
                return True
        return super().eventFilter(watched, event)

    def go(self, back: bool = False) -> bool:
        """Select the next match, wrapping around; returns False when there is none."""
        wanted = self.pattern.text()
        if not wanted:
            return False
        found = self._edit.find(wanted, self._flags(back))
        if not found:
            cursor = self._edit.textCursor()
            self._edit.moveCursor(QTextCursor.MoveOperation.End if back else QTextCursor.MoveOperation.Start)
            found = self._edit.find(wanted, self._flags(back))
            if not found:
                self._edit.setTextCursor(cursor)
        return found

    def _flags(self, back: bool = False) -> Flag:
        flags = Flag(0)
        if back:
            flags |= Flag.FindBackward
        if self.case.isChecked():
            flags |= Flag.FindCaseSensitively
        return flags

    def _find_matches(self) -> list[QTextCursor]:
        wanted, found = self.pattern.text(), []
        cursor = QTextCursor(self._edit.document())
        while wanted:
            cursor = self._edit.document().find(wanted, cursor, self._flags())
            if cursor.isNull():
                break
            found.append(QTextCursor(cursor))
        return found

    def _on_wanted(self) -> None:
        count = len(self._find_matches()) if self.isVisible() else 0
        self.count.setText(trn("{n} place", "{n} places", count) if self.pattern.text() else "")
        for button in (self.before, self.next, self.replace, self.replace_all):
            button.setEnabled(count > 0)

    def _on_replace(self) -> None:
        """Replace the selected match, and go to the next."""
        cursor = self._edit.textCursor()
        chosen, wanted = cursor.selectedText(), self.pattern.text()
        if wanted and (chosen == wanted or (not self.case.isChecked() and chosen.casefold() == wanted.casefold())):
            cursor.insertText(self.replacement.text())
        self.go()
        self._on_wanted()

    def _on_replace_all(self) -> None:
        """Replace all matches in one step of the editor's undo."""
        places = self._find_matches()
        cursor = QTextCursor(self._edit.document())
        cursor.beginEditBlock()
        for place in reversed(places):
            cursor.setPosition(place.selectionStart())
            cursor.setPosition(place.selectionEnd(), QTextCursor.MoveMode.KeepAnchor)
            cursor.insertText(self.replacement.text())
        cursor.endEditBlock()
        self._on_wanted()
        self.count.setText(trn("{n} replaced", "{n} replaced", len(places)))
