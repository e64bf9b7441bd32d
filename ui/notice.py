"""A message at the foot of a window, in nobody's way, with what can be done about it."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from core.language import tr
from ui import style, widgets

SHOWN = 8000  # milliseconds for which good news stays


class Notice(QFrame):
    """Says `text` above the foot of `window`; only good news goes by itself. A new one takes the place of the last."""

    def __init__(self, window: QWidget, text: str, meaning: str = "good", lasting: bool = False) -> None:
        super().__init__(window)
        for old in window.findChildren(Notice, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if old is not self:
                old.end()
        self.setObjectName("notice")
        self.setAccessibleName(text)
        self.text = widgets.label(text, wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QHBoxLayout()
        close = QToolButton(text="✕", autoRaise=True)
        close.setAccessibleName(tr("Close message"))
        close.clicked.connect(self.end)
        layout = QHBoxLayout(self)
        layout.addWidget(self.text, 1)
        layout.addLayout(self._buttons)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        front, back = style.colours(meaning)
        self.setStyleSheet(
            f"#notice {{ background: {back.name()}; border: 1px solid {front.name()}; border-radius: 6px; }}"
            f"QLabel, QToolButton {{ color: {front.name()}; background: transparent; border: 0; }}"
        )
        QShortcut(
            QKeySequence(Qt.Key.Key_Escape), self, self.end, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        window.installEventFilter(self)
        if not lasting:
            QTimer.singleShot(SHOWN, self, self.end)
        self.show()
        self._place()

    def add_button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda _checked: (self.end(), slot()))
        self._buttons.addWidget(button)
        self._place()
        return button

    def end(self) -> None:
        self.hide()
        self.deleteLater()

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:  # a button has been dressed, and is higher than it was
            self._place()
        return handled

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        window = self.parentWidget()
        width = min(window.width() - 4 * style.SPACE, 760)
        layout = self.layout()
        layout.activate()
        height = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        self.setGeometry((window.width() - width) // 2, window.height() - height - 3 * style.SPACE, width, height)
        self.raise_()
