"""The settings of automatic backups: how often, what is kept, where."""

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from core import settings
from core.errors import JukuError
from core.language import tr
from core.storage import backups
from ui import style
from ui.widgets import basics
from ui.widgets.drop_down import DropDown
from ui.workspace import Workspace


class BackupsPage(QWidget):
    """How often projects are backed up. The choice is saved at once."""

    failed = Signal(JukuError)  # the setting could not be saved

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._settings = workspace.settings
        self.often = DropDown()
        for minutes, title in _interval_choices().items():
            self.often.addItem(title, minutes)
        self.often.setCurrentIndex(max(0, self.often.findData(self._settings.backup_minutes)))
        self.often.activated.connect(lambda _index: self._on_chosen())
        self.folder = QPushButton(tr("Open the folder"))
        self.folder.clicked.connect(lambda _checked: self._on_folder())
        self._lay_out()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, style.SPACE, 0, 0)
        form.setVerticalSpacing(style.SPACE)
        often = QHBoxLayout()
        often.addWidget(self.often)
        often.addStretch()
        label = QLabel(tr("&Back up"))
        label.setBuddy(self.often)
        form.addRow(label, often)
        explanation = tr(
            "A backup is made in the background when the project has changed. The newest {newest} are kept, then the last "
            "one of each day for {days} days, of each week for {weeks} weeks and of each month for {months} months. "
            "File › Open a backup… brings one back as a copy.",
            newest=backups.KEEP_NEWEST, days=backups.KEEP_DAILY, weeks=backups.KEEP_WEEKLY, months=backups.KEEP_MONTHLY,
        )  # fmt: skip
        form.addRow(basics.label(explanation, wrap=True, dim=True))
        where = QHBoxLayout()
        place = basics.label(str(backups.all_backups_folder()), wrap=True)
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        where.addWidget(place, 1)
        where.addWidget(self.folder)
        form.addRow(basics.label_for(tr("Folder"), self.folder), where)
        disk = tr("They are on this computer’s disk. Keep a copy on another one, too: File › Save a copy…")
        form.addRow(basics.label(disk, wrap=True, dim=True))

    def _on_chosen(self) -> None:
        self._settings.backup_minutes = self.often.currentData()
        try:
            settings.save(self._settings)
        except JukuError as error:
            self.failed.emit(error)

    def _on_folder(self) -> None:
        folder = backups.all_backups_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(folder))


def _interval_choices() -> dict[int, str]:
    """Minutes between two backups, in words."""
    return {
        10: tr("every 10 minutes"),
        30: tr("every 30 minutes"),
        60: tr("every hour"),
        0: tr("only when a project is closed"),
        -1: tr("never"),
    }
