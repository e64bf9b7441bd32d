"""What a server can do, feature by feature: available, not available, or unknown."""

from PySide6.QtCore import QDateTime, QLocale
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from core.language import tr
from core.providers import Capabilities
from ui import style
from ui.widgets import basics

COLUMNS = 4  # features side by side


class CapabilityList(QWidget):
    """Hidden until somebody has looked."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, basics.Note] = {}
        self._when = basics.label(dim=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * style.SPACE)
        grid.setVerticalSpacing(style.SPACE)
        for number, (name, title) in enumerate(features().items()):
            self.marks[name] = basics.Note()
            cell = basics.column(basics.label(title), self.marks[name], spacing=0)
            grid.addWidget(cell, number // COLUMNS, number % COLUMNS)
        grid.setColumnStretch(COLUMNS, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, style.SPACE // 2, 0, 0)
        layout.setSpacing(style.SPACE)
        layout.addLayout(grid)
        layout.addWidget(self._when)
        self.hide()

    def show_found(self, found: Capabilities) -> None:
        self.setVisible(found.checked_at > 0)
        for name, mark in self.marks.items():
            mark.say(*_words(getattr(found, name)))
        moment = QDateTime.fromSecsSinceEpoch(int(found.checked_at))
        when = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
        self._when.setText(tr("Checked on {when}", when=when))


def features() -> dict[str, str]:
    """The features that are told of, by their names in `Capabilities`."""
    return {
        "files": tr("Files"),
        "jobs": tr("Training"),
        "checkpoints": tr("Checkpoints"),
        "pause": tr("Pause"),
        "moderation": tr("Moderation"),
        "batch": tr("Batches"),
        "embeddings": tr("Embeddings"),
        "model_delete": tr("Deletes models"),
    }


def _words(able: bool | None) -> tuple[str, str]:
    if able is None:
        return tr("unknown"), ""
    return (tr("available"), "good") if able else (tr("not available"), "")
