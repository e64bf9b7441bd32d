"""What stands where nothing is, in words that change with the reason."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.widgets import basics


class Nothing(QWidget):
    """Stands where nothing is; its words change with the reason."""

    def __init__(self, title: str = "", text: str = "") -> None:
        super().__init__()
        self.title, self.text = basics.heading(title), basics.label(text, wrap=True, dim=True)
        layout = QVBoxLayout(self)
        layout.addStretch()
        for part in (self.title, self.text):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(part)
        layout.addStretch()

    def say(self, title: str, text: str) -> None:
        self.title.setText(title)
        self.text.setText(text)
