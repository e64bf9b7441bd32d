"""Keeps keys from what they do elsewhere while an input method composes, as of Japanese: Enter, Escape, shortcuts."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

FIELDS = (QLineEdit, QPlainTextEdit, QTextEdit)
KEY_EVENTS = (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
COMMAND_MODIFIERS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
Key = Qt.Key
# They choose among the candidates of the input method, end its composition, or give it up.
KEPT_KEYS = {
    Key.Key_Return, Key.Key_Enter, Key.Key_Escape, Key.Key_Tab, Key.Key_Backtab, Key.Key_Up, Key.Key_Down, Key.Key_PageUp,
    Key.Key_PageDown,
}  # fmt: skip


class CompositionGuard(QObject):
    """Watches the field that has the keyboard; most input methods keep these keys to themselves, and some pass them on.

    Only that field's events are looked at: a filter of all events would be asked for every one of them.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._field: QWidget | None = None
        self._is_composing = False
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def _on_focus(self, _old: QWidget | None, new: QWidget | None) -> None:
        if self._field is not None:
            self._field.removeEventFilter(self)
            self._field.destroyed.disconnect(self._on_destroyed)
        self._field, self._is_composing = (new if isinstance(new, FIELDS) else None), False
        if self._field is not None:
            self._field.installEventFilter(self)
            self._field.destroyed.connect(self._on_destroyed)

    def _on_destroyed(self) -> None:
        self._field, self._is_composing = None, False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QInputMethodEvent):
            self._is_composing = bool(event.preeditString())
        elif (
            self._is_composing
            and event.type() in KEY_EVENTS
            and isinstance(event, QKeyEvent)
            and _belongs_to_composition(event)
        ):
            event.accept()
            return True
        return super().eventFilter(watched, event)


def _belongs_to_composition(event: QKeyEvent) -> bool:
    return event.key() in KEPT_KEYS or bool(event.modifiers() & COMMAND_MODIFIERS)
